"""The gallery's table, by which a reader finds an error: the doctor knows its words, no error notebook is left out."""

import re

import pytest
from notebook_gates import ROW

from helpers import NOTEBOOKS, doctor, reproduce
from tools.ledger import read_notebooks

BOOKS = read_notebooks()
GALLERY = "26_more_errors"
TABLE = BOOKS[GALLERY].cells[0].source
NOTEBOOK_ROW = re.compile(r"^\| (`{1,2})(.+?)\1 \| \[\d\d: [^]]+\]\((\w+)\.ipynb\) \|$", re.MULTILINE)
CASE = {name: book.metadata["course"]["case"] for name, book in BOOKS.items() if "course" in book.metadata}
WORDS = {case: words for _, words, case in ROW.findall(TABLE)}
WORDS |= {CASE[name]: words for _, words, name in NOTEBOOK_ROW.findall(TABLE)}
# What stands above the doctor's line says whose error it is; alone it is anybody's KeyError.
ANYBODYS = {"generate_got_a_mapping"}


def raised() -> dict[str, str]:
    """The last line of what each case's cell in the gallery raised."""
    return {
        reproduce.cases_of(cell)[0]: f"{output.ename}: {output.evalue}"
        for cell in BOOKS[GALLERY].cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    }


def test_the_table_has_every_error_notebook_and_every_case_of_the_gallery():
    assert set(WORDS) == {*CASE.values(), *raised()} and len(WORDS) > 40
    assert all((NOTEBOOKS / f"{name}.ipynb").exists() for _, _, name in NOTEBOOK_ROW.findall(TABLE))


@pytest.mark.parametrize("case", sorted(set(WORDS) - ANYBODYS))
def test_the_doctor_knows_the_words_of_the_table(case):
    assert doctor.diagnose(WORDS[case]).case == case


@pytest.mark.parametrize("case", sorted(set(raised()) - ANYBODYS))
def test_the_doctor_knows_the_last_line_alone(case):
    assert doctor.diagnose(raised()[case]).case == case
