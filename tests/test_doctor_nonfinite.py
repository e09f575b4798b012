"""The first number that is not finite is found where it was put, with the right reason, and nowhere else."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from helpers import DATA
from helpers.doctor.nonfinite import first_nonfinite, is_finite, nonfinite_names

IDS = torch.arange(2, 18)[None]


@pytest.fixture
def model():
    return AutoModelForCausalLM.from_pretrained(DATA / "base", dtype=torch.float32).eval()


@torch.no_grad()
def passes(model, count=1):
    with first_nonfinite(model) as found:
        for _ in range(count):
            model(input_ids=IDS)
    return found


def test_a_healthy_model_has_no_finding_and_no_hook_stays(model):
    assert passes(model, 2) == []
    assert not any(module._forward_hooks for module in model.modules())


@torch.no_grad()
def test_a_broken_weight_is_named_not_the_modules_that_it_spoils(model):
    model.model.layers[2].mlp.down_proj.weight[3, 5] = float("inf")
    (found,) = passes(model)
    assert (found.forward, found.module, found.why) == (1, "model.layers.2.mlp.down_proj", "weights")
    assert nonfinite_names(dict(model.named_parameters())) == ["model.layers.2.mlp.down_proj.weight"]
    assert str(found) == "forward 1, model.layers.2.mlp.down_proj (float32): weights"


@torch.no_grad()
def test_an_overflow_comes_from_finite_weights_and_finite_inputs(model):
    model.half().model.layers[1].mlp.up_proj.weight.fill_(3e4)
    (found,) = passes(model)
    assert (found.module, found.why, found.dtype) == ("model.layers.1.mlp.up_proj", "overflow", "float16")


@torch.no_grad()
def test_broken_inputs_are_told_apart(model):
    embeds = model.get_input_embeddings()(IDS)
    embeds[0, 3, 7] = float("nan")
    with first_nonfinite(model) as found:
        model(inputs_embeds=embeds)
    assert found[0].why == "inputs" and found[0].module == "model.layers.0.input_layernorm"


@torch.no_grad()
def test_passes_are_counted_and_the_first_finding_stays(model):
    with first_nonfinite(model) as found:
        model(input_ids=IDS)
        model.lm_head.weight = torch.nn.Parameter(torch.full_like(model.lm_head.weight, float("nan")))
        model(input_ids=IDS)
        model.model.layers[0].self_attn.q_proj.weight.fill_(float("nan"))
        model(input_ids=IDS)
    assert [(one.forward, one.module) for one in found] == [(2, "lm_head")]


def test_hooks_go_when_the_block_raises(model):
    with pytest.raises(IndexError), first_nonfinite(model):
        model(input_ids=torch.tensor([[10**6]]))
    assert not any(module._forward_hooks for module in model.modules())


def test_nested_values():
    nan = torch.tensor([float("nan")])
    assert is_finite((1, "text", None, {"a": [torch.ones(2), torch.arange(3)]}))
    assert not is_finite({"a": (torch.ones(1), [nan])})
