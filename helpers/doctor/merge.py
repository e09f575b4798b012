"""What a wrongly merged model looks like on disk: in its files, in its tensors, and in the sum that a merge is.

`verify` puts these together. A merge writes W' = W + scaling * B A (arXiv 2106.09685, section 4.1), so
the stored weights tell what was really added: least squares give back B A with a coefficient, which should be 1.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers.errors import InputError
from helpers.inference import Messages
from helpers.merging import max_logit_difference
from helpers.models import adapter_tokenizer, check_adapter, load_adapter, load_base
from helpers.profiles import Profile

FIXES = {
    "result not assigned": "write model = model.merge_and_unload(), and save that model",
    "not merged": "call merge_and_unload on the adapter model, and save what it returns",
    "merged twice": "merge into the base that was trained on, and never write the result over it",
    "scaling lost": "leave r and lora_alpha in adapter_config.json as they were in training",
    "wrong base": "merge into the base that was trained on, at the same revision",
    "original weights": "dequantize the 4-bit base first, or evaluate this model again: nobody has",
    "into 4-bit": "load the base in full precision, or dequantize it, before merging",
    "overflow": "save in bfloat16 or float32",
    "not finite": "look for the first NaN in the adapter: it diverged in training",
    "tokenizer not saved": "save the tokenizer of the training run into the same directory",
    "resized embeddings": "resize the base at the merge as in training, and save tokenizer and model together",
    "tied embeddings": "untie them before training (tie_word_embeddings=False, head cloned), or leave the head out",
    "wrapped model": "unwrap (unwrap_model, or _orig_mod of a compiled one) and merge before saving",
    "logits differ": "compare dtype, prompt and adapter with those that were evaluated",
}
WRAPPED = ("_orig_mod.", "module.", "_fsdp_wrapped_module.", "base_model.")
ADAPTER_PREFIX = "base_model.model."
CLOSE = 0.05  # a coefficient this near to 0 or to 1 is one


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a merged model: `name` is a key of FIXES, `found` says what was seen."""

    name: str
    found: str

    def __str__(self) -> str:
        return f"{self.name}: {self.found}; {FIXES[self.name]}"


def read_tensors(directory: Path) -> dict:
    """Every tensor of a directory's safetensors files by its name."""
    from safetensors.torch import load_file

    tensors = {}
    for file in sorted(directory.glob("*.safetensors")):
        tensors.update(load_file(file))
    return tensors


def file_faults(merged: Path, adapter: Path) -> list[Fault]:
    """Faults that the files show: no model, names of a wrapped one, 4-bit weights.

    Raises InputError if `merged` holds neither a model nor an adapter in safetensors.
    """
    names = list(read_tensors(adapter))
    if not names:
        return [Fault("result not assigned", f"{adapter.name} has 0 tensors, as a PeftModel saves after its merge")]
    wrapped = [name for name in names if not name.startswith(ADAPTER_PREFIX)]
    if wrapped:
        return [Fault("wrapped model", f"{len(wrapped)} tensors of the adapter fit no layer, such as {wrapped[0]}")]
    tensors = read_tensors(merged)
    if not (merged / "config.json").exists():
        if not (merged / "adapter_config.json").exists():
            raise InputError(f"{merged} holds no model: give the directory that the merged model was saved to")
        if not tensors:
            return [Fault("result not assigned", "an adapter of 0 tensors where a model should be")]
        return [Fault("not merged", f"an adapter of {len(tensors)} tensors where a model should be")]
    if not tensors:
        raise InputError(f"{merged} holds no *.safetensors: save the model with save_pretrained")
    wrapped = [name for name in tensors if ".base_layer." in name or "lora_" in name or name.startswith(WRAPPED)]
    if wrapped:
        return [Fault("wrapped model", f"{len(wrapped)} tensors are named like {wrapped[0]}: loading ignores them")]
    if "quantization_config" in json.loads((merged / "config.json").read_text(encoding="utf-8")):
        return [Fault("into 4-bit", "config.json asks for quantized layers, and the weights are packed")]
    return []


def tokenizer_faults(merged: Path, trained) -> list[Fault]:
    """Faults of the tokenizer in `merged`, held against `trained`, the tokenizer of the training run."""
    from transformers import AutoTokenizer

    if not (merged / "tokenizer_config.json").exists():
        return [Fault("tokenizer not saved", "no tokenizer_config.json beside the weights")]
    own = AutoTokenizer.from_pretrained(merged)
    for what in ("chat_template", "eos_token", "pad_token"):
        if getattr(own, what) != getattr(trained, what):
            return [Fault("tokenizer not saved", f"its {what} is not the one of the training run")]
    if own.get_vocab() != trained.get_vocab():
        return [Fault("tokenizer not saved", "its vocabulary is not the one of the training run")]
    return []


