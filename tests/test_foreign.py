"""Files of strangers: no command runs what is in them, and each is answered with a message; so is a damaged file."""

import json
import os
import pickle
import shutil
import struct
import time
from pathlib import Path

import pytest
from bases import PLAIN, ROWS, make_base

from helpers import chats, cli
from helpers.files import digests
from helpers.limits import time_limit

LOOP = "{% for a in range(700) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"  # seconds, where nothing ends it
TRAIN = ["--no-quantize", "--max-length", "200", "--steps", "2", "--batch", "4", "--rank", "2"]
COMMANDS = {
    "train": ["train", "rows.jsonl", "--out", "out", *TRAIN, "--model"],
    "evaluate": ["evaluate", "rows.jsonl", "--model"],
    "clean": ["clean", "rows.jsonl", "--out", "out", "--rejects", "rejects.jsonl", "--model"],
    "serve": ["serve"],
    "estimate": ["estimate", "--model"],
    "merge": ["merge", "--model", "base", "--out", "out"],
    "evaluate adapter": ["evaluate", "rows.jsonl", "--model", "base", "--adapter"],
    "drift": ["drift", "--fix"],
    "diagnose": ["diagnose"],
    "clean rows": ["clean", "--out", "out", "--rejects", "rejects.jsonl"],
}


SECRETS, SECRET = ("HF_TOKEN", "WANDB_API_KEY", "OPENAI_API_KEY"), "hf_" + "aB3" * 11


class Canary:
    """What a pickle holds that makes the file `fired` when it is loaded carelessly."""

    def __init__(self, fired: Path) -> None:
        self.fired = fired

    def __reduce__(self):
        return (os.system, (f"echo >{self.fired}",))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with rows, a base, an adapter on it that `train` wrote, and the merged model."""
    folder = tmp_path_factory.mktemp("foreign")
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    make_base(folder / "base", pad="<pad>")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("COURSE_PROFILE", "tiny")
        for name in SECRETS:
            patch.setenv(name, SECRET)
        for command in (["train", "rows.jsonl", "--out", "adapter", *TRAIN], ["merge", "adapter", "--out", "merged"]):
            patch.setattr("sys.argv", ["helpers", *command, "--model", "base"])
            cli.main(lambda: cli.app(standalone_mode=False))
    return folder


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    """Its own copy of `made` for a test, which is in it."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_PROFILE", "tiny")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(chats, "TEMPLATE_SECONDS", 0.5)
    return tmp_path


@pytest.fixture
def command(monkeypatch, capsys):
    def run(*arguments) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["helpers", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out + printed.err

    return run


def change(file: Path, **values) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **values}), encoding="utf-8")


def pickled_weights(folder: Path, protocol: int | None = None) -> Path:
    import torch

    (folder / "base" / "model.safetensors").unlink()
    bomb, file = {"weight": Canary(folder / "fired")}, folder / "base" / "pytorch_model.bin"
    torch.save(bomb, file) if protocol is None else file.write_bytes(pickle.dumps(bomb, protocol))
    return folder / "base"


def own_code(folder: Path) -> Path:
    """Python files for each class that a config may ask for, in the model's directory and where imports look."""
    code = f"open({str(folder / 'fired')!r}, 'w')\nclass C: pass\n"
    for place in (folder / "base", folder / "adapter", folder):
        (place / "canary.py").write_text(code, encoding="utf-8")
    return folder / "base"


def own_model(folder: Path) -> Path:
    places = {"AutoConfig": "canary.C", "AutoModelForCausalLM": "canary.C"}
    change(folder / "base" / "config.json", auto_map=places, model_type="newkind", architectures=["C"])
    return own_code(folder)


def own_tokenizer(folder: Path, where: str = "base") -> Path:
    places = {"AutoTokenizer": ["canary.C", "canary.C"]}
    change(folder / where / "tokenizer_config.json", auto_map=places, tokenizer_class="C")
    own_code(folder)
    return folder / where


def template(text: str):
    def write(folder: Path) -> Path:
        (folder / "base" / "chat_template.jinja").write_text(text.replace("FIRED", str(folder / "fired")))
        return folder / "base"

    return write


def header(size: int, where: str = "base/model.safetensors"):
    def write(folder: Path) -> Path:
        file = folder / where
        file.write_bytes(struct.pack("<Q", size) + file.read_bytes()[8:])
        return file.parent

    return write


def adapter_settings(**values):
    def write(folder: Path) -> Path:
        own_code(folder)
        change(folder / "adapter" / "adapter_config.json", **values)
        change(folder / "adapter" / "run.json", files={})
        return folder / "adapter"

    return write


