"""What a wrongly merged model looks like in its files: names, tokenizer, shapes. `merge.verify` puts this together."""

import json
from dataclasses import dataclass
from pathlib import Path

from helpers.errors import InputError

FIXES = {
    "result not assigned": "write model = model.merge_and_unload(), and save that model",
    "not merged": "call merge_and_unload on the adapter model, and save what it returns",
    "merged twice": "merge into the base that was trained on, and never write the result over it",
    "bias left out": "merge with merge_and_unload, which leaves the trained biases in the layers",
    "whole module left out": "merge with merge_and_unload, which puts the trained copies of modules_to_save in",
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
ADAPTER_PREFIX = "base_model."


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
    own = AutoTokenizer.from_pretrained(merged, trust_remote_code=False)
    for what in ("chat_template", "eos_token", "pad_token"):
        if getattr(own, what) != getattr(trained, what):
            return [Fault("tokenizer not saved", f"its {what} is not the one of the training run")]
    if own.get_vocab() != trained.get_vocab():
        return [Fault("tokenizer not saved", "its vocabulary is not the one of the training run")]
    return []


def shape_faults(tensors: dict, wanted: dict, layers: dict, config, tokens: int) -> list[Fault]:
    """Faults of shape: missing tensors, other widths, embedding rows.

    `wanted` holds the tensors that a right merge has, `layers` the LoRA layers by weight name, `config` is the base's
    and `tokens` the length of the merged model's own tokenizer.
    """
    missing = [name for name in wanted if name not in tensors]
    if missing and config.tie_word_embeddings and all(name in layers for name in missing):
        return [Fault("tied embeddings", f"LoRA is on {missing[0]}, which is one matrix with the embedding")]
    if missing:
        return [Fault("wrong base", f"{len(missing)} tensors are missing, such as {missing[0]}")]
    for name, weight in wanted.items():
        found = tensors[name].shape
        if found != weight.shape:
            rows_only = len(weight) == config.vocab_size and found[1:] == weight.shape[1:]
            kind = "resized embeddings" if rows_only else "wrong base"
            return [Fault(kind, f"{name} is {tuple(found)}, in training it was {tuple(weight.shape)}")]
    if tokens > config.vocab_size:
        return [Fault("resized embeddings", f"{config.vocab_size} rows for {tokens} tokens: the last have no vector")]
    return []