def shape_faults(tensors: dict, adapter_model, tokens: int) -> list[Fault]:
    """Faults of shape, held against the model that was trained: missing tensors, other widths, embedding rows.

    `tokens` is the length of the merged model's own tokenizer.
    """
    weights, layers = trained_weights(adapter_model)
    config = adapter_model.get_base_model().config
    missing = [name for name in weights if name not in tensors]
    if missing and config.tie_word_embeddings and all(name in layers for name in missing):
        return [Fault("tied embeddings", f"LoRA is on {missing[0]}, which is one matrix with the embedding")]
    if missing:
        return [Fault("wrong base", f"{len(missing)} tensors are missing, such as {missing[0]}")]
    for name, weight in weights.items():
        found = tensors[name].shape
        if found != weight.shape:
            rows_only = len(weight) == config.vocab_size and found[1:] == weight.shape[1:]
            kind = "resized embeddings" if rows_only else "wrong base"
            return [Fault(kind, f"{name} is {tuple(found)}, in training it was {tuple(weight.shape)}")]
    if tokens > config.vocab_size:
        return [Fault("resized embeddings", f"{config.vocab_size} rows for {tokens} tokens: the last have no vector")]
    return []


def trained_weights(adapter_model) -> tuple[dict, dict]:
    """(weights by name, LoRA layers by weight name) of an adapter model, named and shaped as a merged model's.

    The weights are what the adapter saw in training: 4-bit ones come back dequantized, copies of `modules_to_save`
    stand for their originals.
    """
    from peft.tuners.lora import LoraLayer
    from peft.utils.integrations import dequantize_module_weight

    base = adapter_model.get_base_model()
    layers = {f"{name}.weight": module for name, module in base.named_modules() if isinstance(module, LoraLayer)}
    weights = {}
    for name, parameter in base.named_parameters():
        if "lora_" in name or ".original_module." in name:
            continue
        if hasattr(parameter, "quant_state"):
            parameter = dequantize_module_weight(base.get_submodule(name.rpartition(".")[0]))
        weights[name.replace(".modules_to_save.default", "").replace(".base_layer", "")] = parameter.detach()
    for name, layer in layers.items():  # a tied head is named once, as the embedding
        weights.setdefault(name, layer.get_base_layer().get_parameter("weight").detach())
    return weights, layers


def fit(found, seen, layer, tolerance: float) -> tuple:
    """What was added to a weight: (coefficients, the share of W' that they leave over), all matrices (out, in).

    One coefficient c, for W' - W = c * scaling * B A by least squares; where that leaves over more than `tolerance`,
    one for each rank-one part of B A. A right merge gives 1 and a rest of rounding.
    """
    import torch

    A, B = layer.lora_A["default"].weight.detach().float(), layer.lora_B["default"].weight.detach().float()
    transposed = getattr(layer, "fan_in_fan_out", False)
    added = found.float().to(A.device) - seen.float().to(A.device)
    added = added.T if transposed else added
    delta = layer.scaling["default"] * B @ A
    numbers = torch.finfo(found.dtype)
    # what rounding adds where numbers are too small to be normal
    tiny = numbers.smallest_normal * numbers.eps * found.numel() ** 0.5

    def left_over(explained) -> float:
        return (((added - explained).norm() - tiny).clamp(min=0) / found.float().norm()).item()

    whole = (added * delta).sum() / delta.square().sum()
    if left_over(whole * delta) <= tolerance:
        return whole.reshape(1).cpu(), left_over(whole * delta)
    gram = ((B.T @ B) * (A @ A.T)).double().cpu()
    right = ((B.T @ added) * A).sum(dim=1, keepdim=True).double().cpu() / layer.scaling["default"]
    parts = torch.linalg.lstsq(gram, right, driver="gelsd").solution.float().squeeze(1)
    return parts, left_over(layer.scaling["default"] * (B * parts.to(B.device)) @ A)


