"""The arithmetic of LoRA: shapes, counts and scales, all small enough to check by hand.

Sources: LoRA, arXiv 2106.09685 (section 4.1); rsLoRA, arXiv 2312.03732.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch

from helpers import DATA
from helpers.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


# --- architectures without weights ---------------------------------------------------------------------------------


def config_names() -> list[str]:
    """Names of the published architectures in data/configs, for `meta_model`."""
    return sorted(path.stem for path in (DATA / "configs").glob("*.json"))


def meta_model(name: str) -> PreTrainedModel:
    """The real architecture of a published model on the meta device: shapes and dtypes, no memory, no download.

    `name` is one of `config_names()`; any other raises InputError.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    path = DATA / "configs" / f"{name}.json"
    if not path.is_file():
        raise InputError(f"no architecture {name!r} in data/configs; there are: {', '.join(config_names())}")
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(path))


# --- LoRA: shapes, counts, scale -------------------------------------------------------------------------------------


def linear_layers(model: torch.nn.Module, targets: str | Iterable[str] = "all-linear") -> dict[str, tuple[int, int]]:
    """Module path -> (in_features, out_features) of every linear layer that LoRA would adapt.

    `targets` is "all-linear" (all but the output head, as in PEFT) or last path components, as ("q_proj", "v_proj").
    GPT-2's Conv1D counts as linear; experts fused into one tensor do not, though PEFT adapts those of some models, nor
    does a router that chooses experts in a layer class of its own, which PEFT adapts and then fails at. A target that
    names no layer raises InputError: PEFT is silent about it as long as another one matches.
    """
    from transformers.pytorch_utils import Conv1D

    head = getattr(model, "get_output_embeddings", lambda: None)()
    shapes = {}
    for name, module in model.named_modules():
        if isinstance(module, Conv1D):
            shapes[name] = (module.weight.shape[0], module.weight.shape[1])
        elif isinstance(module, torch.nn.Linear) and module is not head and not is_router(module):
            shapes[name] = (module.in_features, module.out_features)
    if targets == "all-linear":
        return shapes
    wanted = {targets} if isinstance(targets, str) else set(targets)
    missing = wanted - {name.rpartition(".")[2] for name in shapes}
    if missing:
        there = sorted({name.rpartition(".")[2] for name in shapes})
        raise InputError(f"no linear layer is named {', '.join(sorted(missing))}; this model has {', '.join(there)}")
    return {name: shape for name, shape in shapes.items() if name.rpartition(".")[2] in wanted}


def is_router(module: torch.nn.Module) -> bool:
    """Whether a layer is a linear one that gives the choice of experts, not a product alone (Llama 4, PhiMoE)."""
    return isinstance(module, torch.nn.Linear) and type(module).__name__.endswith("Router")


def lora_parameter_count(model: torch.nn.Module, rank: int, targets: str | Iterable[str] = "all-linear") -> int:
    """Trainable parameters of a LoRA adapter: the sum of rank * (in + out) over the adapted layers."""
    return sum(rank * (n_in + n_out) for n_in, n_out in linear_layers(model, targets).values())


def parameter_count(model: torch.nn.Module) -> int:
    """All parameters, a tied weight counted once."""
    return sum(parameter.numel() for parameter in model.parameters())


def lora_scaling(alpha: float, rank: int, rank_stabilized: bool = False) -> float:
    """The factor before B A x: alpha / rank, or alpha / sqrt(rank) for rsLoRA."""
    return alpha / math.sqrt(rank) if rank_stabilized else alpha / rank


def fingerprint(tensors: Iterable[tuple[str, torch.Tensor]]) -> str:
    """SHA-256 over names, dtypes, shapes and bytes, in name order: equal exactly when every bit is equal."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors, key=lambda item: item[0]):
        digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


# --- low rank: how much of an update a few directions hold -----------------------------------------------------------


def energy_rank(singular_values: torch.Tensor, share: float = 0.9) -> int:
    """The smallest rank whose leading singular values hold `share` of the squared Frobenius norm."""
    energy = singular_values.double().square().cumsum(0)
    return int((energy < share * energy[-1]).sum()) + 1
