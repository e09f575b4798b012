"""The gates over notebooks/, and the proof of each: a notebook spoiled in that one way is caught."""

import copy
import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import notebook_gates as gates
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbval.plugin import get_sanitize_patterns

from helpers import NOTEBOOKS, ROOT
from helpers.errors import InputError
from tools import execute as notebooks
from tools.execute import TEMPORARY, fold_frames, normalise, shorten_frames
from tools.ledger import read_notebooks

STORED = read_notebooks()
NAMES = list(STORED)
SANITIZE = Path(__file__).parents[1] / "nbval_sanitize.cfg"


def printed(text: str) -> nbformat.NotebookNode:
    return new_output("stream", name="stdout", text=text)


def raised() -> nbformat.NotebookNode:
    return new_output("error", ename="ValueError", evalue="no", traceback=["ValueError: no"])


def compared(source: str, output: nbformat.NotebookNode, *tags: str) -> nbformat.NotebookNode:
    return new_code_cell(source, outputs=[output], metadata={"tags": [gates.COMPARED_TAG, *tags]})


def sample(previous: str = "", following: str = "") -> nbformat.NotebookNode:
    """A notebook that passes every gate; the names are those of its neighbours."""
    notebook = new_notebook(
        cells=[
            new_markdown_cell(
                f"# Why?\n\nAbout 2 minutes on `tiny`. Read before: [this]({previous or 'https://a.org'})"
            ),
            new_code_cell("from helpers.environment import setup; setup()"),
            compared("print(6 * 7)", printed("42\n")),
            compared("int('x')", raised(), gates.RAISES_TAG),
            new_markdown_cell("## What was shown\n\n- The answer is 42."),
            new_markdown_cell("## Exercise\n\nDouble it."),
            new_code_cell("assert 2 * 42 == 84"),
            new_markdown_cell(f"Next: [that]({following or 'https://a.org'})"),
        ]
    )
    normalise(notebook)
    for count, cell in enumerate(gates.code_cells(notebook), 1):
        cell.execution_count = count
    return notebook


