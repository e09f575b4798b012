"""Read a script or notebook as one Python module whose lines know where they come from; write its corrected copy."""

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import libcst as cst

from helpers.errors import InputError
from helpers.files import whole_files

# What IPython reads and Python does not: %magic, !shell, ?help and help? as lines of their own, the first two also
# behind an equals sign.
LINE_MAGIC = re.compile(r"(\s*)(?:%{1,2}[a-zA-Z]|!|\?|[\w.]+\?{1,2}\s*$)")
ASSIGNED_MAGIC = re.compile(r"(\s*[\w, ]+=\s*)(?:%[a-zA-Z]|!)")
CELL_MAGIC = re.compile(r"\s*%%(\w+)")
PYTHON_CELLS = ("time", "timeit", "capture", "prun", "debug")


@dataclass(frozen=True)
class Edit:
    """Put `text` where the module has what lies between two (line, column) positions; lines from 1, columns from 0."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


@dataclass(frozen=True)
class Cell:
    """A code cell: its place among all cells, its number among the code cells, its lines as one reads them."""

    index: int
    number: int
    text: str


@dataclass(frozen=True)
class Source:
    """One file. `lines` are as they stand in it, `module` is what Python would see, line for line."""

    path: Path
    lines: list[str]
    places: list[str]
    module: cst.Module
    encoding: str = "utf-8"
    cells: tuple[Cell, ...] = ()

    def place(self, line: int) -> str:
        """`path:line`, or `path:cell:line` where cell counts the code cells from 1."""
        return f"{self.path}:{self.places[line - 1]}"


def read(path: Path) -> Source:
    """Read a .py or .ipynb file. InputError says where it cannot be read as Python."""
    if path.suffix not in (".py", ".ipynb"):
        raise InputError(f"{path}: drift reads .py and .ipynb files")
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    return _read_notebook(path) if path.suffix == ".ipynb" else _read_script(path)


def write_fixed(source: Source, edits: Iterable[Edit]) -> Path:
    """Write the edited copy beside the file as name.fixed.py or name.fixed.ipynb; it appears whole or not at all.

    InputError when the copy is there already: nothing is overwritten.
    """
    target = source.path.with_suffix(f".fixed{source.path.suffix}")
    if target.exists():
        raise InputError(f"{target} exists already: look at it and remove it first; nothing was written")
    lines = edited(source.lines, edits)
    text = _notebook_text(source, lines) if source.cells else "".join(lines)
    with whole_files(target) as (file,):
        file.write(text.encode(source.encoding))
    return target


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


def _read_script(path: Path) -> Source:
    raw = path.read_bytes()
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(f"{path}:{line}: not {error.encoding} text; save the file as UTF-8") from error
    except SyntaxError as error:
        raise InputError(f"{path}:1: {error.msg}; save the file as UTF-8") from error
    lines = _lines(text)
    _check_syntax(text, lambda line: f"{path}:{line}")
    return Source(path, lines, [str(n) for n in range(1, len(lines) + 1)], _parse(path, text), encoding)


def _read_notebook(path: Path) -> Source:
    import nbformat

    try:
        notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
        cells = [(index, cell) for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    except Exception as error:  # nbformat lets through whatever the JSON reader and its own schema raise
        raise InputError(f"{path}: not a notebook that nbformat can read ({type(error).__name__})") from error
    lines, python, places, kept = [], [], [], []
    for number, (index, cell) in enumerate(cells, 1):
        seen = _lines(cell.source)
        if seen and not seen[-1].endswith("\n"):
            seen[-1] += "\n"
        code = _without_magics(seen)
        try:
            _check_syntax("".join(code), lambda line, number=number: f"{path}:{number}:{line}")
        except InputError:
            if "raises-exception" not in cell.metadata.get("tags", []):
                raise
            code = ["\n"] * len(seen)
        lines += seen
        python += code
        places += [f"{number}:{line}" for line in range(1, len(seen) + 1)]
        kept.append(Cell(index, number, cell.source))
    return Source(path, lines, places, _parse(path, "".join(python)), cells=tuple(kept))


def _notebook_text(source: Source, lines: list[str]) -> str:
    import nbformat

    notebook = nbformat.read(source.path, as_version=nbformat.NO_CONVERT)
    for cell in source.cells:
        mine = [line for line, place in zip(lines, source.places) if place.startswith(f"{cell.number}:")]
        text = "".join(mine)
        notebook.cells[cell.index].source = text if cell.text.endswith("\n") else text.removesuffix("\n")
    return nbformat.writes(notebook) + "\n"


def _lines(text: str) -> list[str]:
    """Lines with their ends, split where Python splits them and nowhere else."""
    return list(io.StringIO(text, newline=""))


def _without_magics(lines: list[str]) -> list[str]:
    """The same number of lines, with what only IPython understands replaced by what does nothing."""
    cell_magic = CELL_MAGIC.match(lines[0]) if lines else None
    if cell_magic and cell_magic.group(1) not in PYTHON_CELLS:
        return ["\n"] * len(lines)
    code, continued = [], False
    for line in lines:
        magic = LINE_MAGIC.match(line)
        assigned = ASSIGNED_MAGIC.match(line)
        if continued:
            code.append("\n")
        elif magic:
            code.append(magic.group(1) + "pass\n")
        elif assigned:
            code.append(assigned.group(1) + "None\n")
        else:
            code.append(line)
        continued = bool(continued or magic or assigned) and line.rstrip("\r\n").endswith("\\")
    return code


def _check_syntax(code: str, place) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(code)
        except SyntaxError as error:
            raise InputError(f"{place(error.lineno or 1)}: not Python of this version: {error.msg}") from error
        except (ValueError, RecursionError, MemoryError) as error:
            raise InputError(f"{place(1)}: cannot be read as Python: {error or type(error).__name__}") from error


def _parse(path: Path, code: str) -> cst.Module:
    try:
        return cst.parse_module(code)
    except (cst.ParserSyntaxError, RecursionError) as error:
        line = getattr(error, "raw_line", 1)
        raise InputError(f"{path}:{line}: libcst cannot read this as Python") from error
