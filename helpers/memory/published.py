"""Memory figures that others published, beside what the planner says of the same settings."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from helpers import DATA
from helpers.memory.plan import estimate
from helpers.memory.settings import Settings
from helpers.memory.terms import Plan

UNITS = {"B": 1, "GB": 10**9, "GiB": 2**30}
COUNTERS = {
    "allocator": "the most that torch's allocator had given out at once",
    "reserved": "the most that it had taken from the card, free blocks included",
    "card": "what the card reports, CUDA's context included",
}
BAND = (0.85, 1.15)  # one for all rows


@dataclass(frozen=True)
class Figure:
    """A row of data/published_memory.jsonl. `kind`: "peak" was measured; "impossible" is a claim below what must be
    there. `counter` is who counted (one of COUNTERS; none for a claim), `note` says how the settings are known, and
    `why` where the prediction is off and for what reason, or that there is none known."""

    id: str
    kind: str
    model: str
    value: float
    unit: str
    settings: Settings
    source: str
    note: str
    why: str
    counter: str | None = None

    @property
    def bytes(self) -> int:
        return int(self.value * UNITS[self.unit])


@dataclass(frozen=True)
class Comparison:
    """A figure and the plan for its settings. `ratio`: predicted over published."""

    figure: Figure
    plan: Plan

    @property
    def predicted(self) -> int:
        """The peak in the counter's terms: torch's allocator knows nothing of state that bitsandbytes pages."""
        return self.plan.peak - (0 if self.figure.counter == "card" else self.plan.paged)

    @property
    def ratio(self) -> float:
        return self.predicted / self.figure.bytes

    @property
    def within(self) -> bool:
        """Whether the ratio lies in BAND."""
        return BAND[0] < self.ratio < BAND[1]

    @property
    def floor(self) -> int:
        """What is there before a single token: weights and their constants. A claim below it cannot be."""
        return self.plan.weights + self.plan.quantization_constants


def figures() -> list[Figure]:
    """All rows of the file."""
    rows = map(json.loads, (DATA / "published_memory.jsonl").read_text(encoding="utf-8").splitlines())
    return [Figure(**{**row, "settings": settings_of(row)}) for row in rows]


def settings_of(row: dict) -> Settings:
    """The settings of a row; targets are a list in JSON."""
    options: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in row["settings"].items()
    }
    return Settings(model=row["model"], **options)


def compare(figure: Figure) -> Comparison:
    """Predict the figure's settings."""
    return Comparison(figure, estimate(figure.settings))


def errors(measured: Sequence[Comparison]) -> tuple[float, float]:
    """Median and 90th percentile (the smallest error that nine rows in ten do not exceed) of |ratio - 1|."""
    found = sorted(abs(one.ratio - 1) for one in measured)
    return tuple(found[math.ceil(share * len(found)) - 1] for share in (0.5, 0.9))  # type: ignore[return-value]