def a_code_cell(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    return gates.code_cells(notebook)[1]


SPOILERS = {
    "compared cell without output": (gates.compared_cells, lambda n: a_code_cell(n).update(outputs=[])),
    "compared cell with blank output": (gates.compared_cells, lambda n: a_code_cell(n).outputs[0].update(text=" \n")),
    "compared cell never run": (gates.compared_cells, lambda n: a_code_cell(n).update(execution_count=None)),
    "compared cell with a picture": (
        gates.compared_cells,
        lambda n: a_code_cell(n).outputs.append(new_output("display_data", data={"image/png": "aGk="})),
    ),
    "nothing compared": (gates.compared_cells, lambda n: [c.metadata.pop("tags", 0) for c in gates.code_cells(n)]),
    "one compared, none checked": (gates.compared_cells, lambda n: a_code_cell(n).metadata.pop("tags")),
    "skipped cell": (gates.compared_cells, lambda n: a_code_cell(n).metadata.tags.append("nbval-skip")),
    "ignored output": (gates.compared_cells, lambda n: a_code_cell(n).update(source="# NBVAL_IGNORE_OUTPUT\n1")),
    "exception not compared": (gates.exceptions, lambda n: n.cells[3].metadata.update(tags=[gates.RAISES_TAG])),
    "exception not raised": (gates.exceptions, lambda n: n.cells[3].update(outputs=[printed("0")])),
    "error without its tag": (gates.exceptions, lambda n: a_code_cell(n).outputs.append(raised())),
    "widget state": (gates.no_widgets, lambda n: n.metadata.update(widgets={})),
    "widget view": (
        gates.no_widgets,
        lambda n: a_code_cell(n).outputs.append(new_output("display_data", data={gates.WIDGET_MIME: {}})),
    ),
    "path in output": (gates.no_leaks, lambda n: a_code_cell(n).outputs[0].update(text="saved /home/ann/base")),
    "path in traceback": (
        gates.no_leaks,
        lambda n: n.cells[3].outputs[0].update(traceback=["File \x1b[32m/opt/x/site-packages/peft/a.py:3\x1b[0m"]),
    ),
    "path in a message": (gates.no_leaks, lambda n: n.cells[3].outputs[0].update(evalue="nothing at '/tmp/tmp8x/a'")),
    "path on Windows": (gates.no_leaks, lambda n: a_code_cell(n).outputs[0].update(text=r"C:\Users\ann\base")),
    "path in source": (gates.no_leaks, lambda n: a_code_cell(n).update(source="open('/root/x')")),
    "path that climbs": (gates.no_leaks, lambda n: a_code_cell(n).update(source="open('../../root/x')")),
    "hub token": (gates.no_leaks, lambda n: a_code_cell(n).update(source="login('hf_" + "aB3" * 11 + "')")),
    "token in metadata": (gates.no_leaks, lambda n: n.metadata.update(course={"key": "hf_" + "aB3" * 11})),
    "token in an error": (gates.no_leaks, lambda n: n.cells[3].outputs[0].update(evalue="Bearer " + "aB3." * 9)),
    "key of a code host": (
        gates.no_leaks,
        lambda n: a_code_cell(n).update(source="'github_pat_" + "11AB_" * 9 + "'"),
    ),
    "web token": (
        gates.no_leaks,
        lambda n: a_code_cell(n).outputs[0].update(text="eyJ" + "hbGciOi" * 3 + ".eyJ" + "zdWIiOi" * 3 + ".x"),
    ),
    "private key": (
        gates.no_leaks,
        lambda n: a_code_cell(n).update(source="k = '-----BEGIN RSA PRIVATE" + " KEY-----'"),
    ),
    "other token": (gates.no_leaks, lambda n: a_code_cell(n).outputs[0].update(text="?token=" + "0a1b" * 12)),
    "warning": (gates.no_stderr, lambda n: a_code_cell(n).outputs[0].update(name="stderr")),
    "times in metadata": (gates.normalised, lambda n: a_code_cell(n).metadata.update(execution={"a": "2026"})),
    "foreign metadata": (gates.normalised, lambda n: n.metadata.update(jupytext={})),
    "python version": (gates.normalised, lambda n: n.metadata.language_info.update(version="3.11.7")),
    "foreign kernel": (gates.normalised, lambda n: n.metadata.kernelspec.update(name="venv")),
    "an id twice": (gates.normalised, lambda n: n.cells[2].update(id=n.cells[3].id)),
    "no valid id": (gates.normalised, lambda n: n.cells[2].update(id="what is it?")),
    "no id": (gates.normalised, lambda n: n.cells[2].pop("id")),
    "run out of order": (gates.executed_in_order, lambda n: a_code_cell(n).update(execution_count=9)),
    "a cell not run": (gates.executed_in_order, lambda n: n.cells[6].update(execution_count=None)),
    "long cell": (gates.short_cells, lambda n: a_code_cell(n).update(source="x = 1\n" * 21)),
    "long cells throughout": (gates.short_cells, lambda n: [c.update(source="x\n" * 9) for c in gates.code_cells(n)]),
    "empty cell": (gates.short_cells, lambda n: a_code_cell(n).update(source="")),
    "no title": (gates.opening, lambda n: n.cells[0].update(source="## Why? 2 minutes")),
    "two titles": (gates.opening, lambda n: n.cells[4].update(source="# What was shown")),
    "no minutes": (gates.opening, lambda n: n.cells[0].update(source="# Why?")),
    "no setup cell": (gates.opening, lambda n: n.cells.pop(1)),
    "long setup cell": (gates.opening, lambda n: n.cells[1].update(source="import helpers\n" * 6)),
    "nothing shown": (gates.closing, lambda n: n.cells.pop(4)),
    "nothing shown in numbers": (gates.closing, lambda n: n.cells[4].update(source="## What was shown\n\n- A lot.")),
    "no exercise": (gates.closing, lambda n: n.cells.pop(5)),
    "exercise without check": (gates.closing, lambda n: n.cells.pop(6)),
    "a case without its table": (gates.gallery, lambda n: a_code_cell(n).metadata.tags.append("case:x")),
    "a case without the anatomy": (gates.anatomy, lambda n: n.metadata.update(course={"case": "x"})),
}


@pytest.mark.parametrize("gate", gates.NOTEBOOK_GATES, ids=lambda gate: gate.__name__)
def test_gates_pass_a_good_notebook_and_are_all_proved(gate):
    assert gate(sample()) == []
    assert gate in [spoiled for spoiled, _ in SPOILERS.values()]


def test_a_check_counts_as_a_compared_cell_does():
    notebook = sample()
    a_code_cell(notebook).metadata.tags = ["check"]
    assert gates.compared_cells(notebook) == []


def test_what_was_shown_may_be_printed():
    notebook = sample()
    notebook.cells[4].source = "## What was shown"
    assert gates.closing(notebook)
    notebook.cells.insert(
        5, new_code_cell("...", outputs=[new_output("display_data", {"text/markdown": "- It is 42."})])
    )
    assert gates.closing(notebook) == []


@pytest.mark.parametrize("name", SPOILERS)
def test_gate_catches(name):
    gate, spoil = SPOILERS[name]
    notebook = copy.deepcopy(sample())
    spoil(notebook)
    assert gate(notebook), f"{gate.__name__} let pass: {name}"


def error_sample() -> nbformat.NotebookNode:
    """The smallest notebook that `anatomy` takes: cells 1 and 2 reproduce, 4 fixes, 5 proves."""
    before, after = gates.ANATOMY[:4], gates.ANATOMY[4:]
    cells = [
        new_markdown_cell("".join(f"## {heading}: more\n\n" for heading in before[:2])),
        new_code_cell("x = 0", metadata={"tags": [gates.REPRODUCE]}),
        compared("1 / x", raised(), gates.REPRODUCE, gates.RAISES_TAG),
        new_markdown_cell("".join(f"## {heading}\n" for heading in before[2:])),
        new_code_cell("x = 1", metadata={"tags": [gates.FIX]}),
        compared("print(1 / x)", printed("1.0"), gates.PROOF),
        new_markdown_cell("".join(f"## {heading}\n\nText.\n\n" for heading in after)),
    ]
    return new_notebook(cells=cells, metadata={gates.KEPT_METADATA: {"case": "x"}})


ANATOMY_SPOILERS = {
    "a heading is missing": lambda n: n.cells[3].update(source="## Cause"),
    "headings in another order": lambda n: n.cells[3].update(source="## Cause\n## Read the traceback"),
    "too long": lambda n: n.cells.__setitem__(slice(0, 0), [new_code_cell("x")] * gates.MOST_CODE_CELLS_OF_AN_ERROR),
    "nothing raises": lambda n: n.cells[2].metadata.tags.remove(gates.RAISES_TAG),
    "another reproduce cell raises, too": lambda n: n.cells[1].metadata.tags.append(gates.RAISES_TAG),
    "no fix": lambda n: n.cells[4].metadata.tags.clear(),
    "no proof": lambda n: n.cells[5].metadata.tags.remove(gates.PROOF),
    "proof before the fix": lambda n: n.cells.insert(4, n.cells.pop(5)),
    "proof not compared": lambda n: n.cells[5].metadata.tags.remove(gates.COMPARED_TAG),
}


@pytest.mark.parametrize("name", ANATOMY_SPOILERS)
def test_anatomy_of_an_error_notebook(name):
    notebook = error_sample()
    assert gates.anatomy(notebook) == []
    ANATOMY_SPOILERS[name](notebook)
    assert gates.anatomy(notebook)


def test_a_proof_may_be_a_check():
    notebook = error_sample()
    notebook.cells.insert(6, new_code_cell("assert x == 1", metadata={"tags": [gates.PROOF, gates.CHECK]}))
    assert gates.anatomy(notebook) == []


def gallery_sample() -> nbformat.NotebookNode:
    """The smallest gallery: a cell that serves both cases, x and y, then the cells of each."""
    table = "".join(f"| `no {case}` | [No {case}](26_x.ipynb#cell-id={case}) |\n" for case in "xy")
    cells = [new_markdown_cell(table), new_code_cell("z = 0", metadata={"tags": [gates.REPRODUCE, "case:x", "case:y"]})]
    for case in "xy":
        error = new_output("error", ename="E", evalue="", traceback=[f"E: \x1b[1mno {case}\x1b[0m there"])
        cells += [
            new_markdown_cell(f"### There is no {case}\n\nText.", id=case),
            compared("1 / z", error, gates.REPRODUCE, gates.RAISES_TAG, f"case:{case}"),
            new_code_cell("z = 1", metadata={"tags": [gates.FIX, f"case:{case}"]}),
            compared("print(1 / z)", printed("1.0"), gates.PROOF, f"case:{case}"),
        ]
    return new_notebook(cells=cells)


GALLERY_SPOILERS = {
    "a heading is missing": lambda n: n.cells[2].update(source="Text."),
    "a heading that is a code": lambda n: n.cells[2].update(source="### no_x\n\nText."),
    "a row is missing": lambda n: n.cells[0].update(source=n.cells[0].source.splitlines()[0]),
    "rows in another order": lambda n: n.cells[0].update(source="\n".join(n.cells[0].source.splitlines()[::-1])),
    "a row that leads elsewhere": lambda n: n.cells[0].update(source=n.cells[0].source.replace("=x", "=y")),
    "words of another message": lambda n: n.cells[0].update(source=n.cells[0].source.replace("no x", "no z")),
    "nothing raises": lambda n: n.cells[3].metadata.tags.remove(gates.RAISES_TAG),
    "no fix": lambda n: n.cells[8].metadata.tags.remove(gates.FIX),
    "proof not compared": lambda n: n.cells[9].metadata.tags.remove(gates.COMPARED_TAG),
    "a cell of another case": lambda n: n.cells[4].metadata.tags.append("case:y"),
}


@pytest.mark.parametrize("name", GALLERY_SPOILERS)
def test_gallery_of_errors(name):
    notebook = gallery_sample()
    assert gates.gallery(notebook) == []
    GALLERY_SPOILERS[name](notebook)
    assert gates.gallery(notebook)


def test_there_are_notebooks():
    assert NAMES


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("gate", gates.NOTEBOOK_GATES, ids=lambda gate: gate.__name__)
def test_notebook(gate, name):
    wrong = gate(STORED[name])
    assert not wrong, f"{name}: " + "; ".join(wrong)


@pytest.mark.parametrize("name", NAMES)
def test_notebook_links_and_size(name):
    wrong = gates.too_big(NOTEBOOKS / f"{name}.ipynb")
    for cell in STORED[name].cells:
        wrong += gates.broken_links(cell.source, NOTEBOOKS) if cell.cell_type == "markdown" else []
    assert not wrong, f"{name}: " + "; ".join(wrong)


def test_notebooks_together():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    wrong = gates.same_setup(STORED) + gates.neighbours(STORED) + gates.readme_map(STORED, readme)
    wrong += gates.broken_links(readme, ROOT)
    assert not wrong, "\n".join(wrong)


README = "| notebook | question | minutes |\n|---|---|---|\n" + "".join(
    f"| [{name}](notebooks/{name}.ipynb) | Why? | 2 |\n" for name in ("00_a", "01_b")
)


def pair() -> dict[str, nbformat.NotebookNode]:
    return {"00_a": sample(following="01_b.ipynb"), "01_b": sample(previous="00_a.ipynb")}


def test_gates_over_all_notebooks_pass_and_catch():
    good = pair()
    assert not gates.same_setup(good) + gates.neighbours(good) + gates.readme_map(good, README)

    other_setup = pair()
    gates.code_cells(other_setup["01_b"])[0].source += " "
    assert gates.same_setup(other_setup)
    assert gates.neighbours({"00_a": sample(), "01_b": sample(previous="00_a.ipynb")})
    assert gates.neighbours({"00_a": sample(following="01_b.ipynb"), "01_b": sample()})
    assert gates.readme_map(good, README.replace("01_b", "02_c"))
    assert gates.readme_map(good, README + "| [x](notebooks/05_x.ipynb) | Why? | 2 |\n")
    assert gates.readme_map(good, README.replace("| 2 |", "| 7 |"))
    assert gates.readme_map(good, README.replace("| 2 |", "| soon |"))
    assert gates.readme_map(good, README.replace("minutes", "time"))


def test_links_and_size_gates_catch(tmp_path):
    (tmp_path / "there.md").write_text("x")
    assert gates.broken_links("[a](there.md#part) [b](https://a.org/x) [c](#here)", tmp_path) == []
    assert gates.broken_links("[a](gone.md)", tmp_path) and gates.broken_links('<img src="gone.png">', tmp_path)
    big = tmp_path / "big.ipynb"
    big.write_text("x" * (gates.MOST_BYTES + 1))
    assert gates.too_big(big) and not gates.too_big(tmp_path / "there.md")


def test_normalise_keeps_ids_and_what_was_shown_and_can_be_repeated():
    notebook = sample()
    cell = a_code_cell(notebook)
    widget = new_output("display_data", data={gates.WIDGET_MIME: {}, "text/plain": "HBox()"})
    with_text = new_output("display_data", data={gates.WIDGET_MIME: {}, "text/markdown": "c", "text/plain": "d"})
    cell.outputs = [printed("a"), printed("b"), widget, with_text]
    notebook.metadata["course"] = {"case": "x"}
    notebook.metadata["widgets"], cell.metadata["execution"], notebook.cells[0]["id"] = {}, {"start": "now"}, "x"
    notebook.cells[0].metadata.update(course={"settles": ["C43"]}, collapsed=True)
    ids = [cell.id for cell in notebook.cells]
    assert normalise(notebook) == 2
    assert cell.outputs[0].text == "ab"
    assert [output.data for output in cell.outputs[1:]] == [{"text/markdown": "c", "text/plain": "d"}]
    assert not gates.normalised(notebook) and not gates.no_widgets(notebook)
    assert notebook.metadata.course == {"case": "x"}
    assert [cell.id for cell in notebook.cells] == ids and notebook.cells[0].metadata == {
        "course": {"settles": ["C43"]}
    }
    again = copy.deepcopy(notebook)
    assert normalise(again) == 0 and again == notebook


def test_frames_name_the_package_or_the_file_of_this_repository():
    frames = [
        "File ~/x/.venv/lib/python3.11/site-packages/peft/a.py:3",
        "File /usr/lib/python3.12/json/decoder.py:9",
        r"File C:\Users\a\Lib\site-packages\trl\b.py:1",
        f"File {ROOT}/helpers/data.py:7",
        "Cell In[2], line 1",
    ]
    assert shorten_frames(frames) == [
        "File peft/a.py:3",
        "File json/decoder.py:9",
        r"File trl\b.py:1",
        "File helpers/data.py:7",
        "Cell In[2], line 1",
    ]


def test_temporary_directories_are_stored_and_compared_alike():
    """What is stored and what a later run prints in another directory are the same to nbval."""
    message = "nothing at '/tmp/scratch-a1b2c3_4/adapter' (from /var/folders/x/T/tmpq1w2e3r4)"
    later = message.replace("a1b2c3_4", "zzzzzzzz").replace("/tmp/", "C:\\Users\\ann\\AppData\\Local\\Temp\\")
    assert TEMPORARY.sub("TEMP", message) == "nothing at 'TEMP/adapter' (from TEMP)"
    assert sanitized(TEMPORARY.sub("TEMP", message)) == sanitized(message) == sanitized(later)
    assert (
        TEMPORARY.sub("TEMP", "/data/template12/a and /data/scratch-paper")
        == "/data/template12/a and /data/scratch-paper"
    )


def test_long_tracebacks_are_folded_and_say_so():
    ansi = "\x1b[36mFile \x1b[39m"
    header, last = "ValueError   Traceback (most recent call last)", "ValueError: no"
    frames = ["Cell In[3], line 1\n----> 1 f()", *(f"{ansi}peft/a.py:{line}\n{line} g()" for line in range(9))]
    folded = fold_frames([header, *frames, last])
    assert folded == [header, *frames[:2], "    [6 frames left out of this stored output]", *frames[-2:], last]
    assert fold_frames(folded) == folded
    assert fold_frames([header, *frames[:5], last]) == [header, *frames[:5], last]


def test_no_frame_of_the_learners_own_code_is_left_out():
    packages = [f"File ~/.venv/lib/python3.11/site-packages/trl/a.py:{line}" for line in range(3)]
    own = ["File /tmp/scratch-a1b2c3_4/train.py:6", r"File C:\Users\ann\train.py:7", "Cell In[3], line 1"]
    frames = [f"{here}\n----> g()" for one in own for here in (*packages, one)]
    folded = fold_frames(shorten_frames([*frames, *packages, "ValueError: no"]))
    assert [entry.partition("\n")[0] for entry in folded] == [
        "File trl/a.py:0",
        "File trl/a.py:1",
        "File trl/a.py:2",
        "File TEMP/train.py:6",
        "    [3 frames left out of this stored output]",
        r"File C:\Users\ann\train.py:7",
        "    [3 frames left out of this stored output]",
        "Cell In[3], line 1",
        "File trl/a.py:0",
        "File trl/a.py:1",
        "File trl/a.py:2",
        "ValueError: no",
    ]


@pytest.mark.parametrize(
    "between",
    [
        "\nThe above exception was the direct cause of the following exception:\n",
        "\nDuring handling of the above exception, another exception occurred:\n",
    ],
)
def test_a_long_row_of_an_inner_exception_goes_whole_and_a_short_one_stays(between):
    frames = [f"File peft/a.py:{line}\n{line} g()" for line in range(7)]
    note = "    [7 frames left out of this stored output]"
    chain = ["KeyError: 'a'", between, *frames[:3], "TypeError: b", between, *frames[:5], "ValueError: no"]
    assert fold_frames([*frames, *chain]) == [note, *chain]


def sanitized(text: str) -> str:
    for pattern, replacement in get_sanitize_patterns(SANITIZE.read_text(encoding="utf-8")):
        text = re.sub(pattern, replacement, text)
    return text


@pytest.mark.parametrize(
    "one, other",
    [
        ("<Model at 0x7f00aa12>", "<Model at 0x5501bbff>"),
        ("took 1.25 s", "took 13 s"),
        ("3 ms", "4.5 ms"),
        ("2026-01-02 03:04:05", "2027-11-12 13:14:15"),
        ("loss 0.123412", "loss 0.123449"),
        ("diff 3.1e-08", "diff 2.9e-07"),
    ],
)
def test_sanitize_removes_what_drifts(one, other):
    assert sanitized(one) == sanitized(other)


@pytest.mark.parametrize(
    "one, other",
    [
        ("shape (4, 8)", "shape (4, 16)"),
        ("4,194,304 trainable", "419,430 trainable"),
        ("exact: True", "exact: False"),
        ("loss 0.12", "loss 0.13"),
        ("learning rate 5e-05", "learning rate 2e-05"),
        ("0.0622%", "0.0058%"),
        ("400 rows", "399 rows"),
        ("diff 1.2e-03", "diff 3.1e-08"),
        ("16 bytes", "8 bytes"),
    ],
)
def test_sanitize_keeps_what_is_a_fact(one, other):
    assert sanitized(one) != sanitized(other)


@pytest.mark.slow
def test_nbval_itself_goes_red(tmp_path):
    """The comparison in the configuration that the test run uses: a drifted fact and an error that no longer comes."""

    def write(name: str, *cells: nbformat.NotebookNode) -> None:
        for count, cell in enumerate(cells, 1):
            cell.execution_count = count
        nbformat.write(new_notebook(cells=list(cells)), tmp_path / name)

    zero = new_output("error", ename="ZeroDivisionError", evalue="division by zero", traceback=[])
    write(
        "a.ipynb",
        compared("print(6 * 7)", printed("42\n")),
        compared("1 / 0", zero, gates.RAISES_TAG),
        compared("print(6 * 9)", printed("42\n")),
        compared("1 / 1;", zero, gates.RAISES_TAG),
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--nbval-lax",
        "--nbval-current-env",
        "--nbval-sanitize-with",
        str(SANITIZE),
        "-rA",
        "--color=no",
        str(tmp_path),
    ]
    report = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600).stdout
    for cell, outcome in enumerate(("PASSED", "PASSED", "FAILED", "FAILED")):
        assert re.search(rf"^{outcome} \S*a\.ipynb::Cell {cell}\b", report, re.MULTILINE), report


