"""LoRA by hand, as notebook 02 shows it, equals PEFT; counts, scales and ranks are right.

The hand-made layer is taken from the notebook's own cells (tag by-hand), so that what is proved is what is shown.
"""

import math

import nbformat
import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import Qwen2Config, Qwen2ForCausalLM

from helpers import NOTEBOOKS, lora_math, widgets
from helpers.errors import InputError

RANK, ALPHA = 4, 12


@pytest.fixture(scope="module")
def by_hand():
    cells = nbformat.read(NOTEBOOKS / "02_lora_math.ipynb", as_version=4).cells
    sources = [cell.source for cell in cells if "by-hand" in cell.metadata.get("tags", [])]
    assert sources, "notebook 02 has no cell tagged by-hand"
    names: dict = {}
    exec("\n\n".join(sources), names)
    return names


def tiny_model() -> Qwen2ForCausalLM:
    torch.manual_seed(0)
    config = Qwen2Config(
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=101,
        tie_word_embeddings=True,
        initializer_range=0.2,
    )
    return Qwen2ForCausalLM(config)


def tiny_batch() -> dict[str, torch.Tensor]:
    ids = torch.randint(0, 101, (3, 11), generator=torch.Generator().manual_seed(1))
    return {"input_ids": ids, "labels": ids}


@pytest.fixture
def pair(by_hand):
    """The hand-made model and PEFT's, with the same random A, the same B that is not zero, and dropout turned off."""
    ours = by_hand["add_lora"](tiny_model(), RANK, ALPHA, dropout=0.25).eval()
    config = LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=0.25, target_modules="all-linear")
    theirs = get_peft_model(tiny_model(), config).eval()
    layers = [
        (ours.get_submodule(name), theirs.base_model.model.get_submodule(name))
        for name in lora_math.linear_layers(tiny_model())
    ]
    with torch.no_grad():
        for mine, other in layers:
            mine.B.normal_(std=0.1)
            other.lora_A["default"].weight.copy_(mine.A)
            other.lora_B["default"].weight.copy_(mine.B)
    return ours, theirs, layers


def test_b_zero_gives_exactly_the_base(by_hand):
    adapted = by_hand["add_lora"](tiny_model(), RANK, ALPHA)
    assert torch.equal(adapted(**tiny_batch()).logits, tiny_model()(**tiny_batch()).logits)


def test_forward_equals_peft(pair):
    ours, theirs, _ = pair
    logits = ours(**tiny_batch()).logits
    assert (logits - theirs(**tiny_batch()).logits).abs().max() <= 1e-6
    assert (logits - tiny_model()(**tiny_batch()).logits).abs().max() > 0.1  # else nothing was compared


