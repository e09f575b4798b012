"""Write *In a hurry*, the second cell of an error notebook, from its case in data/catalogue: the doctor's card.

`python -m tools.hurry [NAME ...]` (names as 13, 13_error_04_unicode_decode_error or a path) writes it, as a cell below
the title or over the one that is there; no name means all notebooks that have it. Twice is the same as once.
"""

import ast
import re
import sys
from pathlib import Path
from typing import Annotated

import nbformat
import typer

from helpers import doctor
from helpers.doctor.card import BLOCK, MARKED, powershell
from helpers.errors import InputError
from helpers.reproduce import KEPT_METADATA
from tools.execute import find, write_whole

CELL = "in-a-hurry"  # its id
SPECIAL = re.compile(r"([\\<>*$\[\]])")  # what Markdown would not show as it stands


def source(case: doctor.Case) -> str:
    """The cell: the case's cause, and the steps of its fix with what PowerShell takes otherwise below each."""
    steps = "\n".join(f"{number}. {item(step)}" for number, step in enumerate(case.fix, 1))
    return f"## In a hurry\n\n**Cause.** {escaped(case.cause)}\n\n**Fix.**\n\n{steps}"


def item(step: str) -> str:
    """A step as the text of a numbered list."""
    lines: list[str] = []
    for number, piece in enumerate(BLOCK.split(step)):  # sentence, block, sentence, ...
        if number % 2:
            lines += block(piece)
        elif piece:
            others = [f"`{other}`" for code in MARKED.findall(piece) if (other := powershell(code)) != code]
            lines.append(escaped(piece) + (f"<br>PowerShell: {', '.join(others)}" if others else ""))
    return "\n   ".join(lines)


def block(code: str) -> list[str]:
    """Lines of code in a fence, and below it those that PowerShell takes, where it takes others.

    These are marked line by line: in a fenced part of a list JupyterLab takes what is between two $ for a formula.
    """
    if (other := powershell(code)) != code:
        lines = "<br>".join(f"`{line}`" for line in other.splitlines())
        return ["```bash", *code.splitlines(), "```", f"PowerShell:<br>{lines}"]
    return [f"```{'python' if is_python(code) else 'bash'}", *code.splitlines(), "```"]


def is_python(code: str) -> bool:
    try:
        ast.parse(code)
    except SyntaxError:
        return False
    return True


def escaped(text: str) -> str:
    """A sentence of the catalogue as Markdown shows it; what it marks as code stays so."""
    pieces = text.split("`")  # sentence, code, sentence, ...
    return "`".join(piece if at % 2 else SPECIAL.sub(r"\\\1", piece) for at, piece in enumerate(pieces))


def case_of(notebook: nbformat.NotebookNode) -> doctor.Case | None:
    """The case that the notebook is about, or None. InputError when the catalogue has none of that name."""
    name = notebook.metadata.get(KEPT_METADATA, {}).get("case")
    known = {case.id: case for case in doctor.load()}
    if name and name not in known:
        raise InputError(f"the notebook's case is {name}, which data/catalogue does not have")
    return known.get(name)


def position(notebook: nbformat.NotebookNode) -> int | None:
    """Where the cell stands, or None."""
    return next((at for at, cell in enumerate(notebook.cells) if cell.get("id") == CELL), None)


def write(path: Path) -> bool:
    """Bring the cell of this notebook in line; returns whether anything changed.

    InputError for a notebook that names no case in its metadata.
    """
    notebook = nbformat.read(path, as_version=4)
    case = case_of(notebook)
    if case is None:
        raise InputError(f"{path.name}: names no case in its metadata, so there is nothing to write")
    at = position(notebook)
    if at is None:
        notebook.cells.insert(1, nbformat.v4.new_markdown_cell(source(case), id=CELL))
    elif notebook.cells[at].source == source(case):
        return False
    else:
        notebook.cells[at].source = source(case)
    write_whole(notebook, path)
    return True


def main(
    names: Annotated[list[str] | None, typer.Argument(help="such as 13; none means all that have the cell")] = None,
) -> None:
    """Write the cell; exit 2 when a name is wrong or the notebook names no case."""
    try:
        paths = find(names or [])
        wanted = [path for path in paths if names or position(nbformat.read(path, as_version=4)) is not None]
        changed = [path.stem for path in wanted if write(path)]
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    print(f"{len(wanted)} notebooks, {len(changed)} changed")


if __name__ == "__main__":
    typer.run(main)
