"""The ledger against the list of what must be covered and against the notebooks; each check is proved to fail."""

import copy

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers.errors import InputError
from tools import ledger

TOPICS = {"S0": 27, "S1": 36, "S2": 25, "S3": 15, "S4": 20}
EXPECTED = [f"{article}-{number:02d}" for article, last in TOPICS.items() for number in range(1, last + 1)]
EXPECTED += [f"{kind}{number}" for kind, last in (("P", 5), ("E", 10), ("A", 28)) for number in range(1, last + 1)]
EXPECTED += [f"C{number:02d}" for number in range(1, 102)]


def test_ledger_is_complete_and_fits_the_notebooks():
    wrong = ledger.problems(ledger.load(), EXPECTED, ledger.read_notebooks())
    assert not wrong, "\n".join(wrong)


def test_ledger_is_up_to_date():
    rows = ledger.load()
    assert ledger.update(rows, ledger.read_notebooks()) == rows, "run python -m tools.ledger --update"


def test_no_row_says_later():
    assert not late(ledger.load()), "settle it in a notebook: a heading whose metadata names it"


def late(rows: list[dict]) -> list[str]:
    """The ids of the rows that no notebook settles."""
    return [row["id"] for row in rows if row["status"] != "settled"]


HEADING = "Which of the two is wider?"


def settling_cell(source: str, *ids: str):
    return new_markdown_cell(source, metadata={"course": {"settles": list(ids)}})


def small_world() -> tuple[list[dict], list[str], dict]:
    """Three rows, two of them settled in the one notebook, the third later."""
    expected = ["C58", "C99", "A6"]
    rows = [{**row, "status": "later", "heading": ""} for row in ledger.load() if row["id"] in expected]
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# LoRA"),
            settling_cell(f"### {HEADING}\n\nB is.\n\n```bash\n# a comment\n```", "C58", "C99"),
            new_code_cell("6 * 7", outputs=[new_output("stream", name="stdout", text="42")]),
            new_markdown_cell("#### A detail\n\nMore."),
            new_markdown_cell("## What was shown\n\nA100 is a GPU."),
        ]
    )
    for row in rows:
        row["notebook"] = "20_merging" if row["id"] == "A6" else "02_lora_math"
    notebooks = {"02_lora_math": notebook}
    return ledger.update(rows, notebooks), expected, notebooks


def test_small_world_is_settled_as_its_metadata_says():
    rows, expected, notebooks = small_world()
    assert {row["id"]: row["status"] for row in rows} == {"C58": "settled", "C99": "settled", "A6": "later"}
    assert {row["heading"] for row in rows} == {HEADING, ""}
    assert ledger.problems(rows, expected, notebooks) == []


def row_of(rows: list[dict], row_id: str) -> dict:
    return next(row for row in rows if row["id"] == row_id)


def write(notebooks: dict, text: str, *ids: str) -> None:
    notebooks["02_lora_math"].cells.append(settling_cell(text, *ids))


def settle(notebooks: dict, source: str) -> None:
    notebooks["02_lora_math"].cells[1].source = source


