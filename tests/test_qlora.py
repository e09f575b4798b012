"""NF4 as lesson 03 writes it equals bitsandbytes to the last code; predicted bytes are held; the base stays put.

The functions under test are those of the notebook's own cells.
"""

import json
import math
from functools import cache

import bitsandbytes as bnb
import nbformat
import pytest
import torch
from bitsandbytes import functional
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, Qwen2Config, Qwen2ForCausalLM

from helpers import DATA, NOTEBOOKS, lora_math
from helpers.memory.tracker import bytes_of, quantization_tensors
from helpers.models import keep_trainable, nf4_config

CARDS = DATA / "runs" / "cpu"


@cache
def lesson() -> dict:
    """What the cells of the lesson define that need no model."""
    notebook = nbformat.read(NOTEBOOKS / "03_qlora_loading.ipynb", as_version=4)
    cells = {cell.id: cell.source for cell in notebook.cells}
    names: dict = {"torch": torch, "F": functional, "nf4": levels_of("nf4")}
    rounding = ("nf4-levels", "quantize", "dequantize", "tables", "error")
    for name in (*rounding, "linear-layers", "bits", "predict-bytes", "held"):
        exec(cells[name].split("\nprint(")[0], names)  # what it prints needs the model that the lesson has loaded
    return names


def levels_of(kind: str) -> torch.Tensor:
    return functional.get_4bit_type(kind, device="cpu").sort().values


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    torch.manual_seed(0)
    config = Qwen2Config(
        hidden_size=128,
        intermediate_size=320,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=211,
        tie_word_embeddings=True,
        initializer_range=0.2,
    )
    folder = tmp_path_factory.mktemp("model")
    Qwen2ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    return folder


def load(folder, dtype: str = "bfloat16", **options):
    config = BitsAndBytesConfig(**{**nf4_config(dtype).to_dict(), **options}) if options else nf4_config(dtype)
    return AutoModelForCausalLM.from_pretrained(folder, quantization_config=config, dtype=getattr(torch, dtype))


def packed(codes: torch.Tensor) -> torch.Tensor:
    return (codes[:, 0::2] << 4 | codes[:, 1::2]).flatten().to(torch.uint8)


def test_nf4_levels_are_quantiles_of_the_normal():
    levels = lesson()["by_hand"]
    assert (levels - levels_of("nf4")).abs().max() < 1e-6
    assert levels.tolist() == sorted(levels.tolist()) and levels[0] == -1 and levels[7] == 0 and levels[15] == 1


@pytest.mark.parametrize("block_size", [64, 128, 256])
@pytest.mark.parametrize("seed", range(3))
def test_codes_scales_and_values_equal_bitsandbytes(block_size, seed):
    torch.manual_seed(seed)
    weight = torch.randn(96, 256) * torch.logspace(-3, 1, 96)[:, None]
    codes, scales = lesson()["quantize"](weight, levels_of("nf4"), block_size)
    stored, state = functional.quantize_4bit(weight, blocksize=block_size, quant_type="nf4")
    assert torch.equal(scales.flatten(), state.absmax)
    assert torch.equal(packed(codes), stored.flatten())
    values = lesson()["dequantize"](codes, scales, levels_of("nf4")).view_as(weight)
    assert torch.equal(values, functional.dequantize_4bit(stored, state))


def test_a_model_is_loaded_in_the_blocks_of_the_lesson(saved_model):
    weight = load(saved_model, "float32").model.layers[1].mlp.up_proj.weight
    assert (weight.quant_state.blocksize, weight.quant_state.state2.blocksize) == (64, 256)
    original = AutoModelForCausalLM.from_pretrained(saved_model, dtype=torch.float32).model.layers[1].mlp.up_proj.weight
    codes, scales = lesson()["quantize"](original.detach(), levels_of("nf4"))
    assert torch.equal(packed(codes), weight.data.flatten())
    assert weight.quant_state.absmax.numel() == scales.numel()


def test_double_quantization_equals_bitsandbytes_up_to_ties():
    torch.manual_seed(0)
    weight = torch.randn(512, 256)
    scales = lesson()["quantize"](weight, levels_of("nf4"))[1].flatten()
    _, state = functional.quantize_4bit(weight, blocksize=64, quant_type="nf4", compress_statistics=True)
    codes, nested = lesson()["quantize"](scales - scales.mean(), functional.create_dynamic_map(), 256)
    assert torch.equal(nested.flatten(), state.state2.absmax) and scales.mean() == state.offset
    steps = (codes.flatten() - state.absmax.long()).abs()
    assert steps.max() <= 1 and (steps == 0).float().mean() > 0.99


