"""The ledger of topics, pitfalls, errors and claims, held against the notebooks.

A row is settled when the metadata of a markdown cell says so, `"course": {"settles": ["C43", "S1-05"]}`; the cell has
one heading, and the row names it. Visible text never names an id. `python -m tools.ledger` lists what stands where,
`--update` rewrites the ledger from the metadata, and the table of notebook 25 from the ledger and the stored outputs.
Keys of articles and references are in tools/sources.md.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import nbformat
import typer

from helpers import NOTEBOOKS
from helpers.errors import InputError
from helpers.files import write_jsonl
from helpers.myths import MYTHS, read_myths
from tools import myths
from tools.sections import headings, section, settling

LEDGER = Path(__file__).with_name("ledger.jsonl")
SOURCES = Path(__file__).with_name("sources.md")
KINDS = {"S": "topic", "P": "pitfall", "E": "error", "A": "error", "C": "claim"}
TEXT_FIELDS = ("id", "kind", "text", "verdict", "notebook", "heading", "status")
LIST_FIELDS = ("source", "references")

# In a verdict only the forms that nothing else has: A100, E4 or P2 may be hardware or number formats.
ID = re.compile(r"\b(?:S\d-\d{2}|C\d{2,3})\b")
LINK = re.compile(r"\]\(https?://|<https?://|[\w.-]+#\d+\b")
THREAD = re.compile(r"[\w.-]+(?:/[\w.-]+)?#\d+")


def load(path: Path = LEDGER) -> list[dict]:
    """The rows of the ledger, in file order. InputError names the line that is no JSON object."""
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            rows.append(dict(json.loads(line)))
        except (ValueError, TypeError) as error:
            raise InputError(f"{path.name}:{number}: not a JSON object ({error}); one row is one line") from error
    return rows


def save(rows: Iterable[dict], path: Path = LEDGER) -> None:
    """Write the rows, one a line; the file appears whole or not at all."""
    write_jsonl(path, rows)


def read_notebooks(directory: Path = NOTEBOOKS) -> dict[str, nbformat.NotebookNode]:
    """Every notebook of the directory by its name without suffix, in teaching order."""
    return {path.stem: nbformat.read(path, as_version=4) for path in sorted(directory.glob("*.ipynb"))}


def settled_by(notebooks: dict[str, nbformat.NotebookNode]) -> dict[str, list[tuple[str, str]]]:
    """Where each id is settled: id to (notebook, heading) pairs, in teaching order."""
    places: dict[str, list[tuple[str, str]]] = {}
    for name, notebook in notebooks.items():
        for at, ids in settling(notebook):
            for _, heading in headings(notebook.cells[at])[:1]:
                for row_id in ids:
                    places.setdefault(row_id, []).append((name, heading))
    return places


def update(rows: list[dict], notebooks: dict[str, nbformat.NotebookNode]) -> list[dict]:
    """The rows with status, heading and notebook as the notebooks say.

    An id settled in several places stays with the heading, else the notebook, that the row already names, else goes to
    the first.
    """
    places, updated = settled_by(notebooks), []
    for row in rows:
        found = places.get(row["id"], [])
        same = [place for place in found if place[0] == row["notebook"]]
        known = [place for place in same if place[1] == row["heading"]]
        name, heading = (known or same or found or [(row["notebook"], "")])[0]
        updated.append({**row, "notebook": name, "heading": heading, "status": "settled" if found else "later"})
    return updated


def read_sources(path: Path = SOURCES) -> dict[str, str]:
    """The keys that stand in the first column of the tables of tools/sources.md, and what each stands for."""
    return dict(re.findall(r"^\| ([A-Z]\w*) \| (.+?) \|$", path.read_text(encoding="utf-8"), re.MULTILINE))


def row_problems(row: dict, known: set[str], keys: set[str]) -> list[str]:
    """What is wrong with one row by itself; `known` are all ids there may be, `keys` those of tools/sources.md."""
    wrong = [f"field {name} is missing or no text" for name in TEXT_FIELDS if not isinstance(row.get(name), str)]
    wrong += [f"field {name} is missing or no list" for name in LIST_FIELDS if not isinstance(row.get(name), list)]
    wrong += [f"unknown field {name}" for name in row if name not in TEXT_FIELDS + LIST_FIELDS]
    if wrong:
        return wrong
    if row["kind"] != KINDS.get(row["id"][:1]):
        wrong.append(f"kind {row['kind']} does not fit the id")
    wrong += [f"{name} is empty" for name in ("text", "verdict") if not row[name].strip()]
    wrong += [f"{name} has over 400 characters" for name in ("text", "verdict") if len(row[name]) > 400]
    wrong += [f"source {key} is not in sources.md" for key in row["source"] if not re.fullmatch(r"S[0-4]", key)]
    if not row["source"] and not row["id"].startswith("A"):
        wrong.append("source is empty")
    if not row["references"] and row["kind"] != "topic":
        wrong.append("no reference: NONE says so")
    for reference in row["references"]:
        if reference not in keys and not THREAD.fullmatch(reference) and not reference.startswith("https://"):
            wrong.append(f"reference {reference} is no key of sources.md, thread or address")
    unknown = [other for other in ID.findall(row["verdict"]) if other not in known]
    wrong += [f"verdict names {other}, which does not exist" for other in unknown]
    if row["status"] not in ("settled", "later"):
        wrong.append(f"status {row['status']} is neither settled nor later")
    if not re.fullmatch(r"\d\d_[a-z0-9_]+", row["notebook"]):
        wrong.append(f"notebook {row['notebook']} is no notebook name")
    return wrong


def place_problems(row: dict, notebooks: dict[str, nbformat.NotebookNode], places: dict) -> list[str]:
    """What is wrong between one row and the notebooks; `places` is what settled_by gives."""
    wrong, here = [], places.get(row["id"], [])
    if row["status"] == "later":
        if here:
            wrong.append(f"is later, but {here[0][0]} settles it under '{here[0][1]}'")
        if row["heading"]:
            wrong.append("is later and names a heading")
        same_number = [name for name in notebooks if name[:2] == row["notebook"][:2] and name != row["notebook"]]
        if same_number:
            wrong.append(f"names {row['notebook']}, but that number is {same_number[0]}")
    elif row["notebook"] not in notebooks:
        wrong.append(f"is settled in {row['notebook']}, which does not exist")
    elif (row["notebook"], row["heading"]) not in here:
        wrong.append(f"heading '{row['heading']}' with this id does not stand in {row['notebook']}")
    return wrong


def notebook_problems(name: str, notebook: nbformat.NotebookNode, known: set[str]) -> list[str]:
    """What is wrong with the cells of one notebook that settle something: their ids, their heading, their evidence."""
    wrong = []
    for at, ids in settling(notebook):
        cell = notebook.cells[at]
        where = f"{name}: cell {cell.get('id', at)} settles {' '.join(ids)}"
        wrong += [f"{where}: {row_id} does not exist" for row_id in ids if row_id not in known]
        found = headings(cell)
        if len(found) != 1:
            wrong.append(f"{where}, and has {len(found)} headings in place of one")
        elif any(row_id.startswith("C") for row_id in ids) and not evidence(section(notebook, at)):
            wrong.append(f"{where} under '{found[0][1]}', where nothing ran and no source is named")
    return wrong


def evidence(cells: Iterable[nbformat.NotebookNode]) -> bool:
    """Whether a cell of a section stores an output, links to a source, or lists published figures in its metadata."""
    return any(
        cell.get("outputs") or "published" in cell.metadata.get("course", {}) or LINK.search(cell.source)
        for cell in cells
    )


def problems(rows: list[dict], expected: Iterable[str], notebooks: dict[str, nbformat.NotebookNode]) -> list[str]:
    """Everything that is wrong with the ledger, one line each; empty when all is well.

    `expected` are the ids that must be there, each exactly once.
    """
    counts, known = Counter(row.get("id") for row in rows), set(expected)
    wrong = [f"{row_id} is missing" for row_id in sorted(known) if row_id not in counts]
    wrong += [f"{row_id} stands there {count} times" for row_id, count in counts.items() if count > 1]
    wrong += [f"{row_id} is no known id" for row_id in counts if row_id not in known]
    keys, places = set(read_sources()), settled_by(notebooks)
    for row in rows:
        found = row_problems(row, known, keys) or place_problems(row, notebooks, places)
        wrong += [f"{row.get('id')}: {text}" for text in found]
    for name, notebook in notebooks.items():
        wrong += notebook_problems(name, notebook, known)
    return wrong


def main(
    update_file: Annotated[bool, typer.Option("--update", help="rewrite ledger and myths from the notebooks")] = False,
) -> None:
    """List the ledger by notebook; exit 1 when it does not fit the notebooks."""
    rows, notebooks = load(), read_notebooks()
    if update_file:
        before, rows = rows, update(rows, notebooks)
        save(rows)
        for old, new in zip(before, rows, strict=True):
            if old != new:
                print(f"{new['id']}: {old['status']} in {old['notebook']} -> {new['status']} in {new['notebook']}")
    for name in sorted({row["notebook"] for row in rows}):
        mine = [row for row in rows if row["notebook"] == name]
        later = [row["id"] for row in mine if row["status"] == "later"]
        print(f"{name}: {len(mine) - len(later)} settled, {len(later)} later {' '.join(later)}".rstrip())
    wrong = problems(rows, [row["id"] for row in rows], notebooks)
    table = myths.render(rows, myths.load_quotes(), notebooks, read_sources())
    if update_file:
        write_jsonl(MYTHS, table)
    elif table != read_myths():
        wrong.append("data/myths.jsonl is not what the notebooks say: python -m tools.ledger --update")
    for line in wrong:
        print(line, file=sys.stderr)
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    typer.run(main)
