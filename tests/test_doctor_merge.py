"""`verify`: each wrong merge is made with the real libraries and caught under its name; right ones pass."""

import json
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from helpers import DATA, merging, models, profiles, training
from helpers.chats import read_chat
from helpers.doctor.merge import verify
from helpers.doctor.merge_files import FIXES
from helpers.errors import InputError

PROFILE = profiles.select("tiny")
PLAIN = replace(PROFILE, quantize=False)
ROWS = read_chat(DATA / "tickets" / "clean.jsonl")[:8]
PROMPTS = [row["messages"][:-1] for row in ROWS]
ADAPTER = "adapter_model.safetensors"

pytestmark = pytest.mark.filterwarnings("ignore:Merge lora module to 4-bit", "ignore:.*tie_word_embeddings")


def write_adapter(out: Path, profile=PROFILE, targets="all-linear") -> Path:
    """An adapter as after a training run, without one: B drawn at random instead of zero."""
    model = get_peft_model(models.load_base(profile), training.lora_config(profile, target_modules=targets))
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.02)
    return save_adapter(model, out, models.load_tokenizer(profile.model))


def save_adapter(model, out: Path, tokenizer) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that embeddings are saved, too
        model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    models.record_base(out, PROFILE.model)
    return out


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The directory with the adapter and its right merge that every wrong one starts from."""
    folder = tmp_path_factory.mktemp("faults")
    write_adapter(folder / "adapter")
    merging.save_merged(merging.merge(folder / "adapter", PROFILE), tokenizer(), folder / "right")
    return folder


def tokenizer():
    return models.load_tokenizer(PROFILE.model)


def save(model, out: Path, its_tokenizer=None) -> Path:
    model.save_pretrained(out)
    (its_tokenizer or tokenizer()).save_pretrained(out)
    return out


def attach(base, adapter: Path, **options):
    return PeftModel.from_pretrained(base, adapter, **options)


def load(directory: Path, **options):
    return AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, **options)


def as_trained():
    return merging.dequantize(models.load_base(PROFILE), torch.float32)


def with_tensors(adapter: Path, out: Path, change, **config) -> Path:
    """A copy of the adapter with tensors passed through `change` and other settings."""
    shutil.copytree(adapter, out)
    settings = json.loads((out / "adapter_config.json").read_text())
    (out / "adapter_config.json").write_text(json.dumps({**settings, **config}))
    tensors = load_file(adapter / ADAPTER)
    save_file({name: change(name, t) for name, t in tensors.items()}, out / ADAPTER, metadata={"format": "pt"})
    return out


def not_assigned(world, out):
    model = models.load_adapter(world / "adapter", PLAIN)
    model.merge_and_unload()
    return save(model, out), world / "adapter", PROFILE


def empty_adapter(world, out):
    model = models.load_adapter(world / "adapter", PLAIN)
    model.merge_and_unload()
    model.save_pretrained(out)
    return world / "right", out, PROFILE


def adapter_shipped(world, out):
    return world / "adapter", world / "adapter", PROFILE


def base_shipped(world, out):
    return save(as_trained(), out), world / "adapter", PROFILE


def one_layer_left_out(world, out):
    model = attach(as_trained(), world / "adapter")
    model.base_model.model.model.layers[0].mlp.up_proj.lora_B["default"].weight.data.zero_()
    return save(model.merge_and_unload(), out), world / "adapter", PROFILE


def twice(world, out):
    return save(attach(load(world / "right"), world / "adapter").merge_and_unload(), out), world / "adapter", PROFILE


def other_revision(world, out):
    base = as_trained()
    torch.manual_seed(1)
    for parameter in base.parameters():
        parameter.data += 0.01 * parameter.std() * torch.randn_like(parameter)
    return save(attach(base, world / "adapter").merge_and_unload(), out), world / "adapter", PROFILE


def other_linear_layers(world, out):
    """A base that differs only where LoRA sits."""
    base = as_trained()
    weight = base.model.layers[2].mlp.down_proj.weight
    weight.data += 0.01 * weight.std() * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
    return save(attach(base, world / "adapter").merge_and_unload(), out), world / "adapter", PROFILE


def fewer_layers(world, out):
    model = load(world / "right")
    model.model.layers = model.model.layers[:-1]
    model.config.num_hidden_layers -= 1
    model.config.layer_types = model.config.layer_types[:-1]
    return save(model, out), world / "adapter", PROFILE


def original_weights(world, out):
    return merging.save_merged(merging.merge(world / "adapter", PROFILE, "full"), tokenizer(), out), *trained(world)


def trained(world):
    return world / "adapter", PROFILE


def four_bit(world, out):
    return save(merging.merge(world / "adapter", PROFILE, "4bit"), out), *trained(world)


def four_bit_undone(world, out):
    merged = merging.merge(world / "adapter", PROFILE, "4bit")
    return save(merging.dequantize(merged, torch.float32), out), *trained(world)


def alpha_edited(world, out):
    edited = with_tensors(world / "adapter", out / "adapter", lambda name, t: t, lora_alpha=PROFILE.rank)
    return merging.save_merged(merging.merge(edited, PROFILE), tokenizer(), out / "merged"), *trained(world)


def rank_cut(world, out):
    half = PROFILE.rank // 2

    def cut(name, tensor):
        return (tensor[:half] if "lora_A" in name else tensor[:, :half]).contiguous()

    edited = with_tensors(world / "adapter", out / "adapter", cut, r=half)
    return merging.save_merged(merging.merge(edited, PROFILE), tokenizer(), out / "merged"), *trained(world)


def half_precision(world, out):
    """A base whose activations leave the range of float16, as massive activations of large models do."""
    base, factor = models.load_base(PLAIN), 2.0**20
    base.model.layers[1].mlp.up_proj.weight.data *= factor
    base.model.layers[1].mlp.down_proj.weight.data /= factor
    profile = replace(PLAIN, model=str(save(base, out / "base")))
    model = get_peft_model(models.load_base(profile), training.lora_config(profile, target_modules=["q_proj"]))
    model.save_pretrained(out / "adapter")
    return save(merging.merge(out / "adapter", profile).half(), out / "merged"), out / "adapter", profile


def weights_beyond_half(world, out):
    model = load(world / "right")
    model.model.layers[0].mlp.gate_proj.weight.data[0, 0] = 1e5
    return save(model.half(), out), *trained(world)


def nan_in_weights(world, out):
    model = load(world / "right")
    model.model.layers[0].mlp.gate_proj.weight.data[0, 0] = float("nan")
    return save(model, out), *trained(world)


def no_tokenizer(world, out):
    load(world / "right").save_pretrained(out)
    return out, *trained(world)


def other_template(world, out):
    other = tokenizer()
    other.chat_template = other.chat_template + "\n"
    return save(load(world / "right"), out, other), *trained(world)


def other_vocabulary(world, out):
    other = tokenizer()
    other.add_tokens(["<|ticket|>"])
    return save(load(world / "right"), out, other), *trained(world)


def grown_adapter(world, out) -> Path:
    grown, base = tokenizer(), models.load_base(PROFILE)
    grown.add_tokens(["<|ticket|>"], special_tokens=True)
    base.resize_token_embeddings(len(grown), mean_resizing=False)
    return save_adapter(attach(base, world / "adapter"), out, grown)


def rows_lost(world, out):
    grown = grown_adapter(world, out / "adapter")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that sizes do not fit
        model = attach(as_trained(), grown, ignore_mismatched_sizes=True).merge_and_unload()
    return save(model, out / "merged", models.adapter_tokenizer(grown, PROFILE.model)), grown, PROFILE


def tied(world, out):
    adapter = write_adapter(out / "adapter", PLAIN, ["lm_head"])
    merged = attach(models.load_base(PLAIN), adapter).merge_and_unload()
    return save(merged, out / "merged"), adapter, PLAIN


def compiled_adapter(world, out):
    tensors = get_peft_model_state_dict(torch.compile(models.load_adapter(world / "adapter", PROFILE)))
    wrapped = with_tensors(world / "adapter", out / "adapter", lambda name, t: t)
    save_file({name: t.contiguous() for name, t in tensors.items()}, wrapped / ADAPTER, metadata={"format": "pt"})
    return world / "right", wrapped, PROFILE


def inside_of_peft(world, out):
    return save(models.load_adapter(world / "adapter", PLAIN).get_base_model(), out), *trained(world)


def other_rope(world, out):
    """Every weight right, one number of config.json another one."""
    shutil.copytree(world / "right", out)
    config = json.loads((out / "config.json").read_text())
    config["rope_parameters"]["rope_theta"] = 500.0
    (out / "config.json").write_text(json.dumps(config))
    return out, *trained(world)


def nan_from_config(world, out):
    shutil.copytree(world / "right", out)
    config = json.loads((out / "config.json").read_text())
    (out / "config.json").write_text(json.dumps({**config, "rms_norm_eps": -1e9}))
    return out, *trained(world)


def with_biases_and_a_module(out) -> tuple[Path, object]:
    """An adapter that trains biases and a whole module beside LoRA, and its right merge in memory."""
    config = LoraConfig(target_modules=["q_proj"], modules_to_save=["down_proj"], bias="all", task_type="CAUSAL_LM")
    model = get_peft_model(models.load_base(PLAIN), config)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and "lora_A" not in name:
            parameter.data += 0.01
    adapter = save_adapter(model, out / "adapter", tokenizer())
    return adapter, merging.merge(adapter, PLAIN, "full")


def take_back(out, ending: str):
    """The right merge but for the tensors with that ending, which are the base's."""
    adapter, merged = with_biases_and_a_module(out)
    base = models.load_base(PLAIN).state_dict()
    for name, parameter in merged.named_parameters():
        if name.endswith(ending):
            parameter.data = base[name]
    return save(merged, out / "merged"), adapter, PLAIN


