"""The paste test: the tagged cells of 04 and 20 alone, in an empty folder and without this course, do the whole job.

A cell tagged `values` holds what the reader sets (model, rows, steps); here literals stand in its place. The cells
tagged `paste` follow in their order, as one script, run by a Python that cannot import `helpers` or `tools`.
"""

import ast
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from safetensors.torch import load_file
from style_gates import code_cells, is_tagged
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from helpers import DATA, NOTEBOOKS
from helpers.chats import read_chat
from helpers.profiles import PROFILES
from helpers.training import fine_tune

BASE = str(DATA / "base")

ALONE = """\
import sys


class Absent:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("helpers", "tools"):
            raise ModuleNotFoundError(f"{name} belongs to the course: a pasted cell must do without it")


sys.meta_path.insert(0, Absent())
"""


def script(notebook: nbformat.NotebookNode, values: dict) -> str:
    """The pasted cells behind literals for the values.

    ValueError unless one cell is tagged `values` and assigns these names, and some are tagged `paste`.
    """
    cells = code_cells(notebook)
    set_by_reader = [cell.source for cell in cells if is_tagged(cell, "values")]
    pasted = [cell.source for cell in cells if is_tagged(cell, "paste")]
    names = assigned("\n".join(set_by_reader))
    if len(set_by_reader) != 1 or not pasted or not set(values) <= names:
        raise ValueError(f"{len(set_by_reader)} cells of values, of {sorted(names)}; {len(pasted)} cells to paste")
    literals = [f"{name} = {value!r}" for name, value in values.items()]
    return "\n\n".join([ALONE, *literals, *pasted]) + "\n"


def assigned(source: str) -> set[str]:
    """The names that a cell assigns at its top level."""
    nodes = [node for statement in ast.parse(source).body for node in ast.walk(statement)]
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def run(source: str, folder: Path) -> str:
    """Run the script in that empty folder, without PYTHONPATH; what it prints. AssertionError with its last words."""
    path = folder / "pasted.py"
    path.write_text(source, encoding="utf-8")
    command = [sys.executable, "-I", str(path)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def sample() -> nbformat.NotebookNode:
    """The smallest lesson with a paste test."""

    def cell(source: str, *tags: str):
        return new_code_cell(source, metadata={"tags": list(tags)})

    return new_notebook(
        cells=[
            new_markdown_cell("# How?"),
            cell("from helpers.notebook import setup; setup()", "setup"),
            cell("from helpers import DATA\nMODEL, STEPS = DATA / 'base', 40", "values"),
            cell("from pathlib import Path\nweights = [STEPS] * 3", "paste"),
            cell("from helpers import plots", "check"),
            cell("print(Path(MODEL).name, sum(weights))", "paste"),
        ]
    )


def test_a_good_lesson_stands_alone(tmp_path):
    assert run(script(sample(), {"MODEL": "somewhere/base", "STEPS": 2}), tmp_path) == "base 6\n"
    assert [path.name for path in tmp_path.iterdir()] == ["pasted.py"]


SPOILED = {
    "helpers in a pasted cell": lambda n: n.cells[3].update(source="from helpers import plots\n" + n.cells[3].source),
    "helpers in a function": lambda n: n.cells[3].update(source=n.cells[3].source + "\n__import__('helpers.plots')"),
    "tools in a pasted cell": lambda n: n.cells[3].update(source="import tools.execute\n" + n.cells[3].source),
    "a pasted cell is missing": lambda n: n.cells.pop(3),
    "a name of a cell that is not pasted": lambda n: n.cells[3].metadata.tags.clear(),
    "a value that stays unset": lambda n: n.cells[3].update(
        source="weights = [STEPS] * ROWS\nfrom pathlib import Path"
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_lesson_that_needs_the_course_goes_red(name, tmp_path):
    notebook = sample()
    SPOILED[name](notebook)
    with pytest.raises(AssertionError):
        run(script(notebook, {"MODEL": "somewhere/base", "STEPS": 2}), tmp_path)


def test_a_value_that_the_lesson_does_not_set():
    with pytest.raises(ValueError, match="MODEL"):
        script(sample(), {"MODEL": "x", "STEPS": 2, "ROWS": 3})


def test_no_cell_to_paste_or_two_of_values():
    nothing, twice = sample(), sample()
    for cell in nothing.cells[2:]:
        cell.metadata.tags = ["values"] if "values" in cell.metadata.tags else []
    twice.cells[3].metadata.tags.append("values")
    for notebook in (nothing, twice):
        with pytest.raises(ValueError, match="to paste"):
            script(notebook, {"MODEL": "x", "STEPS": 2})


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> Path:
    """A file of 128 clean chats."""
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    lines = (DATA / "tickets" / "clean.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:128]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def adapter(rows) -> Path:
    """A QLoRA adapter of a few steps on these rows, trained by this course."""
    return fine_tune(replace(PROFILES["tiny"], max_steps=3), read_chat(rows), rows.with_name("adapter")).adapter


def lesson(number: str) -> nbformat.NotebookNode:
    (path,) = NOTEBOOKS.glob(f"{number}_*.ipynb")
    return nbformat.read(path, as_version=4)


@pytest.mark.slow
def test_training_stands_alone(rows, tmp_path):
    """From a model's name and a file of rows to an adapter on disk that has learned, and an answer."""
    values = {"MODEL": BASE, "TRAIN": str(rows), "OUT": "out", "DTYPE": "float32", "MAX_LENGTH": 256}
    values |= {"BATCH": 4, "ACCUMULATION": 1, "STEPS": 3, "RATE": 2e-3, "RANK": 8, "ALPHA": 16}
    printed = run(script(lesson("04"), values), tmp_path)
    assert printed.strip().splitlines()[-1]
    (saved,) = tmp_path.rglob("adapter_model.safetensors")
    learned = {name: tensor.abs().max() for name, tensor in load_file(saved).items() if "lora_B" in name}
    assert learned and min(learned.values()) > 0


@pytest.mark.slow
def test_merging_stands_alone(adapter, tmp_path):
    """From an adapter's directory to a merged model that answers, and is not just the base turned back from 4 bits."""
    question = json.loads((DATA / "tickets" / "test.jsonl").read_text(encoding="utf-8").splitlines()[0])["messages"]
    values = {"MODEL": BASE, "ADAPTER": str(adapter), "OUT": "merged", "DTYPE": "float32", "MESSAGES": question[:-1]}
    assert run(script(lesson("20"), values), tmp_path).strip()
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype="bfloat16").state_dict()
    nf4 = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)
    base = AutoModelForCausalLM.from_pretrained(BASE, quantization_config=nf4, dtype="float32").dequantize()
    same = {name: tensor.bfloat16().equal(merged[name]) for name, tensor in base.state_dict().items()}
    assert [name for name in same if not same[name]] == [name for name in same if "_proj." in name and "weight" in name]
