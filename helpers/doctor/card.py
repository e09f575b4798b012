"""The card below a traceback, in a notebook and in a terminal."""

import html
import json
import os
import re
import textwrap
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from helpers import NOTEBOOKS, START
from helpers.doctor.diagnosis import Diagnosis, diagnose

WIDTH = 80
GALLERY = "26_more_errors"
# How PowerShell writes what bash writes otherwise; what is not here is the same in both.
VARIABLE = re.compile(
    r"(?<![\w$:'\"])(?:(?:export|set) ([A-Z][A-Z0-9_]*)|(PYTHONUTF8|[A-Z][A-Z0-9]*_[A-Z0-9_]+))"
    r"=(<[^<>]+>|[^\s,;)`]+)( ?)"
)
MARKED = re.compile(r"`([^`]+)`")  # a command or code within a step; of several lines, it is a block
BLOCK = re.compile(r"\s*`([^`\n]*\n[^`]*)`\s*")
COMMAND = re.compile(r"(?:python|accelerate|torchrun|deepspeed|llamafactory-cli|swift|axolotl)\b")
SHELLS = (
    (re.compile(r"\brm -rf? "), "Remove-Item -Recurse "),
    (re.compile(r"\bdf -h\b(?! /)"), "Get-PSDrive"),
    (re.compile(r"\bls -l "), "Get-ChildItem "),
    (re.compile(r"\bps aux \| grep ([\w.]+)"), r"Get-CimInstance Win32_Process | Where-Object CommandLine -match \1"),
    (re.compile(r"\bgrep -iE "), "Select-String "),
    (re.compile(r"\bgrep "), "Select-String "),
    (re.compile(r"\bwhich (python|torchrun|pip|accelerate) (\w+) (\w+)"), r"Get-Command \1, \2, \3"),
    (re.compile(r"\bwhich (?=python|torchrun|pip|accelerate)"), "Get-Command "),
    (re.compile(r" && "), "; "),
)


def to_json(found: Diagnosis, gone: Iterable[str] = ()) -> str:
    """The diagnosis for a script: case (null when unknown), candidates, evidence, cause, fix, notebook, nearest.

    `gone` is what became of the argument that a call refused.
    """
    told = {"cause": plain(found.cause), "fix": [plain(step) for step in found.fix], "argument": list(gone)}
    return json.dumps(asdict(found) | told, ensure_ascii=False, indent=1)


def text(found: Diagnosis, gone: Iterable[str] = ()) -> str:
    """The diagnosis as lines for a terminal, none over 80 columns; `gone` as for `to_json`."""
    sure = "" if found.case is None else f"  [{found.case}, {found.candidates[0].confidence:.0%}]"
    lines = wrap(found.title + sure)
    if found.evidence:
        lines += wrap(found.evidence, "  because of: " if found.case else "  last line: ")
    lines += wrap(plain(found.cause), "  ")
    lines += [line for sentence in gone for line in wrap(sentence, "  this argument: ")]
    for number, step in enumerate(found.fix, 1):
        lines += lines_of(step, f"  {number}. ")
        for other in for_powershell(step):
            lines += lines_of(other, "     PowerShell: ")
    if written(found.notebook):
        lines.append(f"  notebook: {link(found)}")
    for near in found.nearest:
        lines += wrap(f"{near.title} [{near.id}]: no, {near.why}", "  most like it: ")
    if found.paste:
        lines += wrap(found.paste, "  to find it, give: ")
    return "\n".join(lines)


def wrap(said: str, first: str = "") -> list[str]:
    """Lines of at most 80 columns; those after the first are indented by as much as a step's text."""
    return textwrap.wrap(
        said, WIDTH, initial_indent=first, subsequent_indent=" " * min(len(first), 5), break_on_hyphens=False
    )


def plain(step: str) -> str:
    """A text of the catalogue without the marks around its code."""
    return step.replace("`", "")


def lines_of(step: str, first: str) -> list[str]:
    """A step for a terminal: its sentences wrapped, its blocks of code as they are, indented."""
    lines: list[str] = []
    for number, piece in enumerate(BLOCK.split(step)):  # sentence, block, sentence, ...
        if number % 2:
            lines += [f"     {line}" for line in piece.splitlines()]
        elif number == 0:
            lines += wrap(plain(piece), first) or [first.rstrip()]
        else:
            lines += wrap(plain(piece), "     ")
    return lines


def for_powershell(step: str) -> list[str]:
    """What of a step PowerShell takes otherwise: those of its marked commands."""
    commands = [f"`{command}`" for command in MARKED.findall(step)]
    return [other for command in commands if (other := powershell(command)) != command]


def powershell(step: str) -> str:
    """A step of a fix as PowerShell takes it; unchanged where that is the same."""
    step = VARIABLE.sub(assigned, step)
    for bash, other in SHELLS:
        step = bash.sub(other, step)
    return step


def assigned(found: re.Match) -> str:
    """A variable of the environment in PowerShell, before the command that it is for."""
    runs = COMMAND.match(found.string, found.end())
    return f'$env:{found[1] or found[2]}="{found[3]}"' + ("; " if runs else found[4])


def written(notebook: str) -> bool:
    """Whether the notebook that the catalogue names is there yet."""
    return bool(notebook) and (NOTEBOOKS / f"{notebook}.ipynb").exists()


def link(found: Diagnosis) -> str:
    """Where in the repository the case's notebook is, and in the gallery its heading's cell, as JupyterLab takes it."""
    heading = f"#cell-id={found.case}" if found.notebook == GALLERY else ""
    return f"{NOTEBOOKS.name}/{found.notebook}.ipynb{heading}"


def page(found: Diagnosis) -> str:
    """The diagnosis as HTML; everything from the report is escaped."""
    steps = "".join(f"<li>{coded(step)}{beside(step)}</li>" for step in found.fix)
    notebook = ""
    if written(found.notebook):
        here = Path(os.path.relpath(NOTEBOOKS.parent / link(found), START)).as_posix()  # as JupyterLab resolves it
        notebook = f'<p>Notebook: <a href="{html.escape(here)}">{html.escape(found.notebook)}</a></p>'
    evidence = f"<p><code>{html.escape(found.evidence)}</code></p>"
    return (
        '<div style="border-left:4px solid #888;padding:0.3em 0.8em">'
        f"<b>{html.escape(found.title)}</b>{evidence}<p>{coded(found.cause)}</p><ol>{steps}</ol>{notebook}</div>"
    )


def coded(text: str) -> str:
    """A text of the catalogue as HTML: what it marks is code, the rest is prose."""
    escaped = BLOCK.sub(r"<pre>\1</pre>", html.escape(text, quote=False))
    return MARKED.sub(r"<code>\1</code>", escaped)


def beside(step: str) -> str:
    """The step for PowerShell, where it is another one."""
    return "".join(f"<br>PowerShell: {coded(other)}" for other in for_powershell(step))


def watch() -> None:
    """From now on an uncaught exception in this notebook shows its traceback, and a card below if the cause is known.

    Works on IPython 7.34 and 9; outside IPython it does nothing. Calling it again changes nothing.
    """
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is not None:
        shell.set_custom_exc((Exception,), show)


def show(shell, kind, error, trace, tb_offset=None) -> None:
    """The handler that `watch` registers: the usual traceback, then the card, and no error of its own."""
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
    try:
        from IPython.display import display

        found = diagnose(error)
        if found.case is not None:
            display({"text/plain": text(found), "text/html": page(found)}, raw=True)
    except Exception:  # a card is never worth a second traceback
        return
