"""Known wrong answers to the exercise of notebook 11, and words of the hint that each must get."""


def with_gpus(expression: str) -> str:
    first = '    gpus = [int(gpu) for gpu in visible.split(",") if gpu.strip()]\n'
    return f"def physical(number, visible):\n{first}    return {expression}\n"


WRONG = {
    "physical": [
        (with_gpus("number"), "the numbering starts at 0 again"),
        (with_gpus("number if number in gpus else None"), "the numbering starts at 0 again"),
        (with_gpus("gpus.index(number)"), "the place in the list"),
        (with_gpus("gpus.index(number) if number in gpus else gpus[number]"), "the way back"),
        (with_gpus("sorted(gpus)[number]"), "the order is that of the variable"),
        (with_gpus("gpus[number]"), "the answer is None"),
        (with_gpus("gpus[min(number, len(gpus) - 1)] if gpus else None"), "invalid device ordinal"),
        (with_gpus("gpus[number] if number < len(gpus) else None"), "cuda:-1 is no GPU"),
        (with_gpus("str(gpus[number])"), "is a text"),
    ]
}
