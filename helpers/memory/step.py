"""One training step of a model, fake or real, watched phase by phase."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Self

import torch
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.pytorch_utils import Conv1D

from helpers.memory import losses
from helpers.memory.build import fused_experts, trainable
from helpers.memory.settings import Settings
from helpers.memory.tracker import AllocatorTracker, StorageTracker, bytes_of, quantization_tensors, scales_of_8bit


@dataclass(frozen=True)
class Affine:
    """Integers that grow by the same amount with each block of a model, so that two small models tell a large one."""

    def extended(self, next_one: Self, blocks: int) -> Self:
        """From these numbers and `next_one`'s for one block or period more, those for `blocks` more."""
        pairs = ((getattr(self, each.name), getattr(next_one, each.name)) for each in fields(self))
        return type(self)(*(small + blocks * (large - small) for small, large in pairs))


@dataclass(frozen=True)
class Static(Affine):
    """Bytes that are there before a step begins, each storage once. `fused_experts` of the weights' are experts.
    `weight_copies`: what autocast's 16-bit copies of the blocks' trained float32 weights would take.

    `block`: of the largest block, adapter and constants included, `trained_block` what is trained in it;
    `outside_blocks`: of embeddings, head and whatever else is in no block.
    """

    weights: int
    quantization_constants: int
    adapter: int
    fused_experts: int
    weight_copies: int
    block: int
    trained_block: int
    outside_blocks: int

    @property
    def total(self) -> int:
        return self.weights + self.quantization_constants + self.adapter


@dataclass(frozen=True)
class Dynamic(Affine):
    """Bytes that a step adds to the static ones and to the optimizer's state.

    `held`: alive when the output head begins. The others are the most alive in a phase: forward until the head, head
    and loss forward, then backward, backward of the last block, and backward of the first trained one and what lies
    below it (the blocks between lie between the two: while activations go, gradients come). `_working` leaves gradients
    aside.
    """

    held: int
    forward: int
    loss_forward: int
    loss_backward: int
    loss_backward_working: int
    last_block: int
    last_block_working: int
    first_block: int
    first_block_working: int

    @property
    def logits(self) -> int:
        """What head and loss add at most, without gradients of parameters."""
        return max(self.loss_forward, self.loss_backward_working) - self.held

    @property
    def temporary(self) -> int:
        """What the blocks take beyond what is held, without gradients of parameters."""
        return max(0, self.forward - self.held, max(self.last_block_working, self.first_block_working) - self.held)


def static_tensors(model: torch.nn.Module) -> dict[str, list[torch.Tensor]]:
    """The tensors that a model consists of, by the term they belong to. In full fine-tuning there is no adapter."""
    named = list(model.named_parameters())
    constants = [tensor for _, parameter in named for tensor in quantization_tensors(parameter)]
    constants += [tensor for module in model.modules() for tensor in scales_of_8bit(module)]
    return {
        "weights": [p for name, p in named if "lora_" not in name] + list(model.buffers()),
        "quantization_constants": constants,
        "adapter": [p for name, p in named if "lora_" in name],
    }


def autocast_copies(model: torch.nn.Module) -> int:
    """Bytes of the 16-bit copies of the blocks' trained float32 weights that autocast keeps until forward has ended."""
    linear = (m for block in blocks_of(model) for m in block.modules() if isinstance(m, torch.nn.Linear | Conv1D))
    trained = (p for m in linear for p in m.parameters(recurse=False) if p.requires_grad)
    return sum(2 * p.numel() for p in trained if p.dtype == torch.float32)


def static_bytes(model: torch.nn.Module) -> Static:
    """Count what `model` holds, tensor by tensor, each storage once."""
    terms = {term: bytes_of(tensors) for term, tensors in static_tensors(model).items()}
    blocks = [sum(static_tensors(block).values(), []) for block in blocks_of(model)]
    return Static(
        **terms,
        fused_experts=bytes_of(fused_experts(model)),
        weight_copies=autocast_copies(model),
        block=max(map(bytes_of, blocks)),
        trained_block=max(bytes_of(trainable(block)) for block in blocks_of(model)),
        outside_blocks=sum(terms.values()) - sum(map(bytes_of, blocks)),
    )