@pytest.mark.slow
def test_execute_stores_whole_or_not_at_all(tmp_path, monkeypatch):
    """A clean notebook is stored in the form that the gates want; one with a warning or an error stays as it was."""
    monkeypatch.setattr(notebooks, "BUILD", tmp_path / "build")
    monkeypatch.setattr(notebooks, "SECONDS", tmp_path / "build" / "seconds.json")
    sources = {"00_good": "print(6 * 7)", "01_warns": "import warnings; warnings.warn('look')", "02_fails": "1 / 0"}
    for name, source in sources.items():
        nbformat.write(new_notebook(cells=[new_code_cell(source)]), tmp_path / f"{name}.ipynb")
    before = {name: (tmp_path / f"{name}.ipynb").read_bytes() for name in sources}

    refused = notebooks.execute(notebooks.find([], tmp_path), timeout=60)

    assert list(refused) == ["01_warns", "02_fails"]
    assert "stderr" in refused["01_warns"][0] and "ZeroDivisionError" in refused["02_fails"][0]
    for name in refused:
        assert (tmp_path / f"{name}.ipynb").read_bytes() == before[name]
        assert (tmp_path / "build" / "notebooks" / f"{name}.ipynb").exists()
    stored = nbformat.read(tmp_path / "00_good.ipynb", as_version=4)
    assert stored.cells[0].outputs[0].text == "42\n"
    assert not gates.normalised(stored) and not gates.executed_in_order(stored)
    assert list(json.loads(notebooks.SECONDS.read_text(encoding="utf-8"))) == ["00_good"]


def test_find_names_one_notebook_or_says_what_there_is(tmp_path):
    for name in ("04_training", "20_merging"):
        nbformat.write(new_notebook(), tmp_path / f"{name}.ipynb")
    assert [path.stem for path in notebooks.find([], tmp_path)] == ["04_training", "20_merging"]
    assert [path.stem for path in notebooks.find(["20", "04_training"], tmp_path)] == ["20_merging", "04_training"]
    with pytest.raises(InputError, match="there are 04_training"):
        notebooks.find(["05"], tmp_path)
