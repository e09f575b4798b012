"""The doctor on reports as people give them: cut to a line, disguised, asked about, settled, long, in any encoding."""

import json
import re
import subprocess
import sys
import textwrap
import time
from dataclasses import replace

import pytest

from helpers import DATA, NOTEBOOKS, doctor, drift
from helpers.doctor import card, catalogue, pasted, prose
from helpers.doctor.reading import read
from helpers.errors import InputError
from tests.test_doctor import bare, reproduced

FULL_WIDTH = str.maketrans({":": "：", ",": "，", "(": "（", ")": "）", "!": "！", "?": "？", "[": "［", "]": "］"})  # noqa: RUF001
DISGUISES = {
    "as it is": str,
    "line numbers": lambda line: "".join(f"{n:6}\t{one}\n" for n, one in enumerate(line.splitlines(), 1)),
    "wrapped at 80": lambda line: textwrap.fill(line, 80),
    "broken at 80": lambda line: re.sub("(.{80})", r"\1\n", line),
    "quotes lost": lambda line: re.sub("[\"'`]", "", line),
    "Chinese glued to it": lambda line: f"训练时报错{line}请问怎么解决",
    "full-width punctuation": lambda line: line.translate(FULL_WIDTH),
}


def quoted() -> list[tuple[list[str], str]]:
    """(cases that are right, last line) of each message that a notebook stores or a case knows."""
    found = []
    for right, report in reproduced():
        last = bare(report).splitlines()[-1]
        if re.match(r"[\w.]+: ", last):
            found.append((right, last))
    for case in doctor.load():
        for wording in case.wordings:
            guard = (
                wording.any[0] if wording.any else "" if wording.library is None else "in transformers.x or datasets.x"
            )
            guard = " ".join([guard, *wording.also[:1]])
            found.append(([case.id], f"{case.types[0]}: {wording.text.replace('*', 'x1').replace('~', 'x1')} {guard}"))
    return found


@pytest.mark.parametrize("name", DISGUISES)
def test_the_last_line_is_enough_in_every_disguise(name):
    lines = quoted()
    assert len(lines) > 300
    wrong = [(right, line) for right, line in lines if doctor.diagnose(DISGUISES[name](line)).case not in right]
    assert not wrong


OOM = """Traceback (most recent call last):
  File "/home/user/train.py", line 3, in <module>
    main()
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB
"""
UNKNOWN = """Traceback (most recent call last):
  File "/home/user/train.py", line 9, in <module>
    price(row)
KeyError: 'price'
"""
CLEANUP = """Traceback (most recent call last):
  File "/opt/pool.py", line 271, in __del__
    self.close()
AttributeError: 'NoneType' object has no attribute 'close'
"""
WHILE = "During handling of the above exception, another exception occurred:"
FP16 = "ValueError: Attempting to unscale FP16 gradients.\n"


@pytest.mark.parametrize(
    ("report", "case"),
    [
        ("what does CUDA out of memory mean?", None),
        ("How do I set target_modules?", None),
        ("Is CUDA out of memory a matter of the batch size?", None),
        ("LoRA 的 target_modules 怎么设置？", None),  # noqa: RUF001
        ("显存不足是什么意思？", None),  # noqa: RUF001
        ("Hugging Face timeout setting: what is the default?", None),
        ("the loss was 0.5 and then went to 0.4", None),
        ("After git merge the code quality changed", None),
        ("合并 PDF 后出现乱码", None),
        ("loss is nan, what should I do?", "loss_is_nan"),
        ("How can I fix CUDA out of memory?", "out_of_memory"),
        ("Why is my loss nan?", "loss_is_nan"),
        ("What does it mean? I get CUDA out of memory at step 3.", "out_of_memory"),
        ("微调时显存不足，怎么办？", "out_of_memory"),  # noqa: RUF001
        (f"What does this mean?\n{FP16}", "fp16_gradients_unscaled"),
        ("CUDA out of memory. It works now, thanks!", None),
        ("The training works fine now, no more CUDA out of memory", None),
        ("It works now with one row, but with two: CUDA out of memory", "out_of_memory"),
        ("My loss is nan, it doesn't work now", "loss_is_nan"),
        (OOM + "\nSolved, I lowered the batch size.", None),
        (OOM + "\nHow can this be solved?", "out_of_memory"),
        ("显存不足的问题已经解决了", None),
        (OOM + "\n还没解决", "out_of_memory"),
        (OOM + "\n### Expected behavior\n\nIt should work now as it did in 4.40.", "out_of_memory"),
        (OOM + "\n期望结果：能正常训练，问题解决了", "out_of_memory"),  # noqa: RUF001
    ],
)
def test_an_answer_needs_a_fault_and_no_question_or_good_news(report, case):
    assert doctor.diagnose(report).case == case


