"""A training run that survives being killed: its checkpoints live in `OUT.run` until the adapter `OUT` is whole."""

import hashlib
import json
import os
import pickle
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from helpers.errors import InputError
from helpers.files import digests, encode_row, flush, save_json
from helpers.model_checks import pickled
from helpers.models import CARD
from helpers.profiles import Profile
from helpers.training import (
    COMPLETE,
    Run,
    last_complete_checkpoint,
    logged,
    make_trainer,
    mark_complete,
    save_adapter,
    sft_config,
    stop_at_no_number,
)

LOCK = ".lock"
SETTINGS = ("dtype", "quantize", "batch_size", "gradient_accumulation", "max_length", "max_steps", "learning_rate",
            "rank", "alpha")  # fmt: skip


def train(
    profile: Profile,
    rows: Sequence[dict],
    out: str | Path,
    resume: bool = False,
    epochs: float | None = None,
    eval_rows: Sequence[dict] = (),
    template: str | None = None,
    targets: str | list[str] = "all-linear",
    seed: int = 0,
    report_to: str = "none",
    callbacks: Sequence = (),
    **overrides,
) -> Run | None:
    """Train as `fine_tune` does, with a checkpoint after each tenth of the steps; None if `out` is finished already.

    With `resume`, go on from the newest whole checkpoint in `OUT.run`, or start where there is none. On a CPU the
    adapter is then, bit for bit, that of a run that was not stopped. `epochs` takes the place of the profile's steps.
    The card of all settings that decide the result is checked first, and goes into `out`; logs of `report_to` too.
    Raises InputError for other settings than the stopped (or finished) run had, for a damaged checkpoint, for a run
    that another process is writing, and, without `resume`, for a finished or a stopped one.
    """
    from helpers.models import base_identity, load_tokenizer

    out = Path(out)
    load_tokenizer(profile.model)  # a model of the hub has a revision from here on
    card = {name: asdict(profile)[name] for name in SETTINGS} | {"base": base_identity(profile.model)}
    card |= {"epochs": epochs, "seed": seed, "targets": targets, "template": template}
    card |= {"rows": digest(rows), "eval rows": digest(eval_rows)}
    with run_directory(out) as work:
        if out.exists():
            check_finished(out, card, resume)
            return None
        checkpoint = go_on_from(work, card, resume)
        args = sft_config(
            profile,
            work,
            **{"max_steps": -1, "num_train_epochs": epochs} if epochs else {},
            **{"eval_strategy": "steps", "eval_steps": 0.1} if eval_rows else {},
            save_strategy="steps",
            save_steps=0.1,
            logging_steps=1,
            logging_nan_inf_filter=False,
            seed=seed,
            report_to=report_to,
            **overrides,
        )
        followed = [stop_at_no_number(), mark_complete(), *callbacks]
        trainer = make_trainer(profile, rows, args, followed, eval_rows, template, target_modules=targets)
        order_by_epoch(trainer)
        start = time.perf_counter()
        try:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        except pickle.UnpicklingError as error:  # its digests were exchanged, too
            raise InputError(f"{pickled(checkpoint or work)}; here, remove {work} to start over") from error
        seconds = time.perf_counter() - start
        adapter = work / "adapter"
        shutil.rmtree(adapter, ignore_errors=True)
        save_adapter(trainer, adapter, profile)
        flush(adapter)
        save_json(adapter / CARD, card | {"files": digests(adapter)})
        if (work / "runs").is_dir():
            shutil.move(work / "runs", adapter / "runs")
        os.replace(adapter, out)
    return Run(out, seconds, trainer.state.global_step, logged(trainer), logged(trainer, "eval_loss"))


def order_by_epoch(trainer) -> None:
    """Draw each epoch's order of rows from the seed and the epoch's number.

    transformers 5.23 draws it from torch's global generator, whose state at an epoch's start no checkpoint holds: a run
    resumed inside a later epoch would see some rows twice, and others never.
    """
    import torch

    sampler = trainer._get_train_sampler()

    def set_epoch(epoch: int) -> None:
        sampler.generator = torch.Generator().manual_seed(trainer.args.seed + epoch)

    sampler.set_epoch = set_epoch  # accelerate calls it, skipped batches or not
    trainer._get_train_sampler = lambda *_: sampler


