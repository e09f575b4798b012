"""Memory figures that others published, beside what the planner says of the same settings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from helpers import DATA
from helpers.memory.plan import Plan, estimate
from helpers.memory.settings import Settings

UNITS = {"GB": 10**9, "GiB": 2**30}


@dataclass(frozen=True)
class Figure:
    """A row of data/published_memory.jsonl. `kind`: "peak" was measured; "impossible" is a claim below what must be
    there. `note` says which settings are known or assumed, `why` explains how far the prediction is off, and `band` is
    the least and the most that predicted / published may be (none for a claim)."""

    id: str
    kind: str
    model: str
    value: float
    unit: str
    settings: Settings
    source: str
    note: str
    why: str
    band: tuple[float, float] | None = None

    @property
    def bytes(self) -> int:
        return int(self.value * UNITS[self.unit])


@dataclass(frozen=True)
class Comparison:
    """A figure and the plan for its settings. `ratio`: predicted peak over the published one."""

    figure: Figure
    plan: Plan

    @property
    def ratio(self) -> float:
        return self.plan.peak / self.figure.bytes

    @property
    def within(self) -> bool:
        """Whether the ratio is where the figure's row says; a claim's row says nothing."""
        low, high = self.figure.band or (0.0, float("inf"))
        return low < self.ratio < high

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
