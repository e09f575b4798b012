"""Ways to train that change memory: fused losses, the optimizer in the backward pass, several GPUs, fused experts."""

import pytest
import torch
from test_memory import architecture, settings
from test_memory_plans import run
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, MixtralConfig

from helpers.memory import build, losses, plan
from helpers.memory.plan import estimate

WIDE = dict(vocab_size=40_000)


@pytest.mark.parametrize("trained", [True, False])
def test_the_fused_loss_and_its_gradients_are_those_of_cross_entropy(trained):
    torch.manual_seed(0)
    hidden, weight = torch.randn(37, 8, requires_grad=True), torch.randn(50, 8, requires_grad=trained)
    labels = torch.randint(50, (37,))
    losses.FusedLinearCrossEntropy.apply(hidden, weight, labels).mul(3).backward()
    found = hidden.grad, weight.grad
    hidden.grad = weight.grad = None
    wanted = torch.nn.functional.cross_entropy(hidden @ weight.t(), labels)
    wanted.mul(3).backward()
    assert losses.FusedLinearCrossEntropy.apply(hidden, weight, labels).item() == pytest.approx(wanted.item(), rel=1e-5)
    torch.testing.assert_close(found[0], hidden.grad, rtol=1e-4, atol=1e-6)
    if trained:
        torch.testing.assert_close(found[1], weight.grad, rtol=1e-4, atol=1e-6)


def test_a_chunk_of_logits_weighs_about_what_the_hidden_states_do():
    for rows, width, vocabulary in ((16_384, 4096, 128_256), (512, 896, 151_936), (3, 64, 50)):
        chunk = losses.chunk_rows(rows, width, vocabulary)
        assert chunk & (chunk - 1) == 0 and chunk * vocabulary < 2.5 * max(rows, vocabulary / width) * width * 2


def test_losses_without_whole_logits_take_a_fraction():
    case = dict(method="lora", length=512, device="cuda")
    whole, chunked, fused = (
        estimate(settings(**case, loss=loss), architecture(**WIDE)) for loss in ("full", "chunked", "fused")
    )
    assert max(chunked.logits, fused.logits) < whole.logits / 3 and fused.peak < whole.peak
    logits = 2 * losses.chunk_rows(2 * 511, 64, 40_000) * 40_000
    assert fused.logits == pytest.approx(
        logits + 2 * 2 * 2 * 511 * 64, rel=0.15
    )  # beside it the states and their gradient


def test_the_optimizer_in_the_backward_pass_has_one_gradient_at_a_time():
    case = dict(method="full", checkpointing=True, autocast=False, loss="fused", batch=1, length=8)
    together, alone = (
        estimate(settings(**case, optimizer_in_backward=way), architecture(12, vocab_size=100)) for way in (False, True)
    )
    assert together.gradients == 2 * together.trainable_parameters
    assert alone.gradients == 2 * 64 * 160, "the largest matrix, in bfloat16"
    saved = together.peak - alone.peak
    assert saved == pytest.approx(together.gradients, rel=0.2)
    assert alone.optimizer == together.optimizer and alone.peak_moment != "optimizer step"
    assert sum(alone.parts().values()) == alone.peak and min(alone.parts().values()) >= 0


FULL = dict(method="full", autocast=False, optimizer="adamw_torch", checkpointing=True)


def test_fsdp_divides_what_is_there_in_the_optimizer_step():
    one = estimate(settings(**FULL), architecture(6))
    for gpus in (2, 4):
        shared = estimate(settings(**FULL, gpus=gpus, sharding="fsdp2"), architecture(6))
        assert shared.moments["optimizer step"] == pytest.approx(one.moments["optimizer step"] / gpus, rel=1e-4)
        assert shared.weights == pytest.approx(one.weights / gpus, rel=1e-4)
        assert shared.activations == one.activations, "each GPU has a batch of its own"


def test_what_is_gathered_is_two_blocks_and_what_is_in_none():
    case, config = settings(**FULL, gpus=1000, sharding="fsdp2"), architecture(6)
    alone, shared = estimate(settings(**FULL), config), estimate(case, config)
    block = 2 * sum(p.numel() for p in build.base_model(config, case).model.layers[0].parameters())
    outside = alone.weights - 6 * block
    states = (alone.weights + alone.optimizer) / 1000
    held = shared.moments["forward"] - states - (alone.moments["forward"] - alone.weights - alone.optimizer)
    assert held == pytest.approx(outside + 2 * block, rel=0.01)


