"""Makes the run cards of data/runs: `python -m tools.build_runs [NAME ...]` (each some minutes, seeded).

A card is written after every run; when stopped, the same command goes on where it was. With another base or other
tickets than it was made with, all of it is run anew.
"""

import hashlib
import importlib.metadata
import json
import sys
from dataclasses import asdict, replace

from helpers.errors import InputError
from helpers.files import save_json
from helpers.models import base_identity
from helpers.sweeps import CARDS, TINY, Setting, pools, run_setting, to_json

THREADS = 1  # as fast as two on models this small, and the sums are the same however many cores there are
PACKAGES = ("torch", "transformers", "peft")
ATTENTION, MLP = "q_proj,k_proj,v_proj,o_proj", "gate_proj,up_proj,down_proj"
BEST = 3e-3
SEEDS = 5
# Ranks that give nearly as many parameters to each: 832, 1664, 1792, 2688 and 4352 for a rank of one in each block.
# Rates are chosen among three, each twice the one before: the losses rise tenfold within a factor of three.
MODULES = (
    ("q_proj,v_proj", 32, 6e-3),
    (ATTENTION, 16, 6e-3),
    ("gate_proj,up_proj", 15, 6e-3),
    (MLP, 10, 6e-3),
    ("all-linear", 6, 6e-3),
)
RANKS = ((1, 1.2e-2), (64, 1.5e-3), (256, 3.75e-4))


def over_seeds(settings: list[Setting], seeds: int) -> list[Setting]:
    """Each setting with that many seeds."""
    return [replace(setting, seed=seed) for setting in settings for seed in range(seeds)]


def around(rate: float, **changed) -> list[Setting]:
    """An arm: a setting at half the rate, at it and at twice the rate, with each of `SEEDS` seeds."""
    return at_rates(tuple(rate * factor for factor in (0.5, 1, 2)), **changed)


def at_rates(rates: tuple[float, ...], **changed) -> list[Setting]:
    """A setting at each rate, with each of `SEEDS` seeds."""
    return over_seeds([Setting(learning_rate=rate, **changed) for rate in rates], SEEDS)


def convergence() -> dict[str, list[Setting]]:
    """The runs of notebook 06, by experiment: the first arm is what the others are held against. alpha is twice the
    rank, but where it is the subject."""
    usual = around(BEST)
    modules = [around(rate, targets=names, rank=rank, alpha=2 * rank) for names, rank, rate in reversed(MODULES)]
    ranks = [around(rate, rank=rank, alpha=2 * rank) for rank, rate in RANKS]
    few = [around(rate, targets="q_proj,v_proj", rank=rank, alpha=2 * rank) for rank, rate in ((32, 6e-3), (1, 2.4e-2))]
    same_steps = [around(6e-3, batch_size=size, steps=8, rows=8 * size) for size in (4, 16)]
    forty: dict = {"batch_size": 2, "steps": 40, "rows": 80}  # so that 5% of the steps are two
    shares = ((0.0, BEST / 2), (0.05, BEST / 2), (0.1, BEST / 2))
    warmups = [around(rate, warmup=share, **forty) for share, rate in shares]
    wild = [at_rates((1.2e-2,), warmup=share, **forty) for share in (0.0, 0.1, 0.25)]
    rows = [(10, 0.0, BEST / 2), (100, 0.3, BEST)]
    noisy = [around(rate, rows=count, noise=noise, steps=24, scored=24) for count, noise, rate in rows]
    return {
        "rate, LoRA": at_rates((1e-5, 1e-4, 3e-4, 1e-3, 1.5e-3, 3e-3, 6e-3, 1e-2, 3e-2)),
        "rate, full": at_rates((1e-5, 3e-5, 1e-4, 1.5e-4, 3e-4, 6e-4, 1e-3, 3e-3), full=True),
        "modules": sum(modules, []),
        "batch, same rows": usual + around(6e-3, batch_size=16, steps=4),
        "rank, q and v": sum(few, []),
        "warmup": sum(warmups, []),
        "batch, same steps": sum(same_steps, []),
        "noise": sum(noisy, []),
        "warmup, too high": sum(wild, []),
        "alpha": usual + around(2 * BEST, alpha=16) + around(BEST / 2, alpha=64),
        "rank": sum(ranks, usual),
        "rank, one rate": sum((at_rates((BEST,), rank=rank, alpha=2 * rank) for rank in (16, 1, 256)), []),
        "dropout": usual + around(BEST, dropout=0.05) + around(BEST, dropout=0.1),
    }


