"""The gates for style over notebooks/, and the proof of each: a notebook spoiled in that one way is caught."""

import pytest
import style_gates as gates
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers import DATA, ROOT
from tools.ledger import read_notebooks

NOTEBOOKS = read_notebooks()


def code(source: str, shown: str = "", *tags: str, **metadata):
    outputs = [new_output("stream", name="stdout", text=shown)] if shown else []
    return new_code_cell(source, outputs=outputs, metadata={"tags": list(tags), **metadata})


def sample():
    """A lesson that passes every gate for style."""
    hidden = {"jupyter": {"source_hidden": True}}
    sentence = new_output("display_data", data={"text/markdown": "**42**", "text/plain": "<Markdown object>"})
    return new_notebook(
        cells=[
            new_markdown_cell("# Why?\n\nOn an A100 or an A10, with bf16=True (peft#1234): c10::Half."),
            code("from helpers.notebook import setup; setup()" + " " * 60, "Profile tiny", "setup"),
            code("print(answer := 6 * 7)", "42\n"),
            new_code_cell("display(...)", outputs=[sentence], metadata=hidden),
            code("assert answer == 42", "", gates.CHECK, **hidden),
            new_markdown_cell("### Exercise: double it\n\nEasy, useful, 5 minutes."),
            code("def double(x):\n    raise NotImplementedError", course={"exercise": "double"}, shown=""),
            code("check.double(double)", "Not written yet"),
            new_markdown_cell(
                "<details><summary>Solution</summary>\n\n```python\ndef double(x):\n    return 2 * x\n```\n</details>",
                metadata={"course": {"solution": "double"}},
            ),
        ]
    )


def show(notebook, **data) -> None:
    notebook.cells[2].outputs.append(new_output("display_data", data=data))


SPOILERS = {
    "a claim in a heading": (
        gates.no_codes,
        lambda n: n.cells[5].update(source="### Claim check C43: exercise, 5 min"),
    ),
    "a topic in a heading": (gates.no_codes, lambda n: n.cells[5].update(source="### S1-05: exercise")),
    "an error in a heading": (gates.no_codes, lambda n: n.cells[5].update(source="### Topics A7: exercise")),
    "a claim in prose": (gates.no_codes, lambda n: n.cells[0].update(source="# Why?\n\n*Verdict:* C43 is wrong.")),
    "an article in prose": (gates.no_codes, lambda n: n.cells[0].update(source="# Why?\n\nLoRA saves 90 % (S0).")),
    "a code in a comment": (gates.no_codes, lambda n: n.cells[2].update(source="answer = 42  # settles C101")),
    "a code in a string": (gates.no_codes, lambda n: n.cells[2].update(source="print('S4-20')")),
    "a code in an output": (gates.no_codes, lambda n: n.cells[2].outputs[0].update(text="C43: wrong\n")),
    "a code in a table": (gates.no_codes, lambda n: show(n, **{"text/html": "<td>C43</td>"})),
    "a code in a written text": (gates.no_codes, lambda n: show(n, **{"text/markdown": "see C43"})),
    "a check whose source shows": (gates.check_cells, lambda n: n.cells[4].metadata.pop("jupyter")),
    "a check that prints": (gates.check_cells, lambda n: n.cells[4].outputs.append(n.cells[2].outputs[0])),
    "a check that cannot fail": (gates.check_cells, lambda n: n.cells[4].update(source="assert True")),
    "a check without assert": (gates.check_cells, lambda n: n.cells[4].update(source="answer == 42")),
    "a hidden cell that is no check": (gates.check_cells, lambda n: n.cells[4].metadata.tags.clear()),
    "a hidden cell that prints": (gates.check_cells, lambda n: n.cells[2].metadata.update(n.cells[3].metadata)),
    "a printed truth": (gates.no_booleans, lambda n: n.cells[2].outputs[0].update(text="equal: True\n")),
    "a printed untruth": (gates.no_booleans, lambda n: n.cells[2].outputs[0].update(text="fits = False, all right\n")),
    "a truth in a written text": (gates.no_booleans, lambda n: show(n, **{"text/markdown": "fits: True"})),
    "a long line": (gates.short_lines, lambda n: n.cells[2].update(source="x = '" + "x" * 84 + "'")),
    "a long line in a check": (gates.short_lines, lambda n: n.cells[4].update(source="assert " + "x" * 84)),
    "a tall cell": (gates.one_idea_a_cell, lambda n: n.cells[4].update(source="assert x\n" * 21)),
    "tall cells throughout": (gates.one_idea_a_cell, lambda n: [n.cells[at].update(source="x\n" * 7) for at in (2, 7)]),
    "no exercise": (gates.exercises, lambda n: n.cells.__delitem__(slice(5, None))),
    "an exercise without its heading": (gates.exercises, lambda n: n.cells[5].update(source="5 minutes")),
    "an exercise without minutes": (gates.exercises, lambda n: n.cells[5].update(source="### Exercise")),
    "a stub that is written": (gates.exercises, lambda n: n.cells[6].update(source="def double(x):\n    return 2 * x")),
    "a number to guess": (gates.exercises, lambda n: n.cells[6].update(source="double = 0")),
    "no check below": (gates.exercises, lambda n: n.cells.pop(7)),
    "the check of another exercise": (gates.exercises, lambda n: n.cells[7].update(source="check.halve(double)")),
    "no solution": (gates.exercises, lambda n: n.cells.pop(8)),
    "a solution that is not folded": (
        gates.exercises,
        lambda n: n.cells[8].update(source="```python\ndef double(x):\n    return 2 * x\n```"),
    ),
    "a solution left over": (
        gates.exercises,
        lambda n: n.cells.append(new_markdown_cell("...", metadata={"course": {"solution": "halve"}})),
    ),
}


@pytest.mark.parametrize("gate", (*gates.STYLE_GATES, *gates.LESSON_GATES), ids=lambda gate: gate.__name__)
def test_gates_pass_a_good_lesson_and_are_all_proved(gate):
    assert gate(sample()) == []
    assert gate in [spoiled for spoiled, _ in SPOILERS.values()]


@pytest.mark.parametrize("name", SPOILERS)
def test_gate_catches(name):
    gate, spoil = SPOILERS[name]
    notebook = sample()
    spoil(notebook)
    assert gate(notebook), f"{gate.__name__} let pass: {name}"


@pytest.mark.parametrize("name", NOTEBOOKS)
@pytest.mark.parametrize("gate", gates.STYLE_GATES, ids=lambda gate: gate.__name__)
def test_style_of_every_notebook(gate, name):
    wrong = gate(NOTEBOOKS[name])
    assert not wrong, f"{name}: " + "; ".join(wrong)


@pytest.mark.parametrize("name", NOTEBOOKS)
@pytest.mark.parametrize("gate", gates.LESSON_GATES, ids=lambda gate: gate.__name__)
def test_style_of_a_lesson(gate, name):
    wrong = gate(NOTEBOOKS[name])
    assert not wrong, f"{name}: " + "; ".join(wrong)


def test_no_codes_in_what_commands_print():
    """Errors, repairs and findings come from these files; only the catalogue's `ledger`, never shown, has codes."""
    shown = [
        path for folder in (ROOT / "helpers", DATA) for path in folder.rglob("*") if path.suffix in (".py", ".toml")
    ]
    assert len(shown) > 100
    for path in [*shown, DATA / "published_memory.jsonl"]:
        lines = path.read_text(encoding="utf-8").splitlines()
        found = [line for line in lines if gates.CODE.search(line) and not line.startswith("ledger = ")]
        assert not found, f"{path.name}: {found}"