def weight_faults(tensors: dict, adapter_model, original: Callable[[], dict] | None) -> list[Fault]:
    """Faults in the weights of a merged model, held against the model that was trained.

    `original` gives the base's weights before quantization by name, where the adapter was trained on a quantized base.
    """
    import torch

    weights, layers = trained_weights(adapter_model)
    broken = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if broken:
        half = tensors[broken[0]].dtype == torch.float16
        return [Fault("overflow" if half else "not finite", f"{broken[0]} holds numbers that are not finite")]
    trained = {name: layer for name, layer in layers.items() if layer.lora_B["default"].weight.any()}
    tolerance = torch.finfo(next(iter(tensors.values())).dtype).eps + 1e-4

    def compare(seen: dict) -> tuple[dict, float, list[str]]:
        fits = {name: fit(tensors[name], seen[name], layer, tolerance) for name, layer in trained.items()}
        others = [name for name in seen if name in tensors and name not in trained]
        changed = [name for name in others if _differs(tensors[name], seen[name])]
        return {name: c for name, (c, _) in fits.items()}, max((rest for _, rest in fits.values()), default=0), changed

    faults = []
    coefficients, rest, changed = compare(weights)
    if original and (rest > tolerance or changed):
        before = compare(original())
        if before[1] <= tolerance and not before[2]:
            coefficients, rest, changed = before
            faults = [Fault("original weights", "merged into the weights from before quantization")]
    if changed:
        return [Fault("wrong base", f"{len(changed)} tensors without LoRA are not the base's, such as {changed[0]}")]
    if rest > tolerance:
        if all(_on_a_grid(tensors[name]) for name in trained):
            return [Fault("into 4-bit", "no block of 64 weights holds more than 16 values")]
        return [Fault("wrong base", f"{rest:.1%} of a weight is neither the base's nor the adapter's")]
    return faults + coefficient_faults(coefficients)


def coefficient_faults(coefficients: dict) -> list[Fault]:
    """What the coefficients of `fit` by layer say: ones are a right merge, zeros none, twos two."""
    import torch

    every = torch.cat([torch.empty(0), *coefficients.values()])
    if not (abs(every - 1) >= CLOSE).any():
        return []
    away = [name for name, c in coefficients.items() if abs(c).max() < CLOSE]
    if away:
        return [Fault("not merged", f"nothing was added in {len(away)} of {len(coefficients)} layers")]
    there = every[abs(every) >= CLOSE]
    times = f"{there.median().item():.2f} times"
    if len(there) < len(every):
        missing = f"{len(every) - len(there)} of {len(every)} rank-one parts are missing"
        return [Fault("scaling lost", f"{missing}, the others are in the weights {times}")]
    if (abs(every - 2) < CLOSE).all():
        return [Fault("merged twice", f"the adapter is in the weights {times}")]
    return [Fault("scaling lost", f"the adapter is in the weights {times}")]


def _differs(found, seen) -> bool:
    """Whether a stored tensor is another one than `seen` rounded to the stored dtype."""
    import torch

    return not torch.allclose(found.float(), seen.to(found.dtype).float().cpu(), rtol=1e-4, atol=1e-6)


def _on_a_grid(weight, block: int = 64) -> bool:
    """Whether a weight takes at most 16 values in each of its first blocks, as 4-bit numbers with one scale do."""
    blocks = weight.flatten()[: 32 * block].view(-1, block)
    return all(len(row.unique()) <= 16 for row in blocks)


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

    merged, adapter = Path(merged), Path(adapter)
    check_adapter(adapter)
    faults = file_faults(merged, adapter)
    if faults:
        return Verdict(tuple(faults), None)
    tokenizer, tensors = adapter_tokenizer(adapter, profile.model), read_tensors(merged)
    adapter_model = load_adapter(adapter, profile)
    faults = tokenizer_faults(merged, tokenizer)
    shapes = shape_faults(tensors, adapter_model, len(tokenizer))
    if any(fault.name != "tied embeddings" for fault in shapes):
        return Verdict(tuple(faults + shapes), None)

    def original() -> dict:
        return load_base(profile, quantize=False).state_dict()

    faults += shapes or weight_faults(tensors, adapter_model, original if profile.quantize else None)
    model = AutoModelForCausalLM.from_pretrained(merged, dtype="auto").to(adapter_model.device).eval()
    difference = max_logit_difference(adapter_model, model, tokenizer, prompts)
    if math.isinf(difference):
        wide = max_logit_difference(adapter_model, model.float(), tokenizer, prompts)
        name = "not finite" if math.isinf(wide) else "overflow"
        faults.append(Fault(name, f"its logits are not finite in {next(iter(tensors.values())).dtype}"))
    elif difference > limit and not faults:
        faults.append(Fault("logits differ", f"by up to {difference:.2g}, the limit is {limit:g}"))
    return Verdict(tuple(faults), difference)
