"""What was found in a file: one finding a paragraph, as text and as JSON."""

import json
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers.drift.source import Edit
from helpers.drift.table import Entry

WIDTH = 80
WRAPPED: dict[str, Any] = {"subsequent_indent": "    ", "break_long_words": False, "break_on_hyphens": False}
# What happens to a script with such a finding today.
RAISES, CHANGED, WARNS = "error", "changed", "deprecated"
LEVELS = {
    "renamed": RAISES,
    "removed": RAISES,
    "moved": RAISES,
    "override": RAISES,
    "ungiven": RAISES,
    "unknown": RAISES,
    "deprecated": WARNS,
    "ignored": CHANGED,
    "default": CHANGED,
}


@dataclass(frozen=True)
class Finding:
    """One thing that is not as the script expects. `place` is file:line or file:cell:line; `edits` repair it.

    `pinned` says what it means for the versions that the file itself asks pip for, where these are not the installed.
    """

    place: str
    line: int
    kind: str
    subject: str
    message: str
    entry: Entry | None = None
    edits: tuple[Edit, ...] = ()
    pinned: str = ""

    @property
    def level(self) -> str:
        """`error` (raises today), `changed` (runs, but does something else) or `deprecated` (warns)."""
        return LEVELS[self.kind]

    def __str__(self) -> str:
        """In lines of at most WIDTH characters; the first has the whole place, however long its path is."""
        said = f"{self.message}{self.pinned and '; ' + self.pinned}"
        return textwrap.fill(said, WIDTH, initial_indent=f"{self.place}: {self.level}: ", **WRAPPED)

    def as_dict(self) -> dict:
        """The finding for a script that reads JSON."""
        entry = self.entry
        return {
            "place": self.place,
            "level": self.level,
            "kind": self.kind,
            "subject": self.subject,
            "message": self.message,
            "replacement": (entry.becomes or entry.new or None) if entry else None,
            "since": (entry.since or None) if entry else None,
            "reference": (entry.reference or None) if entry else None,
            "fixable": bool(self.edits),
            "pinned": self.pinned or None,
        }


def describe(what: str, subject: str, entry: Entry) -> str:
    """The sentence of a finding that has an entry: what is wrong, what replaces it, what to mind."""
    if entry.beside.partition(":")[0] == subject:
        kind = entry.beside.rpartition(".")[2]
        subject = f"plain TrainingArguments as {subject}" if ": not " in entry.beside else f"a {kind} as {subject}"
    value = f"={entry.value!r}" if entry.value not in ("", "True", "False", "by place") else ""
    verb = {
        "renamed": f"{what} no longer takes {subject}{value}",
        "removed": f"{what} no longer takes {subject}{value}",
        "moved": f"{what} no longer has {subject}{value}",
        "deprecated": f"{what} takes {subject}{value} with a warning, and not for long",
        "ignored": f"{what} takes {subject}{value} and does nothing with it",
        "default": f"{what} without {subject} now means {subject}={entry.now}; it was {entry.was}",
        "override": f"{what} is now called with {subject}",
        "ungiven": f"{what} is no longer called with {subject}",
    }[entry.kind]
    instead = entry.becomes or entry.new
    parts = [f"{verb}: use {instead}" if instead else verb, entry.advice]
    return "; ".join(part for part in parts if part) + (f" ({entry.since})" if entry.since else "")


@dataclass(frozen=True)
class Checked:
    """What was found in one file, which of its cells were skipped, or why all of it was refused.

    After a repair: `fixed` is the copy, `left` what is found in it still, with what only the repair brought to light.
    """

    path: Path
    findings: list[Finding] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    refused: str = ""
    asked: bool = False
    fixed: Path | None = None
    left: list[Finding] = field(default_factory=list)

    def lines(self) -> list[str]:
        """A paragraph for each finding, a line for each skipped cell, how many there are, where the copy is."""
        if self.refused:
            return [f"error: {self.refused}"]
        said = [*map(str, self.findings), *self.skipped, f"{self.path}: {_count(self.findings)}"]
        if self.asked:
            new = {finding.message for finding in self.left} - {finding.message for finding in self.findings}
            uncovered = f", {len(new)} of them first seen there" if new else ""
            done = f"repaired copy in {self.fixed}" if self.fixed else "nothing that can be repaired mechanically"
            said.append(f"{self.path}: {done}, {len(self.left)} left to you{uncovered}")
            said += [str(finding) for finding in self.left if finding.message in new]
        return said

    def as_dict(self) -> dict:
        """The same for a script that reads JSON."""
        return {
            "file": str(self.path),
            "findings": [finding.as_dict() for finding in self.findings],
            "skipped": self.skipped,
            "refused": self.refused or None,
            "fixed": str(self.fixed) if self.fixed else None,
            "left": [finding.as_dict() for finding in self.left],
        }


def to_text(checked: Iterable[Checked]) -> str:
    """The lines of all files."""
    return "\n".join(line for one in checked for line in one.lines())


def to_json(checked: Iterable[Checked]) -> str:
    """The same as JSON; `ok` when all files were read and nothing was found in them."""
    files = list(checked)
    ok = not any(one.findings or one.refused for one in files)
    return json.dumps({"ok": ok, "files": [one.as_dict() for one in files]}, indent=1, ensure_ascii=False)


def _count(findings: list[Finding]) -> str:
    counts = {level: sum(finding.level == level for finding in findings) for level in (RAISES, CHANGED, WARNS)}
    return ", ".join(f"{count} {level}" for level, count in counts.items() if count) or "nothing found"
