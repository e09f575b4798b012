"""Drift: what it finds in scripts of earlier years, what it repairs, and what it leaves alone."""

import ast
import io
import json
import tokenize
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from typer.testing import CliRunner

from helpers import NOTEBOOKS, ROOT, cli, drift
from helpers.drift import source
from helpers.errors import InputError

SCRIPTS = sorted((ROOT / "tests" / "drift_scripts").glob("*.py"))
OURS = [*sorted(NOTEBOOKS.glob("*.ipynb")), *sorted((ROOT / "helpers").rglob("*.py")), *sorted(ROOT.glob("data/*.py"))]


def found(text: str, folder: Path, name: str = "script.py") -> list[str]:
    """`line level subject` of each finding in a script of this text."""
    (folder / name).write_text(text, encoding="utf-8")
    return lines(folder / name)


def lines(path: Path) -> list[str]:
    return [f"{f.place.partition(path.name)[2][1:]} {f.level} {f.subject}" for f in drift.check(path)]


def comments(path: Path) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


def in_folder(script: Path, folder: Path) -> Path:
    copy = folder / script.name
    copy.write_bytes(script.read_bytes())
    return copy


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_of_another_year_gives_what_is_written_beside_it(script):
    assert lines(script) == script.with_suffix(".findings").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_repaired_copy_has_nothing_mechanical_left_and_keeps_the_rest(script, tmp_path):
    script = in_folder(script, tmp_path)
    before = drift.check(script)
    copy = drift.fix(script)
    ast.parse(copy.read_text(encoding="utf-8"))
    after = drift.check(copy)
    assert not any(finding.edits for finding in after)
    touched = {line for finding in before for edit in finding.edits for line in range(edit.start[0], edit.end[0] + 1)}
    stays = {finding.message for finding in after}  # what has no edit of its own may be cured by another's on its line
    left = [one.message for one in before if not one.edits and (one.message in stays or one.line not in touched)]
    assert left == [finding.message for finding in after if finding.message in left]
    assert {finding.kind for finding in after if finding.message not in left} <= {"default"}
    assert comments(copy) == comments(script)
    untouched = [line for n, line in enumerate(script.read_text().splitlines(), 1) if n not in touched]
    assert untouched == [line for line in copy.read_text().splitlines() if line in set(untouched)]


def test_the_script_itself_is_never_written_and_a_copy_never_overwritten(tmp_path):
    script = in_folder(SCRIPTS[0], tmp_path)
    before = script.read_bytes()
    copy = drift.fix(script)
    copy.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="exists already"):
        drift.fix(script)
    assert (script.read_bytes(), copy.read_text(encoding="utf-8")) == (before, "mine")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([script.name, copy.name])


def test_layout_quotes_line_ends_and_encoding_stay(tmp_path):
    script = tmp_path / "odd.py"
    code = (
        "# -*- coding: latin-1 -*-\r\nfrom transformers import TrainingArguments as TA\r\n"
        "a = TA( 'out',evaluation_strategy = 'no' , # caf\xe9\r\n   no_cuda=(True))\r\n"
    )
    script.write_bytes(code.encode("latin-1"))
    fixed = code.replace("evaluation_strategy", "eval_strategy").replace("no_cuda", "use_cpu")
    assert drift.fix(script).read_bytes() == fixed.encode("latin-1")


@pytest.mark.parametrize(
    ("call", "repaired"),
    [
        ("TrainingArguments('o', overwrite_output_dir=True)", "TrainingArguments('o')"),
        ("TrainingArguments('o', mp_parameters=(''), no_cuda=f(1, 2))", "TrainingArguments('o', use_cpu=f(1, 2))"),
        ("TrainingArguments('o', mp_parameters='', fp16_backend=1)", "TrainingArguments('o')"),
        ("TrainingArguments(**{'no_cuda': True})", "TrainingArguments(**{'use_cpu': True})"),
        ("TrainingArguments(**dict(no_cuda=True))", "TrainingArguments(**dict(use_cpu=True))"),
        ("TrainingArguments(group_by_length=True)", 'TrainingArguments(train_sampling_strategy="group_by_length")'),
        ("TrainingArguments(group_by_length=flag)", None),
        ("TrainingArguments(no_cuda=True, use_cpu=True)", None),
    ],
)
def test_a_repair_is_made_where_it_is_certain(call, repaired, tmp_path):
    head = "from transformers import TrainingArguments\n"
    (tmp_path / "s.py").write_text(f"{head}a = {call}\n", encoding="utf-8")
    assert drift.check(tmp_path / "s.py")
    copy = drift.fix(tmp_path / "s.py")
    assert (copy.read_text(encoding="utf-8") if copy else None) == (f"{head}a = {repaired}\n" if repaired else None)


