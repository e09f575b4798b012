"""A plan, a measurement or a fit as text for a terminal, and as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, fields

import torch

from helpers.memory.fit import GPU_SIZES, Fit
from helpers.memory.inference import Inference
from helpers.memory.settings import Settings
from helpers.memory.terms import TERMS, Plan

GB, WIDTH = 1e9, 100


def plan_text(plan: Plan, remarks: Sequence[str] = ()) -> str:
    """What the architecture is, the terms in GB, each with its formula, the moments, and the peak."""
    settings = plan.settings
    lines = [
        *remarks,
        f"{settings.model}, {settings.method}, {plan.total_parameters:,} parameters, "
        f"{plan.trainable_parameters:,} of them trained",
        f"batch {settings.batch} x {settings.length} tokens, "
        f"checkpointing {'on' if settings.checkpointing else 'off'}, {settings.optimizer}",
        *([f"on each of {settings.gpus} GPUs, {settings.sharding}"] if settings.gpus > 1 else []),
        "",
    ]
    for term, (formula, _) in TERMS.items():
        if term != "peak":
            first, *more = textwrap.wrap(formula, WIDTH - 40)
            lines.append(f"{term:24}{getattr(plan, term) / GB:10.3f} GB  {first}")
            lines += [" " * 39 + part for part in more]
    lines += ["", "most alive in"]
    lines += [f"  {moment:22}{size / GB:10.3f} GB" for moment, size in plan.moments.items()]
    lines.append(f"{'peak':24}{plan.peak / GB:10.3f} GB  in {plan.peak_moment}; CUDA's context comes on top")
    if plan.fused_experts and settings.quantized:
        lines.append(
            f"{plan.fused_experts / GB:.3f} GB of the weights are experts fused into one tensor a block: these stay in "
            f"{8 * getattr(torch, settings.dtype).itemsize} bits,\nsince bitsandbytes quantizes linear layers only"
        )
    if plan.paged:
        lines.append(f"of which {plan.paged / GB:.3f} GB of optimizer state may move to the host when the GPU is full")
    return "\n".join(lines)


def plan_json(plan: Plan, inference: Inference, remarks: Sequence[str] = ()) -> str:
    """All terms in bytes as integers, counts, moments, settings; `inference` under its own key."""
    return json.dumps(
        {**plan.to_dict(), "remarks": list(remarks), "inference": {**asdict(inference), "peak": inference.peak}},
        indent=1,
    )


def inference_text(inference: Inference) -> str:
    """Loading and generation in GB."""
    return (
        f"loading: at most {inference.load_peak / GB:.3f} GB\n"
        f"reading the prompt: at most {inference.prompt_peak / GB:.3f} GB\n"
        f"last token: at most {inference.token_peak / GB:.3f} GB, of them {inference.kv_cache / GB:.3f} GB of KV cache"
    )


def fit_text(fit: Fit, gpu_gb: float) -> str:
    """Each step with the peak after it, the bytes it saves and what it costs; then the settings, or what is needed."""
    lines = [f"{'':50}{'peak':>10}{'saved':>10}  cost"]
    for step in fit.steps:
        saved = f"{step.saved / GB:8.2f}GB" if step.cost else ""
        lines.append(f"{step.name:50}{step.plan.peak / GB:8.2f}GB{saved:>10}  {step.cost}".rstrip())
    settings = fit.settings
    if not fit.fits:
        need = fit.smallest_gpu_gb or f"more than {GPU_SIZES[-1]}"
        lines.append(f"does not fit into {gpu_gb:g} GB, the smallest GPU that does is one of {need} GB")
        return "\n".join(lines)
    lines += [f"fits into {gpu_gb:g} GB:", *_wrapped(_command(settings))]
    return "\n".join(lines)


def _command(settings: Settings) -> list[str]:
    """The options of `estimate` that give these settings, but for those that are the defaults."""
    words = ["python -m helpers estimate", f"--model {settings.model}"]
    for one in fields(Settings):
        value, name = getattr(settings, one.name), f"--{one.name.replace('_', '-')}"
        if one.name == "model" or (value == one.default and one.name not in ("method", "rank", "targets", "batch")):
            continue
        flag = name if value else f"--no-{name[2:]}"
        text = ",".join(value) if isinstance(value, tuple) else value
        words.append(flag if isinstance(value, bool) else f"{name} {text}")
    return words


def _wrapped(words: list[str]) -> list[str]:
    """A command over several lines, no option torn apart; a shell reads them as one."""
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + len(word) + 3 > WIDTH:
            lines[-1] += " \\"
            lines.append("   ")
        lines[-1] += " " + word
    return lines


def fit_json(fit: Fit) -> str:
    """Whether it fits, the settings, each step's peak and saving in bytes, and the smallest GPU in GB."""
    steps = [dict(name=s.name, cost=s.cost, peak=s.plan.peak, saved=s.saved) for s in fit.steps]
    found = dict(
        fits=fit.fits,
        budget=fit.budget,
        settings=asdict(fit.settings),
        steps=steps,
        smallest_gpu_gb=fit.smallest_gpu_gb,
    )
    return json.dumps(found, indent=1)
