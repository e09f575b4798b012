"""The table of notebook 25: each claim of the ledger that is settled, with its ruling and what a cell measured.

`tools/myths.toml` says of each claim how it is ruled, and which words of which stored output are its number. Nothing
of them is typed: `find` is looked for in what the cell shows, and its groups fill the braces of `say`.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import nbformat

from helpers.errors import InputError
from helpers.myths import RULINGS
from tools.sections import headings, section, shown_text

QUOTES = Path(__file__).with_name("myths.toml")
FIELDS = {"ruling", "cell", "find", "say", "rank"}
# Digits that stand alone: those in 7B, NF4 or Llama-2 are names.
TYPED = re.compile(r"(?<![\w.-])\d[\d.,]*(?![\w])")

THREADS = "https://github.com/"

Notebook = nbformat.NotebookNode


def load_quotes(path: Path = QUOTES) -> dict[str, dict]:
    """Of each claim's id what the file says. InputError for a ruling, field or pattern that cannot be."""
    quotes = tomllib.loads(path.read_text(encoding="utf-8"))
    for name, quote in quotes.items():
        for problem in quote_problems(quote):
            raise InputError(f"{path.name}: {name}: {problem}")
    return quotes


def quote_problems(quote: dict) -> Iterator[str]:
    """What is wrong with one entry by itself."""
    if quote.get("ruling") not in RULINGS:
        yield f"ruling is {quote.get('ruling')}, which is none of {', '.join(RULINGS)}"
    if unknown := set(quote) - FIELDS:
        yield f"unknown field {', '.join(sorted(unknown))}"
    if len({"cell", "find", "say"} & set(quote)) not in (0, 3):
        yield "cell, find and say belong together"
    if typed := TYPED.search(re.sub(r"\{\d*\}", "", quote.get("say", ""))):
        yield f"say has the typed number {typed[0]}; take it from the output with a group of find"


def measured(quote: dict, cells: Iterable[Notebook]) -> str:
    """The sentence of one claim, its numbers out of the cell that it names. InputError where they are not there."""
    if "cell" not in quote:
        return ""
    shown = {cell.id: shown_text(cell) for cell in cells}
    if quote["cell"] not in shown:
        raise InputError(f"cell {quote['cell']} is not in the section that settles it")
    found = re.search(quote["find"], shown[quote["cell"]], re.DOTALL)
    if not found:
        raise InputError(f"cell {quote['cell']} does not show {quote['find']}")
    return quote["say"].format(*found.groups())


def sources(references: Iterable[str], known: dict[str, str]) -> list[list[str]]:
    """(name, address) of what is published: keys of tools/sources.md and threads; runs and arithmetic have none."""
    found = [[reference, THREADS + reference.replace("#", "/issues/")] for reference in references if "/" in reference]
    for key in references:
        if address := re.search(r"https://\S+", known.get(key, "")):
            name = known[key].replace(address[0], address[0].removeprefix("https://github.com/"))
            found.append([name.partition(", ")[0] if ", https" in known[key] else name, address[0]])
    return found


def reason(verdict: str) -> str:
    """A verdict without the one to three words before its colon: the ruling says them."""
    return re.sub(r"^(?:\w+ ){0,2}\w+: (?:([a-z]+)(?!\w))?", lambda found: (found[1] or "").capitalize(), verdict)


def place(row: dict, notebook: Notebook) -> int:
    """The position of the heading under which a row is settled. InputError where there is none."""
    for at, cell in enumerate(notebook.cells):
        here = row["id"] in cell.metadata.get("course", {}).get("settles", [])
        if here and row["heading"] in [text for _, text in headings(cell)[:1]]:
            return at
    raise InputError(f"heading '{row['heading']}' with this id does not stand in {row['notebook']}")


def render(
    rows: Iterable[dict], quotes: dict[str, dict], notebooks: dict[str, Notebook], references: dict[str, str]
) -> list[dict]:
    """The rows of the table, in the ledger's order: every claim that is settled. InputError names all that is wrong.

    `references` are the keys of tools/sources.md with what each stands for.
    """
    table, wrong = [], []
    claims = [row for row in rows if row["kind"] == "claim" and row["status"] == "settled"]
    wrong += [f"{name}: no settled claim has this id" for name in quotes if name not in {row["id"] for row in claims}]
    for row in claims:
        try:
            if row["id"] not in quotes:
                raise InputError("no entry")
            quote, notebook = quotes[row["id"]], notebooks[row["notebook"]]
            at = place(row, notebook)
            table.append(
                {
                    "claim": row["text"],
                    "ruling": quote["ruling"],
                    "verdict": reason(row["verdict"]),
                    "measured": measured(quote, section(notebook, at)),
                    "sources": sources(row["references"], references),
                    "notebook": row["notebook"],
                    "heading": row["heading"],
                    "cell": notebook.cells[at].id,
                    "rank": quote.get("rank", 0),
                }
            )
        except InputError as error:
            wrong.append(f"{row['id']}: {error}")
    if wrong:
        raise InputError("tools/myths.toml does not fit the notebooks:\n" + "\n".join(wrong))
    return table
