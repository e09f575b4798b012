"""Wrong answers to the exercises of lesson 03, and words of the hint that each must get."""

MIN_MAX = """
def int4_min_max(weight, block=64):
    blocks = weight.reshape(-1, block)
    low = blocks.amin(dim=1, keepdim=True)
    step = (blocks.amax(dim=1, keepdim=True) - low) / 15
    safe = step.masked_fill(step == 0, 1)
    return (((blocks - low) / safe).round() * step + low).reshape(weight.shape)
"""
ABSMAX = """
def int4_min_max(weight, block=64):
    blocks = weight.reshape(-1, block)
    scale = blocks.abs().amax(dim=1, keepdim=True) / 7
    return ((blocks / scale).round() * scale).reshape(weight.shape)
"""
LOOSE = """
def t4_config():
    return {"load_in_4bit": True}
"""


def config(**options):
    arguments = ", ".join(f"{name}={value}" for name, value in options.items())
    return f"""
import torch
from transformers import BitsAndBytesConfig
def t4_config():
    return BitsAndBytesConfig({arguments})
"""


def bits(expression):
    return f"def bits_per_weight(block=64, nested=None):\n    return {expression}\n"


GOOD = dict(load_in_4bit=True, bnb_4bit_quant_type="'nf4'", bnb_4bit_use_double_quant=True)
HALF = dict(bnb_4bit_compute_dtype="torch.float16")

WRONG = {
    "int4_min_max": [
        (ABSMAX, "from -absmax to absmax"),
        (MIN_MAX.replace("/ 15", "/ 16"), "16 levels have 15 steps"),
        (MIN_MAX.replace(".round()", ".floor()"), "not down"),
        (MIN_MAX.replace("dim=1, keepdim=True", ""), "one range for the whole matrix"),
        (MIN_MAX.replace("/ safe", "/ step"), "range is 0"),
        (MIN_MAX.replace(".reshape(weight.shape)", ""), "the weight's shape"),
        (MIN_MAX.replace("(-1, block)", "(-1, 64)"), "ignores `block`"),
        ("def int4_min_max(weight, block=64):\n    return weight", "16 codes"),
    ],
    "bits_per_weight": [
        (bits("4"), "codes alone"),
        (bits("4 + 4 / block"), "bits and bytes"),
        (bits("4 + 16 / block"), "not 16-bit numbers"),
        (bits("4 + 32 / block"), "`nested` changes nothing"),
        (bits("4 + (8 if nested else 32) / block"), "scales of the scales"),
        (bits("4 + (8 / block + 32 / nested if nested else 32 / block)"), "block * nested"),
        (bits("4.126953125 if nested else 4.5"), "use the arguments"),
    ],
    "t4_config": [
        (LOOSE, "return a BitsAndBytesConfig"),
        (config(**GOOD, bnb_4bit_compute_dtype="torch.bfloat16"), "no such arithmetic"),
        (config(**GOOD), "which is the default"),
        (config(load_in_8bit=True), "load_in_4bit=True"),
        (config(**{**GOOD, **HALF, "bnb_4bit_quant_type": "'fp4'"}), "the default type is fp4"),
        (config(**{**GOOD, **HALF, "bnb_4bit_use_double_quant": False}), "float32"),
    ],
}
