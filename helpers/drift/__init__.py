"""Drift: is this training script from another year? Read without running it, held against the installed libraries.

`check` gives the findings of a file, `fix` writes a copy with the mechanical ones repaired. The signatures of the
installed transformers, trl, peft, bitsandbytes and datasets say what is accepted; `data/drift.toml` says what replaces
what is not, and what changed without an error. `about` says what became of one argument that an error names.
"""

from pathlib import Path

from helpers.drift import checks, source, table
from helpers.drift.lookup import about
from helpers.drift.report import Finding, to_json, to_text

__all__ = ["Finding", "about", "check", "fix", "to_json", "to_text"]


def check(path: Path) -> list[Finding]:
    """The findings of one .py or .ipynb file, by line. InputError when it cannot be read as Python."""
    return checks.Checker(source.read(path), table.load()).findings()


def fix(path: Path) -> Path | None:
    """Write name.fixed.py or name.fixed.ipynb beside the file; None when nothing in it can be repaired mechanically.

    InputError when that copy exists already.
    """
    read = source.read(path)
    edits = [edit for finding in checks.Checker(read, table.load()).findings() for edit in finding.edits]
    return source.write_fixed(read, edits) if edits else None
