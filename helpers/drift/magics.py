"""What IPython reads and Python does not: magics, shell lines, files that a cell writes, and what pip is asked for."""

import re
import shlex
from collections.abc import Iterable

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

# %magic, !shell, ?help and help? as lines of their own, the first two also behind an equals sign.
LINE_MAGIC = re.compile(r"(\s*)(?:%{1,2}[a-zA-Z]|!|\?|[\w.]+\?{1,2}\s*$)")
ASSIGNED_MAGIC = re.compile(r"(\s*[\w, ]+=\s*)(?:%[a-zA-Z]|!)")
# IPython takes these without a percent sign, too; as Python they are no syntax, or do nothing.
BARE_MAGIC = re.compile(r"^(?:pip3?|conda|uv|cd|ls|mkdir|rm|cp|mv|cat|pwd|git|wget|time)(?:[ \t]+[^\s=(.,:\[].*)?$")
CELL_MAGIC = re.compile(r"\s*%%(\w+)")
WRITTEN_FILE = re.compile(r"\s*%%(?:writefile|file)\s+(?:-a\s+|--append\s+)?[\"']?([^\s\"']+)")
PYTHON_CELLS = ("time", "timeit", "capture", "prun", "debug", "memit", "python", "python3")
PIP_INSTALL = re.compile(r"\bpip3?\s+install\s+(.*)")
PIP_LINE = re.compile(r"\s*(?:[!%]|pip3?\s|uv\s+pip\s|python3?\s+-m\s+pip\s)")
SHELL_CELLS = ("bash", "sh", "shell", "script")


def written_file(lines: list[str]) -> str | None:
    """The file that a cell writes instead of running, where that is a Python file."""
    found = WRITTEN_FILE.match(lines[0]) if lines else None
    return found.group(1) if found and found.group(1).endswith(".py") else None


def without_bare_magics(lines: list[str]) -> list[str]:
    """As `without_magics`, with `pip install x` and its like, which IPython also takes without a percent sign."""
    return without_magics([BARE_MAGIC.sub("pass", line) for line in lines])


def without_magics(lines: list[str]) -> list[str]:
    """The same number of lines, with what only IPython understands replaced by what does nothing."""
    kind = _cell_kind(lines)
    if kind and kind not in PYTHON_CELLS:
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


def pins(lines: list[str], libraries: Iterable[str]) -> dict[str, SpecifierSet]:
    """What the pip lines of a cell say about the versions of these libraries."""
    shell, found = _cell_kind(lines) in SHELL_CELLS, {}
    for line in re.sub(r"\\\r?\n", " ", "".join(lines)).splitlines():
        asked = PIP_INSTALL.search(line) if shell or PIP_LINE.match(line) else None
        for word in _words(asked.group(1)) if asked else ():
            try:
                wanted = Requirement(word)
            except InvalidRequirement:
                continue
            if wanted.name in libraries and wanted.specifier:
                found[wanted.name] = wanted.specifier
    return found


def _cell_kind(lines: list[str]) -> str:
    found = CELL_MAGIC.match(next((line for line in lines if line.strip()), ""))
    return found.group(1) if found else ""


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command, comments=True)
    except ValueError:  # a quote that is not closed
        return command.split()
