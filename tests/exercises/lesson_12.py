"""Known wrong answers to the exercise of notebook 12, and words of the hint that each must get."""

TABLES = """
RENAMED = {"evaluation_strategy": "eval_strategy", "warmup_ratio": "warmup_steps", "no_cuda": "use_cpu",
           "max_seq_length": "max_length"}
GONE = {"overwrite_output_dir", "logging_dir"}
"""


def with_tables(body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
    return f"{TABLES}\ndef modernise(old):\n{lines}"


RIGHT = "new = {RENAMED.get(n, n): v for n, v in old.items() if n not in GONE}\n"
IN_PLACE = """
for name in GONE:
    old.pop(name, None)
return {RENAMED.get(n, n): v for n, v in old.items()}
"""

WRONG = {
    "modernise": [
        (with_tables("return dict(old)"), "nothing takes its place"),
        (with_tables("return {n: v for n, v in old.items() if n not in GONE}"), "is still there, and refused today"),
        (with_tables("return {n: v for n, v in old.items() if n not in {*GONE, *RENAMED}}"), "renamed, not removed"),
        (with_tables(IN_PLACE), "Make a new dict"),
        (with_tables(RIGHT + "new['use_cpu'] = not new['use_cpu']\nreturn new"), "means it, too"),
        (with_tables(RIGHT + "new['warmup_steps'] = int(new['warmup_steps'])\nreturn new"), "the share of all steps"),
        (with_tables("return {RENAMED[n]: v for n, v in old.items() if n in RENAMED}"), "is lost"),
        (with_tables(RIGHT + "return {n: v for n, v in new.items() if v}"), "a value of 0, too"),
        (with_tables(RIGHT + "return list(new)"), "returned list"),
        (with_tables(RIGHT + "new['use_cpu'] = True\nreturn new"), "must come out as it is"),
    ]
}
