"""Loading: the tokenizer, the base model in full precision or in 4 bits, and an adapter on top of it."""

import hashlib
import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from helpers.chats import check_template, check_words
from helpers.errors import InputError
from helpers.model_checks import (
    WEIGHTS,
    adapter_names,
    blocks_left_out,
    check_kind,
    check_loaded,
    check_quantization,
    check_quantized,
    check_recorded,
    check_weights,
    first_line,
    loading,
    read_json,
    stored_in,
)
from helpers.profiles import Profile

CONFIG, IDENTITY, CARD = "adapter_config.json", "base_identity.json", "run.json"
EMBEDDINGS = ("embed_tokens.weight", "wte.weight", "lm_head.weight")


def load_tokenizer(model: str | Path, padding_side: str = "right"):
    """The tokenizer of a model directory or hub id: right padding to train, left padding to generate.

    Without a pad token of its own it pads with the end of sequence, as TRL does; padding is found by its place, in
    attention mask and labels, never by its id, so that a real end of sequence stays in the loss.
    Raises InputError where there is none, or none that can be loaded.
    """
    from transformers import AutoTokenizer

    check_model(model)
    with loading(model):
        tokenizer = AutoTokenizer.from_pretrained(str(model), padding_side=padding_side, trust_remote_code=False)
    check_words(tokenizer, model)
    check_template(tokenizer)
    if tokenizer.eos_token is None:
        raise InputError(
            f"the tokenizer of {model} has no eos_token: a model could not learn to stop; name one "
            "in its tokenizer_config.json"
        )
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return tokenizer


def load_config(model: str | Path):
    """The config of a model directory, of a config file or of a hub id. Raises InputError where it cannot be loaded."""
    from transformers import AutoConfig

    with loading(model):
        return AutoConfig.from_pretrained(str(model), trust_remote_code=False)


def nf4_config(compute_dtype: str):
    """NF4 with double quantization, as in QLoRA (arXiv 2305.14314); the library's defaults are FP4 and no nesting."""
    import torch
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, compute_dtype),
    )


def load_base(profile: Profile, quantize: bool | None = None):
    """The base model of `profile`, in NF4 if `quantize` (default: as the profile says), on its GPU if there is one.

    One that is stored in bitsandbytes' numbers is loaded as it is. With `profile.random_weights`, the architecture in
    the profile's config with random weights. Raises InputError for a path that holds no model, for one that cannot be
    loaded, is no causal language model or comes with a part of its weights alone, and where this machine has no 4-bit
    layers.
    """
    import torch
    from transformers import AutoModelForCausalLM

    quantize = profile.quantize if quantize is None else quantize
    dtype = getattr(torch, profile.dtype)
    if quantize:
        check_quantization()
    if profile.random_weights:
        return _random_weights(load_config(profile.model), dtype, quantize)
    check_model(profile.model)
    with loading(profile.model, weights=True):
        check_weights(Path(profile.model))
        config = load_config(profile.model)
        check_kind(config, profile.model)
        check_quantized(config, profile.model)
        # where nothing is to be quantized the argument stays away: None would hide how the weights are stored
        nf4 = {"quantization_config": nf4_config(profile.dtype)} if quantize and not stored_in(config) else {}
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            profile.model,
            dtype=dtype,
            device_map={"": 0} if torch.cuda.is_available() else None,
            trust_remote_code=False,
            output_loading_info=True,
            **nf4,
        )
        model, report = loaded
        check_loaded(report["missing_keys"], profile.model)
    if nf4:
        check_read_weights(model, profile.model)
    return keep_trainable(name_loss(model))


def check_read_weights(model, name: str) -> None:
    """Raise InputError for a model whose own code reads a weight that is in 4 bits now, as Mamba's does."""
    if found := [part for part, layer in model.named_modules() if part.endswith(".dt_proj") and is_4bit(layer)]:
        raise InputError(f"{name} reads the weight of {found[0]} itself, which 4 bits do not allow: add --no-quantize")


def is_4bit(layer) -> bool:
    """Whether a layer's weight is in bitsandbytes' 4 bits."""
    return hasattr(getattr(layer, "weight", None), "quant_state")


