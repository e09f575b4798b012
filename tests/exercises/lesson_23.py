"""Known wrong answers to the exercises of notebook 23, and words of the hint that each must get."""


def allowed(expression: str) -> str:
    return f"def one_of(words, written, end):\n    n = len(written)\n    return {expression}\n"


def rate(*lines: str) -> str:
    return "def choose_rate(losses):\n" + "".join(f"    {line}\n" for line in lines)


MEAN = "mean = {rate: sum(found) / len(found) for rate, found in losses.items()}"
BEST = "best = min(mean, key=mean.get)"

WRONG = {
    "one_of": [
        (allowed("sorted({w[0] for w in words})"), "only words that begin with it count"),
        (allowed("sorted({w[n] for w in words if len(w) > n}) or [end]"), "cannot come out any more"),
        (allowed("sorted({w[n] for w in words if w[:n] == written and len(w) > n})"), "is followed by the end"),
        (allowed("sorted({w[n] for w in words if w[:n] == written and len(w) > n} | {end})"), "may not end here"),
        (
            allowed("sorted({w[n] for w in words if w[:n] == written and len(w) > n}) or [end]"),
            "a longer one's beginning",
        ),
        (allowed("[w[n] for w in words if w[:n] == written and len(w) > n] or [end]"), "stands there twice"),
        (allowed("{w[n] for w in words if w[:n] == written and len(w) > n} or {end}"), "wants a list of ids"),
        (
            "def one_of(words, written, end):\n    words.sort()\n    words.pop()\n    return [5, 9]\n",
            "it changed the words",
        ),
    ],
    "choose_rate": [
        (rate("return min(losses, key=lambda rate: min(losses[rate]))"), "a pair is wanted"),
        (rate(MEAN, "best = max(mean, key=mean.get)", "return best, True"), "where the loss is highest"),
        (rate(MEAN, BEST, "return best, True"), "a better one may lie beyond"),
        (
            rate(MEAN, BEST, "rates = list(losses)", "return best, best not in (rates[0], rates[-1])"),
            "in another order",
        ),
        (
            rate(
                "best = min(losses, key=lambda rate: min(losses[rate]))",
                "return best, min(losses) < best < max(losses)",
            ),
            "judge by the mean",
        ),
        (
            rate(
                "mean = {r: sum(f) / len(f) for r, f in reversed(losses.items())}",
                BEST,
                "return best, min(losses) < best < max(losses)",
            ),
            "diverged has the loss",
        ),
        (rate(MEAN, BEST, "return best, False"), "the second is true"),
    ],
}
