"""Known wrong answers to the exercises of notebook 05, and words of the hint that each must get."""


def loop(scale: str, zero: str = "    model.zero_grad()\n", count: str = "(b['labels'][:, 1:] != -100)") -> str:
    return (
        "def accumulate(model, batches):\n"
        f"    counts = [int({count}.sum()) for b in batches]\n"
        f"{zero}"
        "    for batch, count in zip(batches, counts):\n"
        f"        (model(**batch).loss * {scale}).backward()\n"
    )


def reading(*lines: str) -> str:
    return "def diagnose(asked, total, free, allocated, unallocated):\n" + "".join(f"    {line}\n" for line in lines)


FRAGMENTED = "if unallocated >= asked: return 'fragmentation'"
ELSEWHERE = "elsewhere = total - free - allocated - unallocated"
TOTAL = "sum((b['labels'][:, 1:] != -100).sum() for b in batches)"

WRONG = {
    "accumulate": [
        ("def accumulate(model, batches):\n    pass\n", "no gradient came"),
        (
            "def accumulate(model, batches):\n    model.zero_grad()\n"
            f"    total = {TOTAL}\n"
            "    sum(model(**b).loss * (b['labels'][:, 1:] != -100).sum() / total for b in batches).backward()\n",
            "graphs waited at once",
        ),
        (loop("1"), "added up"),
        (loop("1 / len(batches)"), "weigh its mean"),
        (loop("count / sum(counts)", count="(b['labels'] != -100)"), "never predicted"),
        (loop("count"), "that of the big batch"),
        (loop("count / sum(counts)", zero=""), "set it to zero"),
    ],
    "diagnose": [
        (reading("print(asked)"), "returned None"),
        (reading("return 'full'"), "reserved and unused"),
        (reading(FRAGMENTED, "return 'another process'"), "all in use"),
        (reading(FRAGMENTED, "return 'full'"), "neither free nor torch's"),
        (reading(FRAGMENTED, ELSEWHERE, "return 'another process' if elsewhere >= asked else 'full'"), "context"),
        (
            reading(
                ELSEWHERE,
                "if elsewhere - 1 >= asked: return 'another process'",
                "return 'fragmentation' if unallocated >= asked else 'full'",
            ),
            "reserved comes first",
        ),
    ],
}
