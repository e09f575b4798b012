"""Measuring in turns: a machine that is busy for a while then slows all sides, and their ratio stays what it is."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from helpers.machine import synchronise
from helpers.profiles import Profile

Value = TypeVar("Value")


@dataclass(frozen=True)
class Options:
    """What a benchmark is run with. `rows` are row counts for the cleaner, `steps` the steps of one timed training,
    `new_tokens` the tokens of one timed answer, `blocks` and `length` the model and the row of one timed step."""

    profile: Profile
    repeats: int = 5
    rows: tuple[int, ...] = (10_000, 100_000)
    steps: int = 3
    new_tokens: int = 64
    blocks: int = 4
    length: int = 128


def interleave(sides: dict[str, Callable[[], Value]], repeats: int, warm_up: bool = True) -> dict[str, list[Value]]:
    """Call each side `repeats` times in turns, A B A B …, and return what each gave, by name.

    With `warm_up`, a first round is thrown away: it pays for caches that the others find filled.
    """
    found: dict[str, list[Value]] = {name: [] for name in sides}
    for turn in range(repeats + warm_up):
        for name, call in sides.items():
            value = call()
            if turn >= warm_up:
                found[name].append(value)
    return found


def seconds(call: Callable[[], object]) -> float:
    """Wall-clock seconds of one call, with what it gave a GPU to do."""
    synchronise()
    start = time.perf_counter()
    call()
    synchronise()
    return time.perf_counter() - start
