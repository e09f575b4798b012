"""Looks for settings that a GPU can hold, giving up first what costs the result nothing.

The order is that of what a remedy does to the trained model, and among equals that of what it costs in time:

1. the loss in chunks: the same loss, and the product of the output head once more;
2. smaller batches with accumulation, down to 4: the same gradient, and a GPU is still busy;
3. checkpointing: the same gradient bit by bit, for one more forward pass of each block;
4. batches of 1: the same gradient, with the GPU less busy;
5. the base in NF4: frozen weights are rounded, which the adapter sees in training and can make up for;
6. 8-bit paged optimizer: its moments are rounded. Before NF4 in many lists; with LoRA it saves little, so it is tried
   after the remedy that saves most;
7. rank 8, then attention's q and v only: the adapter can express less.

The length is never cut: that changes the data, and a row without its end teaches a model not to stop.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, reduce

from helpers import lora_math
from helpers.errors import InputError
from helpers.memory import build
from helpers.memory.plan import estimate
from helpers.memory.settings import Settings
from helpers.memory.terms import Plan

GPU_SIZES = (4, 6, 8, 10, 12, 16, 24, 32, 40, 48, 80, 96, 141, 192)  # GB, as cards are sold
EFFECTIVE_BATCH = 16
FREE = "the head's product twice"
QUERY_VALUE = (  # of the families' names for query and value, or for the layer that has both
    {"q_proj", "v_proj"}, {"query_key_value"}, {"c_attn"}, {"qkv_proj"}, {"Wqkv"}, {"q_proj", "kv_b_proj"},
    {"q_b_proj", "kv_b_proj"},
)  # fmt: skip


@dataclass(frozen=True)
class Remedy:
    """One way to save memory: what it changes in the settings, and what it costs."""

    name: str
    cost: str
    change: Callable[[Settings], Settings]


@dataclass(frozen=True)
class Step:
    """A remedy applied: the plan after it, and the bytes of peak that it saved."""

    name: str
    cost: str
    plan: Plan
    saved: int


@dataclass(frozen=True)
class Fit:
    """The remedies applied until the peak was within `budget` bytes, the first step being the settings without any.

    `smallest_gpu_gb`: the smallest common GPU for the last step's settings; None if none of GPU_SIZES holds them.
    """

    budget: int
    steps: list[Step]
    smallest_gpu_gb: int | None

    @property
    def fits(self) -> bool:
        return self.steps[-1].plan.peak <= self.budget

    @property
    def settings(self) -> Settings:
        return self.steps[-1].plan.settings


def in_batches_of(batch: int) -> Callable[[Settings], Settings]:
    """Smaller batches, and as many more of them before a step."""
    return lambda settings: replace(settings, batch=batch, accumulation=EFFECTIVE_BATCH // batch)


def remedies(targets: tuple[str, ...]) -> list[Remedy]:
    """What can be done, in the order of what it costs; `targets` are the narrower target modules of the last one, which
    is left out without them."""
    narrower = Remedy(f"{', '.join(targets)} only", "a smaller adapter", lambda kept: replace(kept, targets=targets))
    return [
        Remedy("loss in chunks", FREE, lambda settings: replace(settings, loss="chunked")),
        Remedy("batches of 4, accumulated", "a little time", in_batches_of(4)),
        Remedy("checkpointing", "one more forward pass", lambda settings: replace(settings, checkpointing=True)),
        Remedy("batches of 1, accumulated", "time: the GPU is less busy", in_batches_of(1)),
        Remedy("base in NF4", "frozen weights are rounded", lambda settings: replace(settings, method="qlora")),
        Remedy(
            "paged 8-bit AdamW", "moments are rounded", lambda settings: replace(settings, optimizer="paged_adamw_8bit")
        ),
        Remedy("rank 8", "a smaller adapter", lambda settings: replace(settings, rank=8)),
        *([narrower] if targets else []),
    ]


def usable_bytes(gpu_gb: float) -> int:
    """What a job can use of a GPU sold as `gpu_gb`: 10^9 bytes for each GB.

    The card holds 2^30 for each; the 7% between them is left to CUDA's context and to fragmentation.
    """
    return int(gpu_gb * 1e9)


def fit(model: str, gpu_gb: float, length: int = 1024, start: Settings | None = None) -> Fit:
    """Apply remedies until a training step of `model` fits into `gpu_gb` or none is left, then drop those not needed.

    A remedy that would raise the peak is left out: with a small vocabulary the loss in chunks does, by its buffers.
    `start`: LoRA of rank 16 on all linear layers of the base in bfloat16, batches of 16 rows of `length` tokens. Once
    it fits, each remedy that costs something is left out again if it fits without it, too, the costliest first.
    Raises InputError for a model that does not exist or a GPU of no size.
    """
    if not 0 < gpu_gb < math.inf:
        raise InputError(f"there is no GPU of {gpu_gb:g} GB: give its size in GB, such as 24")
    config, budget = build.load_config(model), usable_bytes(gpu_gb)
    start = start or Settings(model=model, method="lora", batch=EFFECTIVE_BATCH, length=length)

    @cache
    def plan_of(settings: Settings) -> Plan:
        return estimate(settings, config)

    def settings_after(applied: list[Remedy]) -> Settings:
        return reduce(lambda settings, remedy: remedy.change(settings), applied, start)

    def holds(applied: list[Remedy]) -> bool:
        return plan_of(settings_after(applied)).peak <= budget

    applied: list[Remedy] = []
    for remedy in remedies(attention_targets(config)):
        if holds(applied):
            break
        if plan_of(settings_after([*applied, remedy])).peak <= plan_of(settings_after(applied)).peak:
            applied.append(remedy)
    for remedy in reversed([remedy for remedy in applied if remedy.cost != FREE]):
        without = [other for other in applied if other is not remedy]
        if holds(without):
            applied = without
    plans = [plan_of(settings_after(applied[:count])) for count in range(len(applied) + 1)]
    steps = [Step("LoRA, rank 16, all linear layers, batches of 16", "", plans[0], 0)]
    for remedy, before, after in zip(applied, plans, plans[1:], strict=False):
        steps.append(Step(remedy.name, remedy.cost, after, before.peak - after.peak))
    holding = [size for size in GPU_SIZES if plans[-1].peak <= usable_bytes(size)]
    return Fit(budget, steps, min(holding, default=None))


def attention_targets(config) -> tuple[str, ...]:
    """The names of the query and value projections in this architecture, or of the one layer that has them all; () if
    none of them is known."""
    layers = lora_math.linear_layers(build.base_model(config, Settings(model="", method="full")))
    names = {name.rpartition(".")[2] for name in layers}
    return tuple(sorted(next((group for group in QUERY_VALUE if group <= names), ())))