@pytest.mark.parametrize(
    ("report", "case", "why"),
    [
        (OOM + "half the batch:\n{'loss': 1.31, 'epoch': 0.1}\n{'loss': 1.22, 'epoch': 0.2}\n", None, "went on"),
        (OOM + "once more\n{'train_runtime': 12.5, 'train_loss': 1.1, 'epoch': 1.0}\n", None, "went on"),
        (OOM + "now this:\n" + UNKNOWN, None, "later exception"),
        ("RuntimeError: CUDA out of memory was it; now ValueError: my own check failed", None, "later exception"),
        (UNKNOWN + "that is repaired, next one:\n" + OOM, "out_of_memory", ""),
        (FP16 + f"\n{WHILE}\n\n" + UNKNOWN, "fp16_gradients_unscaled", ""),
        (
            OOM + "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: train.py FAILED\n",
            "out_of_memory",
            "",
        ),
        ("{'loss': 1.3}\n{'loss': 1.2}\n" + OOM, "out_of_memory", ""),
        (OOM + "RuntimeError: DataLoader worker (pid 7) exited unexpectedly\n", "out_of_memory", ""),
        (
            OOM + "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}\n",
            "out_of_memory",
            "",
        ),
        (
            OOM + "RuntimeError: [../third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer\n",
            "out_of_memory",
            "",
        ),
        (
            OOM + "ray.exceptions.ActorDiedError: The actor died unexpectedly before finishing this task.\n",
            "out_of_memory",
            "",
        ),
        (OOM + "Exception ignored in: <function Pool.__del__ at 0x7f>\n" + CLEANUP, "out_of_memory", ""),
        (f"Exception ignored in: <function Pool.__del__ at 0x7f>\n{CLEANUP}{OOM}", "out_of_memory", ""),
        (OOM + "Error in atexit._run_exitfuncs:\n" + CLEANUP, "out_of_memory", ""),
        (OOM + "Exception ignored in: <function Pool.__del__ at 0x7f>\n" + CLEANUP + UNKNOWN, None, "later exception"),
    ],
)
def test_the_last_exception_counts_unless_it_only_followed(report, case, why):
    found = doctor.diagnose(report)
    assert found.case == case
    assert case or why in found.nearest[0].why


@pytest.mark.parametrize(
    "report",
    [
        "org.springframework.http.converter.HttpMessageNotReadableException: JSON parse error: Unexpected character",
        "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='api.example.com'): Max retries exceeded",
        "werkzeug.exceptions.BadRequestKeyError: 400 Bad Request: KeyError: 'text'",
        "import pandas as pd\ndf['labels']\nKeyError: 'labels'",
        "TypeError: Client.__init__() got an unexpected keyword argument 'proxies'",
        "RuntimeError: Error(s) in loading state_dict for UNet: size mismatch for down.0.weight",
    ],
)
def test_what_other_software_says_is_given_no_name(report):
    assert doctor.diagnose(report).case is None


WINDOWS = r"""Traceback (most recent call last):
  File "C:\new\run\train.py", line 3, in <module>
OSError: Can't find 'adapter_config.json' at 'C:\new\results\run'
"""
PAGE = '<pre><span class="ansi-red-fg">ValueError</span>: Attempting to unscale FP16 gradients.</pre>'
BIG = "".join(f"  (layer{n}): Linear(in_features=4096, out_features=4096, bias=False)\n" for n in range(40))


