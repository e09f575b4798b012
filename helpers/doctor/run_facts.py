"""What a finished or running trainer can tell about its run: labels, gradients, adapter, losses. It measures and does
not judge; `helpers.doctor.run` does.

Works with transformers' Trainer and TRL's SFTTrainer on tokenized rows. Nothing of the run is changed: the batch for
the gradients is drawn beside the training order, random state, modes and gradients are put back.
"""

import inspect
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from helpers.errors import InputError

IGNORED = -100


@dataclass(frozen=True)
class Labels:
    """Of `rows` training rows: in how many something is missing. None where no chat template says what should be."""

    rows: int
    graded_share: float  # of the tokens that are not padding
    without_label: int
    padding_graded: int
    other_template: int | None
    without_end: int | None


@dataclass(frozen=True)
class Gradients:
    """One backward pass on one training batch: how many trainable tensors there are, and how far it reached.

    lora_A is not counted: its gradient is rightly zero as long as lora_B is.
    """

    tensors: int
    optimized: int  # of them in the optimizer; all, while there is none yet
    reached: int  # with a gradient that is not zero
    cut_layers: int  # reentrant checkpointed layers whose input requires no gradient


@dataclass(frozen=True)
class Adapter:
    """The LoRA matrices as they stand: `update_norm` is the Frobenius norm of all updates ΔW = scale · B A together."""

    matrices: int
    zero_B: int
    not_finite: int
    float16: bool
    update_norm: float


@dataclass(frozen=True)
class Losses:
    """The logged losses (nats per token). `end` is the median of the last quarter, `rise` the largest climb above the
    lowest before it, `not_finite_at` the first step whose loss or gradient norm is NaN or infinite."""

    steps: int
    logged: int
    first: float
    end: float
    rise: float
    not_finite_at: int | None


@dataclass(frozen=True)
class Facts:
    """All that is known of a run."""

    labels: Labels
    gradients: Gradients
    adapter: Adapter
    losses: Losses
    learning_rate: float


def measure(trainer, rows: int = 64) -> Facts:
    """The facts of `trainer`'s run; labels are counted in up to `rows` training rows, spread over the data set.

    Takes one forward and backward pass of one batch. Raises InputError if the rows are not tokenized.
    """
    examples = sample(trainer, rows)
    return Facts(
        labels=label_facts(trainer.data_collator(examples), trainer.processing_class),
        gradients=gradient_facts(trainer, trainer.data_collator(examples[: trainer.args.per_device_train_batch_size])),
        adapter=adapter_facts(trainer.model),
        losses=loss_facts(trainer.state.log_history, trainer.state.global_step),
        learning_rate=trainer.args.learning_rate,
    )


def sample(trainer, rows: int) -> list[dict]:
    """Up to `rows` training rows, evenly spaced, with the columns that the model takes."""
    dataset = trainer.train_dataset
    if hasattr(dataset, "__len__"):
        step = max(1, len(dataset) // rows)
        picked = [dataset[i] for i in range(0, len(dataset), step)][:rows]
    else:
        picked = list(islice(iter(dataset), rows))
    if not picked or "input_ids" not in picked[0]:
        raise InputError("the trainer's rows are not tokenized: diagnose needs input_ids, as a trainer's data has them")
    model = trainer.model
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    columns = {*inspect.signature(type(inner).forward).parameters, "seq_lengths"}
    return [{name: value for name, value in row.items() if name in columns} for row in picked]


def label_facts(batch: dict, tokenizer=None) -> Labels:
    """Counts over one collated batch; template and end of turn are judged by the tokenizer's own chat template."""
    ids, labels = batch["input_ids"], batch["labels"]
    graded = labels != IGNORED
    padding = batch["attention_mask"] == 0 if "attention_mask" in batch else labels.new_zeros(labels.shape).bool()
    opening, end = turn_tokens(tokenizer)
    return Labels(
        rows=len(ids),
        graded_share=(graded & ~padding).sum().item() / (~padding).sum().item(),
        without_label=(~graded).all(dim=1).sum().item(),
        padding_graded=(graded & padding).any(dim=1).sum().item(),
        other_template=sum(not contains(row, opening) for row in ids.tolist()) if opening else None,
        without_end=sum(not set(row[mask].tolist()) & end for row, mask in zip(ids, graded)) if end else None,
    )


def turn_tokens(tokenizer) -> tuple[list[int], set[int]]:
    """The tokens that open an assistant's turn in `tokenizer`'s chat template, and those that end one; empty without
    a template."""
    if not getattr(tokenizer, "chat_template", None):
        return [], set()
    ask = [{"role": "user", "content": "?"}]
    asked = tokenizer.apply_chat_template(ask, return_dict=False)
    opened = tokenizer.apply_chat_template(ask, add_generation_prompt=True, return_dict=False)
    return opened[len(asked) :], {tokenizer.eos_token_id} - {None}


def contains(row: list[int], piece: list[int]) -> bool:
    """Whether `piece` stands in `row`, token after token."""
    return any(row[i : i + len(piece)] == piece for i in range(len(row) - len(piece) + 1))


def gradient_facts(trainer, batch: dict) -> Gradients:
    """One forward and backward pass of `batch` through the model as it trains, and what it reached."""
    import torch

    model = trainer.model
    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad and "lora_A" not in name}
    held = trainer.optimizer.param_groups if trainer.optimizer else [{"params": list(trainable.values())}]
    held_ids = {id(p) for group in held for p in group["params"]}
    cut: list[torch.nn.Module] = []
    tensors = {name: value.to(model.device) for name, value in batch.items() if torch.is_tensor(value)}
    with left_as_found(model), watched_layers(model, cut):
        loss = model(**tensors).loss
        if loss.requires_grad:  # else nothing that the loss depends on can be trained
            loss.backward()
        reached = sum(p.grad is not None and bool(p.grad.any()) for p in trainable.values())
    return Gradients(len(trainable), sum(id(p) in held_ids for p in trainable.values()), reached, len(cut))