def biases_left_out(world, out):
    return take_back(out, ".bias")


def module_left_out(world, out):
    return take_back(out, "down_proj.weight")


WRONG = {
    biases_left_out: "bias left out",
    module_left_out: "whole module left out",
    not_assigned: "result not assigned",
    empty_adapter: "result not assigned",
    adapter_shipped: "not merged",
    base_shipped: "not merged",
    one_layer_left_out: "not merged",
    twice: "merged twice",
    alpha_edited: "scaling lost",
    rank_cut: "scaling lost",
    other_revision: "wrong base",
    other_linear_layers: "wrong base",
    fewer_layers: "wrong base",
    original_weights: "original weights",
    four_bit: "into 4-bit",
    four_bit_undone: "into 4-bit",
    half_precision: "overflow",
    weights_beyond_half: "overflow",
    nan_in_weights: "not finite",
    nan_from_config: "not finite",
    no_tokenizer: "tokenizer not saved",
    other_template: "tokenizer not saved",
    other_vocabulary: "tokenizer not saved",
    rows_lost: "resized embeddings",
    tied: "tied embeddings",
    compiled_adapter: "wrapped model",
    inside_of_peft: "wrapped model",
    other_rope: "logits differ",
}


@pytest.mark.slow
@pytest.mark.parametrize("make", WRONG, ids=lambda make: make.__name__)
def test_a_wrong_merge_is_caught_under_its_name(make, world, tmp_path):
    verdict = verify(*make(world, tmp_path / "wrong"), PROMPTS)
    assert not verdict.passed
    assert WRONG[make] in verdict.names, str(verdict)
    assert str(verdict).startswith(verdict.names[0]) and FIXES[WRONG[make]] in str(verdict)