def directory_of(out: str | Path) -> Path:
    """Where the checkpoints of the run for `out` are kept until it is finished. Raises InputError for "." and "/"."""
    if not Path(out).name:
        raise InputError(f"--out {out}: is there already; name a directory to make")
    return Path(out).with_name(f"{Path(out).name}.run")


@contextmanager
def run_directory(out: Path) -> Iterator[Path]:
    """Hold `OUT.run`, made where there is none, against other processes; it is removed once `out` is there.

    Raises InputError if it cannot be written, is held by another process, or holds something else.
    """
    from filelock import FileLock, Timeout

    work = directory_of(out)
    try:
        work.mkdir(parents=True, exist_ok=True)
        ours = (LOCK, f".{CARD}.")  # the second one is a card that was being written
        if not (work / CARD).exists() and any(not path.name.startswith(ours) for path in work.iterdir()):
            raise InputError(f"{work} is needed for checkpoints, but holds other files: choose another --out")
        lock = FileLock(work / LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(f"another run is writing {work}: wait for it, or choose another --out") from None
    except OSError as error:
        raise InputError(f"cannot write to {work}: {error.strerror or error}") from None
    over = False
    try:
        yield work
        over = True
    finally:
        over = over or last_complete_checkpoint(work) is None  # then there is nothing to go on from
        lock.release()
        if over:
            shutil.rmtree(work, ignore_errors=True)


def go_on_from(work: Path, card: dict, resume: bool) -> Path | None:
    """The checkpoint to go on from, or None to start; what a killed run left half-written is removed."""
    checkpoint = last_complete_checkpoint(work)
    if checkpoint and not resume:
        step = checkpoint.name.rpartition("-")[2]
        raise InputError(
            f"{work} holds a run that was stopped after step {step}: add --resume to go on with it, or remove {work} "
            "to start over"
        )
    if checkpoint:
        check_card(work / CARD, card, f"go on with them, or remove {work} to start over")
        check_files(checkpoint)
    for path in work.iterdir():
        if path.is_dir() and path not in ((checkpoint, work / "runs") if checkpoint else ()):
            shutil.rmtree(path)
    save_json(work / CARD, card)
    return checkpoint


def check_finished(out: Path, card: dict, resume: bool) -> None:
    """Raise InputError unless `out` is what this run would write, and was asked to be gone on with."""
    if not resume or not (out / CARD).is_file():
        raise InputError(f"{out} exists already: choose another directory, or remove it first")
    check_card(out / CARD, card, "choose another directory, or remove it first")


def check_card(path: Path, card: dict, what_to_do: str) -> None:
    """Raise InputError if the run whose card is in `path` had other settings than `card`."""
    try:
        begun = json.loads(path.read_text(encoding="utf-8"))
        others = [name for name in card if begun[name] != card[name]]
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{path} is not readable: remove {path.parent} to start over") from None
    if others:
        shown = ", ".join(f"{name} {short(begun[name])}, now {short(card[name])}" for name in others)
        raise InputError(f"{path.parent} was begun with other settings ({shown}): {what_to_do}")


def check_files(checkpoint: Path) -> None:
    """Raise InputError if a file of a checkpoint is not what it was when the checkpoint was marked as complete."""
    try:
        marked = json.loads((checkpoint / COMPLETE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        marked = None
    found = digests(checkpoint, without=COMPLETE)
    damaged = [name for name in marked if found.get(name) != marked[name]] if isinstance(marked, dict) else [COMPLETE]
    if damaged:
        raise InputError(
            f"{checkpoint / damaged[0]} is missing or damaged: nothing to go on from; remove {checkpoint.parent} to "
            "start over"
        )


def digest(rows: Sequence[dict]) -> str:
    """SHA-256 of conversations, in their order; '' for none."""
    return hashlib.sha256(b"".join(map(encode_row, rows))).hexdigest() if rows else ""


def short(value) -> str:
    """A setting of a card as a message shows it: long texts and records by their first letters."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 24 else f"{text[:24]}..."
