"""Checks of the exercises of notebook 08: how often an adapter is in a weight, and a limit that comes from rounding."""

from collections.abc import Callable

import torch

from helpers.exercises import exercise, wrong

OUT, IN, RANK, ALPHA = 24, 16, 4, 8
TIMES = (1, 2, 0, 0.5, -1)
CLOSE = 0.05


@exercise
def added(answer: Callable) -> str:
    """`answer(before, after, A, B, alpha, r)` is how many times alpha / r * B A was added to `before`."""
    draw = torch.Generator().manual_seed(0)
    before, A, B = (torch.randn(shape, generator=draw) for shape in ((OUT, IN), (RANK, IN), (OUT, RANK)))
    update = ALPHA / RANK * B @ A
    noise = 0.3 * update.std() * torch.randn(before.shape, generator=draw)  # as a coarse type leaves it
    for times in TIMES:
        found = answer(before.clone(), before + times * update + noise, A, B, ALPHA, RANK)
        if found is None:
            wrong("it returned nothing: return the number")
        number = torch.as_tensor(found).float()
        if number.numel() != 1:
            wrong(f"it returned {number.numel()} numbers: one for the layer, from all of its weights together")
        for other, hint in (
            (times * ALPHA / RANK, "the scaling is missing: what a merge adds is alpha / r * B A, not B A"),
            (times * (ALPHA / RANK) ** 2, "the scaling is upside down: it is alpha / r"),
            (-times, "the sign is turned round: what was added is after - before"),
        ):
            if abs(times - other) > CLOSE and abs(number.item() - other) < CLOSE * max(1, abs(other)):
                wrong(f"{number.item():.2f} where it was added {times} times: {hint}")
        if times <= 0 and number.item() > CLOSE:
            wrong(
                f"{number.item():.2f} where it was added {times} times: lengths cannot tell noise from the update, nor "
                "its direction. Ask how much of the change lies along the update"
            )
        if abs(number.item() - times) > CLOSE:
            wrong(
                f"{number.item():.2f} where it was added {times} times, with a little rounding: a mean of quotients is "
                "ruled by the smallest weights, and the scale of least squares is the update's squared length"
            )
    return "once, twice, half, not at all and taken off: least squares tell them apart, rounding or not."


@exercise
def passes(answer: Callable) -> str:
    """`answer(reference, rounded, merged)` says whether logits are within twice what rounding does."""
    draw = torch.Generator().manual_seed(0)
    reference = 5 * torch.randn((12, 30), generator=draw)

    def off_by(most: float, at: int = 100) -> torch.Tensor:
        """Logits with small differences everywhere, and one of `most`."""
        logits = reference + 0.1 * abs(most) * (2 * torch.rand(reference.shape, generator=draw) - 1)
        logits.view(-1)[at] = reference.view(-1)[at] + most
        return logits

    coarse, fine = off_by(0.8, 40), off_by(1e-4, 40)
    if not answer(reference, coarse, off_by(0.9)):
        wrong("a right merge was stopped: off by 0.9 in bfloat16, where rounding alone makes 0.8. Whence is the limit?")
    if answer(reference, coarse, off_by(3.8)):
        wrong("a broken tied merge passed: off by 3.8, where rounding alone makes 0.8")
    if answer(reference, coarse, off_by(-3.8)):
        wrong("a merge whose logit is 3.8 too low passed: a difference has two directions")
    if answer(reference, fine, off_by(0.9)):
        wrong("off by 0.9 passed in float32, where rounding alone makes 0.0001: each type has its own limit")
    if not answer(reference, -off_by(0.8, 40) + 2 * reference, off_by(-0.9)):
        wrong("a right merge was stopped whose differences are negative, as rounding's are: take abs() of both")
    for number in (float("inf"), float("nan")):
        if answer(reference, coarse, off_by(number)):
            wrong(f"logits with a {number} passed: no comparison with NaN is true: ask whether it is within the limit")
    return "the limit follows the type, and inf and nan do not slip through."
