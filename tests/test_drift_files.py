"""Drift on files as people have them: cells of all kinds, old formats, pins, one bad file among others, long ones."""

import json
import time
from pathlib import Path

import libcst as cst
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider
from nbformat.v4 import new_code_cell, new_notebook
from typer.testing import CliRunner

from helpers import cli, drift
from helpers.drift.places import Places
from helpers.drift.tree import Tree

AGED = "from transformers import TrainingArguments\nTrainingArguments('o', no_cuda=True, report_to='none')\n"


def notebook(path: Path, *cells: str) -> Path:
    path.write_text(json.dumps(new_notebook(cells=[new_code_cell(cell) for cell in cells])), encoding="utf-8")
    return path


def run(*arguments) -> tuple[int, str]:
    answer = CliRunner().invoke(cli.app, ["drift", *map(str, arguments)])
    return answer.exit_code, answer.output


def test_one_refused_file_does_not_silence_the_others(tmp_path):
    bad, good = tmp_path / "bad.py", tmp_path / "good.py"
    bad.write_text("print 'x'\n", encoding="utf-8")
    good.write_text(AGED, encoding="utf-8")
    code, said = run(bad, good, tmp_path / "gone.py")
    assert code == 2 and f"error: {bad}:1: " in said and f"{good}:2: error" in said and "there is no file" in said
    code, said = run(bad, good, "--json")
    files = json.loads(said)["files"]
    assert code == 2 and [bool(one["refused"]) for one in files] == [True, False] and files[1]["findings"]
    assert run(good)[0] == 1
    run(good, "--fix")
    code, said = run(good, bad, "--fix")
    assert code == 2 and "good.fixed.py exists already" in said and f"error: {bad}:1: " in said


def test_no_line_of_a_finding_is_wider_than_a_terminal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("s.py").write_text(
        "from transformers import AutoModelForCausalLM as M, TrainingArguments\n"
        "TrainingArguments('o', no_cuda=True, overwrite_output_dir=True)\nM.from_pretrained('m', load_in_4bit=True)\n",
        encoding="utf-8",
    )
    long = Path("a_folder_with_a_name_that_goes_on/" * 3 + "s.py")
    long.parent.mkdir(parents=True)
    long.write_bytes(Path("s.py").read_bytes())
    code, said = run("s.py")
    assert code == 1 and max(map(len, said.splitlines())) <= 80
    assert sum(line.startswith("s.py:") for line in said.splitlines()) == len(drift.check(Path("s.py"))) + 1
    found = json.loads(run("s.py", "--json")[1])["files"][0]["findings"]
    assert all(f"{one['place']}: {one['level']}: {one['message']}" in " ".join(said.split()) for one in found)
    assert f"{long}:2: error: TrainingArguments" in run(long)[1]


def errors(text: str, folder: Path) -> list[str]:
    (folder / "script.py").write_text(text, encoding="utf-8")
    return places(folder / "script.py")


def places(path: Path) -> list[str]:
    return [f"{f.place.removeprefix(f'{path}:')} {f.subject}" for f in drift.check(path) if f.level == "error"]


def test_cells_of_all_kinds_are_read(tmp_path):
    path = notebook(
        tmp_path / "n.ipynb",
        "%%capture\n" + AGED,
        "pip install -q trl",
        "cd /content\nls -la",
        "%%writefile train.py\n" + AGED,
        "%%writefile notes.txt\nnot python (",
        "!accelerate launch train.py\n%run train.py\n" + AGED,
        "%%writefile -a train.py\nTrainingArguments('o', use_mps_device=True)",
        "%%writefile other.py\nTrainingArguments('o', use_mps_device=True)",
    )
    assert places(path) == ["1:3 no_cuda", "4:3 no_cuda", "6:4 no_cuda", "7:2 use_mps_device"]
    assert drift.examine(path).skipped == []
    copy = json.loads(drift.fix(path).read_text(encoding="utf-8"))
    assert "".join(copy["cells"][3]["source"]) == "%%writefile train.py\n" + AGED.replace("no_cuda", "use_cpu")


def test_a_script_with_lines_of_a_notebook_is_read(tmp_path):
    assert errors("!pip install trl\n%cd /content\n" + AGED, tmp_path) == ["4 no_cuda"]


