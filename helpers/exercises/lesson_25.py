"""Checks of the exercises of notebook 25: a difference or luck, and the rank behind a printed number."""

from collections.abc import Callable
from math import comb, isclose

from helpers.exercises import exercise, wrong

SPLITS = ((3, 2), (8, 0), (0, 8), (10, 2), (2, 10), (5, 5), (1, 0), (0, 0), (40, 20))


def _tail(better: int, worse: int) -> float:
    """The probability of at most min(better, worse) heads, exactly."""
    tosses = better + worse
    return sum(comb(tosses, heads) for heads in range(min(better, worse) + 1)) / 2**tosses


@exercise
def by_chance(answer: Callable) -> str:
    """`answer(better, worse)` is the probability, for equal models, of a split at least as uneven, either way."""
    for better, worse in SPLITS:
        found, tosses = answer(better, worse), better + worse
        right, case = min(1.0, 2 * _tail(better, worse)), f"{better} against {worse}"
        if isclose(found, right, abs_tol=1e-9):
            continue
        if found > 1:
            wrong(f"{case}: {found:.3g} is no probability; an even split is counted from both sides, so stop at 1")
        if isclose(found, _tail(better, worse), abs_tol=1e-9):
            wrong(f"{case}: {found:.3g} is one direction alone; the other one counts, too: twice that")
        if isclose(found, 2 * comb(tosses, better) / 2**tosses) or isclose(found, comb(tosses, better) / 2**tosses):
            wrong(f"{case}: {found:.3g} is this split alone; more uneven ones count, too: add them up")
        if not isclose(found, answer(worse, better)):
            wrong(f"{case} gives {found:.3g}, the other way round not: add up to the smaller of both, whichever it is")
        wrong(f"{case}: {found:.3g}, wanted {right:.3g}")
    return "few tickets on which the two differ can show little, however many there are on which they agree."


# Shapes (in, out) of the adapted layers, a number of parameters, and the rank that gives it.
ATTENTION = ((4096, 4096),) * 4 * 32
LAYERS = ((256, 256), (256, 64), (256, 64), (256, 256))
COUNTS = (
    (8_388_608, ATTENTION, 8),
    (419_430, ATTENTION, None),
    (8 * 1664, LAYERS, 8),
    (8 * 1664 + 1, LAYERS, None),
    (320, ((256, 64),), 1),
    (0, LAYERS, None),
)


@exercise
def rank_behind(answer: Callable) -> str:
    """`answer(parameters, shapes)` is the rank of an adapter with so many parameters, or None."""
    for parameters, shapes, right in COUNTS:
        found = answer(parameters, list(shapes))
        case = f"{parameters:,} parameters on {len(shapes)} layers, the first {shapes[0]}: {found}"
        if found == right and type(found) is type(right):
            continue
        if right is None and found == 0 and parameters == 0:
            wrong(f"{case}; an adapter of rank 0 is none: None")
        if right is None:
            wrong(f"{case}; that number does not divide without a rest, so no rank gives it: None")
        if found == right:
            wrong(f"{case}; a rank is a whole number: divide with `//`")
        if found and found == parameters / sum(wide for wide, _ in shapes):
            wrong(f"{case}; that counts A alone; B has a row for each output: in + out")
        if found and found == parameters / sum(shapes[0]):
            wrong(f"{case}; that is one layer; every layer has an A and a B")
        wrong(f"{case}, wanted {right}: each layer has rank x (in + out) numbers, not in x out")
    return "a count of parameters names its rank, and some that are in print name none."