def test_a_dict_with_other_uses_is_reported_and_not_repaired(tmp_path):
    text = "import transformers\nd = dict(no_cuda=True)\ntransformers.TrainingArguments(**d)\nother(**d)\n"
    assert found(text, tmp_path) == ["2 error no_cuda", "3 changed report_to"]
    assert drift.fix(tmp_path / "script.py") is None


@pytest.mark.parametrize(
    "text",
    [
        "class Trainer:\n    pass\nTrainer(tokenizer=1)\n",
        "from mine import Trainer\nTrainer(tokenizer=1)\n",
        "Trainer(tokenizer=1)\n",
        "from transformers import *\nfrom mine import *\nTrainer(tokenizer=1)\n",
        "def run(Trainer):\n    return Trainer(tokenizer=1)\n",
        "from transformers import Trainer\nfor Trainer in classes:\n    Trainer(tokenizer=1)\n",
        "from transformers import Trainer\nTrainer = mine(Trainer)\nTrainer(tokenizer=1)\n",
        "import transformers\nd = load()\ntransformers.TrainingArguments(**d)\n",
        "import transformers\nd = dict(no_cuda=True)\nd.pop('no_cuda')\ntransformers.TrainingArguments(**d)\n",
        "from transformers import AutoTokenizer as A\nt = A.from_pretrained('x')\nt = wrap(t)\nt.encode_plus(1)\n",
        "try:\n    from transformers import AdamW\nexcept ImportError:\n    from torch.optim import AdamW\nAdamW(p)\n",
        "from transformers import Trainer\ntry:\n    Trainer(tokenizer=1)\nexcept TypeError:\n    pass\n",
        "import pytest, trl\nwith pytest.raises(TypeError):\n    trl.SFTConfig(max_seq_length=1)\n",
        "from transformers import Trainer\nclass T(Trainer):\n    def __init__(self, tokenizer): ...\nT(tokenizer=1)\n",
        "from transformers import Trainer\nclass T(Trainer):\n    def compute_loss(self, model, inputs, **kw): ...\n",
        "from transformers import AutoModelForCausalLM as M\nm = M.from_pretrained('x', use_cache=0)\nm.foo(b=1)\n",
        "from peft import LoraConfig\nLoraConfig(r=8, lora_alpha=16, target_modules='all-linear')\n",
        "from transformers import TrainingArguments\nTrainingArguments('out', learning_rate=1e-4)\n",
    ],
)
def test_what_is_not_known_to_be_wrong_is_left_alone(text, tmp_path):
    assert found(text, tmp_path) == []


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("from peft import LoraConfig as L\nL(rank=8)\n", "2 error rank"),
        ("import peft.tuners.lora as lora\nlora.LoraConfig(rank=8)\n", "2 error rank"),
        ("from trl.trainer.sft_trainer import SFTTrainer\nSFTTrainer(tokenizer=1)\n", "2 error tokenizer"),
        ("from trl.trainer.utils import ConstantLengthDataset\n", "1 error trl.trainer.utils.ConstantLengthDataset"),
        ("from transformers.generation_utils import top_k\n", "1 error transformers.generation_utils"),
        ("import transformers.deepspeed\n", "1 error transformers.deepspeed"),
        ("from transformers import Trainer\nclass T(Trainer): ...\nT(tokenizer=1)\n", "3 error tokenizer"),
        ("def f():\n    from transformers import Trainer as T\n    return T(tokenizer=1)\n", "3 error tokenizer"),
    ],
)
def test_names_are_followed_and_signatures_speak_for_themselves(text, finding, tmp_path):
    assert finding in found(text, tmp_path)


def test_an_unknown_argument_comes_with_its_neighbours(tmp_path):
    (tmp_path / "s.py").write_text("import trl\ntrl.SFTConfig(learning_rte=1)\n", encoding="utf-8")
    assert "learning_rate" in drift.check(tmp_path / "s.py")[0].message


def test_todays_defaults_are_news_only_to_a_script_that_shows_its_age(tmp_path):
    new = "from transformers import TrainingArguments\nTrainingArguments('out'{})\n"
    assert found(new.format(""), tmp_path) == []
    assert found(new.format(", no_cuda=True"), tmp_path) == ["2 error no_cuda", "2 changed report_to"]
    assert found(new.format(", no_cuda=True, report_to='none'"), tmp_path) == ["2 error no_cuda"]


def test_a_default_that_another_argument_makes_irrelevant_is_no_news(tmp_path):
    head = "from transformers import AutoTokenizer\nt = AutoTokenizer.from_pretrained('x', use_auth_token=1)\n"
    assert found(f"{head}t.apply_chat_template(m, tokenize=False)\n", tmp_path) == ["2 changed use_auth_token"]
    assert "3 changed return_dict" in found(f"{head}t.apply_chat_template(m, tokenize=True)\n", tmp_path)


