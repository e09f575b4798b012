"""Memory of loading a model and of generating with it: the peak while weights are quantized, and the KV cache."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from transformers import DynamicCache, PretrainedConfig

from helpers import lora_math
from helpers.memory import build
from helpers.memory.plan import extended
from helpers.memory.settings import Settings
from helpers.memory.step import Affine, causal_model, static_bytes, static_tensors
from helpers.memory.tracker import StorageTracker, bytes_of


@dataclass(frozen=True)
class Inference(Affine):
    """Bytes of a model that generates: resident weights (adapter included), the cache at the end, and three peaks.

    `load_peak`: all weights, and beside them the largest one before it is quantized. `prompt_peak` and `token_peak`:
    the most alive while the prompt is read and while the last token is generated.
    """

    resident: int
    kv_cache: int
    load_peak: int
    prompt_peak: int
    token_peak: int

    @property
    def peak(self) -> int:
        return max(self.prompt_peak, self.token_peak)


def kv_cache_bytes(config: PretrainedConfig, batch: int, tokens: int, dtype: str = "bfloat16") -> int:
    """Bytes of keys and values: 2 * blocks * key/value heads * head dimension * bytes of dtype, for each token."""
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return 2 * config.num_hidden_layers * heads * width * getattr(torch, dtype).itemsize * batch * tokens


def estimate_inference(settings: Settings, new_tokens: int = 256, config: PretrainedConfig | None = None) -> Inference:
    """Predict loading and generation: a prompt of `settings.length` tokens and `new_tokens` after it, `batch` rows.

    The cache by its formula, the rest as `plan.estimate` does it, from two and three blocks where all are alike.
    """
    config = config or build.load_config(settings.model)

    def run(config: PretrainedConfig, settings: Settings) -> Inference:
        model = build.meta_model(config, settings)
        largest = largest_unquantized(model, settings)
        with build.fake_tensors(settings.device):
            return watch(build.materialise(model, settings), settings, new_tokens, largest)

    return extended(run, config, settings)


def measure_inference(settings: Settings, new_tokens: int = 256, config: PretrainedConfig | None = None) -> Inference:
    """The same on real tensors of the CPU, tensor by tensor; the load peak is predicted all the same."""
    model = build.meta_model(config or build.load_config(settings.model), settings)
    largest = largest_unquantized(model, settings)
    return watch(build.materialise(model, settings), settings, new_tokens, largest)


def largest_unquantized(model: torch.nn.Module, settings: Settings) -> int:
    """Bytes of the largest matrix that is there unquantized while it is being quantized; 0 if none is."""
    if not settings.quantized:
        return 0
    element = 2 if settings.method == "int8" else getattr(torch, settings.dtype).itemsize  # LLM.int8 takes float16
    return element * max(n_in * n_out for n_in, n_out in lora_math.linear_layers(causal_model(model)).values())


def watch(model: torch.nn.Module, settings: Settings, new_tokens: int, largest: int) -> Inference:
    """Read a prompt, then generate the last of `new_tokens`, and follow every storage."""
    model.eval()
    existing = [tensor for tensors in static_tensors(model).values() for tensor in tensors]
    resident = static_bytes(model)
    with torch.no_grad(), StorageTracker(existing) as tracker:
        _read(model, torch.zeros((settings.batch, settings.length), dtype=torch.long))
        prompt_peak, _ = tracker.next_phase()
        one = torch.zeros((settings.batch, 1), dtype=torch.long)
        before = settings.length + new_tokens - 1
        cache = _read(model, torch.zeros((settings.batch, max(before - 1, 1)), dtype=torch.long))
        cache = _read(model, one, cache)  # a window's layers keep the whole prompt's storage until the token after it
        tracker.next_phase()
        cache = _read(model, one, cache)
        token_peak, _ = tracker.next_phase()
        kv_cache = bytes_of(tensor for layer in cache.layers for tensor in _tensors(vars(layer)))
    return Inference(
        resident=resident.total,
        kv_cache=kv_cache,
        load_peak=resident.weights + resident.quantization_constants + largest,
        prompt_peak=resident.total + prompt_peak,
        token_peak=resident.total + token_peak,
    )


def _tensors(held: object) -> Iterator[torch.Tensor]:
    """The tensors of a cache's layer: keys and values, and whatever else an architecture keeps (linear attention's)."""
    if isinstance(held, torch.Tensor):
        yield held
    elif isinstance(held, dict | list | tuple):
        for part in held.values() if isinstance(held, dict) else held:
            yield from _tensors(part)


def _read(model: torch.nn.Module, ids: torch.Tensor, cache: DynamicCache | None = None) -> DynamicCache:
    """Run one forward pass as `generate` does, with the logits of the last position only; returns the cache."""
    return model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1).past_key_values
