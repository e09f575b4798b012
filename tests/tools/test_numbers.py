"""Numbers in the prose of the rewritten lessons: all confirmed, and nearly all go red when their last digit changes."""

import copy
from decimal import Decimal

import number_gates as gates
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.ledger import read_notebooks

LESSONS = read_notebooks()
CAUGHT = 2 / 3  # the least share of changed numbers that the gate must notice in each lesson


@pytest.mark.parametrize("name", LESSONS)
def test_numbers_in_prose_are_confirmed(name):
    wrong = gates.prose_numbers(LESSONS[name])
    assert not wrong, f"{name}:\n" + "\n".join(wrong)


def changed(source: str, one: gates.Quoted, step: int) -> str:
    """The source with that number's last digit raised or lowered by one."""
    value = one.value + step * Decimal(1).scaleb(one.value.as_tuple().exponent)
    text = f"{value:,f}" if "," in one.text else str(value) if "e" in one.text else f"{value:f}"
    return source[: one.start] + text + source[one.start + len(one.text) :]


def mutations(notebook):
    """(cell id, number, whether the gate noticed) for each number of the prose, one up and one down."""
    before = len(gates.prose_numbers(notebook))
    for at, cell in enumerate(notebook.cells):
        for one in gates.quoted(cell.source) if cell.cell_type == "markdown" else []:
            for step in (1, -1):
                other = copy.copy(notebook)
                other.cells = list(notebook.cells)
                other.cells[at] = copy.copy(cell)
                other.cells[at].source = changed(cell.source, one, step)
                yield cell.id, one.text, len(gates.prose_numbers(other)) > before


@pytest.mark.slow
@pytest.mark.parametrize("name", LESSONS)
def test_most_changed_numbers_go_red(name):
    """All but a few: a count that is another count elsewhere in the section stays unnoticed."""
    found = list(mutations(LESSONS[name]))
    missed = [f"{cell}: {text}" for cell, text, noticed in found if not noticed]
    print(f"{name}: {len(found) - len(missed)} of {len(found)} changed numbers noticed; missed: {', '.join(missed)}")
    assert len(missed) <= (1 - CAUGHT) * len(found), f"{name}: unnoticed {missed}"


def sample(prose: str, below: str = "", **metadata):
    """A notebook that prints 0.9527, 1,234 and 85 of 100 in the section of the prose, and 17.25 in another."""
    printed = new_output("stream", name="stdout", text="share 0.9527\n1,234 rows\n85 of 100\n")
    table = new_output("display_data", data={"text/html": "<td>17.25</td><td>33</td>", "text/plain": "..."})
    return new_notebook(
        cells=[
            new_markdown_cell("# Why?\n\n2 minutes on `tiny`."),
            new_markdown_cell(f"## One\n\n{prose}", metadata=metadata),
            new_code_cell("epochs = 12\nrate = 3e-4", outputs=[printed]),
            new_markdown_cell("## Two"),
            new_code_cell("pass", outputs=[table]),
            new_markdown_cell(f"## What was shown\n\n{below}"),
        ]
    )


@pytest.mark.parametrize(
    "prose",
    [
        "It answered 85 of 100, 95% (95.3%, 95.27%) of them; a loss of -0.9527, or 0.95.",
        "In 12 epochs at 3e-4, which is 0.0003, over 1,234 rows (1234).",
        "Elsewhere it was 17.25, or 17.2 or 17.3.",
        "7 of 9 rows, NF4 in 4-bit, 16 bits, 16- or 32-bit, a 7B model, Qwen2.5, torch 2.13.0, 2024, for 11 minutes.",
        "See [04, the 77 rows](04_training.ipynb), `r=77`, $77^2$, <https://a.org/77> and <b data-x='77'>this</b>.",
        "1. one\n2. two\n\n```text\n77\n```\n\n<details><summary>77</summary>\n77\n</details>\n\n### 77 rows",
    ],
)
def test_these_are_confirmed_or_no_numbers(prose):
    assert gates.prose_numbers(sample(prose)) == []


@pytest.mark.parametrize(
    "prose",
    [
        "86 of them",
        "96% of them",
        "95.4% of them",
        "0.953 or 0.954",
        "13 epochs",
        "a rate of 2e-4",
        "1,235 rows",
        "33 stands in the next section",
        "17.4 stands nowhere",
        "two tables, of 77 and",
        "> **You will read:** *it is 10 times faster*",
        "| a | 77 |",
        "9% of them",
    ],
)
def test_these_are_not(prose):
    assert gates.prose_numbers(sample(prose))


def test_published_figures_and_the_summary():
    assert gates.prose_numbers(sample("They report 18.9 GB.", course={"published": ["18.9"]})) == []
    assert gates.prose_numbers(sample("They report 19.9 GB.", course={"published": ["18.9"]}))
    assert gates.prose_numbers(sample("", below="- 33 rows, 85 right")) == []
    assert gates.prose_numbers(sample("", below="- 34 rows, 85 right"))


def test_the_change_is_one_in_the_last_digit():
    for before, step, after in (
        ("1,999", 1, "2,000"),
        ("12.5", -1, "12.4"),
        ("3e-4", 1, "0.0004"),
        ("0.950", 1, "0.951"),
    ):
        (one,) = gates.quoted(f"x {before} y")
        assert gates.number(changed(f"x {before} y", one, step).split()[1]) == gates.number(after)
