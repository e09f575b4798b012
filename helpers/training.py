"""Supervised fine-tuning of an adapter: the configs, and one run from rows to an adapter on disk."""

import math
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from unittest.mock import patch

from helpers.chats import check_lengths, for_template, to_dataset
from helpers.errors import InputError
from helpers.files import digests, flush, save_json, whole_directory
from helpers.profiles import Profile

COMPLETE = "complete"


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
        warmup_steps=0.05 if profile.max_steps > 1 else 0,  # the first rate is 0: a single step would learn nothing
        max_grad_norm=0.3,  # as the QLoRA paper has it (arXiv 2305.14314)
        adam_beta2=0.95,
        max_length=profile.max_length,
        bf16=gpu and profile.dtype == "bfloat16",
        fp16=gpu and profile.dtype == "float16",
        use_cpu=not gpu,
        activation_checkpointing=gpu,
        train_sampling_strategy="group_by_length",
        optim="paged_adamw_8bit" if gpu else "adamw_torch",
        logging_steps=min(10, profile.max_steps),  # a shorter run, too, has a loss to show
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
    eval_losses: list[tuple[int, float]] = field(default_factory=list)


def fine_tune(profile: Profile, rows: Sequence[dict], out: str | Path, callbacks: Sequence = (), **overrides) -> Run:
    """Train an adapter for `profile` on conversations and write it to the directory `out`, whole or not at all.

    The adapter is trained on the base in NF4 where `profile.quantize`. Beside its weights, `out` gets the tokenizer and
    a record of the base. `overrides` go to SFTConfig. Raises InputError if `out` exists, or if a row is longer than the
    profile's max_length: it would be cut, and its end of turn with it.
    """
    with whole_directory(out) as work:
        trainer = make_trainer(profile, rows, sft_config(profile, work / "trainer", **overrides), callbacks)
        start = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - start
        shutil.rmtree(work / "trainer", ignore_errors=True)
        save_adapter(trainer, work, profile)
    return Run(Path(out), seconds, trainer.state.global_step, logged(trainer))


def make_trainer(profile: Profile, rows: Sequence[dict], args, callbacks=(), eval_rows=(), template=None, **lora):
    """TRL's trainer of a new adapter on the base of `profile`, for conversations, with `args` from `sft_config`.

    `template` is a chat template to use in place of the model's own; `lora` goes to `lora_config`.
    Raises InputError for rows that the chat template refuses or that are longer than max_length, and for target modules
    that the model does not have, or that cannot be adapted.
    """
    from transformers import PrinterCallback, ProgressCallback
    from trl import SFTTrainer

    from helpers.models import load_base, load_config, load_tokenizer

    score_answers_only()
    tokenizer = load_tokenizer(profile.model)
    tokenizer.chat_template = template or tokenizer.chat_template
    fitted = [for_template(tokenizer, some, what) for some, what in ((rows, "row"), (eval_rows, "--eval row"))]
    read = load_config(profile.model)
    for some, what in zip(fitted, ("row", "--eval row"), strict=True):
        check_lengths(tokenizer, some, profile.max_length, what, read)
    model, config = load_base(profile), lora_config(profile, **lora)
    check_targets(model, config.target_modules)
    try:
        trainer = SFTTrainer(
            model=model,
            args=args,
            train_dataset=to_dataset(fitted[0]),
            eval_dataset=to_dataset(fitted[1]) if eval_rows else None,
            processing_class=tokenizer,
            peft_config=config,
            callbacks=list(callbacks),
        )
    except ValueError as error:
        if "target_modules" not in str(error):
            raise
        raise InputError(f"these layers cannot be adapted, name others with --target-modules: {error}") from error
    for printer in (PrinterCallback, ProgressCallback):  # they print each log as a dictionary
        trainer.remove_callback(printer)
    return float32_adapters(trainer)


def score_answers_only() -> None:
    """From here on, SFTTrainer's loss head computes the positions that are in the loss, and no others, on a CPU too.

    TRL 1.16 does so where Triton runs; elsewhere it computes all positions, forward and once more backward, and drops
    the prompt's afterwards, for the sake of compilers that want equal shapes. Nothing is compiled here, and two tokens
    in three are prompt: it was 43% of a training step. Loss and gradients are the same. Nothing happens in a TRL
    without that switch.
    """
    from trl import SFTTrainer
    from trl.trainer import utils

    compute_loss = SFTTrainer.compute_loss
    if hasattr(compute_loss, "__wrapped__") or not hasattr(utils, "_use_triton"):
        return

    @wraps(compute_loss)
    def of_answers(*args, **kwargs):
        with patch.object(utils, "_use_triton", lambda device: True):
            return compute_loss(*args, **kwargs)

    SFTTrainer.compute_loss = of_answers  # type: ignore[method-assign]


