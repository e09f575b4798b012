"""Rows out of JSONL, JSON arrays and CSV, one at a time, each with its file, line and raw text.

What is a row: of a JSONL file a non-blank line; of a JSON array an element; of a CSV file a record after the header.
A row that cannot be parsed is still a row: it comes with `error` set.
"""

import csv
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers.clean.delimiters import known_delimiter, quoting_style, steady_delimiter
from helpers.clean.encoding import Probe, probe, text_blocks, text_lines
from helpers.errors import InputError

CSV_RECORD_LINES = 5000
_BOM = "\ufeff"


@dataclass
class RawRow:
    """One row as it stands in its file. `line` and `row` count from 1; `error` is (reason, detail) or None.

    Until it is `parsed`, `raw` is JSON that nobody has looked into.
    """

    file: str
    line: int
    row: int
    raw: str
    value: Any = None
    error: tuple[str, str] | None = None
    repairs: list[str] = field(default_factory=list)
    parsed: bool = True


def read_rows(path: str | Path, found: Probe | None = None) -> Iterator[RawRow]:
    """Yield every row of `path`, whatever its format and encoding. Raises InputError when it cannot be read at all."""
    return map(parse, raw_rows(path, found))


def raw_rows(path: str | Path, found: Probe | None = None) -> Iterator[RawRow]:
    """`read_rows` without the parsing of JSON, which is left to `parse`."""
    path = Path(path)
    found = found or probe(path)
    kind = file_kind(path, found.head)
    if kind == "csv":
        rows = _csv_rows(path, found)
    elif kind == "jsonl":
        rows = _jsonl_rows(path, found)
    else:
        rows = _element_rows(path, found)
    for number, row in enumerate(rows, 1):
        row.row = number
        if number == 1 and found.bom:
            row.repairs.append("byte_order_mark")
        yield row


def file_kind(path: Path, head: str) -> str:
    """ "jsonl", "json" (an array, or objects over several lines) or "csv", by content first and then by name."""
    suffix = path.suffix.lower()
    start = head.lstrip(_BOM + " \t\r\n")
    if start[:1] == "[":
        return "jsonl" if _lines_are_rows(start) else "json"
    if suffix in (".csv", ".tsv", ".tab") and not re.match(r'\{\s*"', start):
        return "csv"
    if start.split("\n", 1)[0].strip() == "{":
        return "json"  # objects over several lines, whatever the name
    if suffix == ".json":
        first = start.split("\n", 1)[0]
        return "json" if start[:1] == "{" and parse_json(first)[1] else "jsonl"
    if suffix not in (".jsonl", ".ndjson", ".jl") and start[:1] != "{" and known_delimiter(start.split("\n", 1)[0])[1]:
        return "csv"
    return "jsonl"


def _lines_are_rows(start: str) -> bool:
    """A file that begins with "[" is JSONL when its first line does not open a list that the second line continues."""
    first, *others = (line.strip() for line in start.split("\n") if line.strip())
    if not others:
        turns = parse_json(first)[0]
        return (
            isinstance(turns, list)
            and turns != []
            and all(isinstance(turn, dict) and {"role", "from"} & set(turn) for turn in turns)
        )
    if first == "[" or first.endswith(","):
        return False
    return others[0][:1] in "{[" and parse_json(others[0])[1] is None


def parse_json(text: str) -> tuple[Any, tuple[str, str] | None, bool]:
    """Parse one JSON value: (value, error or None, whether raw control characters stood inside strings)."""
    try:
        return json.loads(text), None, False
    except (ValueError, RecursionError) as strict_error:
        try:
            return json.loads(text, strict=False), None, True
        except RecursionError:
            return None, ("broken_json", "nested too deeply to be a row"), False
        except ValueError:
            message = str(strict_error).split(";")[0]
            return None, ("broken_json", message), False


def parse(row: RawRow) -> RawRow:
    """`row` itself with its value or its error, and the repairs that this took."""
    if row.parsed:
        return row
    body = row.raw.strip()
    if body.startswith(_BOM):
        body = body.lstrip(_BOM)
        row.repairs.append("byte_order_mark")
    row.value, row.error, controls = parse_json(body)
    if row.error and body.endswith("},"):
        row.value, row.error, controls = parse_json(body[:-1])
        row.repairs += [] if row.error else ["trailing_comma"]
    if row.error and body[:1] not in ("{", "[", '"'):
        row.error = (
            "broken_json",
            "this line is no JSON, and the first line of the file names no columns that are known: give JSONL, a JSON "
            "array, or CSV with a line of names; texts alone are not chats",
        )
    if controls:
        row.repairs.append("control_characters")
    row.parsed = True
    return row


def _unparsed(path: Path, line: int, text: str, encodings: Iterable[str]) -> RawRow:
    repairs = [f"encoding_{name}" for name in sorted(encodings) if name != "utf-8"]
    return RawRow(str(path), line, 0, text, repairs=repairs, parsed=False)


def _jsonl_rows(path: Path, found: Probe) -> Iterator[RawRow]:
    for number, text, encoding in text_lines(path, found):
        if text.strip():
            yield _unparsed(path, number, text.rstrip("\r"), (encoding,))


def _element_rows(path: Path, found: Probe) -> Iterator[RawRow]:
    """Elements of a JSON array, or objects one after another. Memory: the longest element plus one block.

    An element is found by its brackets, not by parsing, so one that is broken inside costs only itself. Where the
    brackets do not close, the rest of the file is one row.
    """
    splitter = _Elements()
    for text, encoding in text_blocks(path, found):
        splitter.encodings.add(encoding)
        for line, element, encodings in splitter.feed(text):
            yield _unparsed(path, line, element, encodings)
    for line, element, encodings in splitter.finish():
        yield _unparsed(path, line, element, encodings)