def test_a_default_is_no_news_where_the_argument_is_given_under_its_other_name(tmp_path):
    text = "from trl import SFTConfig\nSFTConfig('out', bf16=False, report_to='none', no_cuda=True{})\n"
    wanted = "2 changed gradient_checkpointing"
    assert wanted in found(text.format(""), tmp_path)
    for given in ("gradient_checkpointing=False", "activation_checkpointing=False"):
        assert wanted not in found(text.format(f", {given}"), tmp_path)


def notebook(path: Path, *cells) -> Path:
    cells = [new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_a_notebook_with_magics_and_await_is_read_and_repaired_cell_by_cell(tmp_path):
    path = notebook(
        tmp_path / "n.ipynb",
        new_markdown_cell("# Title"),
        "%pip install -q trl \\\n   peft\n!ls 'it\nfiles = !ls\nTrainer?\n",
        "%%time\nfrom transformers import TrainingArguments\nx = (7\n  % 4)\nawait something()",
        "%%bash\nthis is not python(",
        "if True:\n    %matplotlib inline\n    a = TrainingArguments('o',\n        no_cuda=True)  # why\n!pwd",
        new_code_cell("def broken(:", metadata={"tags": ["raises-exception"]}),
    )
    assert lines(path) == ["4:3 changed report_to", "4:4 error no_cuda"]
    before, after = (nbformat.read(one, as_version=4) for one in (path, drift.fix(path)))
    expected = [cell.source.replace("no_cuda", "use_cpu") for cell in before.cells]
    assert [cell.source for cell in after.cells] == expected
    assert [cell.id for cell in after.cells] == [cell.id for cell in before.cells]


def test_an_edit_that_empties_a_line_takes_the_line(tmp_path):
    lines = ["f(\n", "  a=1,\n", "  b=2,  # c\n", ")\n"]
    edits = [source.Edit((2, 2), (2, 6), ""), source.Edit((3, 2), (3, 8), "")]
    assert "".join(source.edited(lines, edits)) == "f(\n  # c\n)\n"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("gone.py", None, "there is no file"),
        ("notes.txt", b"x", ".py and .ipynb"),
        ("bad.py", b"import trl\nprint 'x'\n", "bad.py:2: not Python"),
        ("bad.py", b"x = 1\ny = '\xff'\n", "bad.py:2: not utf-8"),
        ("bad.py", b"# coding: nonsense\n", "bad.py:1: "),
        ("bad.py", b"x = '\0'\n", "bad.py:1: "),
        ("bad.ipynb", b"{", "not a notebook"),
        ("bad.ipynb", b'{"cells": 3, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "not a notebook"),
    ],
)
def test_bad_input_is_one_line_that_says_where(name, content, words, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as error:
        drift.check(tmp_path / name)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_cell_that_is_not_python_is_skipped_with_its_place_and_its_reason(tmp_path):
    aged = "from transformers import TrainingArguments\nTrainingArguments('o', no_cuda=True)"
    path = notebook(tmp_path / "n.ipynb", new_markdown_cell("text"), "y = 2\nz = (", aged)
    assert lines(path) == ["2:2 error no_cuda", "2:2 changed report_to"]
    answer = CliRunner().invoke(cli.app, ["drift", str(path)])
    assert answer.exit_code == 1 and f"{path}:1:2: not Python of this version: '(' was never closed" in answer.output


def test_the_command_counts_repairs_and_speaks_json(tmp_path):
    aged, fresh = in_folder(SCRIPTS[0], tmp_path), tmp_path / "fresh.py"
    fresh.write_text("import trl\n", encoding="utf-8")
    run = CliRunner().invoke
    clean = run(cli.app, ["drift", str(fresh)])
    assert (clean.exit_code, clean.output.strip()) == (0, f"{fresh}: nothing found")
    answer = run(cli.app, ["drift", str(aged), str(fresh), "--json", "--fix"])
    said = json.loads(answer.output)
    assert (answer.exit_code, said["ok"]) == (1, False)
    assert [file["findings"] == [] for file in said["files"]] == [False, True]
    assert Path(said["files"][0]["fixed"]).exists() and said["files"][1]["fixed"] is None


@pytest.mark.slow
@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_no_false_alarm_on_the_course_itself(path):
    alarms = drift.check(path)
    if path.suffix == ".ipynb":
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        on_purpose = {n for n, cell in enumerate(cells, 1) if "raises-exception" in cell.metadata.get("tags", [])}
        alarms = [a for a in alarms if int(a.place.rpartition(".ipynb:")[2].partition(":")[0]) not in on_purpose]
    # a changed default is said only beside another finding: what raises on purpose is none
    alarms = alarms if any(alarm.kind != "default" for alarm in alarms) else []
    assert [str(alarm) for alarm in alarms] == []