def name_loss(model):
    """Name the loss of a causal language model whose class has another name (GPT2LMHeadModel); returns `model`.

    transformers takes the same one then, and says that `None` is unrecognized.
    """
    model.loss_type = model.loss_type or "ForCausalLM"
    return model


def keep_trainable(model):
    """Keep bitsandbytes from repacking 4-bit weights at the first evaluation; returns `model`.

    On CPUs with AVX512-BF16, bitsandbytes 0.50 repacks them for an inference kernel that passes no gradient: training
    after an evaluation would then do nothing, or raise.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return model


def load_adapter(adapter: str | Path, profile: Profile, quantize: bool | None = None):
    """The base with the adapter in directory `adapter` on top, ready to generate (inference path 1).

    Raises InputError for an incomplete adapter and for a base that it does not fit.
    """
    check_adapter(adapter)
    check_base(adapter, profile.model)
    base = fit_vocabulary(load_base(profile, quantize), adapter)
    return attach(base, adapter, profile.model).eval()


def attach(base, adapter: str | Path, model: str | Path):
    """PEFT's model of `base`, loaded from `model`, with the adapter in directory `adapter` on top.

    Raises InputError where its tensors do not fit: other widths, other layers, names that the base does not have.
    """
    from peft import PeftModel, get_peft_model_state_dict

    trained_on = read_json(Path(adapter) / CONFIG).get("base_model_name_or_path")
    said = f"; its adapter_config.json names {trained_on}" if trained_on else ""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Found missing adapter keys")  # refused below
            attached = PeftModel.from_pretrained(base, str(adapter))
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        why = "its matrices have other widths" if "size mismatch" in str(error) else first_line(error)
        raise InputError(f"{adapter} does not fit {model}: {why}{said}") from error
    wanted = set(get_peft_model_state_dict(attached, save_embedding_layers=False))
    found = set(adapter_names(adapter))
    # where tokens were added, or embeddings adapted, PEFT saves these whole, too
    odd = sorted(name for name in found ^ wanted if not name.endswith(EMBEDDINGS) and ".base_layer." not in name)
    if odd:
        kind = "has no place for" if odd[0] in found else "wants, and the adapter lacks,"
        raise InputError(f"{adapter} does not fit {model}, which {kind} {len(odd)} tensors, such as {odd[0]}{said}")
    known = (Path(adapter) / IDENTITY).exists() or trained_on == str(model)
    if not known and (left := blocks_left_out(attached)):
        raise InputError(f"{adapter} does not fit {model}: {left}{said}")
    return attached


def adapter_tokenizer(adapter: str | Path, model: str | Path):
    """The tokenizer saved beside an adapter, which may know more tokens than the base's; else that of `model`."""
    from transformers import AutoTokenizer

    if (Path(adapter) / "tokenizer_config.json").exists():
        with loading(adapter):
            tokenizer = AutoTokenizer.from_pretrained(str(adapter), padding_side="right", trust_remote_code=False)
        check_words(tokenizer, adapter)
        check_template(tokenizer)
        return tokenizer
    return load_tokenizer(model)


def fit_vocabulary(base, adapter: str | Path):
    """The base with as many embedding rows as the adapter was trained with, where that run had added tokens."""
    from safetensors import safe_open

    with safe_open(Path(adapter) / WEIGHTS, "pt") as tensors:
        whole = [name for name in tensors.keys() if name.endswith(("embed_tokens.weight", "wte.weight"))]
        rows = [tensors.get_slice(name).get_shape()[0] for name in whole]
    if rows and rows[0] != base.config.vocab_size:
        base.resize_token_embeddings(rows[0])
    return base


def check_model(model: str | Path) -> None:
    """Raise InputError if `model` looks like a path and is no model directory; hub ids pass."""
    path = Path(model)
    if path.is_dir():
        if (path / "adapter_config.json").exists() and not (path / "config.json").exists():
            raise InputError(
                f"{model} holds an adapter, not a model: give its base as the model and this as the adapter"
            )
        if not (path / "config.json").exists():
            raise InputError(
                f"{model} holds no model: config.json is missing; give the directory that save_pretrained wrote"
            )
    elif path.exists():
        raise InputError(
            f"{model} is a file: give the model's directory, or a hub id such as Qwen/Qwen2.5-0.5B-Instruct"
        )
    elif path.is_absolute() or str(model).startswith(".") or str(model).count("/") > 1:
        raise InputError(
            f"there is no directory {model}: give a model's directory, or a hub id such as Qwen/Qwen2.5-0.5B-Instruct"
        )


