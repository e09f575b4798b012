"""*In a hurry* of the error notebooks: the text of the doctor's card, letter by letter, and first of all."""

import re
from dataclasses import replace

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from helpers import doctor
from helpers.doctor import card
from tools import hurry
from tools.ledger import read_notebooks

ERRORS = {name: book for name, book in read_notebooks().items() if hurry.case_of(book)}
CASES = {case.id: case for case in doctor.load()}
SHELL = """Ask the mirror:
`export HF_HUB_DISABLE_XET=1
hf download ID --local-dir model`"""
PYTHON = """Say it:
`encoding = "gb18030"
text = open("FILE", encoding=encoding).read()`"""


def words(text: str) -> str:
    """Letters and digits alone: what marks, escapes and line breaks leave of a text."""
    return re.sub(r"[\W_]+", "", text)


def test_it_comes_from_the_case_and_stands_below_the_title():
    assert ERRORS
    for name, notebook in ERRORS.items():
        assert hurry.position(notebook) == 1, f"{name}: python -m tools.hurry {name[:2]}"
        assert notebook.cells[1].source == hurry.source(hurry.case_of(notebook)), f"{name}: python -m tools.hurry"


@pytest.mark.parametrize("name", [name for name, book in ERRORS.items() if hurry.position(book)])
def test_it_says_what_the_doctors_card_says(name):
    """Every word of the cause and of each step; commands are marked, and so have a form for each shell."""
    case = hurry.case_of(ERRORS[name])
    found = doctor.Diagnosis(case.id, (doctor.Candidate(case.id, 1),), case.title, "", case.cause, case.fix, "")
    shown = words(re.sub(r"```\w*|<br>|^\d+\. ", "", ERRORS[name].cells[1].source, flags=re.MULTILINE))
    told = card.text(found)
    assert words(card.plain(case.cause)) in shown and words(card.plain(case.cause)) in words(told)
    assert any("`" in step for step in case.fix)
    for step in case.fix:
        prose = [words(card.plain(piece)) for piece in card.BLOCK.split(step)]
        assert all(piece in shown and piece in words(told) for piece in prose), step
        assert all(words(other) in shown and words(other) in words(told) for other in card.for_powershell(step)), step


def example(*steps: str) -> doctor.Case:
    return replace(CASES["unicode_decode_error"], cause="A <name> of `x_y`, $1 and * too.", fix=steps)


def test_how_a_step_is_written():
    one_line = hurry.source(example("Offline: `export HF_HUB_OFFLINE=1`, `hf auth login`"))
    assert '1. Offline: `export HF_HUB_OFFLINE=1`, `hf auth login`<br>PowerShell: `$env:HF_HUB_OFFLINE="1"`' in one_line
    assert r"A \<name\> of `x_y`, \$1 and \* too." in one_line
    shell = hurry.source(example("A", SHELL))
    assert "   ```bash\n   export HF_HUB_DISABLE_XET=1\n" in shell
    assert '   PowerShell:<br>`$env:HF_HUB_DISABLE_XET="1"`<br>`hf download ID --local-dir model`' in shell
    python = hurry.source(example(PYTHON))
    assert '   ```python\n   encoding = "gb18030"\n' in python and "powershell" not in python.lower()


def test_the_card_shows_blocks_as_they_are_and_no_marks():
    found = doctor.Diagnosis("x", (doctor.Candidate("x", 1),), "T", "", "C `a=1`.", (SHELL, PYTHON, "`pip`: <b>"), "")
    lines = doctor.text(found).splitlines()
    assert "     export HF_HUB_DISABLE_XET=1" in lines and '     $env:HF_HUB_DISABLE_XET="1"' in lines
    assert lines[lines.index('     $env:HF_HUB_DISABLE_XET="1"') - 1] == "     PowerShell:"
    assert '     encoding = "gb18030"' in lines and not any("`" in line for line in lines)
    page = card.page(found)
    assert "<pre>export HF_HUB_DISABLE_XET=1\nhf download ID --local-dir model</pre>" in page
    assert "<code>pip</code>: &lt;b&gt;" in page and "`" not in page and "`" not in doctor.to_json(found)


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "13_x.ipynb"
    cells = [new_markdown_cell("# Why?"), new_markdown_cell("## Reproduce")]
    nbformat.write(new_notebook(cells=cells, metadata={"course": {"case": "unicode_decode_error"}}), path)
    return path


def test_it_is_written_once_and_brought_in_line(notebook):
    assert hurry.write(notebook) and not hurry.write(notebook)
    book = nbformat.read(notebook, as_version=4)
    assert [cell.source.splitlines()[0] for cell in book.cells] == ["# Why?", "## In a hurry", "## Reproduce"]
    book.cells[1].source = "## In a hurry\n\nBy hand."
    nbformat.write(book, notebook)
    assert hurry.write(notebook)
    assert nbformat.read(notebook, as_version=4).cells[1].source == hurry.source(CASES["unicode_decode_error"])


@pytest.mark.parametrize("metadata", [{}, {"course": {"case": "no_such_case"}}])
def test_a_notebook_without_a_case_is_refused(notebook, metadata):
    book = nbformat.read(notebook, as_version=4)
    book.metadata = metadata
    nbformat.write(book, notebook)
    with pytest.raises(SystemExit) as ended:
        hurry.main([str(notebook)])
    assert ended.value.code == 2
