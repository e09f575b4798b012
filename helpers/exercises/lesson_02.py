"""Checks of lesson 02: the size of an adapter from a config, alpha as a learning rate of B, how A may start."""

import math
from typing import Any

from helpers.exercises import exercise, wrong

RANK = 4
SHAPE: dict[str, Any] = dict(
    hidden_size=96, intermediate_size=200, num_hidden_layers=3, num_attention_heads=6, num_key_value_heads=2
)


def adapted_layers(config) -> list[tuple[int, int]]:
    """(in, out) of every linear layer but the head, from the architecture itself, on the meta device."""
    import torch
    from transformers import AutoModelForCausalLM

    from helpers.lora_math import linear_layers

    with torch.device("meta"):
        return list(linear_layers(AutoModelForCausalLM.from_config(config)).values())


@exercise
def adapter_parameters(answer):
    """`answer(config, rank)` counts the parameters of an adapter on all linear layers of a Qwen2 or Llama config."""
    from transformers import Qwen2Config

    config = Qwen2Config(**SHAPE, vocab_size=320, tie_word_embeddings=False)
    shapes, layers, hidden = adapted_layers(config), 3, 96
    right = sum(RANK * (n_in + n_out) for n_in, n_out in shapes)
    attention = layers * sum(RANK * (n_in + n_out) for n_in, n_out in shapes[:4])
    mistakes = {
        right
        - attention
        + layers * 4 * RANK * 2 * hidden: "`k_proj` and `v_proj` are narrower than `q_proj`: they make "
        "`num_key_value_heads` heads, not `num_attention_heads`.",
        attention: "that is attention alone; the MLP of each layer has `gate_proj`, `up_proj` and `down_proj`.",
        right // layers: "that is one layer; the config has `num_hidden_layers` of them.",
        sum(RANK * n_in * n_out for n_in, n_out in shapes): "a matrix of in times out is what LoRA avoids: A has r "
        "times in numbers, B has out times r.",
        sum(RANK * n_in for n_in, _ in shapes): "that is A alone: B has out times r numbers more.",
        right // RANK: "that is rank 1: A and B grow with the rank.",
        right + RANK * (hidden + 320): "the output head is in your count; `all-linear` leaves it alone.",
    }
    found = answer(config, RANK)
    if found != right:
        wrong(mistakes.get(found, f"rank {RANK} on this config has {right:,} parameters, you say {found:,}."))
    if answer(config, 2 * RANK) != 2 * right:
        wrong("twice the rank must give twice the count.")
    square = Qwen2Config(**{**SHAPE, "num_key_value_heads": 6, "num_hidden_layers": 2}, vocab_size=320)
    expected = sum(RANK * (n_in + n_out) for n_in, n_out in adapted_layers(square))
    if answer(square, RANK) != expected:
        wrong(f"with as many key-value heads as heads, and two layers, it should be {expected:,}.")
    return f"{right:,} at rank {RANK}, which is what the architecture itself has; times 4 it is the file's bytes."


@exercise
def same_run(answer):
    """`answer(A, B, rate, factor)` gives AdamW's groups under which alpha trains as factor * alpha does at `rate`."""
    import torch

    rate, factor = 1e-3, 4.0
    A, B = [torch.nn.Parameter(torch.ones(2, 3))], [torch.nn.Parameter(torch.zeros(3, 2))]
    groups = torch.optim.AdamW(answer(A, B, rate, factor), lr=7.0).param_groups
    rates = {id(one): group["lr"] for group in groups for one in group["params"]}
    if set(rates) != {id(A[0]), id(B[0])}:
        wrong("the optimizer must get all parameters of A and all of B, each once.")
    if 7.0 in rates.values():
        wrong('a group without its own "lr" takes the optimizer\'s, whatever that is: name both rates.')
    of_A, of_B = rates[id(A[0])] / rate, rates[id(B[0])] / rate
    if math.isclose(of_A, factor) and math.isclose(of_B, factor):
        wrong("A's rate grew, too: alpha reaches A only through B, and B has already been taken care of.")
    if math.isclose(of_A, factor) and math.isclose(of_B, 1):
        wrong("that is A: alpha multiplies what B has learned, so it is B that must learn faster.")
    if math.isclose(of_B, factor**2):
        wrong("the square is plain SGD's rule: Adam divides B's step by the size of B's gradient.")
    if math.isclose(of_B, 1 / factor):
        wrong("the other way round: a larger alpha makes the steps of the product larger, not smaller.")
    if not (math.isclose(of_A, 1) and math.isclose(of_B, factor)):
        wrong(f"you multiply A's rate by {of_A:g} and B's by {of_B:g}; alpha is multiplied by {factor:g}.")
    return f"B learns {factor:g} times as fast and A as before; this is LoRA+ with that ratio."


def learned_rank(start, n_out: int = 12) -> int:
    """Rank of B A after 20 steps of Adam on a linear regression, from this A (rank, in) and B = 0."""
    import torch

    generator = torch.Generator().manual_seed(0)
    wanted = torch.randn(n_out, start.shape[1], generator=generator, dtype=torch.float64)
    x = torch.randn(64, start.shape[1], generator=generator, dtype=torch.float64)
    A = torch.nn.Parameter(start.detach().clone().double())
    B = torch.nn.Parameter(torch.zeros(n_out, start.shape[0], dtype=torch.float64))
    optimizer = torch.optim.Adam([A, B], lr=0.01)
    for _ in range(20):
        (x @ (B @ A - wanted).T).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    values = torch.linalg.svdvals((B @ A).detach())
    return int((values > 1e-9 * max(values[0].item(), 1e-9)).sum())


@exercise
def start_A(answer):
    """`answer(rank, n_in)` returns an A (rank, in) from which training can use all `rank` directions."""
    import torch

    start = answer(RANK, 16)
    if not isinstance(start, torch.Tensor) or start.shape != (RANK, 16):
        wrong(f"return a tensor of shape (rank, n_in), here ({RANK}, 16): A is the matrix that x meets first.")
    if not start.any():
        wrong("A and B are both zero: each one's gradient contains the other, so nothing ever moves.")
    rank = learned_rank(start)
    if rank == 1:
        wrong(
            "the update has rank 1, and you pay for more: all rows of A are alike, so all columns of B get the same "
            "gradient, and they stay alike."
        )
    if rank < RANK:
        wrong(f"the update has rank {rank} of {RANK}: some rows of A are alike or zero.")
    return f"after 20 steps the update has rank {rank} of {RANK}."
