"""The cleaner on generated tickets, each run in a process of its own: throughput, and how memory grows with rows."""

import json
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

from helpers.machine import peak_resident_bytes
from helpers.timing import interleave
from tools.bench.card import Measurement, Options, Result, sides_of
from tools.bench.startup import python

ONCE_ABOVE = 100_000  # rows from which one run has to do
WORKERS = 2  # processes beside the parent's, whose speed is compared with that of one process


def write_tickets(sizes: tuple[int, ...], folder: Path, seed: int = 0) -> dict[int, Path]:
    """A JSONL file for each size; all begin with the same generated tickets, and no two of these are alike."""
    from helpers.chats import task_messages
    from helpers.files import encode_row
    from tools.tickets.learned import company_ticket
    from tools.tickets.tickets import LANGUAGES

    rng = random.Random(seed)
    paths = {size: folder / f"{size}.jsonl" for size in sizes}
    with ExitStack() as stack:
        files = {size: stack.enter_context(path.open("wb")) for size, path in paths.items()}
        for number in range(max(sizes)):
            ticket = company_ticket(rng, rng.choice(LANGUAGES), held_out=False)
            row = encode_row({"messages": task_messages(ticket.text, ticket.fields)})
            for size, file in files.items():
                if number < size:
                    file.write(row)
    return paths


def clean(path: Path, workers: int = 1) -> dict:
    """Clean one file, the tokenizer loaded before: seconds by clock and of the processor, rows kept, and the bytes that
    this process grew by."""
    from helpers.clean import clean_files
    from helpers.clean.tokens import ChatTokenizer

    tokenizer = ChatTokenizer()
    tokenizer.count([{"role": "user", "content": "?"}])
    before, start, worked = peak_resident_bytes(), time.perf_counter(), time.process_time()
    outputs = path.with_suffix(".clean"), path.with_suffix(".rejects")
    report = clean_files([path], *outputs, tokenizer=tokenizer, workers=workers)
    clock, processor, peak = time.perf_counter() - start, time.process_time() - worked, peak_resident_bytes()
    return {
        "clock": clock,
        "processor": processor,
        "kept": report.kept,
        "peak_bytes": peak,
        "grown_bytes": peak - before,
    }


def in_child(path: Path, workers: int = 1) -> dict:
    """`clean` in a fresh process."""
    return json.loads(python(["-m", "tools.bench.cleaning", str(path), str(workers)]))


def run(options: Options) -> Result:
    """Clean each row count `options.repeats` times in turns, in one process and with WORKERS; one of more than 100,000
    rows once, in one process."""
    sizes = sorted(options.rows)
    often, once = ([n for n in sizes if (n > ONCE_ABOVE) == rare] for rare in (False, True))
    with tempfile.TemporaryDirectory() as folder:
        paths = write_tickets(tuple(sizes), Path(folder))
        megabytes = {n: path.stat().st_size / 1e6 for n, path in paths.items()}
        runs = {(n, w): lambda n=n, w=w: in_child(paths[n], w) for n in often for w in (1, WORKERS)}
        taken_in_turns = interleave(runs, options.repeats, warm_up=False)
        found = {n: taken_in_turns[n, 1] for n in often} | {n: [in_child(paths[n])] for n in once}
    measured = {
        f"{n} rows by {WORKERS} workers, speed": Measurement(
            "rows/s", tuple(n / one["clock"] for one in taken_in_turns[n, WORKERS])
        )
        for n in often
    }
    for n, taken in found.items():
        measured[f"{n} rows, speed"] = Measurement("rows/s", tuple(n / one["clock"] for one in taken))
        measured[f"{n} rows, processor"] = Measurement("ms a row", tuple(1e3 * one["processor"] / n for one in taken))
        measured[f"{n} rows, input"] = Measurement("MB/s", tuple(megabytes[n] / one["clock"] for one in taken))
        measured[f"{n} rows, peak bytes"] = Measurement("bytes", tuple(one["peak_bytes"] for one in taken))
        measured[f"{n} rows, grown bytes"] = Measurement("bytes", tuple(one["grown_bytes"] for one in taken))
    kept = {n: taken[0]["kept"] for n, taken in found.items()}
    compared = [f"{n} rows / {m} rows, speed" for m, n in pairwise(often)]
    compared += [f"{n} rows by {WORKERS} workers / {n} rows, speed" for n in often]
    headlines = [f"{n} rows, {what}" for n in sizes for what in ("speed", "input", "processor", "peak bytes")]
    return Result(
        settings={
            "workers": WORKERS,
            "rows": sizes,
            "kept": list(kept.values()),
            "megabytes": [round(m, 1) for m in megabytes.values()],
        },
        measurements=measured,
        ratios={name: sides_of(name) for name in compared},
        headlines=(*headlines, *(f"{n} rows by {WORKERS} workers, speed" for n in often)),
        checks={
            "nearly all rows are kept": all(kept[n] >= 0.95 * n for n in sizes),
        },
    )


if __name__ == "__main__":
    print(json.dumps(clean(Path(sys.argv[1]), int(sys.argv[2]))))
