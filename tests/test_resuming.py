"""Killed and resumed: the adapter is that of an uninterrupted run, and nothing half-written is taken for whole."""

import json
import multiprocessing
import os
import shutil
import signal
import sys
from dataclasses import replace

import pytest
import torch
from bases import ROWS, make_base
from filelock import FileLock
from safetensors.torch import load_file

from helpers import cli, models, profiles, resuming, training
from helpers.errors import InputError

TINY = replace(profiles.select("tiny"), quantize=False, batch_size=4, max_steps=6, max_length=200, rank=2, alpha=4)


@pytest.fixture(scope="module")
def profile(tmp_path_factory):
    return replace(TINY, model=make_base(tmp_path_factory.mktemp("resuming") / "base", pad="<pad>"))


@pytest.fixture(scope="module")
def whole(profile, tmp_path_factory):
    """The adapter of a run that nothing stopped."""
    return resuming.train(profile, ROWS, tmp_path_factory.mktemp("whole") / "adapter", epochs=2).adapter


def go(profile, out, **options):
    return resuming.train(profile, ROWS, out, **{"epochs": 2, **options})


def same(one, other) -> bool:
    """Whether two adapters are equal in every bit."""
    ours, theirs = (load_file(directory / models.WEIGHTS) for directory in (one, other))
    return ours.keys() == theirs.keys() and all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def killed(function: str, call: int, when: str, profile, out) -> None:
    """A run that is killed at the `call`-th call of a library's function: before it, or in the middle of its file."""
    import peft.peft_model
    import torch
    import transformers

    owner, name = {
        "step": (transformers.Trainer, "training_step"),
        "weights": (peft.peft_model, "safe_save_file"),
        "optimizer": (torch, "save"),
        "state": (transformers.TrainerState, "save_to_json"),
        "mark": (training, "save_json"),
        "drop": (training.shutil, "rmtree"),
        "card": (resuming, "save_json"),
        "adapter": (resuming, "save_adapter"),
        "rename": (resuming.os, "replace"),
    }[function]
    real, calls = getattr(owner, name), []

    def stop(*args, **options):
        calls.append(1)
        if len(calls) == call:
            if when == "after":
                real(*args, **options)
            elif when == "inside":
                file = next(arg for arg in args if isinstance(arg, str | os.PathLike))
                with open(file, "wb") as half:
                    half.write(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **options)

    setattr(owner, name, stop)
    go(profile, out)


# 9 rows in batches of 4, two epochs: 6 steps with a checkpoint after each
MOMENTS = [
    ("step", 1, "before"),
    ("step", 4, "before"),
    ("step", 6, "after"),
    ("weights", 1, "inside"),
    ("weights", 3, "inside"),
    ("optimizer", 5, "inside"),
    ("optimizer", 8, "after"),
    ("state", 2, "inside"),
    ("mark", 2, "before"),
    ("mark", 2, "after"),
    ("drop", 2, "before"),
    ("card", 1, "after"),
    ("adapter", 1, "before"),
    ("adapter", 1, "after"),
    ("card", 2, "after"),
]


