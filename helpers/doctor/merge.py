"""What a wrongly merged model looks like on disk: in its files, in its tensors, and in the sum that a merge is.

`verify` puts these together. PEFT itself merges the adapter again, of whatever kind it is: every tensor that it changes
must be changed alike, and every other one be the base's. Where that is not so, the difference tells what was done
instead: a merge of LoRA writes W' = W + scaling * B A (arXiv 2106.09685, section 4.1), and least squares give back B A
with a coefficient, which should be 1.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from helpers.doctor.merge_files import Fault, file_faults, read_tensors, shape_faults, tokenizer_faults
from helpers.doctor.merge_fit import along, fit, fit_rows, plain_lora, trained_weights
from helpers.inference import Messages
from helpers.merging import base_for, check_mergeable, max_logit_difference, merge_attached
from helpers.model_checks import adapter_names
from helpers.models import adapter_tokenizer, attach, check_adapter, load_adapter
from helpers.profiles import Profile

CLOSE = 0.05  # a coefficient this near to 0 or to 1 is one


@dataclass(frozen=True)
class Reference:
    """A right merge: the base's tensors by name, and PEFT's merge of the adapter into them."""

    before: dict
    after: dict


def reference(adapter: Path, profile: Profile, path: str, base: dict | None = None) -> Reference:
    """PEFT's own merge along `path` of merging.PATHS, into the tensors `base` in place of the base's where given."""
    from torch import nn

    model = base_for(adapter, profile, path)
    on_head = any(".lm_head." in name and not name.endswith(".lm_head.weight") for name in adapter_names(adapter))
    if model.config.tie_word_embeddings and on_head:
        model.lm_head.weight = nn.Parameter(model.lm_head.weight.detach().clone())  # else it merges into both
    named = dict(model.named_parameters(remove_duplicate=False))  # a tied head may come out of the merge on its own
    for name, parameter in named.items():
        if base and name in base:
            parameter.data = base[name].to(parameter.device, parameter.dtype)
    before = {name: parameter.detach().cpu().clone() for name, parameter in named.items()}
    merged = merge_attached(attach(model, adapter, profile.model))
    return Reference(before, {name: parameter.detach().cpu() for name, parameter in merged.named_parameters()})


@dataclass
class Comparison:
    """What `compare` saw: coefficients of the tensors that a merge sums and of those that it copies, by name; the
    largest share left over; base tensors that are others; layers whose rows have other lengths than DoRA gives them."""

    summed: dict = field(default_factory=dict)
    copied: dict = field(default_factory=dict)
    rest: float = 0.0
    changed: list = field(default_factory=list)
    rescaled: list = field(default_factory=list)


def compare(tensors: dict, right: Reference, adapter_model, seen: dict | None, tolerance: float) -> Comparison:
    """Hold a merged model's tensors against a right merge; `seen` are the weights below the LoRA layers, where they are
    not the base's (initialisations such as PiSSA take the adapter's start off them)."""
    import torch

    layers = {name: layer for name, layer in trained_weights(adapter_model)[1].items() if plain_lora(layer)}
    whole = [name for name, _ in adapter_model.get_base_model().named_parameters() if ".modules_to_save." in name]
    whole = [name.replace(".modules_to_save.default", "") for name in whole]
    result = Comparison()
    for name, after in right.after.items():
        found, before = tensors[name], right.before[name]
        if torch.equal(before, after):
            if _differs(found, after):
                result.changed.append(name)
            continue
        group = result.copied if name in whole or name.endswith(".bias") else result.summed
        if torch.equal(found, after.to(found.dtype)):
            group[name] = torch.ones(1)
            continue
        group[name], rest = along(found, before, after)
        if rest > tolerance and name in layers:
            layer, below = layers[name], (seen or right.before)[name]
            if layer.use_dora.get("default"):
                group[name], rest = fit_rows(found, below, layer)
                if rest <= tolerance and abs(group[name] - 1) < CLOSE:
                    result.rescaled.append(name)
            else:
                group[name], rest = fit(found, below, layer, tolerance)
        result.rest = max(result.rest, rest)
    return result


def weight_faults(
    tensors: dict, adapter_model, right: Callable[[str], Reference], again, paths: list[str]
) -> list[Fault]:
    """Faults in the weights of a merged model, held against the model that was trained.

    `right(path)` is the right merge along each of `paths`, the first of them as in training, and `again()` the merge of
    the adapter into the first, a second time.
    """
    import torch

    broken = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if broken:
        half = tensors[broken[0]].dtype == torch.float16
        return [Fault("overflow" if half else "not finite", f"{broken[0]} holds numbers that are not finite")]
    tolerance = torch.finfo(next(iter(tensors.values())).dtype).eps + 1e-4

    faults = []
    seen = compare(tensors, right(paths[0]), adapter_model, trained_weights(adapter_model)[0], tolerance)
    for path in paths[1:]:
        if seen.rest > tolerance or seen.changed:
            other = compare(tensors, right(path), adapter_model, None, tolerance)
            if other.rest <= tolerance and not other.changed:
                seen = other
                faults = [Fault("original weights", "merged into the weights from before quantization")]
    if seen.changed:
        return [
            Fault(
                "wrong base", f"{len(seen.changed)} tensors without LoRA are not the base's, such as {seen.changed[0]}"
            )
        ]

    def all_near(comparison: Comparison, wanted: int) -> bool:
        close = all(abs(c - wanted).max() < CLOSE for c in comparison.summed.values())
        return close and comparison.rest <= tolerance

    if seen.rescaled or not (all_near(seen, 1) or all_near(seen, 2)):
        twice = compare(tensors, again(), adapter_model, None, tolerance)
        if all_near(twice, 1):
            return [*faults, Fault("merged twice", "a merge into the merged model gives these weights")]
    if seen.rest > tolerance:
        if all(_on_a_grid(tensors[name]) for name in seen.summed):
            return [Fault("into 4-bit", "no block of 64 weights holds more than 16 values")]
        return [Fault("wrong base", f"{seen.rest:.1%} of a weight is neither the base's nor the adapter's")]
    if seen.rescaled:
        return [Fault("scaling lost", f"the rows of {len(seen.rescaled)} weights are not as long as DoRA makes them")]
    return faults + coefficient_faults(seen.summed, seen.copied)


def coefficient_faults(coefficients: dict, copied: dict) -> list[Fault]:
    """What the coefficients by tensor say: ones are a right merge, zeros none, twos two.

    `copied` are those of tensors that a merge takes over from the adapter, trained biases and whole modules.
    """
    import torch

    every = torch.cat([torch.empty(0), *coefficients.values()])
    if not (abs(every - 1) >= CLOSE).any():
        left = [name for name, c in copied.items() if abs(c - 1).max() >= CLOSE]
        biases = [name for name in left if name.endswith(".bias")]
        return [
            Fault(kind, f"{len(names)} of {len(copied)} trained tensors are not the adapter's, such as {names[0]}")
            for kind, names in (
                ("bias left out", biases),
                ("whole module left out", [name for name in left if name not in biases]),
            )
            if names
        ]
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
    check_mergeable(adapter)
    faults = file_faults(merged, adapter)
    if faults:
        return Verdict(tuple(faults), None)
    tokenizer, tensors = adapter_tokenizer(adapter, profile.model), read_tensors(merged)
    adapter_model = load_adapter(adapter, profile)
    faults = tokenizer_faults(merged, tokenizer)
    paths = ["dequantized", "full"] if profile.quantize else ["full"]
    right = cache(lambda path: reference(adapter, profile, path))
    as_trained, layers = right(paths[0]), trained_weights(adapter_model)[1]
    shapes = shape_faults(tensors, as_trained.after, layers, adapter_model.get_base_model().config, len(tokenizer))
    if any(fault.name != "tied embeddings" for fault in shapes):
        return Verdict(tuple(faults + shapes), None)

    def again() -> Reference:
        return reference(adapter, profile, paths[0], as_trained.after)

    faults += shapes or weight_faults(tensors, adapter_model, right, again, paths)
    model = (
        AutoModelForCausalLM.from_pretrained(merged, dtype="auto", trust_remote_code=False)
        .to(adapter_model.device)
        .eval()
    )
    difference = max_logit_difference(adapter_model, model, tokenizer, prompts)
    if math.isinf(difference):
        wide = max_logit_difference(adapter_model, model.float(), tokenizer, prompts)
        name = "not finite" if math.isinf(wide) else "overflow"
        faults.append(Fault(name, f"its logits are not finite in {next(iter(tensors.values())).dtype}"))
    elif difference > limit and not faults:
        faults.append(Fault("logits differ", f"by up to {difference:.2g}, the limit is {limit:g}"))
    return Verdict(tuple(faults), difference)
