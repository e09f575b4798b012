"""The table of drift, `data/drift.toml`: what the signatures cannot say. Its own head explains the fields."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, cached_property
from pathlib import Path

from helpers import DATA

TABLE = DATA / "drift.toml"
KINDS = ("renamed", "removed", "moved", "deprecated", "ignored", "default", "override", "ungiven")
NOT_OF_CALLS = ("default", "override", "ungiven")  # these say nothing of an argument that a call gives


@dataclass(frozen=True)
class Entry:
    """One thing that changed: an argument of `object`, one `value` of it, or the object itself."""

    object: tuple[str, ...]
    kind: str
    argument: str = ""
    value: str = ""
    new: str = ""
    becomes: str = ""
    made: str = ""
    drop: bool = False
    beside: str = ""
    unless: tuple[str, ...] = ()
    fine: tuple[str, ...] = ()
    was: str = ""
    now: str = ""
    since: str = ""
    advice: str = ""
    reference: str = ""

    def fits(self, names: Iterable[str]) -> bool:
        """Whether one of these dotted names is what the entry is about."""
        return _fit(self.object, tuple(names))


@dataclass(frozen=True)
class Table:
    """All entries, and what is known of objects: what calls return, which objects pass attributes on to which, which
    methods are known by their name alone, what attributes hold. The head of the file explains the five."""

    entries: tuple[Entry, ...]
    returns: dict[str, str | dict]
    forwards: dict[str, str] = field(default_factory=dict)
    methods: dict[str, dict[str, str]] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)

    def of_object(self, names: Iterable[str]) -> Entry | None:
        """The entry about an object as a whole."""
        names = tuple(names)
        return next((entry for entry in self._by_argument.get("", ()) if entry.fits(names)), None)

    def of_argument(self, names: Iterable[str], argument: str, value: str | None = None) -> Entry | None:
        """The entry about an argument given in a call. `value` is its source text; without one, an entry about an
        argument that is gone fits whatever its value is."""
        names = tuple(names)
        for entry in self._by_argument.get(argument, ()):
            if entry.kind not in NOT_OF_CALLS and entry.fits(names):
                if not entry.value or value is not None and fnmatchcase(value.strip("\"'"), entry.value):
                    return entry
                if value is None and entry.kind in ("renamed", "removed"):
                    return entry
        return None

    def of_kind(self, kind: str, names: Iterable[str]) -> list[Entry]:
        """All entries of one kind about an object."""
        names = tuple(names)
        return [entry for entry in self._by_kind.get(kind, ()) if entry.fits(names)]

    def returned_by(self, names: Iterable[str], given: Iterable[str] = ()) -> str | None:
        """The dotted name of the class that a call returns an instance of, where it is not the called class itself;
        `self` for the object whose method it is. `given` are arguments of the call that are not True."""
        names, given = tuple(names), set(given)
        fits = (to for pattern, to in self.returns.items() if any(fnmatchcase(name, pattern) for name in names))
        made = next(fits, None)
        if isinstance(made, dict):
            return None if given & {*made["unless"], "**"} else made["class"]
        return made

    @cached_property
    def _by_argument(self) -> dict[str, list[Entry]]:
        """A long script asks for each of its arguments, and few of them are in the table."""
        return _grouped((entry.argument, entry) for entry in self.entries)

    @cached_property
    def _by_kind(self) -> dict[str, list[Entry]]:
        return _grouped((entry.kind, entry) for entry in self.entries)

    def held_by(self, names: Iterable[str]) -> str | None:
        """The dotted name of the class that an attribute holds an instance of."""
        return next((self.attributes[name] for name in names if name in self.attributes), None)


@cache
def _fit(patterns: tuple[str, ...], names: tuple[str, ...]) -> bool:
    """A script asks the same of each of its calls, and calls few different things."""
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


@cache
def load(path: Path = TABLE) -> Table:
    """Read the table. TypeError or ValueError when an entry has an unknown field or kind."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    entries = []
    for row in content["entry"]:
        if row["kind"] not in KINDS:
            raise ValueError(f"{path.name}: unknown kind {row['kind']}")
        patterns, advice = _list(row.pop("object")), row.pop("advice", "")
        row |= {name: tuple(_list(row[name])) for name in ("unless", "fine") if name in row}
        for argument in _list(row.pop("argument", "")):
            said = advice.replace("{argument}", argument)
            entries.append(Entry(object=tuple(patterns), argument=argument, advice=said, **row))
    return Table(tuple(entries), content["returns"], content["forwards"], content["methods"], content["attributes"])


def _grouped(entries: Iterable[tuple[str, Entry]]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for key, entry in entries:
        found.setdefault(key, []).append(entry)
    return found


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
