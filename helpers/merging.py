"""Merging an adapter into its base, and the proof that nothing was lost on the way."""

import math
import shutil
from collections.abc import Sequence
from pathlib import Path

from helpers.errors import InputError
from helpers.files import clear_unfinished, digests, flush, save_json, whole_directory
from helpers.inference import Messages, model_inputs
from helpers.model_checks import MERGED, first_line
from helpers.profiles import Profile

ASKED = ("Hello, who are you?", "Write a sentence about the sea, and one about a mountain.", "17 + 25 = ?")
CLOSE = {"float32": 0.05}  # how far logits may differ after a right merge; what 16 bits round hangs on the model
PATHS = ("dequantized", "full", "4bit")


def merge(adapter: str | Path, profile: Profile, path: str = "dequantized"):
    """The adapter merged into its base along one of PATHS; returns a plain model, without PEFT layers.

    - "dequantized": into the base as the adapter saw it in training, its 4-bit weights turned back to full precision.
      For an adapter that was trained on a quantized base this is the one that keeps the logits.
    - "full": into the base's original weights, which the adapter of a quantized run has never seen.
    - "4bit": into the 4-bit layers, which rounds the sum to 4 bits again.

    Raises InputError for a wrong base, an incomplete adapter, one of a kind that PEFT cannot merge, or an unknown path;
    ValueError (from safe_merge) for NaNs.
    """
    from helpers.models import attach, check_adapter, check_base

    if path not in PATHS:
        raise InputError(f"unknown merge path {path!r}: choose from {', '.join(PATHS)}")
    check_adapter(adapter)
    check_mergeable(adapter)
    check_base(adapter, profile.model)
    return merge_attached(attach(base_for(adapter, profile, path), adapter, profile.model))


def base_for(adapter: str | Path, profile: Profile, path: str):
    """The base that an adapter is merged into along `path`, with as many rows of embeddings as it needs."""
    import torch

    from helpers.models import fit_vocabulary, load_base

    base = fit_vocabulary(load_base(profile, quantize=path != "full"), adapter)
    if path == "full" and getattr(base, "is_quantized", False):
        raise InputError(f"{profile.model} is stored in quantized numbers, and has no full ones: --path dequantized")
    return dequantize(base, getattr(torch, profile.dtype)) if path == "dequantized" else base


def check_mergeable(adapter: str | Path) -> None:
    """Raise InputError for an adapter that is no change of weights."""
    from peft import PeftConfig

    config = PeftConfig.from_pretrained(str(adapter))
    if config.is_prompt_learning:
        raise InputError(
            f"{adapter} is of the kind {config.peft_type.value}, which changes no weights: serve it as it is"
        )


def merge_attached(model):
    """A PEFT model merged into its base, which is returned. Raises InputError for kinds that PEFT does not merge."""
    try:
        return model.merge_and_unload(safe_merge=True).eval()
    except ValueError as error:
        if "NaNs" not in str(error):
            raise
        raise InputError(f"{first_line(error)}: the training that wrote it had failed, train it again") from error
    except (NotImplementedError, AttributeError) as error:
        kind = model.peft_config["default"].peft_type.value
        raise InputError(f"PEFT merges no adapter of the kind {kind}: serve it as it is") from error


def dequantize(model, dtype):
    """A 4-bit model with its weights turned back into `dtype`, ready to be merged and saved as an ordinary model."""
    model = model.dequantize(dtype=dtype)
    for attribute in ("quantization_config", "_pre_quantization_dtype"):
        if hasattr(model.config, attribute):
            delattr(model.config, attribute)
    return restore_conv1d(model).to(dtype)


def restore_conv1d(model):
    """The model with its Conv1D layers (GPT-2's, weights by inputs and outputs) back where 4-bit layers had taken
    their place: those are Linear, the other way round, and files of them load into no GPT-2."""
    import torch
    from torch import nn
    from transformers import AutoModelForCausalLM
    from transformers.pytorch_utils import Conv1D

    with torch.device("meta"):
        plain = AutoModelForCausalLM.from_config(model.config)
    for name, layer in plain.named_modules():
        if isinstance(layer, Conv1D) and isinstance(model.get_submodule(name), nn.Linear):
            linear = model.get_submodule(name)
            layer.weight, layer.bias = nn.Parameter(linear.weight.detach().T.contiguous()), linear.bias
            model.set_submodule(name, layer)
    return model