@contextmanager
def left_as_found(model) -> Iterator[None]:
    """Training mode and empty gradients inside; modes, gradients and random state as they were afterwards."""
    import torch

    gradients = [(p, p.grad) for p in model.parameters()]
    modes = [(module, module.training) for module in model.modules()]
    with torch.random.fork_rng(), warnings.catch_warnings():
        # torch's own words about a cut graph, which the run has had already
        warnings.filterwarnings("ignore", message="None of the inputs have requires_grad=True")
        try:
            for p, _ in gradients:
                p.grad = None
            model.train()
            yield
        finally:
            for p, gradient in gradients:
                p.grad = gradient
            for module, mode in modes:
                module.training = mode


@contextmanager
def watched_layers(model, cut: list) -> Iterator[None]:
    """Collects in `cut` the reentrant checkpointed layers that are called with an input that requires no gradient."""

    def look(layer, args):
        if layer.training and not args[0].requires_grad:
            cut.append(layer)

    layers = [module for module in model.modules() if reentrant(module)]
    hooks = [layer.register_forward_pre_hook(look) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def reentrant(module) -> bool:
    """Whether transformers checkpoints this layer in torch's reentrant way, which needs inputs with gradients."""
    from transformers.modeling_layers import GradientCheckpointingLayer

    settings = getattr(getattr(module, "_gradient_checkpointing_func", None), "keywords", {})
    return (
        isinstance(module, GradientCheckpointingLayer)
        and module.gradient_checkpointing
        and settings.get("use_reentrant", False)
    )


def adapter_facts(model) -> Adapter:
    """Norms of the active adapters, from r × r products: |B A|² = sum((BᵀB) ∘ (A Aᵀ)), so that no ΔW is ever built."""
    from peft.tuners.lora import LoraLayer

    squares, zero, not_finite, matrices, float16 = 0.0, 0, 0, 0, False
    for layer in (module for module in model.modules() if isinstance(module, LoraLayer)):
        for name in layer.active_adapters:
            if name not in layer.lora_B:
                continue
            low, high = layer.lora_A[name].get_parameter("weight"), layer.lora_B[name].get_parameter("weight")
            float16 |= str(high.dtype) == "torch.float16"
            A, B = low.detach().double(), high.detach().double()
            matrices += 1
            zero += not B.any()
            not_finite += not (A.isfinite().all() and B.isfinite().all())
            squares += layer.scaling[name] ** 2 * ((B.T @ B) * (A @ A.T)).sum().item()
    return Adapter(
        matrices, zero, not_finite, float16, math.sqrt(max(squares, 0.0)) if squares == squares else math.nan
    )


def loss_facts(log_history: list[dict], steps: int) -> Losses:
    """What the trainer's log says. transformers logs a loss that is not finite as 0.0, so the norm is read, too."""
    entries = [entry for entry in log_history if "loss" in entry]
    bad = [
        entry["step"]
        for entry in entries
        if not math.isfinite(entry["loss"]) or not math.isfinite(entry.get("grad_norm") or 0.0)
    ]
    losses = [entry["loss"] for entry in entries if math.isfinite(entry["loss"])]
    if not losses:
        return Losses(steps, 0, math.nan, math.nan, 0.0, bad[0] if bad else None)
    last = sorted(losses[-max(1, len(losses) // 4) :])
    rise = max(loss - min(losses[: i + 1]) for i, loss in enumerate(losses))
    return Losses(steps, len(losses), losses[0], last[len(last) // 2], rise, bad[0] if bad else None)
