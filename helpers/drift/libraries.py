"""What the installed libraries have: objects by dotted name, and the arguments they take. Imported when first asked."""

import importlib
import inspect
from dataclasses import dataclass
from functools import cache
from typing import Any

from helpers.errors import InputError

LIBRARIES = ("transformers", "trl", "peft", "bitsandbytes", "datasets")


class MissingError(LookupError):
    """The installed library has no such name. `owner` has no `part`."""

    def __init__(self, owner: str, part: str) -> None:
        super().__init__(f"{owner} has no {part}")
        self.owner, self.part = owner, part


@dataclass(frozen=True)
class Accepts:
    """What a callable takes by keyword; `anything` when it has **kwargs. `defaults` are of the named ones."""

    names: tuple[str, ...]
    anything: bool
    defaults: dict[str, Any]


@cache
def find(dotted: str) -> Any:
    """The object of this dotted name, or None when that cannot be told (it needs a package that is not installed).

    Raises MissingError when the installed library has no such name, InputError when the library itself is not there.
    """
    parts = dotted.split(".")
    try:
        here: Any = importlib.import_module(parts[0])
    except ImportError as error:
        raise InputError(f"{parts[0]} cannot be imported here ({error}): run python -m helpers check") from error
    for n, part in enumerate(parts[1:], 1):
        owner, whole = ".".join(parts[:n]), ".".join(parts[: n + 1])
        if not inspect.ismodule(here) and not inspect.isclass(here):
            return None
        try:
            here = getattr(here, part)
        except AttributeError:
            if inspect.isclass(here):
                raise MissingError(owner, part) from None
            try:
                here = importlib.import_module(whole)
            except ModuleNotFoundError as error:
                if error.name == whole:
                    raise MissingError(owner, part) from None
                return None
            except Exception:  # a module of another library's world may fail in any way
                return None
        except Exception:  # a placeholder for what needs another package
            return None
    return here


def names(dotted: str) -> list[str]:
    """The names under which the table may know an object: itself, and for a class or method all bases' too.

    `trl.trainer.sft_trainer.SFTTrainer` gives trl.SFTTrainer, transformers.Trainer and so on, nearest first.
    """
    try:
        found = find(dotted)
        if inspect.isclass(found):
            return _bases(found)
        owner, _, method = dotted.rpartition(".")
        if "." in owner and inspect.isclass(find(owner)):
            return [f"{base}.{method}" for base in _bases(find(owner))]
    except MissingError:
        owner, _, last = dotted.rpartition(".")
        if "." in owner and last and _is_class(owner):
            return [f"{base}.{last}" for base in _bases(find(owner))]
    library, _, rest = dotted.partition(".")
    return [dotted, f"{library}.{rest.rpartition('.')[2]}"]


def accepts(dotted: str) -> Accepts | None:
    """The keywords of a class or function; None when it has no signature to read."""
    try:
        parameters = inspect.signature(find(dotted)).parameters.values()
    except (TypeError, ValueError):
        return None
    keyword = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    named = tuple(p.name for p in keyword if p.name not in ("self", "cls"))
    anything = any(p.kind is p.VAR_KEYWORD for p in parameters)
    return Accepts(named, anything, {p.name: p.default for p in keyword})


def _is_class(dotted: str) -> bool:
    try:
        return inspect.isclass(find(dotted))
    except MissingError:
        return False


def _bases(found: type) -> list[str]:
    return [f"{base.__module__.partition('.')[0]}.{base.__name__}" for base in found.__mro__]
