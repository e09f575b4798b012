"""Checks of the exercises of notebook 23: what a grammar allows next, and the rate to take or to try."""

import math
from collections.abc import Callable

from helpers.exercises import exercise, wrong

END = 99
WORDS = ([5, 6], [5, 7, 8], [9])
WRITTEN: tuple[tuple[list[int], list[int]], ...] = (
    ([], [5, 9]),
    ([5], [6, 7]),
    ([5, 7], [8]),
    ([5, 6], [END]),
    ([9], [END]),
    ([5, 7, 8], [END]),
)
NESTED = ([1], [1, 2], [3])


@exercise
def one_of(answer: Callable) -> str:
    """`answer(words, written, end)` are the ids that may follow `written`, so that one of the words comes out."""
    for written, right in WRITTEN:
        given = [list(word) for word in WORDS]
        found = answer(given, list(written), END)
        if not isinstance(found, list):
            wrong(f"it returned {type(found).__name__}; generate wants a list of ids")
        case = f"words {[list(word) for word in WORDS]}, written {written}: {found}"
        if given != [list(word) for word in WORDS]:
            wrong("it changed the words, which the next row needs as they were")
        if sorted(found) == right:
            continue
        if not found:
            wrong(f"{case}; with nothing allowed generate cannot go on: a finished word is followed by the end")
        if right == [END] and found != right and END in found:
            wrong(f"{case}; nothing is longer than this word, so that nothing but the end may follow")
        if sorted(set(found)) != sorted(found):
            wrong(f"{case}: an id stands there twice; it may come from two words, and is one id")
        if written and set(found) == {word[0] for word in WORDS}:
            wrong(f"{case}; these begin the words, whatever has been written: only words that begin with it count")
        if written and sorted(found) == sorted({word[len(written)] for word in WORDS if len(word) > len(written)}):
            wrong(f"{case}; a word that does not begin with what was written cannot come out any more")
        if right != [END] and END in found:
            wrong(f"{case}; the word is not finished, and may not end here")
        wrong(f"{case}, wanted {right}")
    found = answer([list(word) for word in NESTED], [1], END)
    if sorted(found) != [2, END]:
        wrong(
            f"words {[list(word) for word in NESTED]}, written [1]: {found}; it is a word, and a longer one's beginning"
        )
    return "whatever the model prefers, one of the words comes out: which one is still its choice."


GOOD = {1e-3: [0.5, 0.7], 3e-3: [0.2, 0.3], 1e-2: [0.9, 0.8]}


@exercise
def choose_rate(answer: Callable) -> str:
    """`answer(losses)` is (the best rate, whether it lies between two that were tried)."""
    found = answer({rate: list(values) for rate, values in GOOD.items()})
    if not isinstance(found, tuple) or len(found) != 2:
        wrong(f"it returned {found!r}: a pair is wanted, the rate and whether it lies between two")
    if found == (1e-2, True) or found == (1e-2, False):
        wrong(f"{GOOD}: it took {found[0]:g}, where the loss is highest")
    if found[0] != 3e-3:
        wrong(f"{GOOD}: the best rate is 0.003, not {found[0]}")
    if not found[1]:
        wrong("0.003 lies between 0.001 and 0.01, which are both worse: the second is true")
    shuffled = {rate: list(GOOD[rate]) for rate in (3e-3, 1e-2, 1e-3)}
    if answer(shuffled) != found:
        wrong(
            "the same rates in another order give another answer: between two is smaller and larger, not first and last"
        )
    for rate, name in ((1e-3, "lowest"), (1e-2, "highest")):
        losses = {one: [1.0, 1.0] for one in GOOD} | {rate: [0.1, 0.1]}
        if answer(losses) != (rate, False):
            wrong(f"the best is the {name} rate that was tried, and a better one may lie beyond: {rate:g}, not between")
    lucky = {1e-3: [0.5, 0.5], 3e-3: [0.3, 0.3], 1e-2: [0.1, 9.0]}
    if answer(lucky)[0] != 3e-3:
        wrong(f"{lucky}: one seed was lucky at 0.01, and the other one lost; judge by the mean over the seeds")
    diverged = {1e-3: [0.5, 0.5], 3e-3: [0.3, 0.3], 1e-2: [math.inf, 0.1], 3e-2: [math.nan, math.nan]}
    if answer(diverged) != (3e-3, True):
        wrong(f"a run that diverged has the loss inf or nan: {answer(diverged)}, wanted (0.003, True)")
    return "a comparison of methods at rates like this one is a comparison of methods."
