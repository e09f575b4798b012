"""Checks of the exercises of notebook 07: when a run stops, what it knows by heart, and an epoch chosen honestly."""

import itertools
import math
from collections.abc import Callable

from helpers.exercises import exercise, wrong

THRESHOLD = 0.001


@exercise
def stops_after(answer: Callable) -> str:
    """`answer(losses, patience, threshold)` is the evaluation after which `EarlyStoppingCallback` ends the run."""
    falls_twice = [3.0, 2.0, 2.5, 1.5, 1.6, 1.7, 1.8]
    if answer([3.0, 2.0, 2.5, 1.5, 1.6, 1.4, 1.3], 2, THRESHOLD) == 5:
        wrong("two evaluations without gain ended it that were not in a row: a gain sets the count back to 0")
    if answer(falls_twice, 2, THRESHOLD) == 5:
        wrong("it stopped after 5: that counts evaluations from 0, or stops one too early. The first one is 1")
    if answer(falls_twice, 2, THRESHOLD) == 4:
        wrong("it gave 4, the best evaluation: the run goes on from there, until patience is used up")
    if answer(falls_twice, 2, THRESHOLD) == 7:
        wrong("it stopped after 7: a patience of 2 ends at the second evaluation without gain, not behind it")
    if answer([2.0, 1.0, 1.5, 1.2, 1.1, 1.05], 3, THRESHOLD) != 5:
        wrong("2.0, 1.0, 1.5, 1.2, 1.1 has three without gain: each is held against the best so far, not the last")
    flat = [1.0, 0.9999, 0.9998, 0.9997]
    if answer(flat, 2, THRESHOLD) != 3:
        wrong("1.0, 0.9999, 0.9998 are two without gain at a threshold of 0.001: less than the threshold is none")
    slow = [1.0 - 0.0006 * i for i in range(8)]
    if answer(slow, 2, THRESHOLD) != 3:
        wrong(
            "each of these is better by 0.0006 than the one before, and none gains more than 0.001 on the best: that "
            "is the lowest so far, also where it was lower by less than the threshold"
        )
    if answer([3.0, 2.0, 1.0], 2, THRESHOLD) is not None:
        wrong("3.0, 2.0, 1.0 falls to its end: nothing stops that run, return None")
    for losses in itertools.product((1.0, 0.9995, 0.5, 2.0), repeat=5):
        for patience in (1, 2, 3):
            if answer(list(losses), patience, THRESHOLD) != by_callback(losses, patience):
                wrong(
                    f"for {list(losses)} and a patience of {patience} transformers says {by_callback(losses, patience)}"
                )
    return "the same as transformers' own callback, for three thousand curves."


def by_callback(losses, patience: int) -> int | None:
    """What `EarlyStoppingCallback` does, as the trainer calls it: the best so far is the lowest before."""
    from types import SimpleNamespace

    from transformers import EarlyStoppingCallback

    callback = EarlyStoppingCallback(patience, THRESHOLD)
    for at, loss in enumerate(losses, 1):
        best = min(losses[: at - 1], default=None)
        callback.check_metric_value(
            SimpleNamespace(greater_is_better=False), SimpleNamespace(best_metric=best), None, loss
        )
        if callback.early_stopping_patience_counter >= patience:
            return at
    return None


@exercise
def memorised(answer: Callable) -> str:
    """`answer(rows, length)` is the share of rows (values, ticket, written) with `length` characters known by heart."""
    paid = "I am Ana. I paid 290 euros in Gent for the lamp."
    values = ["Ana", "desk lamp with a very long name"]
    rows = {
        "back in the middle": (values, paid, "Hello! I paid 290 euros in Gent. Bye."),
        "another sum": (values, paid, "I am Ana. I paid 11 dollars, for nothing."),
        "copied from the prompt": (values, values[1], values[1]),
        "nothing written": (values, paid, ""),
    }

    def one(name: str) -> bool:
        share = answer([rows[name]], 20)
        if share is None:
            wrong("it returned nothing: return the share")
        return bool(share)

    if not one("back in the middle"):
        wrong("'paid 290 euros in Gent' came back from the middle of the ticket, and was not seen: try every stretch")
    if one("another sum") or one("nothing written"):
        wrong("'I am Ana. I paid ' has fewer than 20 characters, and was counted: how long is the stretch?")
    if one("copied from the prompt"):
        wrong("the only long stretch is a value that the prompt gave: copied is not known by heart")
    edge = (["red chair"], "red chair, paid 4", "red chair, paid 4")
    if answer([edge], 12):
        wrong("'red chair, paid 4' has 12 characters in a row only with the prompt's value in them: cut the values out")
    many = [rows["back in the middle"]] * 3 + [rows["another sum"]]
    share = answer(many, 20)
    if not math.isclose(share, 0.75):
        wrong(f"3 of 4 rows came back, and it gave {share:.3g}: a share of the rows, not a number of rows or stretches")
    if answer([(["Ana"], paid, paid)], 1000):
        wrong("no ticket has a stretch of 1000 characters: a whole ticket counts only if it is long enough")
    if answer([(["a+b (the long one)"], "a+b (the long one)", "a+b (the long one)")], 12):
        wrong("a value of 'a+b (the long one)' was read as a pattern: re.escape it, or use str.replace")
    return "only what no prompt gave counts, wherever it stands, and the share is one of rows."


@exercise
def report(answer: Callable) -> str:
    """`answer(choosing, test)`, each a list of losses by epoch for every seed, is (epoch, the loss to report)."""
    choosing = [[3.0, 2.0, 2.6, 2.9], [3.0, 2.8, 2.4, 2.9], [3.0, 2.2, 2.3, 2.9]]
    test = [[3.3, 2.7, 2.9, 1.9], [3.1, 2.6, 2.8, 2.0], [3.2, 2.5, 2.9, 1.9]]
    found = answer([list(losses) for losses in choosing], [list(losses) for losses in test])
    if found is None:
        wrong("it returned nothing: return the epoch and the loss")
    epoch, loss = found
    if epoch == 4:
        wrong("epoch 4 is the lowest of the test tickets, or simply the last: the choice must not look at them")
    if epoch == 1:
        wrong("epoch 1: that is index 1 of a list, and epochs are counted from 1")
    if epoch == 3:
        wrong("epoch 3 is the best of one seed, or of the worst one: take the mean over the seeds first")
    for other, hint in (
        (
            sum(row[1] for row in choosing) / 3,
            "that is what the choice was made on: the luckiest of four",
        ),
        (min(map(min, test)), "that is the best of the test tickets, of all epochs: an epoch chosen on them after all"),
        (sum(min(row) for row in test) / 3, "each seed's lowest on the test tickets: they chose the epoch after all"),
        (test[0][1], "that is the first seed's: one seed is an example, report the mean"),
        (sum(row[1] for row in test), "that is the sum of the seeds: report the mean"),
    ):
        if math.isclose(loss, other):
            wrong(f"the epoch is right, the loss {loss:.3g} is not: {hint}")
    if epoch != 2 or not math.isclose(loss, 2.6):
        wrong(f"epoch {epoch} at {loss:.3g}: the epoch of the lowest mean of `choosing`, and the mean of `test` there")
    return "chosen on one set, reported on the other: 2.6, which is worse than what it was chosen by, and true."