def check_targets(model, targets) -> None:
    """Raise InputError for a target module that `model` does not have; PEFT passes over one where another is found."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    if isinstance(targets, str):  # "all-linear", or a pattern
        return
    kinds = (nn.Linear, nn.Embedding, Conv1D)
    layers = [name for name, module in model.named_modules() if isinstance(module, kinds)]
    unknown = [one for one in targets if not any(f".{name}".endswith(f".{one}") for name in layers)]
    if unknown:
        found = ", ".join(dict.fromkeys(name.rpartition(".")[2] for name in layers))
        raise InputError(f"the model has no module {', '.join(sorted(unknown))}; it has {found}, or take all-linear")


def check_report(name: str) -> None:
    """Raise InputError for a tracker of losses that transformers does not know, or whose package is not installed."""
    from transformers.integrations import get_available_reporting_integrations
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

    known = sorted(INTEGRATION_TO_CALLBACK)
    if name not in ("none", *known):
        raise InputError(f"--report-to {name}: there is none, {', '.join(known)}")
    if name not in ("none", *get_available_reporting_integrations()):
        raise InputError(f"--report-to {name}: its package is not installed; `pip install {name.replace('_', '-')}`")


def save_adapter(trainer, directory: Path, profile: Profile) -> None:
    """Write the adapter of `trainer` with its tokenizer and a record of the base into `directory`."""
    from helpers.models import record_base

    trainer.save_model(str(directory))
    record_base(directory, profile.model)


def logged(trainer, name: str = "loss") -> list[tuple[int, float]]:
    """(step, loss) of each log of a run, those from before it was resumed among them; `eval_loss` for held-out rows."""
    return [(int(entry["step"]), entry[name]) for entry in trainer.state.log_history if name in entry]


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


def training_bar():
    """A callback that shows a run as one line on a terminal: bar, loss, time left; nothing in a log."""
    from tqdm import tqdm
    from transformers import TrainerCallback

    class TrainingBar(TrainerCallback):
        def on_train_begin(self, args, state, control, **kwargs):
            self.line = tqdm(total=state.max_steps, unit=" steps", leave=False, disable=not sys.stderr.isatty())

        def on_step_end(self, args, state, control, **kwargs):
            self.line.update(state.global_step - self.line.n)

        def on_log(self, args, state, control, logs=None, **kwargs):
            if logs and "loss" in logs:
                self.line.set_postfix_str(f"loss {float(logs['loss']):.3f}")

        def on_train_end(self, args, state, control, **kwargs):
            self.line.close()

    return TrainingBar()


def stop_at_no_number():
    """A callback that ends a run at the first loss that is no number, which nothing can be learned from any more.

    By default transformers logs the mean of the earlier losses in its place (`logging_nan_inf_filter`).
    """
    from transformers import TrainerCallback

    class StopAtNoNumber(TrainerCallback):
        def on_log(self, args, state, control, logs=None, **kwargs):
            if logs and not math.isfinite(loss := float(logs.get("loss", 0))):
                raise InputError(
                    f"the loss is {loss} at step {state.global_step}, and no step after it learns: "
                    f"lower --learning-rate (it is {args.learning_rate:g}), or look for numbers in the base's weights "
                    f"that are not finite; if there is a {args.output_dir}, remove it, its checkpoint is no better"
                )

    return StopAtNoNumber()


def mark_complete():
    """A callback that marks each checkpoint once it is whole, with its files' digests, and drops the older ones.

    transformers writes checkpoints in place, and with `save_total_limit` removes the older ones before the new one can
    be marked, by the clock: a kill in between would leave nothing to go on from.
    """
    from transformers import TrainerCallback

    class MarkComplete(TrainerCallback):
        def on_save(self, args, state, control, **kwargs):
            checkpoint = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            flush(checkpoint)
            save_json(checkpoint / COMPLETE, digests(checkpoint, without=COMPLETE))
            for older in set(checkpoint.parent.glob("checkpoint-*")) - {checkpoint}:
                shutil.rmtree(older, ignore_errors=True)

    return MarkComplete()


def last_complete_checkpoint(output_dir: str | Path) -> Path | None:
    """The newest checkpoint that `mark_complete` has marked, or None; a kill during a save leaves one unmarked."""
    found = [path.parent for path in Path(output_dir).glob(f"checkpoint-*/{COMPLETE}")]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
