"""What parts the columns of a CSV file."""

import csv
import re

from helpers.clean.fields import canonical_key

_BOM = "\ufeff"


def known_delimiter(header: str) -> tuple[str, int]:
    """The delimiter under which most header cells are field names that we know, and how many those are."""
    counts = {}
    for mark in (",", ";", "\t", "|"):
        cells = header.lstrip(_BOM).rstrip("\r").split(mark)
        counts[mark] = sum(canonical_key(cell.strip(' "'))[0] is not None for cell in cells)
    best = max(counts, key=counts.__getitem__)
    return best, counts[best] if counts[best] > 1 else 0


def steady_delimiter(head: str) -> str:
    """The delimiter that parts the first lines into equally many cells, the most of them; else that of the first."""
    lines = head.split("\n")
    lines = lines[: max(1, min(20, len(lines) - 1))]  # the last one may be cut off
    steady, first = {}, {}
    for mark in (",", ";", "\t", "|"):
        try:
            widths = [len(cells) for cells in csv.reader(lines, delimiter=mark) if cells]
        except csv.Error:  # a NUL, or a cell without end
            widths = []
        first[mark] = widths[0] if widths else 0
        steady[mark] = first[mark] if len(set(widths)) == 1 else 0
    counts = steady if max(steady.values()) > 1 else first
    return max(counts, key=counts.__getitem__)


def quoting_style(head: str, delimiter: str) -> dict:
    """How csv.reader must take the quotes: as letters where each line is a row of tabs and some cell that begins with a
    quote is not a quoted one; after a blank where that is so; else as RFC 4180 has them."""
    lines = [line.rstrip("\r") for line in head.split("\n")[:-1] if line.strip()]
    if delimiter == "\t" and len({line.count("\t") for line in lines}) == 1:
        cells = (cell for line in lines for cell in line.split("\t"))
        if any(cell[:1] == '"' and not re.fullmatch('"(?:[^"]|"")*"', cell) for cell in cells):
            return {"quoting": csv.QUOTE_NONE}
    mark = re.escape(delimiter)
    return {"skipinitialspace": True} if re.search(f'{mark} +"[^"]*"(?={mark}|$)', "\n".join(lines), re.M) else {}