def test_gradients_equal_peft(pair):
    ours, theirs, layers = pair
    ours(**tiny_batch()).loss.backward()
    theirs(**tiny_batch()).loss.backward()
    for mine, other in layers:
        torch.testing.assert_close(mine.A.grad, other.lora_A["default"].weight.grad, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(mine.B.grad, other.lora_B["default"].weight.grad, atol=1e-6, rtol=1e-5)
        assert mine.A.grad.any() and mine.B.grad.any()


def test_dropout_equals_peft_for_each_seed(pair):
    def logits(model, seed):
        torch.manual_seed(seed)
        return model.train()(**tiny_batch()).logits

    ours, theirs, _ = pair
    assert (logits(ours, 0) - logits(theirs, 0)).abs().max() <= 1e-6
    assert (logits(ours, 0) - logits(ours, 1)).abs().max() > 1e-3  # else nothing was dropped


def test_only_a_and_b_get_gradients_and_the_base_never_moves(by_hand):
    adapted = by_hand["add_lora"](tiny_model(), RANK, ALPHA)
    frozen = [(name, p) for name, p in adapted.named_parameters() if not name.endswith((".A", ".B"))]
    trained = [p for name, p in adapted.named_parameters() if name.endswith((".A", ".B"))]
    before, start = lora_math.fingerprint(frozen), [p.detach().clone() for p in trained]
    optimizer = torch.optim.AdamW([p for p in adapted.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(3):
        adapted(**tiny_batch()).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert {name.rpartition(".")[2] for name, p in adapted.named_parameters() if p.requires_grad} == {"A", "B"}
    assert lora_math.fingerprint(frozen) == before
    assert all(not torch.equal(now, then) for now, then in zip(trained, start, strict=True))


def test_merge_equals_peft_and_the_adapter(pair):
    ours, theirs, layers = pair
    expected = ours(**tiny_batch()).logits
    by_name = {name: ours.get_submodule(name) for name in lora_math.linear_layers(tiny_model())}
    weights = {name: one.base.weight + one.scaling * one.B @ one.A for name, one in by_name.items()}
    merged = theirs.merge_and_unload()
    for name, weight in weights.items():
        torch.testing.assert_close(merged.get_submodule(name).weight, weight, atol=1e-6, rtol=0)
    torch.testing.assert_close(merged(**tiny_batch()).logits, expected, atol=1e-4, rtol=0)


def test_a_starts_as_in_peft_and_b_at_zero(by_hand):
    torch.manual_seed(3)
    layer = by_hand["LoRALinear"](nn.Linear(64, 32), 8, 16)
    assert not layer.B.any()
    bound = 1 / math.sqrt(64)
    assert 0.9 * bound < layer.A.abs().max() <= bound


EXPERTS_ADAPTED = ("mixtral-8x7b", "qwen3-30b-a3b")  # PEFT's all-linear takes their fused experts, too


@pytest.mark.slow
@pytest.mark.parametrize("name", lora_math.config_names())
def test_counts_equal_peft_on_published_architectures(name):
    expected = lora_math.lora_parameter_count(lora_math.meta_model(name), 8)
    options = {"fan_in_fan_out": True} if name == "gpt2" else {}
    adapted = get_peft_model(lora_math.meta_model(name), LoraConfig(r=8, target_modules="all-linear", **options))
    experts = sum(p.numel() for name, p in adapted.named_parameters() if "lora_" in name and ".experts." in name)
    routers = sum(
        p.numel()
        for name, p in adapted.named_parameters()
        if "lora_" in name and name.split(".lora_")[0].endswith("gate")
    )
    assert adapted.get_nb_trainable_parameters()[0] == expected + experts + routers
    assert bool(experts) == (name in EXPERTS_ADAPTED)


@pytest.mark.parametrize(
    ("name", "rank", "targets", "count"),
    [
        ("llama-2-7b", 8, ("q_proj", "v_proj"), 4_194_304),
        ("llama-2-7b", 8, ("q_proj", "k_proj", "v_proj", "o_proj"), 8_388_608),
        ("llama-2-7b", 16, "all-linear", 39_976_960),
        ("qwen2.5-7b", 8, ("q_proj", "v_proj"), 2_523_136),
        ("qwen2.5-7b", 16, "all-linear", 40_370_176),
        ("qwen2.5-7b", 256, "all-linear", 645_922_816),
        ("gpt2", 8, "c_attn", 12 * 8 * (768 + 3 * 768)),
    ],
)
def test_known_counts(name, rank, targets, count):
    assert lora_math.lora_parameter_count(lora_math.meta_model(name), rank, targets) == count


def test_a_target_that_names_no_layer_is_refused():
    with pytest.raises(InputError, match="wq.*q_proj"):
        lora_math.linear_layers(tiny_model(), ["q_proj", "wq"])


@pytest.mark.parametrize("rank_stabilized", [False, True])
def test_scaling_equals_peft(rank_stabilized):
    config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=["q_proj"], use_rslora=rank_stabilized)
    layer = get_peft_model(tiny_model(), config).base_model.model.model.layers[0].self_attn.q_proj
    assert layer.scaling["default"] == pytest.approx(lora_math.lora_scaling(ALPHA, RANK, rank_stabilized))


def test_energy_rank_counts_the_directions_that_hold_the_share():
    assert lora_math.energy_rank(torch.tensor([3.0, 1.0, 0.0]), 0.9) == 1  # 9 of 10: exactly the share
    assert lora_math.energy_rank(torch.tensor([3.0, 1.0, 0.0]), 0.95) == 2
    assert lora_math.energy_rank(torch.ones(10), 0.9) == 9


def test_fingerprint_sees_one_bit_and_ignores_order():
    tensors = [("a", torch.zeros(4)), ("b", torch.ones(4, dtype=torch.bfloat16))]
    before = lora_math.fingerprint(tensors)
    assert lora_math.fingerprint(tensors[::-1]) == before
    tensors[0][1][2] = 1e-40
    assert lora_math.fingerprint(tensors) != before


def test_explorer_follows_its_controls(capsys):
    explorer = widgets.rank_alpha_explorer({"llama-2-7b": lora_math.meta_model("llama-2-7b")})
    _, modules, rank, _, rank_stabilized, _ = explorer.children
    first = capsys.readouterr().out
    assert "39,976,960 parameters beside 6,738,415,616" in first and "scale 2" in first
    modules.value, rank.value, rank_stabilized.value = "q, v", 8, True
    last = capsys.readouterr().out
    assert "4,194,304" in last and "scale 11.3" in last
