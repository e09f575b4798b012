"""Checks of lesson 03: int4 with a zero point, the bits of a 4-bit weight, the config for a T4."""

import torch

from helpers.exercises import exercise, wrong


def _min_max(weight: torch.Tensor, block: int, steps: int = 15) -> torch.Tensor:
    """`weight` (out, in) rounded to even steps from the least to the largest value of each block."""
    blocks = weight.reshape(-1, block)
    low = blocks.amin(dim=1, keepdim=True)
    step = (blocks.amax(dim=1, keepdim=True) - low) / steps
    safe = step.masked_fill(step == 0, 1)
    return (((blocks - low) / safe).round() * step + low).reshape(weight.shape)


@exercise
def int4_min_max(answer):
    """`answer(weight, block)` returns the weight as it comes back."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(32, 128, generator=generator) + torch.linspace(-2, 2, 64).repeat_interleave(64).reshape(
        32, 128
    )
    given = weight.clone()
    back = answer(weight, 64)
    if not torch.equal(weight, given):
        wrong("it changed the weight that it was given: work on a copy.")
    if not isinstance(back, torch.Tensor) or back.shape != weight.shape:
        wrong("return a tensor of the weight's shape: the values as they come back, not codes or blocks.")
    if torch.allclose(back, _min_max(weight, 64, steps=16), atol=1e-4):
        wrong("steps of a sixteenth of the range: 16 levels have 15 steps between them.")
    most = max(len(block.unique()) for block in back.reshape(-1, 64))
    if most > 16:
        wrong(f"a block came back with {most} different values; 4 bits have 16 codes.")
    if torch.allclose(back, _min_max(weight, weight.numel()), atol=1e-4):
        wrong("one range for the whole matrix: each block needs a minimum and a maximum of its own.")
    if ((back - weight).reshape(-1, 64).mean(1) < -0.02).all():
        wrong("all weights come back too small: round to the nearest level, not down.")
    low, high = (blocks.reshape(-1, 64) for blocks in (weight, back))
    if (low.amax(1) - high.amax(1)).abs().max() > 1e-3 or (low.amin(1) - high.amin(1)).abs().max() > 1e-3:
        wrong(
            "a block's smallest and largest value do not come back: let the levels run from one to the other, not "
            "from -absmax to absmax."
        )
    if not torch.allclose(back, _min_max(weight, 64), atol=1e-4):
        wrong("some weights did not get their nearest level.")
    if not torch.equal(answer(torch.full((1, 64), 0.5), 64), torch.full((1, 64), 0.5)):
        wrong("a block of equal values came back as something else: its range is 0, do not divide by it.")
    if not torch.allclose(answer(weight, 32), _min_max(weight, 32), atol=1e-4):
        wrong("it ignores `block`: 32 was asked for.")
    return (
        "each block's own range. On weights that lie around zero it gains little over absmax, and costs a number more."
    )


@exercise
def bits_per_weight(answer):
    """`answer(block, nested)` returns bits a weight."""
    once, twice = answer(64), answer(64, 256)
    if once == 4:
        wrong("4 bits are the codes alone: each block has a scale, too.")
    if once in (4 + 4 / 64, 0.5 + 4 / 64, 4.5 / 8):
        wrong("that mixes bits and bytes: a float32 has 32 bits.")
    if once == 4.25:
        wrong("the scales are float32 here, not 16-bit numbers.")
    if once != 4.5:
        wrong(f"blocks of 64 with float32 scales should take 4.5 bits a weight, not {once}.")
    if twice == once:
        wrong("`nested` changes nothing yet: with it a scale has 8 bits.")
    if twice == 4.125:
        wrong("8 bits for each scale is right; the scales of the scales are missing, one float32 for each `nested`.")
    if twice == 4 + 8 / 64 + 32 / 256:
        wrong("a float32 is shared by `nested` *scales*, which is block * nested weights.")
    if abs(twice - 4.126953125) > 1e-9:
        wrong(f"blocks of 64, nested by 256, should take 4.127 bits a weight, not {twice:.4g}.")
    for block, nested in ((128, None), (16, 256), (64, 64)):
        wanted = 4 + (32 / block if nested is None else 8 / block + 32 / (block * nested))
        if abs(answer(block, nested) - wanted) > 1e-9:
            wrong(f"with block={block}, nested={nested} it says {answer(block, nested):.4g}: use the arguments.")
    return f"{once} bits, and {twice:.3f} with double quantization; {answer(32, 256):.3f} in nested blocks of 32."


@exercise
def t4_config(answer):
    """`answer()` returns the BitsAndBytesConfig."""
    from transformers import BitsAndBytesConfig

    config = answer()
    if not isinstance(config, BitsAndBytesConfig):
        wrong("return a BitsAndBytesConfig; `load_in_4bit` as a loose argument is a TypeError today.")
    if not config.load_in_4bit:
        wrong("that does not load in 4 bits: load_in_4bit=True.")
    if config.bnb_4bit_compute_dtype == torch.bfloat16:
        wrong("products in bfloat16: a T4 has no such arithmetic, its 16-bit type is float16.")
    if config.bnb_4bit_compute_dtype != torch.float16:
        wrong("products in float32, which is the default: right, and slow. The T4 is fast in float16.")
    if config.bnb_4bit_quant_type != "nf4":
        wrong("the default type is fp4: bnb_4bit_quant_type='nf4'.")
    if not config.bnb_4bit_use_double_quant:
        wrong("the scales stay in float32: bnb_4bit_use_double_quant=True.")
    return "NF4, double quantization, products in float16."
