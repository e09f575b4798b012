"""What one of several GPUs holds: which bytes each way of sharding divides, and what it puts there on top.

Sources: PyTorch's DistributedDataParallel (its buckets are as large as the gradients) and fully_shard (FSDP2);
ZeRO, arXiv 1910.02054, section 5: a float32 copy of what is trained in 16 bits, divided as the moments are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from helpers.memory import optimizers
from helpers.memory.step import Dynamic, Static
from helpers.memory.terms import Plan


def on_one_of(plan: Plan, parameters: Sequence[torch.Tensor], static: Static, step: Dynamic) -> Plan:
    """`plan` of one GPU as it is on each of `plan.settings.gpus`, every one with batches of its own.

    Weights that are divided are gathered: what is in no block (embeddings, head) stays until the backward pass, blocks
    come and go, the next one while one runs. Gradients that are divided are whole for one block at a time.
    """
    settings = plan.settings
    if settings.sharding == "ddp":  # its buckets are copies of the gradients
        return replace(plan, moments={name: size + plan.gradients for name, size in plan.moments.items()})

    def part(size: int) -> int:
        return math.ceil(size / settings.gpus)

    optimizer = plan.optimizer
    if settings.sharding != "fsdp2" and any(p.dtype != torch.float32 for p in parameters):
        whole = [torch.empty(p.shape, dtype=torch.float32, device="meta") for p in parameters]
        optimizer = optimizers.state_bytes(whole, settings.optimizer) + sum(p.nbytes for p in whole)
    terms: dict[str, Any] = dict(gradients=part(plan.gradients), optimizer=part(optimizer), paged=part(plan.paged))
    gathered = 0
    if settings.weights_divided:
        terms |= {name: part(getattr(plan, name)) for name in ("weights", "quantization_constants", "adapter")}
        gathered = static.outside_blocks + 2 * static.block
    kept = ("weights", "quantization_constants", "adapter")
    resident = sum(terms.get(name, getattr(plan, name)) for name in kept) + terms["optimizer"]
    running = resident + gathered + (terms["gradients"] if settings.accumulation > 1 else 0)
    temporary = part(optimizers.step_bytes(parameters, settings.optimizer))
    moments = {
        "forward": running + step.forward,
        "loss": running + max(step.loss_forward, step.loss_backward),
        "backward begins": running + step.last_block_working + static.trained_block,
        "backward ends": resident + gathered + terms["gradients"] + step.first_block_working + static.trained_block,
        "optimizer step": resident + terms["gradients"] + temporary,
    }
    return replace(plan, **terms, moments=moments)
