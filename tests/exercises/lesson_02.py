"""Wrong answers to the exercises of lesson 02, and words of the hint that each must get."""


def count(layers: str, per_layer: str = "rank * (i + o)", times: str = "c.num_hidden_layers", extra: str = "0") -> str:
    """An answer that adds up `per_layer` over the (in, out) pairs of `layers`."""
    return (
        "def adapter_parameters(c, rank):\n"
        "    h, m = c.hidden_size, c.intermediate_size\n"
        "    kv = h // c.num_attention_heads * c.num_key_value_heads\n"
        f"    return sum({per_layer} for i, o in {layers}) * {times} + {extra}\n"
    )


ATTENTION, MLP = "[(h, h), (h, kv), (h, kv), (h, h)]", "[(h, m), (h, m), (m, h)]"
ALL = f"{ATTENTION} + {MLP}"


def groups(of_A: str, of_B: str) -> str:
    return (
        "def same_run(A, B, rate, factor):\n"
        f'    return [{{"params": A, "lr": {of_A}}}, {{"params": B, "lr": {of_B}}}]\n'
    )


def start(expression: str) -> str:
    return f"import torch\ndef start_A(rank, n_in):\n    return {expression}\n"


WRONG = {
    "adapter_parameters": [
        (count(f"[(h, h)] * 4 + {MLP}"), "num_key_value_heads"),
        (count(ATTENTION), "attention alone"),
        (count(ALL, times="1"), "that is one layer"),
        (count(ALL, per_layer="rank * i * o"), "what LoRA avoids"),
        (count(ALL, per_layer="(i + o)"), "that is rank 1"),
        (count(ALL, extra="rank * (h + c.vocab_size)"), "output head"),
        (count(ALL, per_layer="rank * i"), "A alone"),
        (count(ALL, per_layer="rank * o + i"), "you say"),
        (count(ALL, per_layer="4 * (i + o)"), "twice the rank"),
        (count(ALL, times="3"), "two layers"),
    ],
    "same_run": [
        (groups("factor * rate", "factor * rate"), "A's rate grew, too"),
        (groups("factor * rate", "rate"), "it is B that must learn faster"),
        (groups("rate", "factor**2 * rate"), "plain SGD's rule"),
        (groups("rate", "rate / factor"), "the other way round"),
        (groups("rate", "rate"), "and B's by 1"),
        ('def same_run(A, B, rate, factor):\n    return [{"params": B, "lr": factor * rate}]', "all parameters of A"),
        (
            'def same_run(A, B, rate, factor):\n    return [{"params": A}, {"params": B, "lr": factor * rate}]',
            "name both rates",
        ),
    ],
    "start_A": [
        (start("torch.zeros(rank, n_in)"), "both zero"),
        (start("torch.full((rank, n_in), 0.1)"), "rank 1"),
        (start("torch.randn(1, n_in).repeat(rank, 1)"), "rank 1"),
        (start("torch.cat([torch.randn(rank - 1, n_in), torch.zeros(1, n_in)])"), "rank 3 of 4"),
        (start("torch.randn(n_in, rank)"), "shape (rank, n_in)"),
    ],
}
