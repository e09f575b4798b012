"""Cards of sweeps (data/runs, made by data/build_runs.py): results of more runs than a notebook has time for.

Each point of a card says everything that its run depends on, so that it can be had again.
"""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict

from helpers import DATA
from helpers.sweeps import Result, Setting

CARDS = DATA / "runs"


def mean_and_interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean over the seeds and half the width of its 95% interval (Student's t); infinite with fewer than two."""
    from scipy.stats import t

    mean = sum(values) / len(values)
    if len(values) < 2 or not math.isfinite(mean):
        return mean, math.inf
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return mean, float(t.ppf(0.975, len(values) - 1)) * math.sqrt(variance / len(values))


def by(results: Iterable[Result], key: Callable[[Setting], object]) -> dict:
    """The results grouped by what `key` says of their setting, in the order met: one group for all seeds of a value."""
    groups: dict = {}
    for result in results:
        groups.setdefault(key(result.setting), []).append(result)
    return groups


def load(name: str) -> dict[str, list[Result]]:
    """The results of data/runs/`name`.json, by experiment."""
    card = json.loads((CARDS / f"{name}.json").read_text(encoding="utf-8"))
    return {experiment: [from_json(point) for point in points] for experiment, points in card["points"].items()}


def to_json(result: Result) -> dict:
    """A point of a card; infinite losses are null there."""

    def number(value: float):
        return round(value, 5) if math.isfinite(value) else None

    curves = {name: [(step, number(loss)) for step, loss in curve] for name, curve in result.curves.items()}
    losses = [number(loss) for loss in result.losses]
    return {**asdict(result), "losses": losses, "curves": curves, "seconds": round(result.seconds, 1)}


def from_json(point: dict) -> Result:
    """The result that `to_json` wrote."""
    setting = Setting(**{**point["setting"], "watch": tuple(point["setting"]["watch"])})
    infinite = math.inf
    curves = {
        name: [(step, infinite if loss is None else loss) for step, loss in curve]
        for name, curve in point["curves"].items()
    }
    losses = [infinite if loss is None else loss for loss in point["losses"]]
    return Result(setting, losses, curves, point["scores"], point["seconds"])