def test_ways_of_sharding_come_in_their_order():
    case = dict(method="full", autocast=False, checkpointing=True, gpus=8)
    config = architecture(8)
    peaks = {way: estimate(settings(**case, sharding=way), config).peak for way in ("ddp", "zero2", "zero3", "fsdp2")}
    one = estimate(settings(method="full", autocast=False, checkpointing=True), config)
    assert peaks["ddp"] == one.peak + one.gradients
    assert peaks["ddp"] > peaks["zero2"] > peaks["zero3"] >= peaks["fsdp2"]


@pytest.mark.parametrize(("dtype", "bytes_each"), [("bfloat16", 4 + 8), ("float32", 8)])
def test_zero_keeps_a_float32_copy_of_what_is_trained_in_16_bits(dtype, bytes_each):
    found = estimate(settings(method="full", dtype=dtype, gpus=4, sharding="zero2"), architecture())
    assert found.optimizer == pytest.approx(bytes_each * found.trainable_parameters / 4, rel=0.001)
    assert found.weights == estimate(settings(method="full", dtype=dtype), architecture()).weights


def test_weights_that_are_gathered_have_no_cache_of_copies():
    case = dict(method="full", dtype="float32", checkpointing=True, batch=1, length=8)
    ddp, divided = (estimate(settings(**case, gpus=2, sharding=way), architecture(8)) for way in ("ddp", "fsdp2"))
    assert divided.activations < ddp.activations - 1.5 * ddp.total_parameters


def test_every_way_is_in_the_help():
    code, output, _ = run("estimate", "--help")
    assert code == 0 and all(word in output for word in ("--gpus", "--sharding", "--loss", "--optimizer-in-backward"))


MIXTRAL = MixtralConfig(
    hidden_size=64,
    intermediate_size=96,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    num_local_experts=4,
    vocab_size=300,
)


def test_fused_experts_stay_as_they_are_in_four_bits(tmp_path):
    AutoModelForCausalLM.from_config(MIXTRAL).save_pretrained(tmp_path / "whole")
    real = AutoModelForCausalLM.from_pretrained(
        tmp_path / "whole",
        dtype=torch.bfloat16,
        quantization_config=BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True
        ),
    )
    experts = [p for name, p in real.named_parameters() if ".experts." in name]
    assert experts and all(p.dtype == torch.bfloat16 and p.dim() == 3 for p in experts)
    assert real.model.layers[0].self_attn.q_proj.weight.dtype == torch.uint8
    predicted = estimate(settings(method="qlora"), MIXTRAL)
    assert predicted.fused_experts == sum(p.nbytes for p in experts)
    assert predicted.weights == plan.static_bytes(real).weights


def test_an_answer_says_that_it_is_for_one_of_several_gpus(tmp_path):
    architecture().save_pretrained(tmp_path)
    code, output, _ = run("estimate", "--model", tmp_path, "--gpus", "4", "--sharding", "zero3", "--length", "16")
    assert code == 0 and "on each of 4 GPUs, zero3" in output


def test_an_answer_says_that_experts_are_not_quantized(tmp_path, capfd):
    MIXTRAL.save_pretrained(tmp_path)
    code, output, _ = run("estimate", "--model", tmp_path, "--length", "16")
    assert code == 0 and "stay in 16 bits" in output and "linear layers only" in output
    assert "stay in 16 bits" not in run("estimate", "--model", tmp_path, "--method", "lora", "--length", "16")[1]
    assert "pattern" not in capfd.readouterr().err


def test_dropout_keeps_a_mask_of_a_byte_on_a_gpu():
    case = dict(method="lora", targets=("down_proj",), autocast=False, adapter_dtype="bfloat16")
    plain, dropped = (estimate(settings(**case, dropout=share, device="cuda"), architecture()) for share in (0.0, 0.1))
    elements = (
        2 * 64 * 160
    )  # batch, length, width of what goes into the second block's down_proj: the first has no need
    assert dropped.activations - plain.activations == pytest.approx(elements, rel=0.01)


def test_weight_copies_of_autocast_are_no_activations():
    """Float32 weights that are trained under autocast: two bytes for each weight of a block's linear layers."""
    case = dict(method="full", dtype="float32", checkpointing=True)
    blocks = 4 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 160 + 64 + 2 * 32)  # q, o; k, v; mlp; biases of q, k, v
    copied = estimate(settings(**case), architecture(4))
    plain = estimate(settings(**case, autocast=False), architecture(4))
    assert copied.weight_copies == 2 * blocks and plain.weight_copies == 0
    assert copied.parts("forward")["activations"] == plain.activations < copied.activations
    assert estimate(settings(method="full"), architecture(4)).weight_copies == 0, "a base in bfloat16 is not copied"