@pytest.mark.parametrize("ending", ["", "\ufeff"])
def test_a_notebook_of_format_3_is_read_and_repaired_as_one(ending, tmp_path):
    path = tmp_path / "old.ipynb"
    cell = {"cell_type": "code", "input": AGED.splitlines(True), "language": "python", "metadata": {}, "outputs": []}
    content = {"metadata": {}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": [cell], "metadata": {}}]}
    path.write_text(ending + json.dumps(content), encoding="utf-8")
    assert places(path) == ["1:2 no_cuda"]
    copy = json.loads(drift.fix(path).read_text(encoding="utf-8"))
    assert (copy["nbformat"], "use_cpu" in "".join(copy["worksheets"][0]["cells"][0]["input"])) == (3, True)


@pytest.mark.parametrize(
    ("install", "said"),
    [
        ("%pip install -q transformers==4.38 trl", "not yet so with the pinned transformers==4.38"),
        ("!pip install 'transformers[torch]<5' \\\n  peft", "not yet so with the pinned transformers<5"),
        ("!python -m pip install -U transformers~=4.38.0", "not yet so with the pinned transformers~=4.38.0"),
        ("%%bash\npip install transformers==4.38", "not yet so with the pinned transformers==4.38"),
        ("pip install transformers==4.38", "not yet so with the pinned transformers==4.38"),
        ("!pip install transformers==5.1", "so it is with the pinned transformers==5.1, too"),
        ("!pip install transformers>=4.38", ""),
        ("!pip install transformers", ""),
        ("x = 'pip install transformers==4.38'", ""),
        ("# !pip install transformers==4.38", ""),
    ],
)
def test_a_pin_in_a_notebook_says_for_which_version_a_finding_holds(install, said, tmp_path):
    path = notebook(tmp_path / "n.ipynb", install, AGED)
    assert [finding.pinned for finding in drift.check(path)] == [said]
    code, text = run(path)
    assert code == 1 and said in " ".join(text.split())
    assert json.loads(run(path, "--json")[1])["files"][0]["findings"][0]["pinned"] == (said or None)


def test_an_unknown_argument_says_that_it_was_looked_up_in_another_version_than_the_pinned(tmp_path):
    path = notebook(tmp_path / "n.ipynb", "!pip install peft==0.4", "import peft\npeft.LoraConfig(mine=1)")
    assert drift.check(path)[0].pinned.endswith("not in the pinned peft==0.4")


FUNCTIONS = (
    "def step_{0}(rows, model: AutoModelForCausalLM, tokenizer):\n    total, kept = 0, []\n"
    "    for row in rows:\n        ids = tokenizer(row['text'], max_length={0}).input_ids\n"
    "        total += len(ids)\n        kept.append({{'ids': ids, 'labels': [t for t in ids if t > {0}]}})\n"
    "    args = TrainingArguments('o', learning_rate={0}, evaluation_strategy='no')\n    return total, args\n\n\n"
    "result = step_{0}(data, model, tokenizer)\n"
)
CELLS = (
    "model = AutoModelForCausalLM.from_pretrained('m{0}')\nids = tokenizer('{0}')\nfor row in ids:\n"
    "    out = model.generate(**ids, max_length={0})\n    ids = tokenizer(out)\n"
    "args = TrainingArguments('o', learning_rate={0}, evaluation_strategy='no')\nprint(model, ids, out, args)\n"
)


OPTIONS = (
    "from transformers.optimization import AdamW\noptions = {{'output_dir': 'o', 'no_cuda': True}}\n"
    "options['save_steps'] = {0}\nargs = TrainingArguments(**options)\noptimizer = AdamW(model.parameters(), lr={0})\n"
    "def run_{0}():\n    return tokenizer.decode(model.generate(args.seed)), optimizer, options\n"
)
# One of each kind of place that a finding or a repair asks for, in blocks, behind others on a line, behind tabs.
PLACES = """# a comment

import os, transformers as hf
from transformers import (
    TrainingArguments,  # why
    AdamW,
)
@dataclass
class A(hf.Trainer):
\tx: int = 1; y = "ä"; z = hf.TrainingArguments("ö", no_cuda=True,
  seed=1)

\t@property
\tasync def run(self, a=f(b=1)):
\t\tif a: return f(c=2)
\t\telif f(d = 3):
\t\t\tfor row in f(e=4): f(**{"k": 1, "l":
2,})
\t\telse:
\t\t\t# another
\t\t\twith f(g=5) as h, f(i=6): pass
try:
    f(
        j=7,
    )
except f(k=8):
    x = y = [f(l=9) for m in n]; f(o=10)
"""


def test_places_are_those_that_libcst_finds_by_writing_the_whole_file():
    for code in (PLACES, PLACES.replace("\n", "\r\n")):
        module = cst.parse_module(code)
        tree, everywhere = Tree(module), MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
        places = Places(code, tree)
        for node in tree.nodes[1:]:
            if not isinstance(node, cst.SimpleStatementLine | cst.IndentedBlock | cst.SimpleStatementSuite):
                start, end = everywhere[node].start, everywhere[node].end
                assert places.start(node) == (start.line, start.column), code.splitlines()[start.line - 1]
                if not isinstance(node, cst.BaseCompoundStatement):
                    assert places.end(node) == (end.line, end.column), code.splitlines()[start.line - 1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "part", [FUNCTIONS, CELLS, OPTIONS], ids=["many functions", "the same names again and again", "one dict a call"]
)
def test_the_time_grows_with_the_size_and_no_faster(part, tmp_path):
    head = "from transformers import AutoModelForCausalLM, AutoTokenizer, TrainingArguments\ndata, model = load()\n"
    head += "tokenizer = AutoTokenizer.from_pretrained('x')\n"
    errors(head + part.format(0), tmp_path)
    seconds = []
    for kilobytes in (50, 500):
        count = kilobytes * 1000 // len(part.format(100))
        start = time.process_time()
        assert len(errors(head + "".join(part.format(n) for n in range(count)), tmp_path)) >= count
        seconds.append((time.process_time() - start) / kilobytes)
    assert seconds[1] < 2 * seconds[0]
