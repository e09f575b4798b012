"""Makes data/runs/cleaning.json, the runs of notebook 01: `python -m tools.build_cleaning` (20 runs, half an hour).

The same base, steps and settings, several seeds; only the rows differ. Each run is scored on the same held-out tickets,
those that no raw row repeats apart from those that leaked. The card is written after every run; when stopped, the same
command goes on where it was. With another base or other tickets than it was made with, all of it is run anew.
"""

import hashlib
import importlib.metadata
import json
import random
import re
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from helpers.chats import COPIED, LEARNED, read_chat
from helpers.clean import clean_files, read_rows
from helpers.clean.rows import clean_row
from helpers.clean.unmended import read_unmended
from helpers.course import TEST, raw_files
from helpers.evaluation import evaluate_tickets, parse_object, true_fields
from helpers.files import load_jsonl, save_json
from helpers.models import base_identity, load_adapter, load_tokenizer
from helpers.profiles import PROFILES, Profile, shortened
from helpers.sweeps import CARDS, mean_loss
from helpers.training import fine_tune

CARD = CARDS / "cleaning.json"
PACKAGES = ("torch", "transformers", "peft", "trl", "bitsandbytes")
STEPS, SCORED, FEW = 120, 170, 270
SEEDS = 5
THREADS = 1  # the sums are the same however many cores there are
# room for every ticket however badly it was decoded; only forwarded mail is longer
PROFILE = replace(shortened(PROFILES["tiny"], STEPS), max_length=512)


def rows_of_all_kinds(profile: Profile = PROFILE) -> dict[str, list[dict]]:
    """Raw and clean rows that fit the profile, the raw rows that repeat a test ticket (mended), and both test sets."""
    tokenizer = load_tokenizer(profile.model)

    def fits(row: dict) -> bool:
        text = tokenizer.apply_chat_template(row["messages"], tokenize=False)
        return len(tokenizer(text, verbose=False)["input_ids"]) <= profile.max_length

    raw = [row for path in raw_files() for row in read_unmended(path, encoding(path))]
    with tempfile.TemporaryDirectory() as folder:
        out, rejects = Path(folder) / "clean.jsonl", Path(folder) / "rejects.jsonl"
        clean_files(raw_files(), out, rejects, holdout=[TEST])
        clean, rejected = read_chat(out), load_jsonl(rejects)
    leaks = [row for row in rejected if row["reason"] == "leaks_into_holdout"]
    places = {(row["file"], row["line"]) for row in leaks}
    lines = {int(re.search(r":(\d+)$", row["detail"]).group(1)) for row in leaks}
    test = read_chat(TEST)
    return {
        "raw": [row for row in raw if fits(row)],
        "clean": [row for row in clean if fits(row)],
        "leaks": [
            clean_row(row.value).row
            for path in raw_files()
            for row in read_rows(path)
            if (row.file, row.line) in places
        ],
        "unseen": [row for number, row in enumerate(test, 1) if number not in lines][:SCORED],
        "leaked": [row for number, row in enumerate(test, 1) if number in lines],
    }


def encoding(path: Path) -> str:
    """The encoding that reads most of a raw file: the table is GBK throughout, the others are UTF-8 for the most."""
    return "gb18030" if path.suffix == ".csv" else "utf-8-sig"


def arms(sets: dict[str, list[dict]], seed: int) -> dict[str, list[dict]]:
    """The training rows of each arm; the small ones are drawn by the seed."""
    few = random.Random(seed).sample(sets["clean"], FEW)
    return {
        "raw": sets["raw"],
        "clean": sets["clean"],
        "270 clean": few,
        "270 with leaks": few[: FEW - len(sets["leaks"])] + sets["leaks"],
    }


def train_and_score(rows: list[dict], sets: dict[str, list[dict]], seed: int, profile: Profile = PROFILE) -> dict:
    """Train on `rows` and score: one digit a test ticket (1: all copied fields right), shares of copied and of learned
    fields, losses in nats a token."""
    with tempfile.TemporaryDirectory() as folder:
        trained = fine_tune(profile, rows, Path(folder) / "adapter", seed=seed, disable_tqdm=True)
        model, tokenizer = load_adapter(trained.adapter, profile), load_tokenizer(profile.model)
    result = {"seed": seed, "rows": len(rows), "seconds": round(trained.seconds, 1)}
    for name in ("unseen", "leaked"):
        scores, answers = evaluate_tickets(model, tokenizer, sets[name])
        pairs = zip(map(parse_object, answers), true_fields(sets[name]), strict=True)
        exact = "".join(str(int(copied(found or {}) == copied(truth))) for found, truth in pairs)
        loss = mean_loss(model, tokenizer, [row["messages"] for row in sets[name]])
        shares = {"copied": scores.over(COPIED).value, "learned": scores.over(LEARNED).value}
        result[name] = {
            "exact": exact,
            **{key: round(value, 4) for key, value in shares.items()},
            "loss": round(loss, 5),
        }
    return result


def copied(fields: dict) -> dict:
    """The copied fields of an answer, None where one is missing."""
    return {name: fields.get(name) for name in COPIED}


def made_from() -> dict[str, object]:
    """What every run depends on beside its seed: the base, and raw and test tickets by their SHA-256."""
    files = [*raw_files(), TEST]
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    settings = {key: value for key, value in asdict(PROFILE).items() if key != "model"}
    return {"base": base_identity(PROFILE.model), "settings": settings} | digests


def main() -> None:
    import torch

    torch.set_num_threads(THREADS)
    card = json.loads(CARD.read_text(encoding="utf-8")) if CARD.exists() else {}
    points = card["points"] if card.get("made_from") == made_from() else {}
    sets = rows_of_all_kinds()
    for seed in range(SEEDS):
        for name, rows in arms(sets, seed).items():
            if any(point["seed"] == seed for point in points.get(name, [])):
                continue
            points.setdefault(name, []).append(train_and_score(rows, sets, seed))
            versions = {package: importlib.metadata.version(package) for package in PACKAGES}
            save_json(
                CARD,
                {
                    "made_by": "python -m tools.build_cleaning",
                    "made_from": made_from(),
                    "versions": versions,
                    "threads": THREADS,
                    "points": points,
                },
            )
            print(f"seed {seed}, {name}: {points[name][-1]}", flush=True)


if __name__ == "__main__":
    from helpers.quiet import quiet

    quiet(progress_bars=False)
    main()
