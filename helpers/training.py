"""Supervised fine-tuning of an adapter: rows to prompt/completion, the configs, and one run from rows to adapter."""

import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from helpers.diagnosis import diagnose as diagnose
from helpers.errors import InputError
from helpers.profiles import Profile

COMPLETE = "complete"


def to_dataset(rows: Sequence[dict]):
    """Conversations as a `Dataset` of prompt and completion messages, one example for each answer of the assistant.

    TRL then takes the loss on the completion alone, end of turn included, whatever the model's chat template.
    """
    from datasets import Dataset

    examples = [
        {"prompt": row["messages"][:i], "completion": [message]}
        for row in rows
        for i, message in enumerate(row["messages"])
        if message["role"] == "assistant" and i > 0
    ]
    return Dataset.from_list(examples)


def lora_config(profile: Profile, **overrides):
    """LoRA on every linear layer but the output head, at the profile's rank and alpha."""
    from peft import LoraConfig

    settings = dict(
        r=profile.rank, lora_alpha=profile.alpha, target_modules="all-linear", lora_dropout=0.0, task_type="CAUSAL_LM"
    )
    return LoraConfig(**{**settings, **overrides})


def sft_config(profile: Profile, output_dir: str | Path, **overrides):
    """The training arguments of `profile`; `overrides` are SFTConfig's own names and win."""
    import torch
    from trl import SFTConfig

    gpu = torch.cuda.is_available()
    settings = dict(
        output_dir=str(output_dir),
        max_steps=profile.max_steps,
        per_device_train_batch_size=profile.batch_size,
        per_device_eval_batch_size=profile.batch_size,
        gradient_accumulation_steps=profile.gradient_accumulation,
        learning_rate=profile.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=0.05,
        max_grad_norm=1.0,
        max_length=profile.max_length,
        bf16=gpu and profile.dtype == "bfloat16",
        fp16=gpu and profile.dtype == "float16",
        use_cpu=not gpu,
        activation_checkpointing=gpu,
        train_sampling_strategy="group_by_length",
        optim="paged_adamw_8bit" if gpu else "adamw_torch",
        logging_steps=10,
        save_strategy="no",
        report_to="none",
        seed=0,
    )
    return SFTConfig(**{**settings, **overrides})


@dataclass(frozen=True)
class Run:
    """What a finished run tells: seconds, optimizer steps, loss by step, and where the adapter is."""

    adapter: Path
    seconds: float
    steps: int
    losses: list[tuple[int, float]]


def fine_tune(profile: Profile, rows: Sequence[dict], out: str | Path, callbacks: Sequence = (), **overrides) -> Run:
    """Train an adapter for `profile` on conversations and write it to the directory `out`, whole or not at all.

    The adapter is trained on the base in NF4 where `profile.quantize`. Beside its weights, `out` gets the tokenizer and
    a record of the base. `overrides` go to SFTConfig. Raises InputError if `out` exists, or if a row is longer than the
    profile's max_length: it would be cut, and its end of turn with it.
    """
    from trl import SFTTrainer

    from helpers.models import load_base, load_tokenizer, record_base

    out = Path(out)
    if out.exists():
        raise InputError(f"{out} exists already: choose another directory, or remove it first")
    tokenizer = load_tokenizer(profile.model)
    check_lengths(tokenizer, rows, profile.max_length)
    work = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        work.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"cannot write to {out.parent}: {error.strerror or error}") from None
    try:
        trainer = SFTTrainer(
            model=load_base(profile),
            args=sft_config(profile, work / "trainer", **overrides),
            train_dataset=to_dataset(rows),
            processing_class=tokenizer,
            peft_config=lora_config(profile),
            callbacks=list(callbacks),
        )
        float32_adapters(trainer)
        start = time.perf_counter()
        with answer_positions_only():
            trainer.train()
        seconds = time.perf_counter() - start
        trainer.save_model(str(work / "adapter"))
        record_base(work / "adapter", profile.model)
        os.replace(work / "adapter", out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    losses = [(entry["step"], entry["loss"]) for entry in trainer.state.log_history if "loss" in entry]
    return Run(out, seconds, trainer.state.global_step, losses)


def float32_adapters(trainer):
    """Keep the adapters of `trainer` in float32, as PEFT makes them; returns the trainer.

    TRL 1.16 casts those of a 4-bit base to bfloat16, but a checkpoint is loaded back as float32: without this, a run
    that was stopped and resumed would go on in another precision than it began in.
    """
    import torch

    for parameter in trainer.model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.float32)
    return trainer


@contextmanager
def answer_positions_only() -> Iterator[None]:
    """While inside, TRL's loss head computes the positions that are in the loss, and no others, on a CPU too.

    TRL 1.16 does so where Triton runs; elsewhere it computes all positions and drops the prompt's afterwards, for the
    sake of compilers that want equal shapes. Nothing is compiled here, and two tokens in three are prompt: a profile
    showed 43% of a training step in that head. Loss and gradients are the same.
    """
    with patch("trl.trainer.utils._use_triton", lambda device: True):
        yield


def check_lengths(tokenizer, rows: Sequence[dict], max_length: int) -> None:
    """Raise InputError for the first row that is longer than `max_length` tokens in the model's chat template."""
    for number, row in enumerate(rows, 1):
        length = len(tokenizer.apply_chat_template(row["messages"], return_dict=False))
        if length > max_length:
            raise InputError(
                f"row {number} has {length} tokens, more than max_length {max_length}: it would be cut and never learn "
                f"to stop; raise --max-length, or clean with `--max-tokens {max_length}`, which rejects such rows"
            )


def mark_complete():
    """A callback that marks each checkpoint once it is whole; transformers writes them in place."""
    from transformers import TrainerCallback

    class MarkComplete(TrainerCallback):
        def on_save(self, args, state, control, **kwargs):
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / COMPLETE).touch()

    return MarkComplete()


def last_complete_checkpoint(output_dir: str | Path) -> Path | None:
    """The newest checkpoint that `mark_complete` has marked, or None; a kill during a save leaves one unmarked."""
    found = [path.parent for path in Path(output_dir).glob(f"checkpoint-*/{COMPLETE}")]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def token_table(tokenizer, messages: list[dict[str, str]]) -> list[tuple[int, str, bool]]:
    """(id, text, inside the loss) for each token of one conversation, from the template's own generation markers."""
    encoded = tokenizer.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True)
    pairs = zip(encoded["input_ids"], encoded["assistant_masks"], strict=True)
    return [(i, tokenizer.decode([i]), bool(mask)) for i, mask in pairs]


def save_json(path: str | Path, value) -> None:
    """Write `value` as JSON to `path`, whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(part, path)