def test_every_name_has_a_wrong_merge():
    assert set(WRONG.values()) == set(FIXES)


def right(world, out):
    return world / "right", *trained(world)


def right_plain(world, out):
    """LoRA without quantization, on some layers only, a rank-one part of zeros among them."""
    adapter = write_adapter(out / "adapter", PLAIN, ["q_proj", "v_proj"])
    tensors = load_file(adapter / ADAPTER)
    for name in tensors:
        if "lora_B" in name:
            tensors[name][:, 0] = 0
    save_file(tensors, adapter / ADAPTER, metadata={"format": "pt"})
    return save(merging.merge(adapter, PLAIN, "full"), out / "merged"), adapter, PLAIN


def right_bfloat16(world, out):
    return save(load(world / "right").bfloat16(), out), *trained(world)


def right_grown(world, out):
    grown = grown_adapter(world, out / "adapter")
    return (
        save(merging.merge(grown, PROFILE), out / "merged", models.adapter_tokenizer(grown, PROFILE.model)),
        grown,
        PROFILE,
    )


def right_untied(world, out):
    adapter = write_adapter(out / "adapter", PLAIN, ["lm_head"])
    base = load(PROFILE.model, tie_word_embeddings=False)
    base.lm_head.weight.data = base.model.embed_tokens.weight.data.clone()
    return save(attach(base, adapter).merge_and_unload(), out / "merged"), adapter, PLAIN


def right_with_biases_and_a_module(world, out):
    adapter, merged = with_biases_and_a_module(out)
    return save(merged, out / "merged"), adapter, PLAIN


def right_untrained(world, out):
    model = get_peft_model(models.load_base(PLAIN), training.lora_config(PLAIN))
    adapter = save_adapter(model, out / "adapter", tokenizer())
    return save(merging.merge(adapter, PLAIN, "full"), out / "merged"), adapter, PLAIN


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [right, right_plain, right_bfloat16, right_grown, right_untied, right_with_biases_and_a_module, right_untrained],
    ids=lambda make: make.__name__,
)
def test_a_right_merge_passes(make, world, tmp_path):
    limit = 4.0 if make is right_bfloat16 else 0.05  # bfloat16 keeps 8 bits of each weight
    verdict = verify(*make(world, tmp_path / "right"), PROMPTS, limit)
    assert verdict.passed, str(verdict)
    assert verdict.difference < limit and str(verdict).startswith("passed")


def test_the_limit_is_held(world):
    assert verify(world / "right", *trained(world), PROMPTS, limit=0.0).names == ["logits differ"]


def test_a_nan_is_no_small_difference(world):
    model, broken = load(world / "right"), load(world / "right")
    broken.model.norm.weight.data[0] = float("nan")
    assert merging.max_logit_difference(model, broken, tokenizer(), PROMPTS) == float("inf")


def test_bad_input_is_named(world, tmp_path):
    with pytest.raises(InputError, match="holds no model"):
        verify(tmp_path, *trained(world), PROMPTS)
    with pytest.raises(InputError, match="holds no adapter"):
        verify(world / "right", tmp_path, PROFILE, PROMPTS)
    with pytest.raises(InputError, match="trained on another base"):
        verify(world / "right", world / "adapter", replace(PROFILE, model=str(world / "right")), PROMPTS)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="safetensors"):
        verify(tmp_path, *trained(world), PROMPTS)
