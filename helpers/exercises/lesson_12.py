"""Check of the exercise of notebook 12: old arguments carried over, and none lost on the way."""

from collections.abc import Callable

from helpers.exercises import exercise, wrong

KEPT = {"learning_rate": 1e-4, "max_steps": 2, "weight_decay": 0.0, "report_to": "none"}
OLD = {
    "evaluation_strategy": "steps",
    "warmup_ratio": 0.05,
    "no_cuda": True,
    "max_seq_length": 64,
    "overwrite_output_dir": True,
    "logging_dir": "logs",
}
NEW = {"eval_strategy": "steps", "warmup_steps": 0.05, "use_cpu": True, "max_length": 64}
RENAMED = {
    "evaluation_strategy": "eval_strategy",
    "warmup_ratio": "warmup_steps",
    "no_cuda": "use_cpu",
    "max_seq_length": "max_length",
}


@exercise
def modernise(answer: Callable) -> str:
    """`answer(old)` are the arguments of a TrainingArguments of 2023 for SFTConfig today."""
    given = {**KEPT, **OLD}
    found = answer(given)
    if given != {**KEPT, **OLD}:
        wrong("the arguments that were given are changed: whoever reads them again finds half of them. Make a new dict")
    if not isinstance(found, dict):
        wrong(f"it returned {type(found).__name__}, wanted a dict of arguments")
    for name in ("overwrite_output_dir", "logging_dir"):
        if name in found:
            wrong(f"{name} is still there, and refused today: nothing takes its place, so it goes")
    for old, new in RENAMED.items():
        if old in found:
            wrong(f"{old} is still there, and refused today")
        if new not in found:
            wrong(f"{old} is gone without a word, and with it {OLD[old]!r}: it was renamed, not removed")
    if found["use_cpu"] is not True:
        wrong("no_cuda=True meant the CPU, and use_cpu=True means it, too: the value stays as it is")
    if found["warmup_steps"] != 0.05:
        wrong(f"warmup_steps became {found['warmup_steps']}: a value below 1 is still the share of all steps")
    lost = sorted(set(KEPT) - set(found))
    if lost:
        wrong(f"{', '.join(lost)} is lost: what was never renamed passes as it is (a value of 0, too)")
    if found != {**KEPT, **NEW}:
        wrong(f"not these arguments: {found}")
    if answer({"learning_rate": 1e-4}) != {"learning_rate": 1e-4}:
        wrong("a config that names none of the old arguments must come out as it is")
    return "four renamed with their values, two gone, the rest untouched."
