"""Families whose layers differ in kind or in name: Llama 4, Granite with Mamba, ModernBERT, Phi-3, MPT; and no GPU."""

import json

import pytest
import torch
from test_memory_plans import run
from transformers import (
    AutoModelForCausalLM,
    GPTNeoXConfig,
    GraniteMoeHybridConfig,
    Llama4Config,
    ModernBertDecoderConfig,
    MptConfig,
    Phi3Config,
    Starcoder2Config,
)

from helpers.errors import InputError
from helpers.memory import Settings, architecture
from helpers.memory.fit import attention_targets, remedies
from helpers.memory.inference import estimate_inference
from helpers.memory.plan import estimate

IDS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
SMALL = {"hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4, "vocab_size": 500}
TEXT = {**SMALL, "num_hidden_layers": 16, "num_key_value_heads": 2, "head_dim": 16, "intermediate_size_mlp": 128,
        "num_local_experts": 4, "attention_chunk_size": 32, "interleave_moe_layer_step": 2}  # fmt: skip
VISION = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 128,
          "vision_output_dim": 32, "projector_input_dim": 32, "projector_output_dim": 32}  # fmt: skip
GRANITE = {**SMALL, "num_hidden_layers": 18, "num_key_value_heads": 2, "shared_intermediate_size": 96,
           "num_local_experts": 4, "num_experts_per_tok": 2, "layer_types": (["mamba"] * 5 + ["attention"]) * 3,
           "mamba_n_heads": 8, "mamba_d_head": 16, "mamba_d_state": 16}  # fmt: skip
HYBRIDS = {
    "llama4": Llama4Config(text_config=TEXT, vision_config=VISION),
    "granite": GraniteMoeHybridConfig(**GRANITE),
}
SPECIAL = {"cls_token_id": 1, "sep_token_id": 2}
MODERN = ModernBertDecoderConfig(**SMALL, num_hidden_layers=6, **IDS, **SPECIAL)


@pytest.fixture
def saved(tmp_path):
    """Write a config to a directory: its name."""

    def save(config) -> str:
        config.save_pretrained(tmp_path / config.model_type)
        return str(tmp_path / config.model_type)

    return save


def cache_of(config, tokens: int) -> int:
    """Bytes that the real model's own cache holds after `tokens`, layer by layer."""
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).eval()
    with torch.no_grad():
        first = model(torch.zeros((1, tokens - 2), dtype=torch.long), use_cache=True).past_key_values
        for _ in range(2):
            first = model(torch.zeros((1, 1), dtype=torch.long), past_key_values=first, use_cache=True).past_key_values
    held = [value for layer in first.layers for value in vars(layer).values()]
    held += [part for value in held if isinstance(value, dict) for part in value.values()]
    return sum(
        {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in held if torch.is_tensor(t)}.values()
    )


@pytest.mark.parametrize("family", HYBRIDS)
def test_parameters_and_cache_are_those_of_the_real_class(family, saved):
    config = architecture.load_config(saved(HYBRIDS[family]))
    with torch.device("meta"):
        counted = sum(p.numel() for p in AutoModelForCausalLM.from_config(config).parameters())
    settings = Settings(model=family, method="lora", length=40)
    plan = estimate(settings, config)
    assert plan.total_parameters - plan.trainable_parameters == counted
    assert plan.logits >= 2 * 40 * 500, "the head's logits are no activations"
    assert estimate_inference(settings, 9, config).kv_cache == cache_of(config, 40 + 9)


def test_the_router_of_llama_4_gets_no_adapter_and_that_is_said(saved):
    name = saved(HYBRIDS["llama4"])
    remarks = " ".join(architecture.remarks(name))
    assert "leaves out the experts' routers" in remarks and "a vision tower" in remarks
    plain = saved(Phi3Config(**SMALL, num_hidden_layers=2, **IDS))
    assert architecture.remarks(plain) == []


@pytest.mark.parametrize("loss", ["full", "chunked", "fused"])
@pytest.mark.parametrize("config", [HYBRIDS["llama4"].text_config, MODERN], ids=["llama4", "modernbert"])
def test_the_head_is_told_from_what_lies_below_it(config, loss):
    if (config, loss) == (MODERN, "fused"):
        pytest.skip("its head is more than one matrix")
    plan = estimate(Settings(model="it", method="lora", length=40, loss=loss), config)
    assert plan.activations > 0 and plan.logits > 0


@pytest.mark.parametrize(
    ("config", "targets"),
    [
        (Phi3Config(**SMALL, num_hidden_layers=2, **IDS), ("qkv_proj",)),
        (MptConfig(d_model=64, n_heads=4, n_layers=2, vocab_size=500), ("Wqkv",)),
        (GPTNeoXConfig(**SMALL, num_hidden_layers=2), ("query_key_value",)),
        (Starcoder2Config(**SMALL, num_hidden_layers=2, num_key_value_heads=2), ("q_proj", "v_proj")),
    ],
    ids=["phi3", "mpt", "neox", "starcoder2"],
)
def test_the_last_remedy_names_the_layers_of_query_and_value(config, targets):
    assert attention_targets(config) == targets
    assert remedies(targets)[-1].name == f"{', '.join(targets)} only"


def test_no_remedy_narrows_the_targets_where_no_name_is_known(monkeypatch):
    monkeypatch.setattr("helpers.memory.fit.QUERY_VALUE", ({"q_proj", "v_proj"},))
    assert attention_targets(MptConfig(d_model=64, n_heads=4, n_layers=2, vocab_size=500)) == ()
    assert remedies(())[-1].name == "rank 8"


@pytest.mark.parametrize("size", ["inf", "nan", "-24", "-inf", "0"])
def test_a_gpu_of_no_size_is_one_line_and_exit_code_2(size):
    code, _, message = run("fit", "--model", "qwen2.5-0.5b", "--gpu-gb", size)
    assert code == 2 and "give its size in GB, such as 24" in message and "\n" not in message


def test_a_model_type_that_transformers_does_not_know_is_told_from_a_bad_config(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"model_type": "qwen9", "hidden_size": 64}))
    with pytest.raises(
        InputError, match=r"qwen9, which transformers \d.* does not know.* later transformers"
    ) as refused:
        architecture.load_config(str(path))
    assert "describes no model" not in str(refused.value)
