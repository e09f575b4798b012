"""The arithmetic of LoRA and of 4-bit weights: counts, scales, levels and bytes, all small enough to check by hand.

Sources: LoRA, arXiv 2106.09685 (section 4.1); rsLoRA, arXiv 2312.03732; QLoRA, arXiv 2305.14314 (section 3).
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

BLOCK_SIZE = 64  # weights that share one scale; bitsandbytes' default
NESTED_BLOCK_SIZE = 256  # scales that share one scale of their own (double quantization)


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
    GPT-2's Conv1D counts as linear. A target that names no layer raises InputError: PEFT is silent about it as long as
    another one matches.
    """
    from transformers.pytorch_utils import Conv1D

    head = getattr(model, "get_output_embeddings", lambda: None)()
    shapes = {}
    for name, module in model.named_modules():
        if isinstance(module, Conv1D):
            shapes[name] = (module.weight.shape[0], module.weight.shape[1])
        elif isinstance(module, torch.nn.Linear) and module is not head:
            shapes[name] = (module.in_features, module.out_features)
    if targets == "all-linear":
        return shapes
    wanted = {targets} if isinstance(targets, str) else set(targets)
    missing = wanted - {name.rpartition(".")[2] for name in shapes}
    if missing:
        there = sorted({name.rpartition(".")[2] for name in shapes})
        raise InputError(f"no linear layer is named {', '.join(sorted(missing))}; this model has {', '.join(there)}")
    return {name: shape for name, shape in shapes.items() if name.rpartition(".")[2] in wanted}


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


def truncate_rank(delta: torch.Tensor, rank: int) -> torch.Tensor:
    """The best approximation of `delta` (out, in) of at most this rank (Eckart-Young: the leading singular triples)."""
    u, s, v = torch.linalg.svd(delta, full_matrices=False)
    return (u[:, :rank] * s[:rank]) @ v[:rank]


def energy_rank(singular_values: torch.Tensor, share: float = 0.9) -> int:
    """The smallest rank whose leading singular values hold `share` of the squared Frobenius norm."""
    energy = singular_values.double().square().cumsum(0)
    return int((energy < share * energy[-1]).sum()) + 1


# --- 4-bit weights: levels, codes, bytes ------------------------------------------------------------------------------


def nf4_levels() -> torch.Tensor:
    """The 16 levels of NormalFloat4, ascending in [-1, 1]: 8 quantiles of the normal above zero, 7 below, and zero."""
    normal = torch.distributions.Normal(0.0, 1.0)
    outermost = 1 - (1 / 32 + 1 / 30) / 2  # the mean of half a bin's width from the edge, for 16 and for 15 bins
    above = normal.icdf(torch.linspace(0.5, outermost, 9, dtype=torch.float64))[1:]
    below = -normal.icdf(torch.linspace(0.5, outermost, 8, dtype=torch.float64))[1:]
    levels = torch.cat([below.flip(0), torch.zeros(1), above])
    return (levels / levels.max()).float()


def quantize_blockwise(
    weight: torch.Tensor, levels: torch.Tensor, block_size: int = BLOCK_SIZE
) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes (uint8, one per weight, flat) and scales (float32, one per block: its largest absolute weight).

    `levels` ascend in [-1, 1]; a weight takes the nearest. The number of weights must be a multiple of `block_size`.
    """
    blocks = weight.detach().float().reshape(-1, block_size)
    scales = blocks.abs().amax(dim=1)
    halfway = (levels[1:] + levels[:-1]) / 2
    codes = torch.bucketize(blocks / scales.clamp_min(1e-38)[:, None], halfway)
    return codes.to(torch.uint8).flatten(), scales


def dequantize_blockwise(codes: torch.Tensor, scales: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
    """Level times scale for every code, flat, float32: reshape it to the weight's shape."""
    return (levels[codes.long()].reshape(len(scales), -1) * scales[:, None]).flatten()


def pack_nibbles(codes: torch.Tensor) -> torch.Tensor:
    """Two 4-bit codes a byte, the first in the high half, as bitsandbytes stores them: n codes -> n / 2 bytes."""
    return codes[0::2] << 4 | codes[1::2]


def relative_rms_error(approximation: torch.Tensor, exact: torch.Tensor) -> float:
    """Root mean square of the error over root mean square of the exact values."""
    return ((approximation - exact).square().mean().sqrt() / exact.square().mean().sqrt()).item()


def bits_per_weight(block_size: int = BLOCK_SIZE, double_quant: bool = True) -> float:
    """Bits that a 4-bit weight takes with its share of the scales (QLoRA, section 3: 4.5, or 4.127 when double)."""
    scale_bits = 8 / block_size + 32 / (block_size * NESTED_BLOCK_SIZE) if double_quant else 32 / block_size
    return 4 + scale_bits


def four_bit_bytes(weights: int, block_size: int = BLOCK_SIZE, double_quant: bool = True) -> dict[str, int]:
    """Bytes that bitsandbytes holds for one 4-bit tensor of so many weights, by part.

    codes: two a byte. scales: one a block, 4 bytes, or 1 byte when they are quantized themselves; then nested: 4 bytes
    for each 256 scales, and 4 for their mean. tables: the levels (16, and 256 for 8-bit scales), 4 bytes each.
    """
    blocks = math.ceil(weights / block_size)
    if not double_quant:
        return {"codes": math.ceil(weights / 2), "scales": 4 * blocks, "nested": 0, "tables": 4 * 16}
    nested = 4 * math.ceil(blocks / NESTED_BLOCK_SIZE) + 4
    return {"codes": math.ceil(weights / 2), "scales": blocks, "nested": nested, "tables": 4 * (16 + 256)}


def qlora_bytes(model: torch.nn.Module, rest_bytes: int = 2) -> dict[str, int]:
    """Bytes of a model's weights once every linear layer but the head is NF4 with double quantization.

    "linear" holds the 4-bit layers' codes and scales, "rest" everything else (embeddings, head, norms, biases) at
    `rest_bytes` a parameter: 2 as loaded in bf16, 4 after `prepare_model_for_kbit_training`. Works on the meta device.
    """
    shapes = linear_layers(model).values()
    parts = [four_bit_bytes(n_in * n_out) for n_in, n_out in shapes]
    in_linear = sum(n_in * n_out for n_in, n_out in shapes)
    return {
        "linear": sum(sum(part.values()) - part["tables"] for part in parts),
        "rest": rest_bytes * (parameter_count(model) - in_linear),
    }
