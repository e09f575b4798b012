"""Merging an adapter into its base, and the proof that nothing was lost on the way."""

import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers import merge_faults
from helpers.errors import InputError
from helpers.inference import Messages
from helpers.merge_faults import Fault
from helpers.profiles import Profile

PATHS = ("dequantized", "full", "4bit")


def merge(adapter: str | Path, profile: Profile, path: str = "dequantized"):
    """The adapter merged into its base along one of PATHS; returns a plain model, without PEFT layers.

    - "dequantized": into the base as the adapter saw it in training, its 4-bit weights turned back to full precision.
      For an adapter that was trained on a quantized base this is the one that keeps the logits.
    - "full": into the base's original weights, which the adapter of a quantized run has never seen.
    - "4bit": into the 4-bit layers, which rounds the sum to 4 bits again.

    Raises InputError for a wrong base, an incomplete adapter or an unknown path; ValueError (from safe_merge) for NaNs.
    """
    import torch
    from peft import PeftModel

    from helpers.models import check_adapter, check_base, fit_vocabulary, load_base

    if path not in PATHS:
        raise InputError(f"unknown merge path {path!r}: choose from {', '.join(PATHS)}")
    check_adapter(adapter)
    check_base(adapter, profile.model)
    base = fit_vocabulary(load_base(profile, quantize=path != "full"), adapter)
    if path == "dequantized":
        base = dequantize(base, getattr(torch, profile.dtype))
    try:
        model = PeftModel.from_pretrained(base, str(adapter))
    except RuntimeError as error:
        if "size mismatch" in str(error):
            raise InputError(
                f"{adapter} does not fit {profile.model}: its matrices have other widths; "
                "give the base that it was trained on"
            ) from None
        raise
    return model.merge_and_unload(safe_merge=True).eval()


def dequantize(model, dtype):
    """A 4-bit model with its weights turned back into `dtype`, ready to be merged and saved as an ordinary model."""
    model = model.dequantize(dtype=dtype)
    for attribute in ("quantization_config", "_pre_quantization_dtype"):
        if hasattr(model.config, attribute):
            delattr(model.config, attribute)
    return model.to(dtype)


def save_merged(model, tokenizer, out: str | Path) -> Path:
    """Write a merged model with its tokenizer, chat template and generation config to `out`, whole or not at all.

    Raises InputError if `out` exists or cannot be written.
    """
    out = Path(out)
    if out.exists():
        raise InputError(f"{out} exists already: choose another directory, or remove it first")
    work = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        work.mkdir(parents=True)
        model.save_pretrained(work)
        tokenizer.save_pretrained(work)
        os.replace(work, out)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return out


def max_logit_difference(model, other, tokenizer, prompts: Sequence[Messages], batch_size: int = 32) -> float:
    """The largest absolute difference between two models' logits over every token of the prompts (float32).

    Infinite where a logit is not a finite number.
    """
    import torch

    worst = 0.0
    for start in range(0, len(prompts), batch_size):
        batch = tokenizer.apply_chat_template(
            list(prompts[start : start + batch_size]),
            add_generation_prompt=True,
            return_dict=True,
            return_tensors="pt",
            padding=True,
            padding_side="right",
        )
        with torch.inference_mode():
            ours, theirs = (m(**batch.to(m.device)).logits.float().cpu() for m in (model, other))
        real = batch["attention_mask"].bool().cpu()
        difference = (ours - theirs)[real].abs().max().item()
        worst = max(worst, difference if math.isfinite(difference) else math.inf)  # max() would pass over a NaN
    return worst


@dataclass(frozen=True)
class Verdict:
    """What `verify` found: `faults`, none of them where the merged model is the one that was trained.

    `difference` is the largest logit difference, None where the files are too wrong to be loaded.
    """

    faults: tuple[Fault, ...]
    difference: float | None

    @property
    def passed(self) -> bool:
        return not self.faults

    @property
    def names(self) -> list[str]:
        return [fault.name for fault in self.faults]

    def __str__(self) -> str:
        return "\n".join(map(str, self.faults)) or f"passed, largest logit difference {self.difference:.2g}"


def verify(
    merged: str | Path, adapter: str | Path, profile: Profile, prompts: Sequence[Messages], limit: float = 0.05
) -> Verdict:
    """Hold the merged model in directory `merged` against the adapter that was trained, and name what is wrong.

    Files, tokenizer, shapes and every weight are compared with the adapter on its base as in training (`profile`); then
    the logits over `prompts`, which must stay within `limit`. A file in bfloat16 needs a wider one: it rounds.
    Raises InputError for a directory without a model, an incomplete adapter, or a `profile` with another base.
    """
    from transformers import AutoModelForCausalLM

    from helpers.models import adapter_tokenizer, check_adapter, load_adapter, load_base

    merged, adapter = Path(merged), Path(adapter)
    check_adapter(adapter)
    faults = merge_faults.file_faults(merged, adapter)
    if faults:
        return Verdict(tuple(faults), None)
    tokenizer, tensors = adapter_tokenizer(adapter, profile.model), merge_faults.read_tensors(merged)
    adapter_model = load_adapter(adapter, profile)
    faults = merge_faults.tokenizer_faults(merged, tokenizer)
    shapes = merge_faults.shape_faults(tensors, adapter_model, len(tokenizer))
    if any(fault.name != "tied embeddings" for fault in shapes):
        return Verdict(tuple(faults + shapes), None)

    def original() -> dict:
        return load_base(profile, quantize=False).state_dict()

    faults += shapes or merge_faults.weight_faults(tensors, adapter_model, original if profile.quantize else None)
    model = AutoModelForCausalLM.from_pretrained(merged, dtype="auto").to(adapter_model.device).eval()
    difference = max_logit_difference(adapter_model, model, tokenizer, prompts)
    if math.isinf(difference):
        wide = max_logit_difference(adapter_model, model.float(), tokenizer, prompts)
        name = "not finite" if math.isinf(wide) else "overflow"
        faults.append(Fault(name, f"its logits are not finite in {next(iter(tensors.values())).dtype}"))
    elif difference > limit and not faults:
        faults.append(Fault("logits differ", f"by up to {difference:.2g}, the limit is {limit:g}"))
    return Verdict(tuple(faults), difference)