@pytest.fixture(scope="module")
def children():
    """Processes that have the libraries imported when they start."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["trl", "peft", "bases", "helpers.resuming", "test_resuming"])
    return context


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: "-".join(map(str, moment)))
def test_a_killed_run_goes_on_and_ends_as_if_it_had_not_been(moment, profile, whole, children, tmp_path):
    out = tmp_path / "adapter"
    child = children.Process(target=killed, args=(*moment, profile, out))
    child.start()
    child.join(300)
    assert child.exitcode == -signal.SIGKILL
    assert not out.exists()
    go(profile, out, resume=True)
    assert same(out, whole)
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in whole.iterdir())


def stop_at(step: int, error: type[BaseException] = KeyboardInterrupt):
    from transformers import TrainerCallback

    class Stop(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            if state.global_step == step:
                raise error

    return Stop()


@pytest.fixture(scope="module")
def stopped_once(profile, tmp_path_factory):
    out = tmp_path_factory.mktemp("stopped") / "adapter"
    with pytest.raises(KeyboardInterrupt):
        go(profile, out, callbacks=[stop_at(4)])
    return resuming.directory_of(out)


@pytest.fixture
def stopped(stopped_once, tmp_path):
    """The directory that a run which was stopped in its fourth step is for."""
    shutil.copytree(stopped_once, tmp_path / "adapter.run")
    return tmp_path / "adapter"


def test_checkpoints_are_whole_and_only_the_newest_is_kept(stopped):
    work = resuming.directory_of(stopped)
    assert [path.name for path in work.glob("checkpoint-*")] == ["checkpoint-3"]
    resuming.check_files(work / "checkpoint-3")


def test_resume_goes_on_and_does_not_start_again(profile, stopped, whole):
    steps = []

    class Count(type(stop_at(0)).__base__):
        def on_step_end(self, args, state, control, **kwargs):
            steps.append(state.global_step)

    run = go(profile, stopped, resume=True, callbacks=[Count()])
    assert steps == [4, 5, 6] and [step for step, _ in run.losses] == [1, 2, 3, 4, 5, 6]
    assert same(stopped, whole)


def test_resumed_equals_uninterrupted_on_a_quantized_base(profile, tmp_path):
    """The adapters of a 4-bit base are kept in float32, as a checkpoint brings them back."""
    small = replace(profile, quantize=True)
    with pytest.raises(KeyboardInterrupt):
        go(small, tmp_path / "stopped", callbacks=[stop_at(5)])
    go(small, tmp_path / "stopped", resume=True)
    assert same(tmp_path / "stopped", go(small, tmp_path / "whole").adapter)


def test_a_stopped_run_is_not_thrown_away(profile, stopped):
    with pytest.raises(InputError, match="stopped after step 3: add --resume"):
        go(profile, stopped)
    assert training.last_complete_checkpoint(resuming.directory_of(stopped))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"epochs": 3}, "epochs 2, now 3"),
        ({"seed": 1}, "seed 0, now 1"),
        ({"eval_rows": ROWS[:2]}, "eval rows"),
        ({"targets": ["q_proj"]}, "targets all-linear, now"),
        ({"template": "{{ messages }}"}, "template"),
    ],
)
def test_other_settings_do_not_go_on_with_a_run(other, words, profile, stopped):
    with pytest.raises(InputError, match=f"begun with other settings .*{words}"):
        go(profile, stopped, resume=True, **other)


def test_other_rows_values_or_base_do_not_go_on_with_a_run(profile, stopped, tmp_path):
    with pytest.raises(InputError, match="other settings .*rows"):
        resuming.train(profile, ROWS[1:], stopped, resume=True, epochs=2)
    with pytest.raises(InputError, match="rank 2, now 4"):
        go(replace(profile, rank=4), stopped, resume=True)
    with pytest.raises(InputError, match="other settings .*base"):
        go(replace(profile, model=make_base(tmp_path / "base", layers=1)), stopped, resume=True)


@pytest.mark.parametrize("damage", ["cut", "emptied", "deleted"])
def test_a_damaged_file_of_a_checkpoint_is_named(damage, profile, stopped):
    checkpoint = training.last_complete_checkpoint(resuming.directory_of(stopped))
    for file in sorted(checkpoint.iterdir()):
        content = file.read_bytes()
        if damage == "deleted" and file.name == training.COMPLETE:
            continue  # then it is not the newest whole checkpoint
        file.write_bytes({"cut": content[: len(content) // 2], "emptied": b"", "deleted": b""}[damage])
        if damage == "deleted":
            file.unlink()
        with pytest.raises(InputError, match=f"{file.name} is missing or damaged"):
            go(profile, stopped, resume=True)
        file.write_bytes(content)


def test_a_damaged_card_is_named(profile, stopped):
    (resuming.directory_of(stopped) / models.CARD).write_text("{")
    with pytest.raises(InputError, match="run.json is not readable"):
        go(profile, stopped, resume=True)


def test_a_finished_run_is_left_alone(profile, whole):
    before = {path: path.stat().st_mtime_ns for path in whole.iterdir()}
    assert go(profile, whole, resume=True) is None
    assert {path: path.stat().st_mtime_ns for path in whole.iterdir()} == before
    with pytest.raises(InputError, match="exists already"):
        go(profile, whole)
    with pytest.raises(InputError, match="begun with other settings"):
        go(profile, whole, resume=True, seed=3)
    assert [path.name for path in whole.parent.iterdir()] == ["adapter"]


def test_what_somebody_else_keeps_is_left_alone(profile, tmp_path):
    (tmp_path / "adapter").mkdir()
    with pytest.raises(InputError, match="exists already"):
        go(profile, tmp_path / "adapter", resume=True)
    (tmp_path / "other.run").mkdir()
    (tmp_path / "other.run" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        go(profile, tmp_path / "other", resume=True)
    assert (tmp_path / "other.run" / "notes.txt").read_text() == "mine"


def test_two_runs_do_not_write_one_directory(profile, tmp_path):
    work = tmp_path / "adapter.run"
    work.mkdir()
    with FileLock(work / resuming.LOCK), pytest.raises(InputError, match="another run is writing"):
        go(profile, tmp_path / "adapter")


def test_a_run_that_fails_before_its_first_checkpoint_leaves_nothing(profile, tmp_path):
    with pytest.raises(OSError):
        go(profile, tmp_path / "adapter", callbacks=[stop_at(1, OSError)])
    assert list(tmp_path.iterdir()) == []


def test_held_out_rows_and_a_tracker(profile, tmp_path):
    run = go(profile, tmp_path / "adapter", eval_rows=ROWS[:3], report_to="tensorboard")
    assert [step for step, _ in run.eval_losses] == [1, 2, 3, 4, 5, 6]
    assert list((run.adapter / "runs").rglob("events.out.*"))
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


def test_the_seed_decides_the_adapter(profile, whole, tmp_path):
    assert same(go(profile, tmp_path / "same").adapter, whole)
    assert not same(go(profile, tmp_path / "other", seed=1).adapter, whole)


@pytest.fixture
def command(profile, tmp_path, monkeypatch, capsys):
    """`python -m helpers train` in this process: (exit code, what it printed, its errors)."""
    (tmp_path / "my rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_PROFILE", "tiny")

    def run(*arguments):
        typed = ["train", "my rows.jsonl", "--model", profile.model, "--no-quantize", "--max-length", "200", *arguments]
        monkeypatch.setattr(sys, "argv", ["helpers", *typed])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return run


def test_train_says_what_to_type_and_goes_on(command, monkeypatch, tmp_path):
    typed = [
        "--out",
        "a",
        "--steps",
        "3",
        "--batch",
        "2",
        "--accumulation",
        "2",
        "--rank",
        "2",
        "--eval",
        "my rows.jsonl",
    ]
    with monkeypatch.context() as patch:
        patch.setattr(training, "training_bar", lambda: stop_at(2))
        code, out, err = command(*typed)
    words = "--eval 'my rows.jsonl' --resume"
    assert code == 130 and words in out and "stopped; go on with: python -m helpers train 'my rows.jsonl'" in err
    assert words in err and "Traceback" not in err
    code, out, err = command(*typed, "--resume")
    assert code == 0 and "going on from a.run/checkpoint-1" in out and "nan" not in out
    assert "3 steps" in out and "on held-out rows" in out and "adapter in a" in out
    code, out, err = command(*typed, "--resume")
    assert code == 0 and "a is finished already: nothing to do" in out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "my rows.jsonl"]


def test_a_single_step_has_a_loss(command):
    code, out, err = command("--out", "a", "--steps", "1")
    assert code == 0 and "nan" not in out and "1 steps" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--epochs", "1", "--steps", "2"], "give --steps or --epochs, not both"),
        (["--epochs", "0"], "--epochs 0.0: must be more than 0"),
        (["--epochs", "nan"], "--epochs nan"),
        (["--target-modules", "q_proj,vproj"], "no module vproj"),
        (["--target-modules", ","], "--target-modules"),
        (["--report-to", "nowhere"], "--report-to nowhere: there is none, "),
        (["--report-to", "neptune"], "--report-to neptune: its package is not installed"),
        (["--eval", "nope.jsonl"], "there is no file nope.jsonl"),
        (["--chat-template", "nope.jinja"], "--chat-template nope.jinja cannot be read"),
        (["--batch", "0"], "--batch"),
        (["--seed", "-1"], "--seed"),
        (["--resume", "--max-length", "9"], "row 1 has"),
    ],
)
def test_bad_usage_is_one_clear_line_and_leaves_nothing(arguments, words, command, tmp_path):
    code, _, err = command("--out", "a", *arguments)
    assert code == 2 and words in err and "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["my rows.jsonl"]
