"""What the installed libraries have: objects by dotted name, and the arguments they take. Imported when first asked."""

import importlib
import inspect
import re
import warnings
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

from helpers import DATA
from helpers.errors import InputError

LIBRARIES = ("transformers", "trl", "peft", "bitsandbytes", "datasets")
NONSENSE = "no_library_has_an_argument_of_this_name"


class MissingError(LookupError):
    """The installed library has no such name. `owner` has no `part`."""

    def __init__(self, owner: str, part: str) -> None:
        super().__init__(f"{owner} has no {part}")
        self.owner, self.part = owner, part


@dataclass(frozen=True)
class Accepts:
    """What a callable takes by keyword; `anything` when no other is refused. `defaults` are of the named ones."""

    names: tuple[str, ...]
    anything: bool
    defaults: dict[str, Any]


def find(dotted: str) -> Any:
    """The object of this dotted name, or None when that cannot be told (it needs a package that is not installed).

    Raises MissingError when the installed library has no such name, InputError when the library itself is not there.
    """
    found, missing = _find(dotted)
    if missing:
        raise MissingError(*missing)
    return found


@cache
def _find(dotted: str) -> tuple[Any, tuple[str, str] | None]:
    """The object, and the owner and the part where the search for it ended; what importing it warns of is left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _search(dotted.split("."))


def _search(parts: list[str]) -> tuple[Any, tuple[str, str] | None]:
    try:
        here: Any = importlib.import_module(parts[0])
    except ImportError as error:
        raise InputError(f"{parts[0]} cannot be imported here ({error}): run python -m helpers check") from error
    for n, part in enumerate(parts[1:], 1):
        owner, whole = ".".join(parts[:n]), ".".join(parts[: n + 1])
        if not inspect.ismodule(here) and not inspect.isclass(here):
            return None, None
        try:
            here = getattr(here, part)
        except AttributeError:
            if inspect.isclass(here):
                return None, (owner, part)
            try:
                here = importlib.import_module(whole)
            except ModuleNotFoundError as error:
                return None, (owner, part) if error.name == whole else None
            except Exception:  # a module of another library's world may fail in any way
                return None, None
        except Exception:  # a placeholder for what needs another package
            return None, None
    return here, None


def lacks(dotted: str, attribute: str) -> bool:
    """Whether no object of this class has the attribute: neither the class, nor a field, nor what its code sets."""
    found = find(dotted)
    if not inspect.isclass(found) or hasattr(found, attribute) or attribute in _fields(found):
        return False
    return f"self.{attribute} = " not in "".join(map(_code, found.__mro__[:-1]))


@cache
def surely_lacks(dotted: str, attribute: str, exact: bool) -> bool:
    """Whether reading the attribute of such an object raises: nothing in its class speaks of it, nor answers for it.

    `exact`: the object was made by calling the class, or is `self` in a class of the script that derives from it;
    without it only a class of fields is known well enough.
    """
    found = find(dotted)
    if not lacks(dotted, attribute) or not (exact or hasattr(found, "__dataclass_fields__")):
        return False
    if found.__getattribute__ is not object.__getattribute__ or hasattr(found, "__getattr__"):
        return False
    if not exact and any(hasattr(one, attribute) or attribute in _fields(one) for one in _below(found)):
        return False
    code = "".join(map(_code, found.__mro__[:-1]))
    return not re.search(rf"setattr\(self,|\bself\.{attribute}\b|__dict__", code)


def _below(found: type) -> list[type]:
    kinds: list[type] = found.__subclasses__()
    return [*kinds, *(one for kind in kinds for one in _below(kind))]


def _fields(found: type) -> Any:
    return getattr(found, "__dataclass_fields__", ())


@cache
def _code(found: type) -> str:
    try:
        return inspect.getsource(found)
    except (OSError, TypeError):
        return ""


@cache
def names(dotted: str) -> list[str]:
    """The names under which the table may know an object: itself, and for a class or method all bases' too.

    `trl.trainer.sft_trainer.SFTTrainer` gives trl.SFTTrainer, transformers.Trainer and so on, itself last.
    """
    try:
        found = find(dotted)
        if inspect.isclass(found):
            return [*_bases(found), dotted]
        owner, _, method = dotted.rpartition(".")
        if "." in owner and inspect.isclass(find(owner)):
            return [f"{base}.{method}" for base in _bases(find(owner))]
    except MissingError:
        owner, _, last = dotted.rpartition(".")
        if "." in owner and last and _is_class(owner):
            return [f"{base}.{last}" for base in _bases(find(owner))]
    library, _, rest = dotted.partition(".")
    return [dotted, f"{library}.{rest.rpartition('.')[2]}"]


@cache
def accepts(dotted: str) -> Accepts | None:
    """The keywords of a class or function; None when it has no signature to read."""
    try:
        parameters = inspect.signature(find(dotted)).parameters.values()
    except (TypeError, ValueError):
        return None
    keyword = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    named = tuple(p.name for p in keyword if p.name not in ("self", "cls"))
    anything = any(p.kind is p.VAR_KEYWORD for p in parameters) or not _refuses(dotted)
    return Accepts(named, anything, {p.name: p.default for p in keyword})


@cache
def places(dotted: str) -> tuple[int, int] | None:
    """How many arguments a method of a library's class is called with: at least and at most; None if that is open."""
    try:
        method = find(dotted)
        if not inspect.isfunction(method):
            return None
        parameters = list(inspect.signature(method).parameters.values())[1:]
    except (MissingError, TypeError, ValueError):
        return None
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD, p.KEYWORD_ONLY) for p in parameters):
        return None
    return sum(p.default is p.empty for p in parameters), len(parameters)


def _refuses(dotted: str) -> bool:
    """Whether an argument of no such name is a TypeError. For a class it is tried, because a wrapped constructor may
    take what its signature does not show, as that of the configs does; a function's signature is what Python binds."""
    found = find(dotted)
    return not inspect.isclass(found) or _complains(found, NONSENSE)


@cache
def loading_refuses(argument: str, value: Any = None) -> bool:
    """Whether AutoModel....from_pretrained(argument=value) is a TypeError: tried on the embedded base.

    What is a field of some architecture's config is not tried: another model than the base may take it.
    """
    if argument in _config_fields():
        return False
    return _complains(find("transformers.AutoModelForCausalLM.from_pretrained"), argument, value, str(DATA / "base"))


@cache
def _config_fields() -> set[str]:
    """The names that the installed transformers sets on any of its configs."""
    folder = Path(find("transformers").__file__).parent
    files = [*folder.glob("models/*/configuration_*.py"), folder / "configuration_utils.py"]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return set(re.findall(r"^ +(?:self\.)?(\w+)\s*[:=]", text, re.MULTILINE))


def _complains(call: Any, argument: str, value: Any = None, *others: Any) -> bool:
    with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        try:
            call(*others, **{argument: value})
        except TypeError as error:
            return argument in str(error)
        except Exception:  # it got past its arguments
            return False
    return False


def _is_class(dotted: str) -> bool:
    try:
        return inspect.isclass(find(dotted))
    except MissingError:
        return False


def _bases(found: type) -> list[str]:
    return [f"{base.__module__.partition('.')[0]}.{base.__name__}" for base in found.__mro__]
