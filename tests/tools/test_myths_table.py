"""The table of notebook 25 against the ledger and the stored outputs: every number, every link, every settled claim."""

import copy
import re
from collections.abc import Iterable

import number_gates
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from style_gates import CODE

from helpers.errors import InputError
from helpers.myths import MYTHS, by_lesson, callout, read_myths
from tools import ledger, myths
from tools.sections import headings, section

NOTEBOOKS = ledger.read_notebooks()
(LESSON,) = (notebook for name, notebook in NOTEBOOKS.items() if name.startswith("25_"))
ROWS = [row for row in ledger.load() if row["kind"] == "claim"]
SETTLED = [row for row in ROWS if row["status"] == "settled"]
QUOTES = myths.load_quotes()
PUBLISHED_NOWHERE = {"RUN", "LIB", "CALC", "NONE"}


def rendered(notebooks=NOTEBOOKS, rows=ROWS, quotes=QUOTES) -> list[dict]:
    return myths.render(rows, quotes, notebooks, ledger.read_sources())


def test_the_table_is_what_the_notebooks_say():
    assert read_myths() == rendered(), "run python -m tools.ledger --update, then python -m tools.execute 25"


def test_every_claim_with_a_verdict_stands_in_the_table_once():
    assert [myth["claim"] for myth in read_myths()] == [row["text"] for row in SETTLED]
    assert sorted(myth["rank"] for myth in read_myths() if myth["rank"]) == list(range(1, 11))


def test_the_table_has_every_claim():
    assert SETTLED == ROWS, "a claim is later: its heading has gone, or its notebook was not run"


def shown(notebook) -> list[str]:
    """The texts that a notebook's cells display as Markdown."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    return [output.data["text/markdown"] for output in outputs if "text/markdown" in output.get("data", {})]


def not_shown(texts: list[str]) -> list[str]:
    """What the lesson should show of the table and does not, and lines of tables that are none of it."""
    whole = by_lesson(read_myths())
    wanted = [whole, *(callout(myth) for myth in read_myths() if myth["rank"])]
    lines = [line for text in texts for line in text.splitlines() if line.startswith("| ")]
    return [text[:80] for text in wanted if text not in texts] + [line for line in lines if line not in whole]


def test_the_stored_lesson_shows_the_table_and_the_ten():
    texts = shown(LESSON)
    assert not not_shown(texts), "run python -m tools.execute 25"
    number = re.search(r"\d+ of \d+ answers", "\n".join(texts))[0]
    stale = not_shown([text.replace(number, "49 of 50 answers") for text in texts])
    assert len(stale) == 4  # its callout; the table, for its line there; and that line in a closing list


LANDS = re.compile(r"\((\w+)\.ipynb#cell-id=([\w-]+)\)")


def lost(texts: Iterable[str], notebooks) -> list[str]:
    """The links to a cell that is not there, or is no heading."""
    known = {(name, cell.id) for name, notebook in notebooks.items() for cell in notebook.cells if headings(cell)}
    return [f"{name} {cell}" for text in texts for name, cell in LANDS.findall(text) if (name, cell) not in known]


def texts_of(notebook) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"] + shown(notebook)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_link_to_a_cell_lands_on_a_heading(name):
    assert not lost(texts_of(NOTEBOOKS[name]), NOTEBOOKS)


def test_a_lost_link_is_seen():
    others = {name: notebook for name, notebook in NOTEBOOKS.items() if name != "04_training"}
    assert lost(texts_of(LESSON), others)
    assert lost(["[x](04_training.ipynb#cell-id=end-tokens)", "[x](04_training.ipynb#cell-id=shares)"], NOTEBOOKS)


def test_each_row_links_to_a_heading_whose_metadata_names_it():
    for row, myth in zip(SETTLED, read_myths(), strict=True):
        (cell,) = (cell for cell in NOTEBOOKS[myth["notebook"]].cells if cell.id == myth["cell"])
        assert headings(cell)[0][1] == myth["heading"] and row["id"] in cell.metadata["course"]["settles"], row["id"]


def typed(row: dict, notebooks) -> list[str]:
    """Numbers of a verdict that neither the claim, nor its section, nor anybody else's publication can have given."""
    if set(row["references"]) - PUBLISHED_NOWHERE:
        return []
    notebook = notebooks[row["notebook"]]
    near = number_gates.sources(section(notebook, myths.place(row, notebook)))
    claimed, whole = number_gates.numbers(row["text"]), number_gates.sources(notebook.cells)
    published = {text for cell in notebook.cells for text in cell.metadata.get("course", {}).get("published", [])}
    return [
        one.text
        for one in number_gates.quoted(row["verdict"])
        if one.value not in claimed and one.text not in published
        if not number_gates.confirmed(one, *(whole if one.specific else near))
    ]


