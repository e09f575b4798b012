"""4-bit weights by hand equal bitsandbytes' to the last code, predicted bytes the bytes held; the base stays put."""

import bitsandbytes as bnb
import pytest
import torch
from bitsandbytes import functional
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, Qwen2Config, Qwen2ForCausalLM

from helpers import lora_math
from helpers.models import keep_trainable, nf4_config


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


def bytes_held(parameter: torch.nn.Parameter) -> int:
    if not isinstance(parameter, bnb.nn.Params4bit):
        return parameter.nbytes
    state = parameter.quant_state
    held = [parameter, state.absmax, state.code]
    if state.nested:
        held += [state.offset, state.state2.absmax, state.state2.code]
    return sum(tensor.nbytes for tensor in held)


def test_nf4_levels_are_quantiles_of_the_normal():
    levels = lora_math.nf4_levels()
    assert (levels - levels_of("nf4")).abs().max() < 1e-6
    assert levels.tolist() == sorted(levels.tolist()) and levels[0] == -1 and levels[7] == 0 and levels[15] == 1


@pytest.mark.parametrize("block_size", [64, 128, 256])
@pytest.mark.parametrize("seed", range(3))
def test_codes_scales_and_values_equal_bitsandbytes(block_size, seed):
    torch.manual_seed(seed)
    weight = torch.randn(96, 256) * torch.logspace(-3, 1, 96)[:, None]
    codes, scales = lora_math.quantize_blockwise(weight, levels_of("nf4"), block_size)
    packed, state = functional.quantize_4bit(weight, blocksize=block_size, quant_type="nf4")
    assert torch.equal(scales, state.absmax)
    assert torch.equal(lora_math.pack_nibbles(codes), packed.flatten())
    values = lora_math.dequantize_blockwise(codes, scales, levels_of("nf4")).reshape(weight.shape)
    assert torch.equal(values, functional.dequantize_4bit(packed, state))


def test_default_block_size_is_the_one_that_models_are_loaded_with(saved_model):
    weight = load(saved_model, "float32").model.layers[1].mlp.up_proj.weight
    assert weight.quant_state.blocksize == lora_math.BLOCK_SIZE
    assert weight.quant_state.state2.blocksize == lora_math.NESTED_BLOCK_SIZE
    original = AutoModelForCausalLM.from_pretrained(saved_model, dtype=torch.float32).model.layers[1].mlp.up_proj.weight
    codes, scales = lora_math.quantize_blockwise(original, levels_of("nf4"))
    assert torch.equal(lora_math.pack_nibbles(codes), weight.data.flatten())
    assert weight.quant_state.absmax.numel() == scales.numel()


def test_a_block_of_zeros_comes_back_as_zeros():
    codes, scales = lora_math.quantize_blockwise(torch.zeros(2, 64), lora_math.nf4_levels())
    assert not lora_math.dequantize_blockwise(codes, scales, lora_math.nf4_levels()).any()


def test_double_quantization_equals_bitsandbytes_up_to_ties():
    torch.manual_seed(0)
    weight = torch.randn(512, 256)
    _, scales = lora_math.quantize_blockwise(weight, levels_of("nf4"))
    _, state = functional.quantize_4bit(weight, blocksize=64, quant_type="nf4", compress_statistics=True)
    codes, nested = lora_math.quantize_blockwise(scales - scales.mean(), functional.create_dynamic_map(), 256)
    assert torch.equal(nested, state.state2.absmax) and scales.mean() == state.offset
    steps = (codes.int() - state.absmax.int()).abs()
    assert steps.max() <= 1 and (steps == 0).float().mean() > 0.99


def test_bits_per_weight_are_those_of_the_paper():
    assert lora_math.bits_per_weight(double_quant=False) == 4.5
    assert lora_math.bits_per_weight() == pytest.approx(4.127, abs=5e-4)


def test_relative_errors_on_normal_weights():
    torch.manual_seed(0)
    weight = torch.randn(512, 1024)
    found = {}
    for name, levels in (("nf4", lora_math.nf4_levels()), ("fp4", levels_of("fp4")), ("int4", torch.arange(-7, 8) / 7)):
        codes, scales = lora_math.quantize_blockwise(weight, levels)
        approximation = lora_math.dequantize_blockwise(codes, scales, levels).reshape(weight.shape)
        found[name] = lora_math.relative_rms_error(approximation, weight)
    assert found == pytest.approx({"nf4": 0.092, "fp4": 0.122, "int4": 0.108}, abs=1e-3)


@pytest.mark.parametrize("double_quant", [True, False])
def test_bytes_predicted_are_bytes_held(saved_model, double_quant):
    model = load(saved_model, bnb_4bit_use_double_quant=double_quant)
    four_bit = 0
    for name, parameter in model.named_parameters():
        if isinstance(parameter, bnb.nn.Params4bit):
            weights = parameter.quant_state.shape.numel()
            predicted = lora_math.four_bit_bytes(weights, double_quant=double_quant)
            assert bytes_held(parameter) == sum(predicted.values()), name
            four_bit += 1
    assert four_bit == len(lora_math.linear_layers(model)) == 14


def test_preparation_doubles_the_rest_and_nothing_else(saved_model):
    model = load(saved_model)
    as_loaded = lora_math.qlora_bytes(AutoModelForCausalLM.from_pretrained(saved_model), rest_bytes=2)
    tables = 14 * lora_math.four_bit_bytes(64)["tables"]
    assert sum(bytes_held(p) for p in model.parameters()) == sum(as_loaded.values()) + tables
    prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    assert sum(bytes_held(p) for p in model.parameters()) == as_loaded["linear"] + 2 * as_loaded["rest"] + tables


@pytest.mark.parametrize(
    ("name", "loaded", "prepared"),
    [("qwen2.5-7b", 5.55, 7.73), ("llama-2-7b", 3.87, 4.39), ("qwen2.5-72b", 41.2, 46.2)],
)
def test_bytes_of_published_models(name, loaded, prepared):
    model = lora_math.meta_model(name)
    assert sum(lora_math.qlora_bytes(model, 2).values()) / 1e9 == pytest.approx(loaded, rel=2e-3)
    assert sum(lora_math.qlora_bytes(model, 4).values()) / 1e9 == pytest.approx(prepared, rel=2e-3)


def frozen(model):
    for name, parameter in model.named_parameters():
        if "lora_" not in name:
            yield name, parameter
            if (state := getattr(parameter, "quant_state", None)) is not None:
                yield from ((name + ".scales", state.absmax), (name + ".nested", state.state2.absmax))


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
