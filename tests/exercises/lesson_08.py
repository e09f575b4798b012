"""Known wrong answers to the exercises of notebook 08, and words of the hint that each must get."""


def times(body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
    return f"import torch\n\ndef added(before, after, A, B, alpha, r):\n{lines}"


def within(expression: str) -> str:
    return f"def passes(reference, rounded, merged):\n    return {expression}\n"


LEAST = """
update = {update}
change = {change}
return ((change * update).sum() / update.square().sum()).item()
"""
UPDATE, CHANGE = "alpha / r * B @ A", "after - before"

WRONG = {
    "added": [
        (times(LEAST.format(update="B @ A", change=CHANGE)), "the scaling is missing"),
        (times(LEAST.format(update="r / alpha * B @ A", change=CHANGE)), "upside down"),
        (times(LEAST.format(update=UPDATE, change="before - after")), "sign is turned round"),
        (times("return ((after - before).norm() / (alpha / r * B @ A).norm()).item()"), "lengths cannot tell"),
        (times("return ((after - before) / (alpha / r * B @ A)).mean().item()"), "mean of quotients"),
        (times("return (after - before) / (alpha / r * B @ A)"), "one for the layer"),
        (times("change = after - before"), "it returned nothing"),
    ],
    "passes": [
        (within("True"), "broken tied merge passed"),
        (within("False"), "a right merge was stopped"),
        (within("(merged - reference).abs().max() <= 0.05"), "Whence is the limit"),
        (within("(merged - reference).abs().max() <= 4.0"), "broken tied merge passed"),
        (within("(merged - reference).abs().max() <= 1.6"), "each type has its own limit"),
        (within("(merged - reference).max() <= 2 * (rounded - reference).abs().max()"), "two directions"),
        (within("(merged - reference).abs().max() <= 2 * (rounded - reference).max()"), "abs() of both"),
        (within("not (merged - reference).abs().max() > 2 * (rounded - reference).abs().max()"), "a nan passed"),
    ],
}