@pytest.mark.parametrize(
    ("report", "case", "evidence"),
    [
        (
            "报错AttributeError: 'Qwen2ForCausalLM' object has no attribute 'merge_and_unload'",
            "merge_on_plain_model",
            "",
        ),
        ("LoRA合并后输出乱码", "garbled_output_after_merge", ""),
        (WINDOWS, "unable_to_open_file", "C:/new/results/run"),
        (repr(WINDOWS), "unable_to_open_file", "C:/new/results/run"),
        (json.dumps(OOM), "out_of_memory", "torch.OutOfMemoryError: CUDA out of memory"),
        (f"ValueError: Target module Block(\n{BIG}) is not supported. Currently, only", "target_modules_not_found", ""),
        (PAGE, "fp16_gradients_unscaled", "ValueError: Attempting"),
        ("10%|#  | 1/10\r20%|## | 2/10\r" + FP16, "fp16_gradients_unscaled", "ValueError"),
        ("".join(f"{n:6}\t{one}\n" for n, one in enumerate(OOM.splitlines(), 1)), "out_of_memory", "torch.Out"),
        ("trainer-1  | " + OOM.replace("\n", "\ntrainer-1  | "), "out_of_memory", "torch.Out"),
    ],
)
def test_text_as_it_is_pasted(report, case, evidence):
    found = doctor.diagnose(report)
    assert found.case == case and evidence in found.evidence


@pytest.mark.parametrize("where", [10, 5_000, 9_990])
def test_an_error_anywhere_in_a_long_log_is_found(where):
    lines = [f"batch {n} of 10000 is ready" for n in range(10_000)]
    lines.insert(where, FP16)
    log = "\n".join(lines)
    assert len(log) > 200_000 and doctor.diagnose(log).case == "fp16_gradients_unscaled"


def test_a_gap_may_be_a_modules_printout_but_never_another_exception():
    wording = catalogue.wording("target module * is not known")
    assert list(wording.find(read(f"ValueError: Target module Block(\n{BIG}) is not known")))
    assert not list(wording.find(read(f"ValueError: Target module Block(\n{BIG})\nKeyError: x is not known")))
    assert not list(wording.find(read(f"a target module Block(\n{BIG}) is not known")))


def test_time_grows_no_faster_than_the_log():
    def seconds(lines: int) -> float:
        log = (
            "".join(f"{{'loss': {n / 7:.4f}, 'grad_norm': 0.5, 'epoch': {n / 1000:.3f}}}\n" for n in range(lines))
            + FP16
        )
        best = []
        for _ in range(3):
            start = time.process_time()
            assert doctor.diagnose(log).case == "fp16_gradients_unscaled"
            best.append(time.process_time() - start)
        return min(best)

    assert seconds(80_000) < 10 * seconds(20_000)