SPOILERS = {
    "a row is missing": lambda rows, books: rows.pop(),
    "a row stands there twice": lambda rows, books: rows.append(copy.deepcopy(rows[0])),
    "an unknown id": lambda rows, books: rows.append({**row_of(rows, "A6"), "id": "A66"}),
    "a missing field": lambda rows, books: rows[0].pop("verdict"),
    "an unknown field": lambda rows, books: rows[0].update(note="x"),
    "a field of another type": lambda rows, books: rows[0].update(source="S0"),
    "an empty verdict": lambda rows, books: rows[0].update(verdict=" "),
    "an empty text": lambda rows, books: rows[0].update(text=""),
    "the wrong kind": lambda rows, books: rows[0].update(kind="topic"),
    "no source": lambda rows, books: row_of(rows, "C58").update(source=[]),
    "an unknown source": lambda rows, books: rows[0].update(source=["S7"]),
    "no reference": lambda rows, books: row_of(rows, "C58").update(references=[]),
    "an unknown reference": lambda rows, books: rows[0].update(references=["XYZ"]),
    "a verdict that names an unknown claim": lambda rows, books: rows[0].update(verdict="As C555."),
    "an unknown status": lambda rows, books: rows[0].update(status="done"),
    "settled without a heading": lambda rows, books: row_of(rows, "C58").update(heading=""),
    "settled under a heading that is not there": lambda rows, books: row_of(rows, "C58").update(heading="Which?"),
    "settled under a heading without the id": lambda rows, books: row_of(rows, "A6").update(
        status="settled", notebook="02_lora_math", heading=HEADING
    ),
    "settled in a notebook that is not there": lambda rows, books: row_of(rows, "C58").update(notebook="03_none"),
    "the notebook has gone": lambda rows, books: books.clear(),
    "the cell has gone": lambda rows, books: books["02_lora_math"].cells.pop(1),
    "the heading was renamed": lambda rows, books: settle(books, "### Which is narrower?"),
    "the metadata has gone": lambda rows, books: books["02_lora_math"].cells[1].metadata.clear(),
    "later, but settled by a cell": lambda rows, books: row_of(rows, "C58").update(status="later", heading=""),
    "later, with a heading": lambda rows, books: row_of(rows, "A6").update(heading=HEADING),
    "later, in a notebook of another name": lambda rows, books: row_of(rows, "A6").update(notebook="02_maths"),
    "a cell with an unknown id": lambda rows, books: write(books, "### What else?", "S3-99"),
    "a cell with a range": lambda rows, books: write(books, "### What else?", "C58–C99"),
    "a cell with no heading": lambda rows, books: write(books, "Text.", "C58"),
    "a cell whose heading is a comment": lambda rows, books: write(books, "```bash\n# no heading\n```", "C58"),
    "a cell with two headings": lambda rows, books: write(books, "### One\n\n### Two\n\n[x](https://a.org)", "C58"),
    "a code cell that settles": lambda rows, books: (
        books["02_lora_math"].cells[2].metadata.update(course={"settles": ["C58"]})
    ),
    "a claim where nothing ran": lambda rows, books: books["02_lora_math"].cells[2].outputs.clear(),
    "a claim where nothing runs": lambda rows, books: books["02_lora_math"].cells.pop(2),
    "code that runs in the next section": lambda rows, books: books["02_lora_math"].cells.insert(
        1, books["02_lora_math"].cells.pop(2)
    ),
}


@pytest.mark.parametrize("name", SPOILERS)
def test_problems_catches(name):
    rows, expected, notebooks = small_world()
    SPOILERS[name](rows, notebooks)
    assert ledger.problems(rows, expected, notebooks), f"let pass: {name}"


def test_a_vanished_heading_makes_its_rows_later_again():
    rows, _, _ = small_world()
    gone = ledger.update(rows, {})
    assert {row["status"] for row in gone} == {"later"} and {row["heading"] for row in gone} == {""}
    assert late(gone) == [row["id"] for row in rows]


@pytest.mark.parametrize(
    "text, course",
    [
        ("As [they measured](https://a.org/table) on an A100.", {}),
        ("Reported in huggingface/peft#1234.", {}),
        ("One table has 18.9 GB.", {"published": ["18.9"]}),
    ],
)
def test_a_published_reference_settles_a_claim_too(text, course):
    rows, expected, notebooks = small_world()
    code, below = notebooks["02_lora_math"].cells[2:4]
    code.outputs.clear()
    assert ledger.problems(rows, expected, notebooks)
    below.source += f"\n\n{text}"
    below.metadata.course = course
    assert ledger.problems(rows, expected, notebooks) == []


def test_an_id_settled_in_two_places_stays_where_its_row_has_it():
    rows, expected, notebooks = small_world()
    write(notebooks, "## Once more\n\n[x](https://a.org)", "C58")
    assert ledger.update(rows, notebooks) == rows and ledger.problems(rows, expected, notebooks) == []
    notebooks["02_lora_math"].cells.pop(1)
    assert row_of(ledger.update(rows, notebooks), "C58")["heading"] == "Once more"
    assert row_of(ledger.update(rows, notebooks), "C99")["status"] == "later"


def test_a_broken_line_is_named_and_a_saved_ledger_reads_back(tmp_path):
    path = tmp_path / "ledger.jsonl"
    ledger.save(ledger.load(), path)
    assert ledger.load(path) == ledger.load()
    path.write_text('{"id": "C01"}\n[not json\n', encoding="utf-8")
    with pytest.raises(InputError, match="ledger.jsonl:2"):
        ledger.load(path)
