"""Comparing speeds on a machine that does other things, too: jobs taken in turn, ratios within each round."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """How many times as long as the reference: the median over rounds, and the smallest and the largest of them."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def interleaved(jobs: Mapping[str, Callable[[], object]], rounds: int = 5) -> dict[str, list[float]]:
    """Seconds of each job in each of `rounds` rounds, by name.

    A round takes every job once, so that what else the machine does meets all of them; a first one, which warms up,
    is not counted. On a GPU the clock waits for its queue.
    """
    import torch

    wait = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for counted in range(rounds + 1):
        for name, job in jobs.items():
            wait()
            start = time.perf_counter()
            job()
            wait()
            if counted:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def ratios(seconds: Mapping[str, list[float]], reference: str) -> dict[str, Ratio]:
    """Each job's seconds over those of the job `reference` in the same round."""
    found = {}
    for name, values in seconds.items():
        shares = [value / other for value, other in zip(values, seconds[reference], strict=True)]
        found[name] = Ratio(statistics.median(shares), min(shares), max(shares))
    return found
