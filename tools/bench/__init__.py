"""Benchmarks: what is compared with one another runs side by side, in turns, and written to a run card, raw.

`timing` takes the turns, `card` is what is written, and each benchmark is a module with `run(options)`.
"""

BENCHMARKS = {
    "startup": "fresh processes: import helpers, the command line's help, the doctor",
    "inference": "the same answers from the base, with an adapter, and with the adapter merged",
    "recipes": "the articles' training recipe against the course's, in real tokens a second",
    "loop": "what the trainer costs: the course's recipe against a bare loop of torch",
    "methods": "a training step in full, with LoRA and with QLoRA: time, bytes, and what the articles claim of them",
    "cleaning": "the cleaner on generated tickets: rows and megabytes a second, with workers, and how its memory grows",
}
FEWEST = 5  # values behind a median on a card
