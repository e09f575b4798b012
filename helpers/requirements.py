"""The tested versions: requirements.txt (ranges) and requirements.lock (exact), read and compared with what is here.

One list for the package's own dependencies, the environment check, the setup cell and the tests; nothing repeats it.
"""

import importlib
import importlib.metadata
import tomllib
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from helpers import ROOT

RANGES = ROOT / "requirements.txt"
LOCK = ROOT / "requirements.lock"


@dataclass(frozen=True)
class Tested:
    """One direct dependency: its tested range, the group (file) that it stands in, and why it is there."""

    name: str
    specifier: SpecifierSet
    group: str
    reason: str

    @property
    def range(self) -> str:
        """The range as its file writes it, lower bound first."""
        return readable(self.specifier)


def tested(path: Path = RANGES) -> list[Tested]:
    """The direct dependencies of `path` and of the files that it includes (`-r`), in order; a file is a group.

    Raises OSError when a file cannot be read, packaging's InvalidRequirement for a line pip could not read either.
    """
    rows: list[Tested] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        requirement, _, comment = (part.strip() for part in line.partition("#"))
        if requirement.startswith("-r "):
            rows += tested(path.parent / requirement.removeprefix("-r ").strip())
        elif requirement:
            parsed = Requirement(requirement)
            rows.append(Tested(str(canonicalize_name(parsed.name)), parsed.specifier, path.stem, comment))
    return rows


def locked(path: Path = LOCK) -> dict[str, str]:
    """Canonical package name to its exact version in the tested set."""
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return {str(canonicalize_name(name)): version for name, version in (line.split("==") for line in lines if line)}


def installed() -> dict[str, str]:
    """Canonical package name to version, of every package that this Python can see."""
    importlib.invalidate_caches()
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"]
        if name:  # a half-deleted package leaves metadata without a name
            found.setdefault(str(canonicalize_name(name)), distribution.version)
    return found


def judge(specifier: SpecifierSet, version: str | None) -> str:
    """`ok`, `missing`, `too old`, `too new` (newer than anything tested) or `unreadable`."""
    if version is None:
        return "missing"
    try:
        found = Version(version)
    except InvalidVersion:
        return "unreadable"
    if specifier.contains(found, prereleases=True):
        return "ok"
    lower = [Version(part.version) for part in specifier if part.operator in (">=", ">", "~=", "==")]
    return "too old" if any(found < bound for bound in lower) else "too new"


def readable(specifier: SpecifierSet) -> str:
    """`>=1,<2` rather than packaging's arbitrary order."""
    return ",".join(sorted((str(part) for part in specifier), reverse=True))


def python_range(path: Path = ROOT / "pyproject.toml") -> SpecifierSet:
    """The Python versions that the course is made for, as pyproject.toml states them."""
    return SpecifierSet(tomllib.loads(path.read_text(encoding="utf-8"))["project"]["requires-python"])