ENCODINGS = {
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 without its mark": lambda text: text.encode("utf-16-le"),
    "UTF-16, big end first, without its mark": lambda text: text.encode("utf-16-be"),
    "UTF-8 with its mark": lambda text: text.encode("utf-8-sig"),
    "UTF-8": lambda text: text.encode(),
    "GBK": lambda text: text.encode("gbk"),
    "UTF-8, cut": lambda text: (text + "错").encode()[:-1],
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_any_encoding(name, tmp_path):
    (tmp_path / "log.txt").write_bytes(ENCODINGS[name](f"训练报错\n{FP16}请看"))
    text = pasted.source(str(tmp_path / "log.txt"))
    assert "训练报错" in text and doctor.diagnose(text).case == "fp16_gradients_unscaled"


def test_of_a_notebooks_file_what_its_cells_raised_counts(tmp_path):
    cells = [
        {"cell_type": "code", "source": "x", "outputs": [{"output_type": "error", "traceback": OOM.splitlines()}]},
        {"cell_type": "markdown", "source": [f"The next one to meet:\n{FP16}"]},
    ]
    (tmp_path / "mine.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4}, indent=1), encoding="utf-8")
    assert doctor.diagnose(pasted.source(str(tmp_path / "mine.ipynb"))).case == "out_of_memory"


@pytest.mark.parametrize(
    "raw", [bytes(range(256)) * 40, b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" * 50, b"PK\x03\x04\x14\x00\x00\x00" * 90]
)
def test_what_is_no_text_is_refused(raw, tmp_path):
    (tmp_path / "model.bin").write_bytes(raw)
    with pytest.raises(InputError, match=r"model.bin is no text"):
        pasted.source(str(tmp_path / "model.bin"))


@pytest.mark.parametrize("given", ["nowhere.log", "logs/run", r"C:\my logs\run.txt", "./error"])
def test_the_name_of_a_file_that_is_not_there_is_refused(given):
    with pytest.raises(InputError, match="cannot read"):
        pasted.source(given)


@pytest.mark.parametrize(
    "given", [FP16, "KeyError", "loss is nan", "OSError: no file named /a/b/config.json", "x" * 5_000]
)
def test_a_text_is_taken_as_a_text(given):
    assert pasted.source(given) == given


def test_the_unknown_gets_its_last_line_two_cases_with_a_reason_and_what_to_paste():
    found = doctor.diagnose("noise\nKeyError: 'price'\n")
    assert found.case is None and found.evidence == "KeyError: 'price'"
    assert len(found.nearest) == 2 and all(near.why and near.title for near in found.nearest)
    assert "Traceback" in found.paste
    assert "versions" in doctor.diagnose(UNKNOWN).paste
    near = doctor.diagnose("RuntimeError: the tensors are not on the same device as expected").nearest
    assert "tensors_on_different_devices" in [one.id for one in near]
    shown = doctor.text(found)
    assert all(word in shown for word in ("KeyError: 'price'", found.nearest[0].id, "Traceback"))


def test_nothing_on_a_card_is_wider_than_80_columns_and_commands_are_there_for_both_shells():
    for case in doctor.load():
        found = doctor.Diagnosis(
            case.id,
            (doctor.Candidate(case.id, 0.95),),
            case.title,
            "RuntimeError: " + "x/" * 200,
            case.cause,
            case.fix,
            case.notebook,
            unexpected=("SFTTrainer.__init__", "tokenizer"),
        )
        lines = doctor.text(found, drift.about(*found.unexpected)).splitlines()
        assert max(map(len, lines)) <= card.WIDTH, case.id
        for step in case.fix:
            other = card.powershell(step)
            assert not re.search(r"\bexport |\brm -r|\bgrep |&&|(?<![\w$:'\"(])[A-Z]+_[A-Z_]+=\S", other), (
                case.id,
                other,
            )
            assert other == step or " PowerShell:" in doctor.text(found)
    unknown = doctor.diagnose("RuntimeError: " + "something unheard of " * 40)
    assert max(map(len, doctor.text(unknown).splitlines())) <= card.WIDTH


CODE = re.compile(  # what no prose has: assignments, calls, names with _ or a dot, options, paths, commands, gaps
    r"[=_{}\[\]\"|*$\\]|<\w|\w\(|(?<![\w`])(?:--?[a-z]|~?/\w)|[a-z]\.[a-z]|\S {2,}"
    r"|(?:^|[:;,.] )(?:pip|python|conda|git|hf|docker|export|ls|cd|df|ps|kill|nvcc|accelerate launch|vllm serve) \S"
)
NAMES = ("llama.cpp",)


def unmarked(step: str) -> str:
    """The first thing in the prose of a step that looks like code."""
    told = card.MARKED.sub("`", step)
    for name in NAMES:
        told = told.replace(name, "`")
    return found[0] if (found := CODE.search(told)) else ""


def test_code_in_a_case_is_marked_and_the_rest_is_prose():
    assert unmarked("pip install -U x") and unmarked("`x` with lr=1") and unmarked("call f(x)") and unmarked("give --y")
    for case in doctor.load():
        for step in (case.cause, *case.fix):
            assert not unmarked(step), (case.id, unmarked(step), step)
            assert all(piece.count("`") % 2 == 0 for piece in card.BLOCK.split(step)[::2]), (case.id, step)
    page = card.page(replace(doctor.diagnose(FP16), fix=("Load the base again, before training.", "`pip`, then `ls`")))
    assert "<li>Load the base again, before training.</li>" in page
    assert "<li><code>pip</code>, then <code>ls</code></li>" in page


@pytest.mark.parametrize(
    ("step", "forms"),
    [
        ("NCCL_DEBUG=INFO, which is not marked", []),
        ("`NCCL_DEBUG=INFO` or `A_B=<x> python t.py`", ['$env:NCCL_DEBUG="INFO"', '$env:A_B="<x>"; python t.py']),
        ("`df -h`, `df -h /dev/shm`", ["Get-PSDrive"]),
        ("`which python torchrun accelerate`", ["Get-Command python, torchrun, accelerate"]),
        ("`ps aux | grep t.py`", ["Get-CimInstance Win32_Process | Where-Object CommandLine -match t.py"]),
    ],
)
def test_powershell_takes_what_is_marked(step, forms):
    assert card.for_powershell(step) == [f"`{form}`" for form in forms]


def test_the_notebook_of_a_case_is_a_link():
    for case in doctor.load():
        found = doctor.Diagnosis(case.id, (), case.title, "", case.cause, case.fix, case.notebook)
        if card.written(case.notebook):
            file, _, heading = card.link(found).partition("#")
            assert (NOTEBOOKS.parent / file).exists() and f'href="{file}' in card.page(found)
            assert heading in ("", f"cell-id={case.id}")
    assert card.link(doctor.diagnose(FP16)) == "notebooks/26_more_errors.ipynb#cell-id=fp16_gradients_unscaled"


@pytest.mark.parametrize(
    ("call", "argument", "says"),
    [
        ("TrainingArguments.__init__", "evaluation_strategy", "eval_strategy"),
        ("SFTConfig.__init__", "evaluation_strategy", "eval_strategy"),
        ("SFTTrainer.__init__", "tokenizer", "processing_class"),
        ("SFTTrainer.__init__", "max_seq_length", "max_length"),
        ("MyTrainer.__init__", "tokenizer", "processing_class"),
    ],
)
def test_for_an_argument_that_is_gone_drift_is_asked(call, argument, says):
    told = doctor.diagnose(f"TypeError: {call}() got an unexpected keyword argument '{argument}'")
    assert told.case == "unexpected_keyword_argument" and told.unexpected == (call, argument)
    assert any(says in sentence for sentence in drift.about(call, argument))


def test_drift_knows_nothing_of_an_argument_that_never_was():
    assert drift.about("SFTTrainer.__init__", "no_such_thing") == []


def test_what_a_sentence_is():
    assert prose.sentence("first one. is it this? last", 14) == "is it this?"
    assert prose.settled(["it works now"]) and not prose.settled(["it works now, but not twice"])


def run(*arguments, stdin=b""):
    command = [sys.executable, "-m", "helpers", "diagnose", *map(str, arguments)]
    return subprocess.run(command, cwd=DATA.parent, capture_output=True, input=stdin, timeout=60)


def test_command_line_in_json(tmp_path):
    (tmp_path / "log.txt").write_text("RuntimeError: CUDA error: invalid device ordinal\n", encoding="utf-16")
    answer = run(tmp_path / "log.txt", "--json")
    found = json.loads(answer.stdout)
    assert answer.returncode == 0 and found["case"] == "invalid_device_ordinal"
    assert found["candidates"][0]["id"] == found["case"] and 0 < found["candidates"][0]["confidence"] <= 1
    assert {"evidence", "fix", "notebook", "argument"} <= set(found)


def test_command_line_says_what_it_does_not_know():
    answer = run("-", "--json", stdin="KeyError: '价格'\n".encode("gb18030"))
    found = json.loads(answer.stdout)
    assert answer.returncode == 1 and found["case"] is None and len(found["nearest"]) == 2 and found["paste"]
    answer = run("-", stdin=b"KeyError: 'x'")
    assert answer.returncode == 1 and b"I do not know this one" in answer.stdout


def test_command_line_takes_the_text_itself_and_asks_drift():
    answer = run("TypeError: SFTTrainer.__init__() got an unexpected keyword argument 'tokenizer'")
    assert answer.returncode == 0 and b"use processing_class" in answer.stdout
    answer = run("TypeError: SFTTrainer.__init__() got an unexpected keyword argument 'frobs'", "--json")
    assert "python -m helpers drift" in json.loads(answer.stdout)["argument"][0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["nowhere.log"], b"cannot read nowhere.log"), ([], b"pipe it in"), (["-"], b"nothing to read")],
)
def test_command_line_without_anything_to_read(arguments, says):
    answer = run(*arguments)
    assert answer.returncode == 2 and says in answer.stderr and b"Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("line", "headers"),
    [
        ("transformers does not know this model, it stops with a KeyError", 0),
        ("加载模型的时候报KeyError", 0),
        ("KeyError", 1),
        ("[rank0]: AssertionError", 1),
        ("training stops at once with this KeyError: 'qwen3'", 1),
    ],
)
def test_a_type_that_a_sentence_only_speaks_of_is_no_exception(line, headers):
    assert len(read(line).headers) == headers