def test_relative_errors_on_normal_weights():
    torch.manual_seed(0)
    weight = torch.randn(512, 1024)
    found = {name: lesson()["error"](weight, levels) for name, levels in lesson()["tables"].items()}
    wanted = {"NF4": 0.092, "int4, -8 to 7": 0.099, "int4, -7 to 7": 0.108, "FP4": 0.122}
    assert found == pytest.approx(wanted, abs=1e-3)


@pytest.mark.parametrize("double_quant", [True, False])
def test_bytes_of_each_tensor(saved_model, double_quant):
    model = load(saved_model, bnb_4bit_use_double_quant=double_quant)
    four_bit = [p for p in model.parameters() if isinstance(p, bnb.nn.Params4bit)]
    for parameter in four_bit:
        weights = parameter.quant_state.shape.numel()
        blocks = math.ceil(weights / 64)
        scales = blocks + 4 * math.ceil(blocks / 256) + 4 + 4 * 256 if double_quant else 4 * blocks
        assert bytes_of([parameter, *quantization_tensors(parameter)]) == weights // 2 + scales + 4 * 16
    assert len(four_bit) == len(lora_math.linear_layers(model)) == 14


def held_bytes(model) -> int:
    return sum(tensor.nbytes for parameter in model.parameters() for tensor in lesson()["held"](parameter))


def test_the_lessons_prediction_holds_as_loaded_and_prepared(saved_model):
    predict = lesson()["predict"]
    original, model = AutoModelForCausalLM.from_pretrained(saved_model), load(saved_model)
    assert held_bytes(model) == pytest.approx(sum(predict(original).values()), rel=1e-3)
    prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    assert held_bytes(model) == pytest.approx(sum(predict(original, 4).values()), rel=1e-3)


@pytest.mark.parametrize(
    ("name", "loaded", "prepared"),
    [("qwen2.5-7b", 5.55, 7.73), ("llama-2-7b", 3.87, 4.39), ("qwen2.5-72b", 41.2, 46.2)],
)
def test_bytes_of_published_models(name, loaded, prepared):
    model = lora_math.meta_model(name)
    for rest, wanted in ((2, loaded), (4, prepared)):
        assert sum(lesson()["predict"](model, rest).values()) / 1e9 == pytest.approx(wanted, rel=2e-3)


def frozen(model):
    for name, parameter in model.named_parameters():
        if "lora_" not in name:
            yield name, parameter
            for number, tensor in enumerate(quantization_tensors(parameter)):
                yield f"{name}.{number}", tensor


def test_training_after_an_evaluation_moves_the_adapter_and_no_bit_of_the_base(saved_model):
    ids = torch.randint(0, 211, (4, 16), generator=torch.Generator().manual_seed(0))
    gradients = []
    for evaluate_first in (False, True):
        torch.manual_seed(0)
        model = get_peft_model(
            keep_trainable(load(saved_model, "float32")), LoraConfig(r=4, target_modules="all-linear")
        )
        before = lora_math.fingerprint(frozen(model))
        if evaluate_first:
            with torch.no_grad():
                model.eval()(ids)
        model.train()(ids, labels=ids).loss.backward()
        gradients.append({name: p.grad for name, p in model.named_parameters() if p.requires_grad})
        torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2).step()
        assert lora_math.fingerprint(frozen(model)) == before
    assert gradients[0].keys() == gradients[1].keys() and all("lora_" in name for name in gradients[0])
    assert all(torch.equal(gradients[0][name], gradients[1][name]) for name in gradients[0])
    assert all(grad.any() for name, grad in gradients[0].items() if "lora_B" in name)


def cards() -> dict[bool, dict]:
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(CARDS.glob("*.json"))]
    return {card["avx512_bf16"]: card for card in found}


def test_there_is_a_card_of_both_kinds_of_cpu_and_they_differ():
    with_them, without = cards()[True]["outcomes"], cards()[False]["outcomes"]
    assert with_them.keys() == without.keys()
    assert set(without.values()) == {"gradient arrives"} and "gradient arrives" not in with_them.values()
    assert all(card["versions"]["bitsandbytes"].startswith("0.50.") for card in cards().values())
