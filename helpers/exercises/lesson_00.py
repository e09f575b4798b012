"""Checks of the exercises of notebook 00: which method for a card, and which number format."""

from collections.abc import Callable

from helpers.exercises import exercise, wrong

SEVEN_B, HALF_B = 7.6e9, 0.5e9  # parameters


@exercise
def pick(answer: Callable[[float, float, str], str]) -> str:
    """`answer(gpu_bytes, parameters, task)` names the method for a task on one card."""
    if answer(80e9, HALF_B, "asked") != "prompt":
        wrong("the prompted base does this task already: what would training add to it?")
    if answer(24e9, SEVEN_B, "raw text") == "full":
        wrong("full tuning of 7.6 billion in 24 GB? Weights are one of several numbers: 18 bytes for each parameter")
    if answer(24e9, SEVEN_B, "raw text") in ("lora", "qlora"):
        wrong("for very much raw text an adapter was found behind: where full tuning does not fit, say none")
    if answer(24e9, SEVEN_B, "taught") == "qlora":
        wrong("LoRA fits in 24 GB, too: why round the base to 4 bits, and unpack it at every step, without need?")
    if answer(80e9, HALF_B, "taught") == "full":
        wrong("full tuning fits, but the task is one for an adapter: a small file, easily thrown away")
    if answer(16e9, SEVEN_B, "taught") == "lora":
        wrong("the states of LoRA just fit into 16 GB, and nothing else does: where do the activations go? Leave ROOM")
    found = {
        (gigabytes, task): answer(gigabytes * 1e9, parameters, task)
        for gigabytes, parameters, task in (
            (12, SEVEN_B, "taught"),
            (24, SEVEN_B, "taught"),
            (16, SEVEN_B, "taught"),
            (6, SEVEN_B, "taught"),
            (80, SEVEN_B, "raw text"),
            (141, SEVEN_B, "raw text"),
        )
    }
    right = ["qlora", "lora", "qlora", "none", "none", "full"]
    for (gigabytes, task), expected in zip(found, right, strict=True):
        if found[gigabytes, task] != expected:
            wrong(f"7.6 billion parameters, {gigabytes} GB, {task}: {found[gigabytes, task]!r}, wanted {expected!r}")
    return "7.6 billion parameters go by QLoRA from 12 GB on, by LoRA from 24, and in full on no card below 141."


@exercise
def usable_dtype(answer: Callable[[tuple[int, int] | None], str]) -> str:
    """`answer(capability)` names the format that a card computes in."""
    try:
        without = answer(None)
    except TypeError:
        wrong("without a card the capability is None, which cannot be compared: what does a CPU compute in?")
    if without != "float32":
        wrong("without a card the capability is None: the CPU computes in float32 here")
    if answer((7, 5)) == "bfloat16":
        wrong("a T4 (7.5) only emulates bfloat16: it runs, slowly. Real arithmetic begins at 8.0")
    if answer((8, 0)) != "bfloat16":
        wrong("an A100 is 8.0, the first with bfloat16: is your bound above it?")
    if "bfloat16" != answer((10, 0)) or "bfloat16" != answer((12, 0)):
        wrong("10.0 and 12.0 are newer than 8.0: do you compare text? '1' comes before '8'")
    for capability, right in {(6, 1): "float16", (7, 0): "float16", (8, 6): "bfloat16", (9, 0): "bfloat16"}.items():
        if answer(capability) != right:
            wrong(f"capability {capability}: {answer(capability)!r}, wanted {right!r}")
    return "bfloat16 from 8.0 on, float16 below, float32 without a card."
