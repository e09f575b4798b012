"""The run card: what was measured, raw, and what it was measured on."""

import importlib.metadata
import json
import os
import platform
import statistics
from dataclasses import dataclass, field
from pathlib import Path

from helpers import DATA
from helpers.course import PACKAGES
from helpers.errors import InputError
from helpers.files import load_jsonl
from helpers.machine import GIB, torch_gpus
from helpers.profiles import Profile
from tools.ledger import LEDGER

CARD = DATA / "runs" / "bench.json"


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


@dataclass(frozen=True)
class Measurement:
    """Values of one quantity in `unit`, in the order in which they were taken. The spread is from least to most."""

    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def as_dict(self) -> dict:
        return {
            "unit": self.unit,
            "values": list(self.values),
            "median": self.median,
            "spread": [min(self.values), max(self.values)],
        }


@dataclass(frozen=True)
class Claim:
    """What a claim of the ledger says of one ratio: that it lies from `low` to `high` (None: open)."""

    id: str
    part: str
    ratio: str
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Result:
    """What a benchmark found. `ratios`: name to the names of the measurements above and below the line; `headlines`:
    the measurements that data/runs/README.md shows; `checks`: what must be true, by name."""

    settings: dict
    measurements: dict[str, Measurement]
    ratios: dict[str, tuple[str, str]]
    headlines: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    checks: dict[str, bool] = field(default_factory=dict)


def ratio(above: Measurement, below: Measurement) -> Measurement:
    """One side over the other, round by round: both sides of a round have met the same load."""
    return Measurement("times", tuple(a / b for a, b in zip(above.values, below.values, strict=True)))


def sides_of(name: str) -> tuple[str, str]:
    """The measurements that a ratio such as "full / lora, time" is of: "full, time" and "lora, time"."""
    pair, _, what = name.partition(", ")
    above, below = pair.split(" / ")
    return f"{above}, {what}", f"{below}, {what}"


def entry(result: Result, seconds: float) -> dict:
    """A benchmark as the card has it."""
    ratios = {}
    for name, (above, below) in result.ratios.items():
        measured = ratio(result.measurements[above], result.measurements[below])
        ratios[name] = {"above": above, "below": below, **measured.as_dict()}
    return {
        "settings": result.settings,
        "seconds": round(seconds, 1),
        "measurements": {name: measured.as_dict() for name, measured in result.measurements.items()},
        "ratios": ratios,
        "headlines": list(result.headlines),
        "claims": [judge(claim, ratios[claim.ratio]["median"]) for claim in result.claims],
        "checks": result.checks,
    }


def judge(claim: Claim, measured: float) -> dict:
    """The claim in the ledger's words, what it says of the ratio, what was measured, and whether that agrees."""
    text = {row["id"]: row["text"] for row in load_jsonl(LEDGER)}[claim.id]
    low, high = claim.low or 0, claim.high or float("inf")
    return {
        "id": claim.id,
        "text": text,
        "part": claim.part,
        "ratio": claim.ratio,
        "claimed": [claim.low, claim.high],
        "measured": measured,
        "agrees": low <= measured <= high,
    }


def machine() -> dict:
    """This machine in general words: processor, cores that this process may use, memory, GPUs, and the load."""
    import psutil

    may_use = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "cpu": cpu_name(),
        "cores": may_use,
        "memory_gib": round(psutil.virtual_memory().total / GIB, 1),
        "gpus": [f"{gpu.name}, {gpu.memory_gib:.0f} GiB" for gpu in torch_gpus()],
        "system": f"{platform.system()} {platform.machine()}",
        "load": round(psutil.getloadavg()[0], 1),
    }


def cpu_name() -> str:
    """The processor's model, as the system calls it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Python and the packages that the figures depend on."""
    names = (*PACKAGES, "tokenizers", "rensa", "numpy")
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in names}}


def read(path: Path = CARD) -> dict:
    """A run card. InputError if there is none, or if it is another file."""
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        card["benchmarks"], card["machine"]
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"{path.name} is no run card: write one with `python -m tools.bench --out {path.name}`"
        ) from None
    return card