def causal_model(model: torch.nn.Module) -> PreTrainedModel:
    """The transformers model under an adapter, or the model itself."""
    wrapped: Any = model
    return wrapped.get_base_model() if hasattr(wrapped, "get_base_model") else wrapped


def below_head(model: PreTrainedModel) -> torch.nn.Module:
    """All but the output head: what `get_decoder` gives, but for Llama 4's text model, where that is the whole, and for
    ModernBERT's decoder, where it is the head."""
    decoder = model.get_decoder()
    if decoder not in (model, model.get_output_embeddings()):
        return decoder
    return next(child for child in model.children() if isinstance(child, PreTrainedModel))


def blocks_of(model: torch.nn.Module) -> list[torch.nn.Module]:
    """The transformer blocks, in order."""
    return [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]


def forward_loss(model: torch.nn.Module, settings: Settings, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The loss of one batch as the trainer computes it; the logits are dropped on return."""
    dtype = torch.float16 if settings.dtype == "float16" else torch.bfloat16
    options = {"fused_lm_head": True} if settings.loss == "chunked" else {}
    # Weights that are gathered block by block are cast as they come: there is no cache of 16-bit copies of all of them.
    cache = not settings.weights_divided
    with torch.autocast(ids.device.type, dtype=dtype, enabled=settings.autocast, cache_enabled=cache):
        if settings.loss == "fused":
            causal = causal_model(model)
            hidden = below_head(causal)(input_ids=ids, use_cache=False)[0][:, :-1].flatten(0, 1)
            return losses.FusedLinearCrossEntropy.apply(
                hidden, causal.get_output_embeddings().weight, labels[:, 1:].flatten()
            )
        return model(input_ids=ids, labels=labels, use_cache=False, **options).loss


def forget(parameter: torch.nn.Parameter) -> None:
    """What is left of a gradient after an update in the backward pass: nothing."""
    parameter.grad = None


def watch_step(
    model: torch.nn.Module, settings: Settings, device: str = "cpu", at_head: Callable[[], None] = lambda: None
) -> Dynamic:
    """Run forward and backward of one batch and say what they held. `at_head` is called when the head begins.

    With accumulation, the gradients of earlier batches are there already and are not counted; with the optimizer in the
    backward pass, each gradient goes as soon as it has come. On a GPU the allocator is asked. The model needs two
    blocks or more; those between the first trained one and the last count with the last.
    """
    parameters = trainable(model)
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter) if settings.accumulation > 1 else None
    existing = [tensor for tensors in static_tensors(model).values() for tensor in tensors]
    existing += [parameter.grad for parameter in parameters if parameter.grad is not None]
    found: dict[str, int] = {}
    with StorageTracker(existing) if device == "cpu" else AllocatorTracker() as tracker:
        if settings.optimizer_in_backward:
            hooks = [parameter.register_post_accumulate_grad_hook(forget) for parameter in parameters]
        else:
            tracker.watch(parameters)
            hooks = []

        def phase_ends(name: str) -> None:
            found[name], found[name + "_working"] = tracker.next_phase()

        def head_begins(_module, _inputs, output):
            phase_ends("forward")
            found["held"] = tracker.live
            output[0].register_hook(lambda _: phase_ends("loss_backward"))
            at_head()

        def block_done(_module, _inputs, output):
            hidden = output if isinstance(output, torch.Tensor) else output[0]
            if hidden.requires_grad and not trained:
                trained.append(hidden.register_hook(lambda _: phase_ends("last_block")))

        trained: list = []  # the hook of the first block that a gradient comes back to
        hooks += [block.register_forward_hook(block_done) for block in blocks_of(model)]
        hooks.append(below_head(causal_model(model)).register_forward_hook(head_begins))
        try:
            ids = torch.zeros((settings.batch, settings.length), dtype=torch.long, device=device)
            loss = forward_loss(model, settings, ids, torch.zeros_like(ids))
            phase_ends("loss_forward")
            loss.backward()
        finally:
            for hook in hooks:
                hook.remove()
        phase_ends("first_block")
    return Dynamic(**{each.name: found[each.name] for each in fields(Dynamic)})
