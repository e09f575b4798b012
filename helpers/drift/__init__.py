"""Drift: is this training script from another year? Read without running it, held against the installed libraries.

`check` gives the findings of a file, `fix` writes a copy with the mechanical ones repaired, `examine` gives all that
the command prints. The signatures of the installed transformers, trl, peft, bitsandbytes and datasets say what is
accepted, tried where they do not tell; `data/drift.toml` says what replaces what is not, and what changed silently.
`about` says what became of one argument that an error names, from the table alone.
"""

from dataclasses import replace
from pathlib import Path

from helpers.drift import checks, source, table
from helpers.drift.lookup import about
from helpers.drift.report import Checked, Finding, to_json, to_text
from helpers.drift.tree import no_garbage
from helpers.errors import InputError
from helpers.files import whole_files

__all__ = ["Checked", "Finding", "about", "check", "examine", "fix", "to_json", "to_text"]

# A repair can bring another to light, such as an argument of a class that was renamed.
ROUNDS = 5


def check(path: Path) -> list[Finding]:
    """The findings of one .py or .ipynb file, by line. InputError when it cannot be read as Python."""
    with no_garbage():
        return checks.findings(source.read(path), table.load())


def examine(path: Path, repair: bool = False) -> Checked:
    """The findings and what could not be read; with `repair` also the copy that `fix` writes, and what is left."""
    try:
        with no_garbage():
            read = source.read(path)
            found = Checked(path, checks.findings(read, table.load()), read.skipped)
        return _repaired(found, read) if repair else found
    except InputError as error:
        return Checked(path, refused=str(error))


def fix(path: Path) -> Path | None:
    """Write name.fixed.py or name.fixed.ipynb beside the file; None when nothing in it can be repaired mechanically.

    InputError when that copy exists already.
    """
    read = source.read(path)
    return _repaired(Checked(path, checks.findings(read, table.load())), read).fixed


def _repaired(found: Checked, read: source.Source) -> Checked:
    target, raw, left = found.path.with_suffix(f".fixed{found.path.suffix}"), b"", found.findings
    for _ in range(ROUNDS):
        edits = [edit for finding in left for edit in finding.edits]
        if not edits:
            break
        tried = source.repaired(read, edits)
        try:
            again = source.parse(found.path, tried)
        except InputError:  # no copy is better than one that is no Python; the findings stand
            break
        raw, read = tried, again
        left = checks.findings(read, table.load())
    if not raw:
        return replace(found, asked=True, left=left)
    if target.exists():
        raise InputError(f"{target} exists already: look at it and remove it first; nothing was written")
    with whole_files(target) as (file,):
        file.write(raw)
    return replace(found, asked=True, fixed=target, left=left)
