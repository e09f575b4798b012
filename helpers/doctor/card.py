"""The card below a traceback, in a notebook and in a terminal."""

import codecs
import html
import json
import sys
import textwrap
from dataclasses import asdict
from pathlib import Path

from helpers import NOTEBOOKS
from helpers.doctor.diagnosis import Diagnosis, diagnose
from helpers.errors import InputError

BYTE_ORDER = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_text(name: str) -> str:
    """The text of the file `name`, or of standard input for `-`, in UTF-8, in what PowerShell writes, or in GBK.

    InputError when there is no such file.
    """
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {name} ({error.strerror}): give the file of a traceback or log, or -") from error
    for mark, encoding in BYTE_ORDER.items():
        if raw.startswith(mark):
            return raw.decode(encoding, errors="replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("gb18030", errors="replace")


def to_json(found: Diagnosis) -> str:
    """The diagnosis for a script: case (null when unknown), candidates, evidence, cause, fix, notebook."""
    return json.dumps(asdict(found), ensure_ascii=False, indent=1)


def text(found: Diagnosis) -> str:
    """The diagnosis as lines for a terminal."""
    lines = [
        found.title if found.case is None else f"{found.title}  [{found.case}, {found.candidates[0].confidence:.0%}]"
    ]
    if found.evidence and found.case:
        lines.append(f"  because of: {found.evidence}")
    lines += textwrap.wrap(found.cause, 110, initial_indent="  ", subsequent_indent="  ")
    lines += [f"  {number}. {step}" for number, step in enumerate(found.fix, 1)]
    if written(found.notebook):
        lines.append(f"  notebook: {found.notebook}")
    if found.case is None and found.candidates:
        lines.append("  perhaps: " + ", ".join(f"{c.id} ({c.confidence:.0%})" for c in found.candidates))
    return "\n".join(lines)


def written(notebook: str) -> bool:
    """Whether the notebook that the catalogue names is there yet."""
    return bool(notebook) and (NOTEBOOKS / f"{notebook}.ipynb").exists()


def page(found: Diagnosis) -> str:
    """The diagnosis as HTML; everything from the report is escaped."""
    steps = "".join(f"<li><code>{html.escape(step)}</code></li>" for step in found.fix)
    link = f"<p>Notebook: {html.escape(found.notebook)}</p>" if written(found.notebook) else ""
    evidence = f"<p><code>{html.escape(found.evidence)}</code></p>"
    return (
        '<div style="border-left:4px solid #888;padding:0.3em 0.8em">'
        f"<b>{html.escape(found.title)}</b>{evidence}<p>{html.escape(found.cause)}</p><ol>{steps}</ol>{link}</div>"
    )


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
