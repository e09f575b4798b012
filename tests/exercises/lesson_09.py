"""Known wrong answers to the exercises of notebook 09, and words of the hint that each must get."""


def ready(*lines: str) -> str:
    return "def make_ready(model):\n" + "".join(f"    {line}\n" for line in lines)


def because(growing: str, wait: str = "times[0] > times[-1] / 2") -> str:
    return (
        "from statistics import mean, median\n"
        "def slow_because(times):\n"
        f"    if {wait}:\n        return 'prompt'\n"
        "    each = [b - a for a, b in zip(times, times[1:])]\n"
        "    half = len(each) // 2\n"
        f"    return 'cache' if {growing} else 'answer'\n"
    )


MEDIANS = "median(each[half:]) > 1.5 * median(each[:half])"

WRONG = {
    "make_ready": [
        (ready("pass"), "which of the two configs"),
        (ready("model.config.use_cache = True"), "which of the two configs"),
        (ready("model.eval()"), "which of the two configs"),
        (ready("model.eval()", "model.config.use_cache = True"), "which of the two configs"),
        (ready("model.generation_config.use_cache = True"), "in which mode"),
        (ready("model.config.use_cache = model.generation_config.use_cache = True"), "in which mode"),
    ],
    "slow_because": [
        (because("times[-1] > 1.5 * times[half]"), "what did each token take for itself"),
        (because("False"), "compare the later with the earlier"),
        (because(MEDIANS, "False"), "what share is the wait"),
        (because(MEDIANS, "times[0] > 1.5 * median(b - a for a, b in zip(times, times[1:]))"), "every token is alike"),
        (because(MEDIANS, "times[0] > 5 * median(b - a for a, b in zip(times, times[1:]))"), "half of the whole time"),
        (because("mean(each[half:]) > 1.5 * mean(each[:half])"), "a median passes over it"),
        (because("each[-1] > 1.5 * each[0]"), "a median passes over it"),
    ],
}
