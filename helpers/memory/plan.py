"""Predicts the bytes of a training step from the architecture alone."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from transformers import PretrainedConfig

from helpers import lora_math
from helpers.memory import build, optimizers, sharding
from helpers.memory.architecture import described_by
from helpers.memory.settings import Settings
from helpers.memory.step import Dynamic, Static, blocks_of, static_bytes, watch_step
from helpers.memory.terms import Plan


def assemble(
    settings: Settings, total: int, parameters: Sequence[torch.Tensor], static: Static, step: Dynamic, state: int
) -> Plan:
    """Put the bytes of a step together, whether predicted or counted; `state` are those of the optimizer."""
    together = max if settings.optimizer_in_backward else sum
    gradients = together(parameter.nbytes for parameter in parameters)
    resident = static.total + state
    running = resident + (gradients if settings.accumulation > 1 else 0)
    plan = Plan(
        settings=settings,
        weights=static.weights,
        quantization_constants=static.quantization_constants,
        adapter=static.adapter,
        gradients=gradients,
        optimizer=state,
        activations=step.held,
        logits=step.logits,
        temporary=step.temporary,
        fused_experts=static.fused_experts,
        weight_copies=static.weight_copies if settings.autocast and not settings.weights_divided else 0,
        paged=optimizers.paged_bytes(parameters, settings.optimizer),
        total_parameters=total,
        trainable_parameters=sum(parameter.numel() for parameter in parameters),
        moments={
            "forward": running + step.forward,
            "loss": running + max(step.loss_forward, step.loss_backward),
            "backward begins": running + step.last_block,
            "backward ends": running + step.first_block,
            "optimizer step": resident + gradients + optimizers.step_bytes(parameters, settings.optimizer),
        },
    )
    return sharding.on_one_of(plan, parameters, static, step) if settings.gpus > 1 else plan


def estimate(settings: Settings, config: PretrainedConfig | None = None) -> Plan:
    """Predict a training step of `settings`: its own modules run forward and backward on tensors without memory.

    Where all blocks of an architecture are alike, models of two and three blocks are run, and each number is extended
    by as much as the third block added; where kinds of blocks take turns, by one turn. `config` is an architecture to
    take instead of the one that `settings.model` names. Raises InputError for a model or targets that do not exist.
    """
    config = config or build.load_config(settings.model)
    # One run for all optimizers and numbers of GPUs, which change nothing in it, and for two batches that accumulate.
    gpus, way = (2, "fsdp2") if settings.weights_divided else (1, "ddp")
    accumulation = min(settings.accumulation, 2)
    shared = replace(settings, optimizer="adamw_torch_fused", accumulation=accumulation, gpus=gpus, sharding=way)
    key = shared, config.to_json_string()
    if key not in _RUNS:
        _RUNS[key] = extended(_run, config, shared)
    run = _RUNS[key]
    state = optimizers.state_bytes(run.trained, settings.optimizer)
    return assemble(settings, run.total, run.trained, run.static, run.step, state)


@dataclass(frozen=True)
class Run:
    """A step on fake tensors: the counts and bytes of its model. `trained` are the parameters' shapes and dtypes."""

    total: int
    trained: tuple[torch.Tensor, ...]
    static: Static
    step: Dynamic

    def extended(self, next_one: Run, blocks: int) -> Run:
        """From this run of a short model and `next_one` with one block or period more, that with `blocks` more."""
        added = Counter(map(_form, next_one.trained)) - Counter(map(_form, self.trained))
        more = [torch.empty(shape, dtype=dtype, device="meta") for shape, dtype in added.elements()]
        return Run(
            self.total + blocks * (next_one.total - self.total),
            (*self.trained, *(blocks * more)),
            self.static.extended(next_one.static, blocks),
            self.step.extended(next_one.step, blocks),
        )


# What was found, by the architecture's text: one notebook or one `fit` asks for the same ones again and again.
_RUNS: dict[tuple[Settings, str], Run] = {}
_PERIODS: dict[str, int] = {}


def _form(tensor: torch.Tensor) -> tuple[torch.Size, torch.dtype]:
    return tensor.shape, tensor.dtype


def extended(run: Callable, config: PretrainedConfig, settings: Settings):
    """What `run(config, settings)` says of the whole architecture, from two short ones where its blocks repeat.

    Raises InputError for a config that describes no model that can take a step.
    """
    with described_by(settings.model):
        every = 0 if settings.last_layers else _period(config)
        if not every:
            return run(config, settings)
        first = every + config.num_hidden_layers % every if every > 1 else 2
        short, longer = (run(with_blocks(config, blocks), settings) for blocks in (first, first + every))
        return short.extended(longer, (config.num_hidden_layers - first) // every)


def _period(config: PretrainedConfig) -> int:
    """After how many blocks an architecture repeats itself, in kind and parameters; 0 if too seldom."""
    key = config.to_json_string()
    if key not in _PERIODS:
        base, count = build.base_model(config, Settings(model="", method="full")), config.num_hidden_layers
        kinds = getattr(config, "layer_types", None) or [""] * count
        blocks = [
            (kind, *((name, *_form(p)) for name, p in block.named_parameters()))
            for kind, block in zip(kinds, blocks_of(base), strict=False)
        ]
        repeats = (n for n in range(1, count // 3 + 1) if blocks[n:] == blocks[:-n])
        _PERIODS[key] = next(repeats, 0) if count == len(blocks) > 3 else 0
    return _PERIODS[key]


def with_blocks(config: PretrainedConfig, blocks: int) -> PretrainedConfig:
    """The same architecture with its first `blocks` blocks only."""
    shorter = copy.deepcopy(config)
    shorter.num_hidden_layers = blocks
    kinds = getattr(config, "layer_types", None)
    if kinds and list(getattr(shorter, "layer_types", ())) != kinds[:blocks]:  # some configs work it out themselves
        shorter.layer_types = kinds[:blocks]
    return shorter


def _run(config: PretrainedConfig, settings: Settings) -> Run:
    """Run a step of the model on fake tensors."""
    model = build.meta_model(config, settings)
    total, trained = lora_math.parameter_count(model), build.trainable(model)
    with build.fake_tensors(settings.device):
        build.materialise(model, settings)
        step = watch_step(model, settings)
        return Run(total, tuple(trained), static_bytes(model), step)
