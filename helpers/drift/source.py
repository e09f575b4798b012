"""Read a script or notebook as modules whose lines know where they come from; make its corrected text."""

import ast
import copy
import io
import tokenize
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import libcst as cst
from packaging.specifiers import SpecifierSet

from helpers.drift import magics
from helpers.drift.libraries import LIBRARIES
from helpers.errors import InputError


@dataclass(frozen=True)
class Edit:
    """Put `text` where the file has what lies between two (line, column) positions; lines from 1, columns from 0."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


@dataclass(frozen=True)
class Unit:
    """What runs as one module: a script, the cells of a notebook, a file that a cell writes.

    `code` is its text, and `lines[n - 1]` the number in the file of the module's line n.
    """

    code: str
    module: cst.Module
    lines: list[int]


@dataclass(frozen=True)
class Source:
    """One file. `lines` are as they stand in it; `skipped` says which cells could not be read, and why."""

    path: Path
    lines: list[str]
    places: list[str]
    units: list[Unit]
    encoding: str = "utf-8"
    notebook: Any = None
    skipped: list[str] = field(default_factory=list)
    pins: dict[str, SpecifierSet] = field(default_factory=dict)

    def place(self, line: int) -> str:
        """`path:line`, or `path:cell:line` where cell counts the code cells from 1."""
        return f"{self.path}:{self.places[line - 1]}"


def read(path: Path) -> Source:
    """Read a .py or .ipynb file. InputError says where it cannot be read as Python."""
    if path.suffix not in (".py", ".ipynb"):
        raise InputError(f"{path}: drift reads .py and .ipynb files")
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    return parse(path, path.read_bytes())


def parse(path: Path, raw: bytes) -> Source:
    """The file `path` as if it held these bytes. InputError as for `read`."""
    return _read_notebook(path, raw) if path.suffix == ".ipynb" else _read_script(path, raw)


def repaired(source: Source, edits: Iterable[Edit]) -> bytes:
    """The file with the edits made, in its own encoding."""
    lines = edited(source.lines, edits)
    text = "".join(lines) if source.notebook is None else _notebook_text(source, lines)
    return text.encode(source.encoding)


def edited(lines: list[str], edits: Iterable[Edit]) -> list[str]:
    """The lines with all edits made; their number stays, so a line that an edit left empty is an empty string."""
    lines = list(lines)
    for edit in reversed(_apart(edits)):
        (first, left), (last, right) = edit.start, edit.end
        head, tail = lines[first - 1][:left], lines[last - 1][right:]
        lines[first - 1 : last] = [head + edit.text + tail] + [""] * (last - first)
        if not edit.text and not (head + tail).strip():
            lines[first - 1] = ""
    return lines


def _apart(edits: Iterable[Edit]) -> list[Edit]:
    """In the order of their starts; one that reaches into the one before it is left for another run."""
    apart: list[Edit] = []
    for edit in sorted(set(edits), key=lambda edit: (edit.start, edit.end)):
        if not apart or edit.start >= apart[-1].end:
            apart.append(edit)
    return apart


def _read_script(path: Path, raw: bytes) -> Source:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(f"{path}:{line}: not {error.encoding} text; save the file as UTF-8") from error
    except SyntaxError as error:
        raise InputError(f"{path}:1: {error.msg}; save the file as UTF-8") from error
    lines = _lines(text)
    code, wrong = _python(lines)
    if wrong:
        raise InputError(f"{path}:{wrong}")
    unit = Unit(code, _parse(path, code), list(range(1, len(lines) + 1)))
    return Source(path, lines, [str(n) for n in unit.lines], [unit], encoding)


def _read_notebook(path: Path, raw: bytes) -> Source:
    from nbformat import reader

    try:
        notebook = reader.reads(raw.decode("utf-8-sig"))  # as it is: not converted, and not held against the schema
        cells = _code_cells(notebook)
        texts = [_ended(_lines(cell[key])) for cell, key in cells]
    except Exception as error:  # nbformat lets through whatever the JSON reader and the shape of the file raise
        raise InputError(f"{path}: not a notebook that nbformat can read ({type(error).__name__})") from error
    source = Source(path, [], [], [], notebook=notebook)
    parts: dict[str, tuple[list[str], list[int]]] = {"": ([], [])}
    for number, seen in enumerate(texts, 1):
        file = magics.written_file(seen)
        code, wrong = _python(["\n", *seen[1:]] if file else seen)
        if wrong:
            source.skipped.append(f"{path}:{number}:{wrong}; this cell is skipped")
        else:
            python, numbers = parts.setdefault(file or "", ([], []))
            python += _lines(code)
            numbers += range(len(source.lines) + 1, len(source.lines) + len(seen) + 1)
        source.pins.update(magics.pins(seen, LIBRARIES))
        source.lines.extend(seen)
        source.places.extend(f"{number}:{line}" for line in range(1, len(seen) + 1))
    for python, numbers in parts.values():
        code = "".join(python)
        source.units.append(Unit(code, _parse(path, code), numbers))
    return source


def _code_cells(notebook) -> list[tuple[dict, str]]:
    """Each code cell and the key of its text; before nbformat 4 cells lie in worksheets and have an `input`."""
    old = notebook.nbformat < 4
    sheets = notebook.worksheets if old else [notebook]
    return [(cell, "input" if old else "source") for sheet in sheets for cell in sheet.cells if _is_code(cell)]


def _is_code(cell) -> bool:
    return cell.cell_type == "code" and cell.get("language", "python") == "python"


def _notebook_text(source: Source, lines: list[str]) -> str:
    from nbformat import versions

    notebook = copy.deepcopy(source.notebook)
    texts: dict[str, str] = {}
    for line, place in zip(lines, source.places):
        number = place.partition(":")[0]
        texts[number] = texts.get(number, "") + line
    for place_of, (cell, key) in enumerate(_code_cells(notebook), 1):
        text = texts.get(str(place_of), "")
        cell[key] = text if cell[key].endswith("\n") else text.removesuffix("\n")
    return versions[notebook.nbformat].writes_json(notebook) + "\n"


def _lines(text: str) -> list[str]:
    """Lines with their ends, split where Python splits them and nowhere else."""
    return list(io.StringIO(text, newline=""))


def _ended(lines: list[str]) -> list[str]:
    return [*lines[:-1], lines[-1] if lines[-1].endswith("\n") else lines[-1] + "\n"] if lines else []


def _python(lines: list[str]) -> tuple[str, str]:
    """These lines as Python, without what only IPython reads, and what is wrong: `line: reason`, or nothing."""
    reasons = []
    for read_as in (list, magics.without_magics, magics.without_bare_magics):
        code = "".join(read_as(lines))
        reasons.append(_syntax(code))
        if not reasons[-1]:
            return code, ""
    return "", reasons[1]


def _syntax(code: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(code)
        except SyntaxError as error:
            return f"{error.lineno or 1}: not Python of this version: {error.msg}"
        except (ValueError, RecursionError, MemoryError) as error:
            return f"1: cannot be read as Python: {error or type(error).__name__}"
    return ""


def _parse(path: Path, code: str) -> cst.Module:
    try:
        return cst.parse_module(code)
    except (cst.ParserSyntaxError, RecursionError) as error:
        line = getattr(error, "raw_line", 1)
        raise InputError(f"{path}:{line}: libcst cannot read this as Python") from error