def pickled_adapter(name: str):
    def write(folder: Path) -> Path:
        (folder / "adapter" / "adapter_model.safetensors").unlink()
        (folder / "adapter" / name).write_bytes(pickle.dumps(Canary(folder / "fired")))
        change(folder / "adapter" / "run.json", files={})
        return folder / "adapter"

    return write


def gguf(folder: Path) -> Path:
    (folder / "base" / "model.safetensors").unlink()
    (folder / "base" / "model.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 2**60, 2**60))
    return folder / "base"


def notebook(folder: Path) -> Path:
    script = {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<script>alert(1)</script>"}}
    code = f"import os\nos.system('echo >{folder / 'fired'}')\nfrom transformers import AdamW"
    cell = {"cell_type": "code", "id": "a", "source": code, "metadata": {}, "execution_count": 1, "outputs": [script]}
    book = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    (folder / "strange.ipynb").write_text(json.dumps(book), encoding="utf-8")
    return folder / "strange.ipynb"


def pickled_text(name: str):
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(pickle.dumps(Canary(folder / "fired")))
        return folder / name

    return write


def own_tokenizer_of_adapter(folder: Path) -> Path:
    change(folder / "adapter" / "run.json", files={})
    return own_tokenizer(folder, "adapter")


ESCAPE = "{{ cycler.__init__.__globals__.os.system('echo >FIRED') }}" + PLAIN
CANARIES = [
    ("train", pickled_weights, "calls foreign code, which was not run"),
    ("evaluate", lambda folder: pickled_weights(folder, 4), "calls foreign code, which was not run"),
    ("serve", pickled_weights, "calls foreign code, which was not run"),
    ("train", own_model, "asks to run Python code"),
    ("evaluate", own_model, "asks to run Python code"),
    ("serve", own_model, "asks to run Python code"),
    ("estimate", own_model, "asks to run Python code"),
    ("train", own_tokenizer, "asks to run Python code"),
    ("clean", own_tokenizer, "asks to run Python code"),
    ("merge", own_tokenizer_of_adapter, "asks to run Python code"),
    ("train", template(PLAIN + LOOP), "did not end within 0.5 s"),
    ("clean", template(PLAIN + LOOP), "did not end within 0.5 s"),
    ("evaluate", template(PLAIN + LOOP), "did not end within 0.5 s"),
    ("serve", template(PLAIN + LOOP), "did not end within 0.5 s"),
    ("train", template(PLAIN + "{{ 'x' * 3000000 }}"), "makes 3,000,0"),
    ("clean", template("{# " + "x" * 2_000_000 + "#}" + PLAIN), "has 2,000,"),
    ("train", template(ESCAPE), "is unsafe"),
    ("evaluate", template("{{ ''.__class__.__mro__ }}" + PLAIN), "is unsafe"),
    ("train", template("{% include 'rows.jsonl' %}" + PLAIN), "refuses it"),
    ("train", header(2**62), "model.safetensors is damaged"),
    ("evaluate", header(2**27), "model.safetensors is damaged"),
    ("merge", header(2**62, "adapter/adapter_model.safetensors"), "adapter_model.safetensors is damaged"),
    ("merge", pickled_adapter("adapter_model.bin"), "adapter_model.safetensors is missing"),
    ("evaluate adapter", pickled_adapter("adapter_model.safetensors"), "adapter_model.safetensors is damaged"),
    ("merge", adapter_settings(peft_type="os.system"), "none that PEFT reads"),
    ("merge", adapter_settings(megatron_config={"a": 1}, megatron_core="canary"), "does not fit base"),
    ("merge", adapter_settings(auto_mapping={"base_model_class": "C", "parent_library": "canary"}), "merged model in"),
    ("serve", gguf, "holds no weights"),
    ("train", lambda folder: gguf(folder) / "model.gguf", "is a file: give the model's directory"),
    ("drift", notebook, "AdamW"),
    ("diagnose", pickled_text("error.log"), "is no text"),
    ("clean rows", pickled_text("rows.jsonl"), "holds binary data"),
]


@pytest.mark.parametrize(
    ("name", "plant", "words"), CANARIES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_no_canary_fires_and_each_gets_a_message(name, plant, words, folder, command):
    code, said = command(*COMMANDS[name], plant(folder))
    assert words in said and "Traceback" not in said
    assert code == (0 if "merged" in words else 1 if name == "drift" else 2), said
    assert not (folder / "fired").exists()
    assert (folder / "out").exists() == (code == 0) and not [*folder.glob("*.run"), *folder.glob(".*.part")]


def test_the_canary_can_fire(tmp_path):
    with pytest.raises(TypeError):
        {}.update(pickle.loads(pickle.dumps(Canary(tmp_path / "fired"))))
    assert (tmp_path / "fired").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["optimizer.pt", "rng_state.pth", "scheduler.pt"])
def test_a_checkpoint_that_was_exchanged_is_not_loaded(name, folder, command, monkeypatch):
    """Its digests are wrong; and where they are made to fit, the library's loader of plain tensors refuses it."""
    from test_resuming import stop_at

    from helpers import training

    asked = ["train", "rows.jsonl", "--out", "out", "--model", "base", *TRAIN]
    with monkeypatch.context() as patch:
        patch.setattr(training, "training_bar", lambda: stop_at(2))
        assert command(*asked)[0] == 130
    checkpoint = folder / "out.run" / "checkpoint-1"
    (checkpoint / name).write_bytes(pickle.dumps(Canary(folder / "fired")))
    code, said = command(*asked, "--resume")
    assert code == 2 and f"{name} is missing or damaged" in said
    (checkpoint / "complete").write_text(json.dumps(digests(checkpoint, without="complete")))
    code, said = command(*asked, "--resume")
    assert code == 2 and "calls foreign code, which was not run" in said
    assert not (folder / "fired").exists()


READ_BY = {"adapter": "evaluate adapter", "merged": "evaluate"}
UNREAD = ("README.md", "training_args.bin")
ALONE = {(card, damage) for card in ("run.json", "merged.json") for damage in ("deleted", "changed")}  # the rest holds


@pytest.mark.parametrize("damage", ["cut", "emptied", "deleted", "changed"])
@pytest.mark.parametrize("kind", READ_BY)
def test_a_damaged_file_of_an_adapter_or_a_merged_model_is_named(kind, damage, folder, command):
    for file in sorted((folder / kind).iterdir()):
        if file.name in UNREAD or (file.name, damage) in ALONE:
            continue
        content = file.read_bytes()
        changed = content[:-1] + bytes([content[-1] ^ 1]) if file.suffix == ".safetensors" else content + b"\n"
        file.write_bytes({"cut": content[: len(content) // 2], "changed": changed}.get(damage, b""))
        if damage == "deleted":
            file.unlink()
        code, said = command(*COMMANDS[READ_BY[kind]], kind)
        assert code == 2 and "Traceback" not in said, (file.name, said)
        assert kind in said.splitlines()[-1] or "chat template" in said, (file.name, said)
        file.write_bytes(content)


def test_an_adapter_without_its_record_still_knows_its_base(folder, command):
    make_base(folder / "other", pad="<pad>", layers=1)
    change(folder / "adapter" / "run.json", files={})
    (folder / "adapter" / "base_identity.json").unlink()
    code, said = command("merge", "adapter", "--out", "out", "--model", "other")
    assert code == 2 and "was trained on another base" in said


def test_a_token_of_the_environment_reaches_no_file(made):
    files = [path for path in made.rglob("*") if path.is_file()]
    assert len(files) > 15 and not [path.name for path in files if SECRET.encode() in path.read_bytes()]


def test_a_token_of_the_environment_is_not_printed(folder, command, monkeypatch):
    for name in SECRETS:
        monkeypatch.setenv(name, SECRET)
    for asked in (["check"], ["check", "--json"], ["diagnose", "no such thing"], ["evaluate", "nope"]):
        assert SECRET not in command(*asked)[1]


def test_time_limit():
    with pytest.raises(TimeoutError), time_limit(0.1):
        while True:
            pass
    with time_limit(0.1):
        pass
    time.sleep(0.6)  # nothing comes later


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="no seconds of one thread's work here")
def test_time_limit_counts_work_and_not_the_wait_for_a_busy_machine():
    with time_limit(0.1):
        time.sleep(0.6)


def test_an_old_torchao_is_one_line_where_peft_meets_it(folder, command):
    from peft.import_utils import is_torchao_available

    for place, text in {"torchao/__init__.py": "", "torchao-0.10.0.dist-info/METADATA": "Version: 0.10.0\n"}.items():
        (folder / place).parent.mkdir()
        (folder / place).write_text(f"Metadata-Version: 2.1\nName: torchao\n{text}" if text else "")
    is_torchao_available.cache_clear()
    try:
        code, said = command(*COMMANDS["train"], "base")
    finally:
        is_torchao_available.cache_clear()
    assert code == 2 and "Found version 0.10.0" in said and "python -m helpers check" in said
    assert not (folder / "out").exists() and not [*folder.glob("*.run"), *folder.glob(".*.part")]