def steps_of(conversion) -> list[str]:
    """The names of what transformers does to a tensor while loading it."""
    return [type(step).__name__ for step in getattr(conversion, "operations", None) or []]


def save_merged(model, tokenizer, out: str | Path) -> Path:
    """Write a merged model with its tokenizer, chat template and generation config to `out`, whole or not at all.

    `merged.json` has the digest of each file, by which the course's commands know a damaged one.

    Raises InputError if `out` exists or cannot be written, or if the disk has no room for it.
    """
    from safetensors import SafetensorError

    clear_unfinished(Path(out).parent)  # it may hold the room that is asked for
    needed = sum(parameter.nbytes for parameter in model.parameters())
    there = next(parent for parent in Path(out).absolute().parents if parent.exists())
    if (free := shutil.disk_usage(there).free) < needed:
        raise InputError(f"{out} needs {needed / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free: make room first")
    try:
        with whole_directory(out) as work:
            if read := getattr(model, "_weight_conversions", None):  # of a quantized base; saving cannot undo that
                model._weight_conversions = [one for one in read if not any("Bnb" in name for name in steps_of(one))]
            model.save_pretrained(work)
            tokenizer.save_pretrained(work)
            flush(work)
            save_json(work / MERGED, {"files": digests(work)})
    except (OSError, SafetensorError) as error:
        raise InputError(f"cannot write {out}: {getattr(error, 'strerror', None) or error}") from None
    return Path(out)


def prove(out: str | Path, adapter: str | Path, profile: Profile, path: str) -> float:
    """The largest logit difference between the merged model that lies in `out`, loaded from there, and the adapter on
    its base as it was merged along `path`. Raises InputError for a merged model that does not load."""
    from helpers.models import adapter_tokenizer, load_adapter, load_merged

    tokenizer = adapter_tokenizer(adapter, profile.model)
    tokenizer.chat_template = tokenizer.chat_template or "{{ messages[0]['content'] }}"
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    trained, merged = load_adapter(adapter, profile, path != "full"), load_merged(Path(out), profile)
    return max_logit_difference(trained, merged, tokenizer, [[{"role": "user", "content": text}] for text in ASKED])


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
            ours, theirs = (m(**model_inputs(batch.to(m.device))).logits.float().cpu() for m in (model, other))
        real = batch["attention_mask"].bool().cpu()
        difference = (ours - theirs)[real].abs().max().item()
        worst = max(worst, difference if math.isfinite(difference) else math.inf)  # max() would pass over a NaN
    return worst


def answer_agreement(
    reference, other, tokenizer, prompts: Sequence[Messages], answers: Sequence[str], batch_size: int = 16
) -> tuple[float, float]:
    """(mean KL in nats, top-1 agreement) of two models where the reference's answers were generated.

    `answers[i]` is the reference's own greedy answer to `prompts[i]`. Both models read prompt and answer; what counts
    are the positions that predict a token of the answer, and the one behind its last token, where it ends. There,
    KL(reference || other) = sum of p (log p - log q) over the vocabulary (Kullback and Leibler 1951, equation 2.4),
    infinite where it is not a finite number; top-1 agreement is the share of positions with the same likeliest token.
    Raises ValueError if there are not as many answers as prompts.
    """
    import torch

    conversations = []
    for prompt, answer in zip(prompts, answers, strict=True):
        start = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_dict=False)
        conversations.append((len(start), start + tokenizer(answer, add_special_tokens=False).input_ids))
    divergences, same = [], []
    for first in range(0, len(conversations), batch_size):
        rows = conversations[first : first + batch_size]
        batch = tokenizer.pad(
            [{"input_ids": ids, "attention_mask": [1] * len(ids)} for _, ids in rows],
            padding_side="right",
            return_tensors="pt",
        )
        with torch.inference_mode():
            ours, theirs = (m(**batch.to(m.device)).logits for m in (reference, other))
        for (start, ids), one, two in zip(rows, ours, theirs, strict=True):
            # in double: where the models nearly agree, the terms of float32 are mostly rounding
            p, q = (logits[start - 1 : len(ids)].double().log_softmax(-1).cpu() for logits in (one, two))
            divergences.append((p.exp() * (p - q)).sum(-1))
            same.append(p.argmax(-1) == q.argmax(-1))
    kl = torch.cat(divergences).mean().item()
    return kl if math.isfinite(kl) else math.inf, torch.cat(same).double().mean().item()
