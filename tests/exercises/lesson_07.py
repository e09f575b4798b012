"""Known wrong answers to the exercises of notebook 07, and words of the hint that each must get."""


def stops(fall: str = "loss < best - threshold", best: str = "min(best, loss)", reset: str = "0", **other: str) -> str:
    compare, result = other.get("compare", "waited == patience"), other.get("result", "at")
    return f"""
def stops_after(losses, patience, threshold):
    best, waited = float("inf"), 0
    for at, loss in enumerate(losses, {other.get("first", "1")}):
        waited = {reset} if {fall} else waited + 1
        best = {best}
        if {compare}:
            return {result}
"""


def stretches(inside: str = "piece[i : i + length] in written", pieces: str = "", share: str = "") -> str:
    cut = pieces or 're.split("|".join(map(re.escape, values)), ticket)'
    share = share or "sum(map(by_heart, rows)) / len(rows)"
    return f"""
import re

def memorised(rows, length):
    def by_heart(row):
        values, ticket, written = row
        pieces = {cut}
        return any({inside} for piece in pieces for i in range(len(piece) - length + 1))
    return {share}
"""


def reported(epoch: str, loss: str = "mean(test)[epoch - 1]") -> str:
    return f"""
def report(choosing, test):
    def mean(runs):
        return [sum(losses) / len(losses) for losses in zip(*runs)]
    def lowest(losses):
        return losses.index(min(losses)) + 1
    epoch = {epoch}
    return epoch, {loss}
"""


RIGHT = "lowest(mean(choosing))"

WRONG = {
    "stops_after": [
        (stops(first="0"), "counts evaluations from 0"),
        (stops(result="at - patience"), "the best evaluation"),
        (stops(compare="waited > patience"), "not behind it"),
        (stops(reset="waited"), "that were not in a row"),
        (stops(best="loss"), "the best so far, not the last"),
        (stops(fall="loss < best"), "less than the threshold is none"),
        (stops(best="loss if loss < best - threshold else best"), "lower by less than the threshold"),
        (stops() + "    return len(losses)\n", "return None"),
        (stops(compare="False"), "each is held against the best so far"),
    ],
    "memorised": [
        ("def memorised(rows, length):\n    rows[0]\n", "it returned nothing"),
        (stretches(pieces="[ticket]"), "copied is not known by heart"),
        (stretches(pieces="[ticket]", inside="i == 0 and piece in written"), "try every stretch"),
        (stretches(inside="i == 0 and piece[:length] in written"), "try every stretch"),
        (stretches().replace("len(piece) - length + 1", "len(piece)"), "how long is the stretch"),
        (
            stretches(pieces="[ticket]", inside="(s := piece[i : i + length]) in written and s not in str(values)"),
            "cut the values out",
        ),
        (stretches(share="sum(map(by_heart, rows))"), "not a number of rows"),
        (stretches(pieces='re.split("|".join(values), ticket)'), "read as a pattern"),
    ],
    "report": [
        (reported("lowest(mean(test))"), "must not look at them"),
        (reported("lowest([a + b for a, b in zip(mean(choosing), mean(test))])"), "must not look at them"),
        (reported("lowest(mean(choosing)) - 1"), "epochs are counted from 1"),
        (reported("lowest([max(losses) for losses in zip(*choosing)])"), "mean over the seeds first"),
        (reported(RIGHT, "min(mean(choosing))"), "what the choice was made on"),
        (reported(RIGHT, "min(map(min, test))"), "best of the test tickets"),
        (reported(RIGHT, "sum(map(min, test)) / len(test)"), "each seed's lowest"),
        (reported(RIGHT, "test[0][epoch - 1]"), "that is the first seed's"),
        (reported(RIGHT, "sum(losses[epoch - 1] for losses in test)"), "sum of the seeds"),
        ("def report(choosing, test):\n    choosing[0]\n", "it returned nothing"),
    ],
}
