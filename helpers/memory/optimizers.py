"""What an optimizer holds for each parameter: by formula, as an object, and counted on one."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch

from helpers.memory.settings import Settings
from helpers.memory.tracker import bytes_of

SMALLEST_8BIT = 4096  # min_8bit_size of bitsandbytes: parameters with fewer elements keep float32 states
STATE_BLOCK = 256  # elements of an 8-bit state that share one float32 scale
TABLES = 2 * 256 * 4  # the two maps from 8-bit codes to numbers, shared by all parameters
SMALLEST_PAGED = 100_000  # elements from which bitsandbytes pages a state


def state_bytes(parameters: Iterable[torch.Tensor], optimizer: str) -> int:
    """Bytes of AdamW's state for `parameters` (their shapes and dtypes are enough).

    torch: two moments of each parameter in its dtype, and a float32 step counter of 4 bytes. bitsandbytes, 8 bits: two
    bytes an element and two float32 scales for each 256 of them (Dettmers et al. 2021, arXiv 2110.02861); 32 bits, and
    parameters under 4096 elements: two float32 an element.
    """
    parameters = list(parameters)
    if not optimizer.startswith(("paged_", "adamw_8bit")):
        return sum(2 * parameter.nbytes + 4 for parameter in parameters)
    in_8bit = [p.numel() for p in parameters if optimizer.endswith("8bit") and p.numel() >= SMALLEST_8BIT]
    rest = sum(parameter.numel() for parameter in parameters) - sum(in_8bit)
    scaled = sum(2 * (n + 4 * math.ceil(n / STATE_BLOCK)) for n in in_8bit)
    return 8 * rest + scaled + (TABLES if in_8bit else 0)


def paged_bytes(parameters: Iterable[torch.Tensor], optimizer: str) -> int:
    """The part of `state_bytes` that may leave the GPU when it is full: the moments of large parameters, if paged."""
    each = {"paged_adamw_8bit": 2, "paged_adamw_32bit": 8}.get(optimizer, 0)
    return sum(each * p.numel() for p in parameters if p.numel() >= SMALLEST_PAGED)


def step_bytes(parameters: Iterable[torch.Tensor], optimizer: str) -> int:
    """Bytes that an optimizer step takes for a moment: torch's foreach AdamW, its default on a GPU, makes one list of
    denominators as large as the parameters; the fused one and bitsandbytes work in place."""
    return sum(parameter.nbytes for parameter in parameters) if optimizer == "adamw_torch" else 0


def make_optimizer(parameters: Iterable[torch.nn.Parameter], settings: Settings) -> torch.optim.Optimizer:
    """The optimizer that transformers makes for this name."""
    import bitsandbytes as bnb

    classes = {
        "adamw_8bit": bnb.optim.AdamW8bit,
        "paged_adamw_8bit": bnb.optim.PagedAdamW8bit,
        "paged_adamw_32bit": bnb.optim.PagedAdamW32bit,
    }
    if settings.optimizer in classes:
        return classes[settings.optimizer](parameters)
    return torch.optim.AdamW(parameters, fused=settings.optimizer == "adamw_torch_fused")


def measured_state_bytes(optimizer: torch.optim.Optimizer) -> int:
    """Count the tensors in the optimizer's state, each storage once."""
    values = (value for state in optimizer.state.values() for value in state.values())
    return bytes_of(value for value in values if isinstance(value, torch.Tensor))
