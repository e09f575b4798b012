"""A stored notebook read by its headings: what a section holds, and what its cells show."""

import re
from collections.abc import Iterator

import nbformat

from helpers.reproduce import ANSI

FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*$", re.MULTILINE)


def headings(cell: nbformat.NotebookNode) -> list[tuple[int, str]]:
    """(level, text) of the headings of a markdown cell, code blocks left out; none for a code cell."""
    text = FENCED.sub("", cell.source) if cell.cell_type == "markdown" else ""
    return [(len(marks), heading) for marks, heading in HEADING.findall(text)]


def settling(notebook: nbformat.NotebookNode) -> Iterator[tuple[int, list[str]]]:
    """(position, ids) of the cells whose metadata says that they settle something."""
    for at, cell in enumerate(notebook.cells):
        if ids := cell.metadata.get("course", {}).get("settles"):
            yield at, list(ids)


def section(notebook: nbformat.NotebookNode, at: int) -> list[nbformat.NotebookNode]:
    """The cells from the one at `at`, whose heading begins them, to the next heading of its level or above."""
    level = headings(notebook.cells[at])[0][0]
    for end in range(at + 1, len(notebook.cells)):
        if any(other <= level for other, _ in headings(notebook.cells[end])):
            return notebook.cells[at:end]
    return notebook.cells[at:]


def shown_text(cell: nbformat.NotebookNode) -> str:
    """What a code cell shows as text: printed, displayed, raised; of a table its plain form."""
    pieces = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        pieces += [output.get("text", ""), data.get("text/markdown") or data.get("text/plain", "")]
        pieces += [f"{output.ename}: {output.evalue}"] if output.output_type == "error" else []
    return ANSI.sub("", "\n".join(filter(None, pieces)))