class _Elements:
    """Splits a growing text into the elements of its top-level array (or into its top-level values)."""

    _OUTSIDE, _INSIDE = re.compile(r'["\[\]{},]'), re.compile(r'["\\]')

    def __init__(self):
        self.text, self.position, self.line = "", 0, 1
        self.stack: list[str] = []
        self.in_array = self.in_string = self.started = self.lost = self.closed = False
        self.encodings: set[str] = set()

    def feed(self, text: str) -> Iterator[tuple[int, str, set[str]]]:
        self.text += text
        if not self.started:
            if not self.text.strip(_BOM + " \t\r\n"):
                return
            self.started = True
            start = len(self.text) - len(self.text.lstrip(_BOM + " \t\r\n"))
            if self.text[start] == "[":
                self.in_array = True
                self._drop(start + 1)
        while not self.lost and (match := self._next()):
            mark, end = match.group(), match.end()
            if self.in_string:
                self.in_string = mark != '"'
            elif mark == '"':
                self.in_string = True
            elif mark in "[{":
                if not self.stack and self.text[: match.start()].strip()[-1:] in ("}", "]"):
                    yield from self._take(match.start())
                    end = match.end() - match.start()
                self.stack.append(mark)
            elif mark in "]}":
                if self.stack and self.stack[-1] + mark in ("[]", "{}"):
                    self.stack.pop()
                elif mark == "]" and not self.stack and self.in_array and not self.closed:
                    yield from self._take(match.start())
                    self._drop(1)
                    self.closed, end = True, 0
                else:
                    self.lost = True
            elif not self.stack:
                yield from self._take(match.start())
                self._drop(1)
                end = 0
            self.position = end

    def finish(self) -> Iterator[tuple[int, str, set[str]]]:
        yield from self._take(len(self.text))

    def _next(self) -> re.Match | None:
        """The next character that matters; None when more text is needed."""
        while True:
            match = (self._INSIDE if self.in_string else self._OUTSIDE).search(self.text, self.position)
            if match is None:
                self.position = len(self.text)
                return None
            if match.group() != "\\":
                return match
            if match.end() >= len(self.text):
                self.position = match.start()
                return None
            self.position = match.end() + 1

    def _take(self, end: int) -> Iterator[tuple[int, str, set[str]]]:
        piece = self.text[:end]
        body = piece.strip(_BOM + " \t\r\n")
        if body:
            offset = piece.index(body)
            yield self.line + piece.count("\n", 0, offset), body, set(self.encodings)
        self._drop(end)

    def _drop(self, end: int) -> None:
        self.line += self.text.count("\n", 0, end)
        self.text, self.position = self.text[end:], 0


class _Lines:
    """Feeds a csv reader and remembers what it took, so that a broken record costs one line and not the file."""

    def __init__(self, lines: Iterator[tuple[int, str, str]]):
        self.source = lines
        self.again: deque[tuple[int, str, str]] = deque()
        self.taken: list[tuple[int, str, str]] = []

    def __iter__(self):
        return self

    def __next__(self) -> str:
        if len(self.taken) >= CSV_RECORD_LINES:
            raise StopIteration
        item = self.again.popleft() if self.again else next(self.source)
        self.taken.append(item)
        return item[1] + "\n"


def _csv_rows(path: Path, found: Probe) -> Iterator[RawRow]:
    csv.field_size_limit(2**31 - 1)
    lines, delimiter, problem = _Lines(text_lines(path, found)), ",", ""
    header: list[str] | None = None
    style: dict[str, Any] = {}
    cells: list[str] | None
    while True:
        lines.taken = []
        try:
            if header is None:
                head = found.head.lstrip(_BOM)
                if told := re.match(r'"?sep=(.)"?\r?\n', head):  # Excel's own line
                    head, _ = head[told.end() :], next(lines)
                    lines.taken = []
                delimiter, known = known_delimiter(head.split("\n", 1)[0])
                delimiter = told[1] if told else delimiter if known else steady_delimiter(head)
                style = quoting_style(head, delimiter)
            cells = next(csv.reader(lines, strict=True, delimiter=delimiter, **style))
        except StopIteration:
            return
        except csv.Error as error:
            cells, problem = None, str(error)
            lines.again.extendleft(reversed(lines.taken[1:]))
            lines.taken = lines.taken[:1]
        number = lines.taken[0][0]
        raw = "\n".join(text for _, text, _ in lines.taken).rstrip("\r")
        if not raw.strip():
            continue
        row = RawRow(str(path), number, 0, raw)
        row.repairs = [f"encoding_{name}" for name in sorted({name for _, _, name in lines.taken} - {"utf-8"})]
        if cells is None:
            row.error = ("broken_csv", problem)
        elif header is None:
            header = [cell.strip().lstrip(_BOM) for cell in cells]
            twice = sorted({cell for cell in header if cell and header.count(cell) > 1})
            if twice:
                raise InputError(
                    f"{path}: {len(twice)} column names stand twice ({', '.join(twice)}): give each its own"
                )
            continue
        elif any(cells[len(header) :]):
            row.error = ("broken_csv", f"{len(cells)} cells under {len(header)} column names")
        else:
            row.value = dict(zip(header, cells))
        yield row
