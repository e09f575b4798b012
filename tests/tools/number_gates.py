"""Numbers in prose: each stands in what the notebook printed or computed, or is listed as published.

What is a number in prose: digits in the text of a markdown cell, outside headings, links, code, formulas, folded
solutions and the numbers of lists. Not: a single digit (unless a percentage), what is glued to letters (NF4, 7B), a
version of three parts, a year, minutes, or the bits of a number format.

What confirms it: the outputs or the code of its own `##` section. From anywhere in the notebook: a number of three
digits or more (100 has one), which is not there by chance, and any number for the opening and for "What was shown". It
is the same number, whatever its sign, or an output with more digits that rounds to it; before a percent sign it may be
the share. Published figures are listed in the cell's metadata as they stand there, `"course": {"published": ["18.9"]}`.
"""

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

import nbformat

from helpers.reproduce import ANSI

Notebook = nbformat.NotebookNode

NOT_PROSE = re.compile(
    r"<details>.*?</details>|^ *(```|~~~).*?^ *\1|\$\$.*?\$\$|<!--.*?-->"  # folded, fenced, formula, comment
    r"|`[^`\n]+`|\$[^$\n]+\$|!?\[[^\]]*\]\([^)]*\)|<[^>\n]+>"  # code, formula, link, tag or address
    r"|^#+ [^\n]*|^ *\d+[.)] ",  # heading, the number of a list's line
    re.MULTILINE | re.DOTALL,
)
DIGITS = r"\d+(?:[,_]\d{3})*(?:\.\d+)?(?:[eE][-+]?\d+)?"
IN_PROSE = re.compile(rf"(?<![\w.,/]){DIGITS}(?![\w]|[.,]\d)(?P<share> ?%)?")
IN_SOURCE = re.compile(rf"(?<![\w.]){DIGITS}(?!\d|\.\d)")
YEAR = re.compile(r"20[12]\d")
# Minutes, and the bits of a format, also in "16- or 32-bit".
UNIT = re.compile(r"[\s\u00a0-]*(?:(?:or|and|to) \d+[\s-]*)?(?:min(?:ute)?s?|bits?)\b")
ENOUGH = 3  # digits that are not found elsewhere by chance
SUMMARY = re.compile(r"^#+ .*what was shown", re.IGNORECASE | re.MULTILINE)
SECTION = re.compile(r"^## ", re.MULTILINE)


@dataclass(frozen=True)
class Quoted:
    """A number of the prose: as it stands there, its place in the cell's source, and whether it is a percentage."""

    text: str
    start: int
    share: bool

    @property
    def value(self) -> Decimal:
        return number(self.text)

    @property
    def specific(self) -> bool:
        """Whether it has enough digits not to stand elsewhere by chance."""
        digits = self.text.partition("e")[0].replace(",", "")
        return len((digits.replace(".", "") if "." in digits else digits.rstrip("0")).lstrip("0")) >= ENOUGH

    @property
    def half(self) -> Decimal:
        """Half of the last digit that is written: 0.05 for 12.3."""
        return Decimal(5).scaleb(self.value.as_tuple().exponent - 1)


def number(text: str) -> Decimal:
    return Decimal(text.replace(",", "").replace("_", ""))


def quoted(source: str) -> list[Quoted]:
    """The numbers of a markdown cell that must be confirmed."""
    prose = NOT_PROSE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), source)
    found = []
    for one in IN_PROSE.finditer(prose):
        text = one[0].removesuffix(one["share"] or "")
        small = len(text) == 1 and not one["share"]
        if not small and not YEAR.fullmatch(text) and not UNIT.match(prose, one.end()):
            found.append(Quoted(text, one.start(), bool(one["share"])))
    return found


def shown(cell: Notebook) -> str:
    """All text that a code cell shows."""
    pieces = []
    for output in cell.outputs:
        pieces += [output.get("text", ""), output.get("evalue", "")]
        pieces += [text for mime, text in output.get("data", {}).items() if mime in ("text/plain", "text/markdown")]
        pieces.append(html.unescape(re.sub(r"<[^>]+>", " ", output.get("data", {}).get("text/html", ""))))
    return ANSI.sub("", "\n".join(pieces))


def numbers(text: str) -> set[Decimal]:
    return {number(found) for found in IN_SOURCE.findall(text)}


def confirmed(one: Quoted, printed: set[Decimal], computed: set[Decimal]) -> bool:
    """Whether an output or the code has the number, or an output with more digits rounds to it."""
    value = one.value
    places, digits = value.as_tuple().exponent, len(value.as_tuple().digits)
    scaled = [scale * other for scale in ((1, 100) if one.share else (1,)) for other in printed]
    exact = value in computed or value in scaled or one.share and value / 100 in computed
    longer = [other for other in scaled if other.as_tuple().exponent < places] if digits > 1 else []
    return exact or any(abs(other - value) <= one.half for other in longer)


def sections(notebook: Notebook) -> Iterator[list[Notebook]]:
    """The cells from one heading of the second level to the next; the opening is the first."""
    cells: list[Notebook] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and SECTION.search(cell.source):
            yield cells
            cells = []
        cells.append(cell)
    yield cells


def sources(cells: Iterable[Notebook]) -> tuple[set[Decimal], set[Decimal]]:
    """(numbers printed, numbers in the code) of the cells that run; the setup cell's versions do not count."""
    code = [cell for cell in cells if cell.cell_type == "code" and "setup" not in cell.metadata.get("tags", [])]
    return numbers("\n".join(map(shown, code))), numbers("\n".join(cell.source for cell in code))


def unconfirmed(notebook: Notebook) -> list[tuple[Notebook, Quoted]]:
    """The numbers in prose, with their cells, that nothing confirms."""
    whole, wrong = sources(notebook.cells), []
    for position, cells in enumerate(sections(notebook)):
        everywhere = position == 0 or any(SUMMARY.search(cell.source) for cell in cells if cell.cell_type == "markdown")
        near = whole if everywhere else sources(cells)
        for cell in cells:
            published = cell.metadata.get("course", {}).get("published", [])
            for one in quoted(cell.source) if cell.cell_type == "markdown" else []:
                if one.text not in published and not confirmed(one, *(whole if one.specific else near)):
                    wrong.append((cell, one))
    return wrong


def prose_numbers(notebook: Notebook) -> list[str]:
    """Every number in the prose is confirmed."""
    return [
        f"{cell.get('id')}: {one.text}{'%' * one.share} in "
        f"'{cell.source[max(0, one.start - 30) : one.start + 25]}' stands in no output, code or list of published"
        for cell, one in unconfirmed(notebook)
    ]