def overfitting() -> dict[str, list[Setting]]:
    """The runs of notebook 07: eight epochs over few rows with nothing done about it, and each remedy alone.

    Each arm has five seeds at its own rate, the best of at least three on the tickets of `choosing` (a test holds it);
    some of these have two seeds only. Weight decay and the smallest dropout, which can hardly shift the best rate, are
    run at that of "nothing"; so are more rows and questions mixed in, which could only do better at one of their own.
    "Nothing" has all seeds at every rate, since the rate is a remedy, too, and what articles name has them at the high
    one as well, where there is most to cure. The rate is constant: a run holds all shorter ones.
    """
    start = Setting(task="write", clip=0.0, batch_size=2, rows=20, steps=80, evaluations=4)
    asked = {"watch": ("held_out", "choosing", "questions")}
    low, own, high = rates = 3e-4, 1e-3, 3e-3
    recipe = {"dropout": 0.1, "weight_decay": 0.01, "clip": 1.0}
    nothing = [replace(start, learning_rate=rate, scored=8 * (rate == high), **asked) for rate in (*rates, 1e-2)]
    # what is changed, the rates with five seeds, those with two
    arms: dict[str, tuple[dict, tuple[float, ...], tuple[float, ...]]] = {
        "dropout 0.05": ({"dropout": 0.05}, (own,), ()),
        "dropout 0.1": ({"dropout": 0.1}, (own, high), (low,)),
        "dropout 0.3": ({"dropout": 0.3}, (own, high), (low,)),
        "weight decay 0.01": ({"weight_decay": 0.01}, (own,), ()),
        "weight decay 0.1": ({"weight_decay": 0.1}, (own,), ()),
        "clipping 1.0": ({"clip": 1.0}, (low, own), (1e-4,)),
        "their recipe": (recipe, rates, (1e-4,)),
        "rank 2": ({"rank": 2, "alpha": 4, **asked}, (high,), (own, 1e-2)),
        "full tuning": ({"full": True, **asked}, (1e-4, low), (3e-5, own)),
        "40 rows": ({"rows": 40, "steps": 160, **asked}, (own,), ()),
        "questions mixed in": ({"replay": 0.25, "steps": 100, "evaluations": 5, **asked}, (own,), ()),
    }
    settings = {"nothing": over_seeds(nothing, 5)}
    for arm, (changed, five, two) in arms.items():
        at = [[replace(start, learning_rate=rate, **changed) for rate in some] for some in (five, two)]
        settings[arm] = over_seeds(at[0], 5) + over_seeds(at[1], 2)
    early = replace(start, learning_rate=high, steps=40, evaluations=1, scored=8)
    settings["by heart, stopped after four epochs"] = over_seeds([early], 5)
    return settings


EXPERIMENTS = {"convergence": convergence, "overfitting": overfitting}


def build(name: str) -> None:
    """Run what card `name` lacks; points that no experiment asks for any more are dropped."""
    import torch

    torch.set_num_threads(THREADS)
    wanted = EXPERIMENTS[name]()
    path = CARDS / f"{name}.json"
    card = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    known = card["points"] if card.get("made_from") == made_from() else {}
    # One run serves every experiment that asks for its setting.
    done = {json.dumps(point["setting"]): point for points in known.values() for point in points}
    for settings in wanted.values():
        for setting in settings:
            key = setting_key(setting)
            if key in done:
                continue
            done[key] = to_json(run_setting(setting))
            write(path, wanted, done)
            print(f"{len(done)} runs, {done[key]['seconds']} s: {setting}", flush=True)
    write(path, wanted, done)


def made_from() -> dict[str, object]:
    """What every run of a card depends on beside its setting: the base, and the pools of rows by their SHA-256."""
    texts = {name: json.dumps(rows, ensure_ascii=False) for name, rows in pools().items()}
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    return {"base": base_identity(TINY.model)} | digests


def setting_key(setting: Setting) -> str:
    """The setting as the card spells it."""
    return json.dumps(asdict(setting))


def write(path, wanted: dict[str, list[Setting]], done: dict[str, dict]) -> None:
    """The card with what is done so far of what is wanted."""
    points = {
        experiment: [done[key] for key in map(setting_key, settings) if key in done]
        for experiment, settings in wanted.items()
    }
    save_json(
        path,
        {
            "made_by": f"python -m tools.build_runs {path.stem}",
            "made_from": made_from(),
            "versions": {package: importlib.metadata.version(package) for package in PACKAGES},
            "threads": THREADS,
            "points": points,
        },
    )


def main(names: list[str]) -> None:
    for name in names or EXPERIMENTS:
        if name not in EXPERIMENTS:
            raise InputError(f"there is no card {name}: {', '.join(EXPERIMENTS)}")
        build(name)


if __name__ == "__main__":
    from helpers.quiet import quiet

    quiet(progress_bars=False)
    try:
        main(sys.argv[1:])
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