@pytest.mark.parametrize("row", SETTLED, ids=lambda row: row["id"])
def test_numbers_of_a_verdict_are_measured_or_published(row):
    assert not typed(row, NOTEBOOKS)


def test_a_typed_number_is_seen():
    (row,) = (row for row in SETTLED if row["id"] == "C68")
    assert typed({**row, "verdict": "Holds: 0.4711 against 0.108.", "references": ["RUN"]}, NOTEBOOKS) == ["0.4711"]


def test_nothing_that_a_reader_sees_names_an_id():
    assert not CODE.findall(MYTHS.read_text(encoding="utf-8"))


def small_world():
    """A claim that is settled where a cell printed its number, and what is said of it."""
    output = new_output("stream", name="stdout", text="\x1b[1m16 of 50\x1b[0m answers survive\n")
    cells = [
        new_markdown_cell("# Merging"),
        new_markdown_cell("## Other merges", id="others", metadata={"course": {"settles": ["C43"]}}),
        new_code_cell("ask()", id="asked", outputs=[output]),
        new_markdown_cell("## What was shown"),
        new_code_cell("", id="later", outputs=[output]),
    ]
    (row,) = (row for row in ROWS if row["id"] == "C43")
    quote = {"ruling": "wrong", "cell": "asked", "find": r"(\d+) of (\d+)", "say": "{0} of {1} answers"}
    rows = [{**row, "notebook": "20_a", "heading": "Other merges", "status": "settled"}]
    return {"20_a": new_notebook(cells=cells)}, rows, {"C43": quote}


def test_a_number_comes_out_of_the_output():
    notebooks, rows, quotes = small_world()
    (myth,) = rendered(notebooks, rows, quotes)
    assert (myth["measured"], myth["cell"], myth["rank"]) == ("16 of 50 answers", "others", 0)
    assert ["huggingface/peft#2105", "https://github.com/huggingface/peft/issues/2105"] in myth["sources"]
    notebooks["20_a"].cells[2].outputs[0].text = "17 of 50 answers survive\n"
    assert rendered(notebooks, rows, quotes)[0]["measured"] == "17 of 50 answers"


SPOILED = {
    "the cell does not show it": lambda book, rows, quotes: book.cells[2].outputs.clear(),
    "the cell is gone": lambda book, rows, quotes: book.cells.pop(2),
    "the cell is in another section": lambda book, rows, quotes: quotes["C43"].update(cell="later"),
    "the heading was renamed": lambda book, rows, quotes: book.cells[1].update(source="## Another"),
    "the heading names another claim": lambda book, rows, quotes: book.cells[1].metadata.update(course={}),
    "a claim without a ruling": lambda book, rows, quotes: quotes.clear(),
    "a ruling without a claim": lambda book, rows, quotes: quotes.update(C44={"ruling": "holds"}),
    "a ruling of a claim that is later": lambda book, rows, quotes: rows[0].update(status="later"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_render_refuses(name):
    notebooks, rows, quotes = copy.deepcopy(small_world())
    SPOILED[name](notebooks["20_a"], rows, quotes)
    with pytest.raises(InputError, match="C4[34]"):
        rendered(notebooks, rows, quotes)


@pytest.mark.parametrize(
    "quote, says",
    [
        ('ruling = "perhaps"', "ruling is perhaps"),
        ('ruling = "wrong"\nnumber = 7', "unknown field number"),
        ('ruling = "wrong"\ncell = "a"', "belong together"),
        ('ruling = "wrong"\ncell = "a"\nfind = "x"\nsay = "16 of {}"', "typed number 16"),
        ('ruling = "wrong"\ncell = "a"\nfind = "x"\nsay = "{0} of a 7B in NF4"', ""),
    ],
)
def test_quotes_are_read_or_refused(quote, says, tmp_path):
    path = tmp_path / "myths.toml"
    path.write_text(f"[C43]\n{quote}\n", encoding="utf-8")
    if not says:
        assert "C43" in myths.load_quotes(path)
        return
    with pytest.raises(InputError, match=f"C43: .*{says}"):
        myths.load_quotes(path)
