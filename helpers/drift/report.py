"""What was found in a file: one finding a line, as text and as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from helpers.drift.source import Edit
from helpers.drift.table import Entry

# What happens to a script with such a finding today.
RAISES, CHANGED, WARNS = "error", "changed", "deprecated"
LEVELS = {
    "renamed": RAISES,
    "removed": RAISES,
    "moved": RAISES,
    "override": RAISES,
    "unknown": RAISES,
    "deprecated": WARNS,
    "ignored": CHANGED,
    "default": CHANGED,
}


@dataclass(frozen=True)
class Finding:
    """One thing that is not as the script expects. `place` is file:line or file:cell:line; `edits` repair it."""

    place: str
    line: int
    kind: str
    subject: str
    message: str
    entry: Entry | None = None
    edits: tuple[Edit, ...] = ()

    @property
    def level(self) -> str:
        """`error` (raises today), `changed` (runs, but does something else) or `deprecated` (warns)."""
        return LEVELS[self.kind]

    def __str__(self) -> str:
        return f"{self.place}: {self.level}: {self.message}"

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
        }


def describe(what: str, subject: str, entry: Entry) -> str:
    """The sentence of a finding that has an entry: what is wrong, what replaces it, what to mind."""
    value = f"={entry.value!r}" if entry.value and entry.value not in ("True", "False") else ""
    verb = {
        "renamed": f"{what} no longer takes {subject}{value}",
        "removed": f"{what} no longer takes {subject}{value}",
        "moved": f"{what} no longer has {subject}{value}",
        "deprecated": f"{what} takes {subject}{value} with a warning, and not for long",
        "ignored": f"{what} takes {subject}{value} and does nothing with it",
        "default": f"{what} without {subject} now means {subject}={entry.now}; it was {entry.was}",
        "override": f"{what} is now called with {subject}",
    }[entry.kind]
    instead = entry.becomes or entry.new
    parts = [f"{verb}: use {instead}" if instead else verb, entry.advice]
    return "; ".join(part for part in parts if part) + (f" ({entry.since})" if entry.since else "")


def to_text(found: Mapping[Path, list[Finding]], fixed: Mapping[Path, Path | None]) -> str:
    """A line for each finding, then a line for each file: how many there are, and where the repaired copy is."""
    lines = []
    for path, findings in found.items():
        lines += [str(finding) for finding in findings]
        lines.append(f"{path}: {_count(findings)}")
        if path in fixed:
            left = sum(not finding.edits for finding in findings)
            done = f"repaired copy in {fixed[path]}" if fixed[path] else "nothing that can be repaired mechanically"
            lines.append(f"{path}: {done}, {left} left to you")
    return "\n".join(lines)


def to_json(found: Mapping[Path, list[Finding]], fixed: Mapping[Path, Path | None]) -> str:
    """The same as JSON: `ok`, and for each file its findings and its repaired copy."""
    files = [
        {
            "file": str(path),
            "findings": [finding.as_dict() for finding in findings],
            "fixed": str(fixed[path]) if fixed.get(path) else None,
        }
        for path, findings in found.items()
    ]
    return json.dumps({"ok": not any(found.values()), "files": files}, indent=1, ensure_ascii=False)


def _count(findings: list[Finding]) -> str:
    counts = {level: sum(finding.level == level for finding in findings) for level in (RAISES, CHANGED, WARNS)}
    return ", ".join(f"{count} {level}" for level, count in counts.items() if count) or "nothing found"