def check_loadable(model: str | Path) -> None:
    """Raise InputError for a model whose tokenizer, chat template, config or weights (of a directory) are no good."""
    load_tokenizer(model)
    load_config(model)
    check_weights(Path(model))


def check_adapter(adapter: str | Path) -> None:
    """Raise InputError if the directory `adapter` is not a whole adapter."""
    from peft import PeftConfig

    for name in (CONFIG, WEIGHTS):
        if not (Path(adapter) / name).is_file():
            raise InputError(f"{adapter} holds no adapter: {name} is missing; give the directory that training wrote")
    read_json(Path(adapter) / CONFIG)
    check_recorded(Path(adapter), CARD)
    try:
        PeftConfig.from_pretrained(str(adapter))
    except Exception as error:  # somebody else's file: PEFT raises many kinds
        raise InputError(
            f"{Path(adapter) / CONFIG} is none that PEFT reads ({first_line(error)}): train or download it again"
        ) from error
    adapter_names(adapter)


def base_identity(model: str | Path) -> dict[str, str]:
    """What tells one base from another: SHA-256 over a directory's weight files, or the revision of a hub model."""
    path = Path(model)
    if path.is_dir():
        digest = hashlib.sha256()
        for file in sorted(path.glob("*.safetensors")) or sorted(path.glob("*.bin")):
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        return {"name": path.name, "sha256": digest.hexdigest()}
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(str(model), "config.json")
    return {"name": str(model), "revision": Path(cached).parent.name if isinstance(cached, str) else "unknown"}


def record_base(adapter: str | Path, model: str | Path) -> None:
    """Write beside an adapter which base it was trained on, so that a merge into another one can be refused."""
    (Path(adapter) / IDENTITY).write_text(json.dumps(base_identity(model), indent=1) + "\n", encoding="utf-8")


def check_base(adapter: str | Path, model: str | Path) -> None:
    """Raise InputError if `adapter` was trained on another base than `model`. Adapters without a record pass."""
    record, card = Path(adapter) / IDENTITY, Path(adapter) / CARD
    if not record.exists() and not card.exists():
        return
    wanted, found = read_json(record) if record.exists() else read_json(card)["base"], base_identity(model)
    key = "sha256" if "sha256" in wanted else "revision"
    if wanted.get(key) != found.get(key):
        raise InputError(
            f"{adapter} was trained on another base: its record says {wanted['name']} ({key} {wanted[key][:12]}), "
            f"but {model} has {key} {str(found.get(key))[:12]}; give the base that it was trained on"
        )


def trained_in_4bit(adapter: str | Path) -> bool | None:
    """Whether an adapter was trained on a quantized base, by the card of its run; None where there is none."""
    card = Path(adapter) / CARD
    return read_json(card).get("quantize") if card.is_file() else None


def _random_weights(config, dtype, quantize: bool):
    """The architecture of `config` with random weights; 4-bit layers are quantized one by one as they are made."""
    import bitsandbytes as bnb
    import torch
    from transformers import AutoModelForCausalLM

    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    if not quantize:
        return model
    for name, layer in list(model.named_modules()):
        if isinstance(layer, torch.nn.Linear) and name != "lm_head":
            small = bnb.nn.Linear4bit(
                layer.in_features,
                layer.out_features,
                bias=layer.bias is not None,
                compute_dtype=dtype,
                quant_type="nf4",
                device="meta",
            )
            weight = bnb.nn.Params4bit(layer.weight.data.cpu(), requires_grad=False, quant_type="nf4")
            small.weight = weight.to(device)  # type: ignore[misc]  # bitsandbytes says `self` is a module
            small.bias = layer.bias
            model.set_submodule(name, small)
    model.is_loaded_in_4bit = model.is_quantized = True
    return keep_trainable(model)


def load_merged(directory: Path, profile: Profile):
    """A merged model from disk, loaded like any other model (inference path 2)."""
    return load_base(replace(profile, model=str(directory)), quantize=False).eval()
