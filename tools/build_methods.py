"""Makes data/runs/methods.json, the runs of notebook 23: `python -m tools.build_methods` (half an hour).

First each method's rate: three of a grid, with a seed that scores nothing, on tickets that score nothing; where the
best of them is at an end, the grid goes on until it lies between two worse ones. Then the seeds that score, at that
rate. The card is written after every run; when stopped, the same command goes on where it was. With another base, other
rows or settings than it was made with, all of it is run anew.
"""

import hashlib
import importlib.metadata
import json
import math
from dataclasses import asdict

from helpers import methods
from helpers.files import save_json
from helpers.methods import METHODS, best_rate, choosing_loss, run, to_json, train, tried_rates
from helpers.models import base_identity
from helpers.sweeps import TINY

PACKAGES = ("torch", "transformers", "peft", "bitsandbytes")
THREADS = 1  # the sums are the same however many cores there are
SEEDS, CHOOSING_SEEDS = (0, 1, 2), (100,)
GRID = tuple(float(f"{digit}e{power}") for power in range(-6, 2) for digit in (1, 3))
FURTHER = 4  # rates beyond the first three that a method may ask for
# The middle of the first three rates.
START = {
    "LoRA": 3e-3,
    "QLoRA": 3e-3,
    "rsLoRA": 1e-3,
    "LoRA+": 3e-4,
    "DoRA": 3e-3,
    "PiSSA": 1e-3,
    "EVA": 3e-3,
    "OFT": 3e-3,
    "(IA)³": 3e-2,
    "prompt tuning": 1e-1,
    "full": 3e-4,
}
SETTINGS = ("STEPS", "BATCH", "ROWS", "WARMUP", "CLIP", "ANSWER", "RANK", "ALPHA", "RATIO")


def made_from() -> dict[str, object]:
    """What every run depends on beside method, rate and seed: base, settings, configs, the rows by their SHA-256."""
    digests = {name: digest(found) for name, found in methods.rows().items()}
    settings = {name.lower(): getattr(methods, name) for name in SETTINGS}
    return {"base": base_identity(TINY.model), "settings": settings, "configs": configs()} | digests


def configs() -> dict[str, dict]:
    """What each method's config says beyond its class's defaults: a run with another config is no run of this card."""
    return {method: said(methods.config_of(method)) for method in METHODS}


def said(config) -> dict:
    """The fields of a PEFT config that are not its class's defaults, as JSON has them."""
    if config is None:
        return {}
    given, usual = asdict(config), asdict(type(config)())
    found = {name: value for name, value in given.items() if value != usual[name]}
    plain = {name: sorted(value) if isinstance(value, set) else value for name, value in found.items()}
    return {"config": type(config).__name__} | plain


def digest(value) -> str:
    """SHA-256 of a value's JSON."""
    return hashlib.sha256(json.dumps(value, ensure_ascii=False).encode()).hexdigest()


def next_rate(method: str, tried: dict[float, list[float]]) -> float | None:
    """The rate to try next; None when the best of those tried lies between two worse ones, or the grid may not go on.

    `tried` has the losses of every rate that is done.
    """
    middle = GRID.index(START[method])
    for rate in GRID[middle - 1 : middle + 2]:
        if rate not in tried:
            return rate
    at = GRID.index(best_rate(tried))
    missing = [GRID[i] for i in (at - 1, at + 1) if 0 <= i < len(GRID) and GRID[i] not in tried]
    return missing[0] if missing and len(tried) < 3 + FURTHER else None


class Card:
    """The card on disk: what is done, kept after every run."""

    def __init__(self):
        self.made_from = made_from()
        old = methods.read_card() if methods.CARD.exists() else {}
        same = old.get("made_from") == self.made_from
        self.choosing: list[dict] = old["choosing"] if same else []
        self.points: list[dict] = old["points"] if same else []

    def tried(self, method: str) -> dict[float, list[float]]:
        """The losses of each rate, one a seed."""
        found = tried_rates(self.choosing)[method]
        return {rate: losses for rate, losses in found.items() if len(losses) == len(CHOOSING_SEEDS)}

    def save(self) -> None:
        save_json(
            methods.CARD,
            {
                "made_by": "python -m tools.build_methods",
                "made_from": self.made_from,
                "versions": {package: importlib.metadata.version(package) for package in PACKAGES},
                "threads": THREADS,
                "choosing": self.choosing,
                "points": self.points,
            },
        )


def choose(card: Card, method: str) -> None:
    """Try rates until the best one lies between two worse ones."""
    while (rate := next_rate(method, card.tried(method))) is not None:
        for seed in CHOOSING_SEEDS:
            if any((one["method"], one["rate"], one["seed"]) == (method, rate, seed) for one in card.choosing):
                continue
            model, _, _ = train(method, rate, seed)
            loss = choosing_loss(model)
            found = {"method": method, "rate": rate, "seed": seed}
            card.choosing.append({**found, "loss": round(loss, 5) if math.isfinite(loss) else None})
            card.save()
            print(card.choosing[-1], flush=True)


def main() -> None:
    import torch

    torch.set_num_threads(THREADS)
    card = Card()
    for method in METHODS:
        choose(card, method)
    for seed in SEEDS:
        for method in METHODS:
            rate = best_rate(card.tried(method))
            if any((one["method"], one["rate"], one["seed"]) == (method, rate, seed) for one in card.points):
                continue
            point = to_json(run(method, rate, seed))
            card.points.append(point if seed == SEEDS[0] else {**point, "wrong": {}})
            card.save()
            print(f"{method}, rate {rate:g}, seed {seed}: {point['exact'].count('1')} right", flush=True)


if __name__ == "__main__":
    from helpers.quiet import quiet

    quiet(progress_bars=False)
    main()
