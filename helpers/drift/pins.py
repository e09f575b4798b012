"""What a finding means for the versions that a notebook's own pip cell asks for."""

import re
from collections.abc import Mapping

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from helpers.drift import libraries
from helpers.drift.table import Entry

RELEASE = re.compile(r"(\w+) (\d[\d.]*\d|\d+)(?: to (\d[\d.]*\d|\d+))?( or earlier| or later)?")


def note(library: str, entry: Entry | None, pins: Mapping[str, SpecifierSet]) -> str:
    """One clause about a finding in this library's object; empty where no pin keeps the installed version away."""
    change = RELEASE.match(entry.since) if entry and entry.kind != "deprecated" else None
    library = change.group(1) if change and change.group(1) in libraries.LIBRARIES else library
    asked = pins.get(library)
    if asked is None or asked.contains(str(libraries.find(library).__version__), prereleases=True):
        return ""
    newest, below = _newest(asked)
    if newest is None:
        return ""
    if change is None:
        return f"looked up in {library} {libraries.find(library).__version__}, not in the pinned {library}{asked}"
    first, last = Version(change.group(2)), Version(change.group(3) or change.group(2))
    if newest < first or below and newest == first:
        perhaps = "perhaps " if change.group(4) == " or earlier" else ""
        return f"{perhaps}not yet so with the pinned {library}{asked}"
    if newest >= last and change.group(4) != " or later":
        return f"so it is with the pinned {library}{asked}, too"
    return f"perhaps not yet so with the pinned {library}{asked}"


def _newest(asked: SpecifierSet) -> tuple[Version | None, bool]:
    """The newest version that the pins let in, and whether they stop short of it."""
    bounds = []
    for one in asked:
        version = Version(one.version.removesuffix(".*"))
        if one.operator in ("==", "===", "<=", "<"):
            bounds.append((version, one.operator == "<"))
        elif one.operator == "~=":
            bounds.append((Version(".".join(map(str, [*version.release[:-2], version.release[-2] + 1]))), True))
    return min(bounds, default=(None, False))
