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
# Ranks that give nearly as many parameters to each: 832, 1664, 1792, 2688 and 4352 for a rank of one in each block.
TARGETS = (("q_proj,v_proj", 32), (ATTENTION, 16), ("gate_proj,up_proj", 15), (MLP, 10), ("all-linear", 6))
BEST, HIGH = 3e-3, 1e-2


def over_seeds(settings: list[Setting], seeds: int) -> list[Setting]:
    """Each setting with that many seeds."""
    return [replace(setting, seed=seed) for setting in settings for seed in range(seeds)]


def convergence() -> dict[str, list[Setting]]:
    """The runs of notebook 06, by experiment."""
    start = Setting(learning_rate=BEST)
    lora = [Setting(learning_rate=rate) for rate in (1e-5, 1e-4, 1e-3, BEST, HIGH, 3e-2)]
    full = [Setting(learning_rate=rate, full=True) for rate in (1e-5, 1e-4, 3e-4, 3e-3)]
    targets = [replace(start, targets=names, rank=rank) for names, rank in TARGETS]
    ranks = [replace(start, rank=rank) for rank in (1, 16, 256)]
    few_modules = [replace(start, targets="q_proj,v_proj", rank=rank) for rank in (1, 32)]
    warmups = [replace(start, learning_rate=HIGH, warmup=share) for share in (0.0, 0.25)]
    batches = [replace(start, batch_size=size, steps=64 // size) for size in (4, 16)]
    noisy = [replace(start, rows=rows, noise=noise, steps=24, scored=12) for rows, noise in ((10, 0.0), (100, 0.3))]
    settings = {
        "rate, LoRA": lora,
        "rate, full": full,
        "targets": targets,
        "rank": ranks,
        "rank, q and v": few_modules,
        "warmup": warmups,
        "batch": batches,
        "noise": noisy,
    }
    return {name: over_seeds(found, 2) for name, found in settings.items()}


def overfitting() -> dict[str, list[Setting]]:
    """The runs of notebook 07: sixteen epochs over few rows, and each remedy alone."""
    start = Setting(task="write", learning_rate=BEST, clip=0.0, batch_size=8, steps=128, scored=16)
    start = replace(start, watch=("held_out", "questions"))
    remedies = {
        "nothing": {"evaluations": 8},
        "dropout 0.3": {"dropout": 0.3},
        "weight decay 0.1": {"weight_decay": 0.1},
        "clipping at 0.5": {"clip": 0.5},
        "rank 2": {"rank": 2},
        "a third of the rate": {"learning_rate": BEST / 3},
        "questions mixed in": {"replay": 0.25},
        "six epochs": {"steps": 48},
        "512 rows, two epochs": {"rows": 512},
    }
    return {name: over_seeds([replace(start, **changed)], 3) for name, changed in remedies.items()}


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
