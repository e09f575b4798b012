"""What people read about LoRA: each claim with its ruling, what was measured, and the section that measured it.

The table, `data/myths.jsonl`, is rendered from the outputs of the notebooks; no number in it is typed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import TypedDict, cast

from helpers import DATA
from helpers.files import load_jsonl

MYTHS = DATA / "myths.jsonl"
RULINGS = {
    "wrong": "does not hold",
    "depends": "holds under conditions",
    "unsourced": "no measurement behind it",
    "outdated": "out of date",
    "holds": "holds",
}


class Myth(TypedDict):
    """A claim, one of RULINGS, the verdict in words, what was measured ("" where nothing was), and where.

    `sources` are (name, address) of what others published; `cell` is the id of the heading in `notebook`; `rank` is 1
    to 10 for those that surprise most, else 0.
    """

    claim: str
    ruling: str
    verdict: str
    measured: str
    sources: list[list[str]]
    notebook: str
    heading: str
    cell: str
    rank: int


def read_myths(path: Path = MYTHS) -> list[Myth]:
    """All claims, in the order in which the course keeps them."""
    return cast(list[Myth], load_jsonl(path))


def find_myths(myths: Iterable[Myth], words: str = "", ruling: str = "", notebook: str = "") -> list[Myth]:
    """The claims that have all of the words somewhere, that ruling and that notebook; "" asks for nothing."""
    wanted = words.lower().split()
    return [
        myth
        for myth in myths
        if ruling in ("", myth["ruling"])
        and notebook in ("", myth["notebook"])
        and all(word in " ".join(map(str, myth.values())).lower() for word in wanted)
    ]


def link(myth: Myth) -> str:
    """A link, from another notebook, to the section that measured it."""
    return f"[{myth['notebook'][:2]}: {plain(myth['heading'])}]({myth['notebook']}.ipynb#cell-id={myth['cell']})"


def plain(text: str) -> str:
    """Text for a cell of a Markdown table: what would be read as markup is not, but for code in backticks."""
    text = html.escape(text, quote=False)
    for mark in "|*_[]~$":
        text = text.replace(mark, f"&#{ord(mark)};")
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", text)


def published(myth: Myth) -> str:
    """Links to what others published on it, in brackets; empty where nobody did."""
    links = "; ".join(f"[{plain(name)}]({address})" for name, address in myth["sources"])
    return f" ({links})" if links else ""


def table(myths: Iterable[Myth]) -> str:
    """A Markdown table of the claims, one a line; the link to the section stands behind what was measured."""
    lines = ["| you will read | verdict | why | measured |", "|---|---|---|---|"]
    for myth in myths:
        claim, verdict, measured = (plain(myth[name]) for name in ("claim", "verdict", "measured"))
        cells = (claim, RULINGS[myth["ruling"]], verdict + published(myth), f"{measured} ({link(myth)})".strip())
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def by_lesson(myths: Iterable[Myth]) -> str:
    """A table for each lesson that measured some of the claims, below its link, in the order of the lessons."""
    lessons = groupby(sorted(myths, key=lambda myth: myth["notebook"]), lambda myth: myth["notebook"])
    return "\n\n".join(f"**Lesson [{name[:2]}]({name}.ipynb)**\n\n{table(some)}" for name, some in lessons)


def callout(myth: Myth) -> str:
    """One claim as a quotation with its verdict and what was measured, in Markdown."""
    return (
        f"> **You will read:** “{plain(myth['claim'])}”\n>\n"
        f"> **Measured:** {plain(myth['measured'])} ({link(myth)}).\n>\n"
        f"> **Verdict:** {RULINGS[myth['ruling']]}. {plain(myth['verdict'])}"
    )
