"""Comparing speeds on a machine that does other things, too: jobs taken in turn, ratios within each round."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from helpers.machine import synchronise

Value = TypeVar("Value")


@dataclass(frozen=True)
class Ratio:
    """How many times as long as the reference: the median over rounds, and the smallest and the largest of them."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def interleave(
    sides: Mapping[str, Callable[[], Value]], rounds: int = 5, warm_up: bool = True
) -> dict[str, list[Value]]:
    """Call each side once a round, A B A B …, so that what else the machine does meets all of them; returns what each
    gave, by name.

    With `warm_up`, a first round is thrown away: it pays for caches that the others find filled.
    """
    found: dict[str, list[Value]] = {name: [] for name in sides}
    for turn in range(rounds + warm_up):
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


def interleaved(jobs: Mapping[str, Callable[[], object]], rounds: int = 5) -> dict[str, list[float]]:
    """Seconds of each job in each of `rounds` rounds after one that warms up, by name."""
    return interleave({name: partial(seconds, job) for name, job in jobs.items()}, rounds)


def ratios(taken: Mapping[str, list[float]], reference: str) -> dict[str, Ratio]:
    """Each job's seconds over those of the job `reference` in the same round."""
    found = {}
    for name, values in taken.items():
        shares = [value / other for value, other in zip(values, taken[reference], strict=True)]
        found[name] = Ratio(statistics.median(shares), min(shares), max(shares))
    return found
