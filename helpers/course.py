"""The course's main job in one command: clean, train, score before and after, merge, prove the merge."""

import importlib.metadata
import shutil
import time
from pathlib import Path

from helpers import BUILD, DATA
from helpers.profiles import Profile

PACKAGES = ("torch", "transformers", "peft", "trl", "bitsandbytes", "datasets", "accelerate")
TICKETS = DATA / "tickets"
RAW = TICKETS / "raw"
TEST = TICKETS / "test.jsonl"
QUESTIONS = TICKETS / "questions.jsonl"


def raw_files() -> list[Path]:
    """The raw ticket files that the course ships, in a fixed order."""
    return sorted(path for path in RAW.iterdir() if path.is_file())


def run(profile: Profile, build: Path = BUILD) -> dict:
    """Run the whole course in `build`/course, print each step and a table, and write `build`/course.json.

    Every run starts clean: what an interrupted one left is removed first, and course.json appears only at the end.
    """
    from helpers import data
    from helpers.evaluation import evaluate_questions, evaluate_tickets, read_chat, read_questions
    from helpers.memory import peak_bytes
    from helpers.merging import max_logit_difference, merge, save_merged
    from helpers.models import load_adapter, load_base, load_tokenizer
    from helpers.training import fine_tune, save_json

    start = time.perf_counter()
    work = build / "course"
    (build / "course.json").unlink(missing_ok=True)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    print(f"Profile {profile.name}: {profile.why}")

    say(1, f"Cleaning the raw tickets: {', '.join(path.name for path in raw_files())}")
    tokenizer = load_tokenizer(profile.model)
    report = data.clean_files(
        raw_files(), work / "clean.jsonl", work / "rejects.jsonl", work / "report.json", max_tokens=profile.max_length,
        tokenizer=tokenizer, holdout=[TEST],
    )  # fmt: skip
    print(
        f"    {report.rows_in} rows read, {report.kept} kept, {report.rejected} rejected, each with its reason in "
        f"{show(work / 'rejects.jsonl')}"
    )
    rows, test, questions = read_chat(work / "clean.jsonl"), read_chat(TEST), read_questions(QUESTIONS)
    split = data.split_rows(rows)

    say(2, f"Scoring the base model on {len(test)} held-out tickets and {len(questions)} plain questions")
    base = load_base(profile)
    before, _ = evaluate_tickets(base, tokenizer, test, progress=bar())
    questions_before, _ = evaluate_questions(base, tokenizer, questions)
    del base
    print(f"    valid JSON {before.valid_json}, exact match {before.exact_match}, questions {questions_before}")

    say(
        3,
        f"Training QLoRA (NF4, rank {profile.rank}) on {len(split.train)} tickets: {profile.max_steps} steps of "
        f"{profile.batch_size * profile.gradient_accumulation}",
    )
    trained = fine_tune(profile, split.train, work / "adapter")
    print(f"    {trained.seconds:.0f} s, loss {trained.losses[0][1]:.2f} -> {trained.losses[-1][1]:.4f}")

    say(4, "Scoring the base with its adapter")
    tuned_model = load_adapter(work / "adapter", profile)
    after, _ = evaluate_tickets(tuned_model, tokenizer, test, progress=bar())
    questions_after, _ = evaluate_questions(tuned_model, tokenizer, questions)

    say(5, "Merging into the dequantized base, saving, loading again from disk")
    save_merged(merge(work / "adapter", profile), tokenizer, work / "merged")

    say(6, "Proving the merge")
    merged_model = load_merged(work / "merged", profile)
    merged, _ = evaluate_tickets(merged_model, tokenizer, test, progress=bar())
    difference = max_logit_difference(tuned_model, merged_model, tokenizer, [row["messages"][:-1] for row in test])

    result = {
        "profile": profile.name,
        "base_exact_match": before.exact_match.value,
        "base_valid_json": before.valid_json.value,
        "base_field_accuracy": before.fields.value,
        "tuned_exact_match": after.exact_match.value,
        "tuned_valid_json": after.valid_json.value,
        "tuned_field_accuracy": after.fields.value,
        "merged_exact_match": merged.exact_match.value,
        "merged_max_logit_diff": difference,
        "base_questions_before": questions_before.value,
        "base_questions_after": questions_after.value,
        "held_out_tickets": len(test),
        "held_out_questions": len(questions),
        "eval_rows": len(split.validation),
        "rows_in": report.rows_in,
        "rows_kept": report.kept,
        "rows_rejected": report.rejected,
        "train_seconds": round(trained.seconds, 1),
        "total_seconds": round(time.perf_counter() - start, 1),
        "peak_bytes": peak_bytes(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }
    save_json(build / "course.json", result)
    table(
        ("valid JSON", before.valid_json, after.valid_json, merged.valid_json),
        ("fields right", before.fields, after.fields, merged.fields),
        ("tickets exactly right", before.exact_match, after.exact_match, merged.exact_match),
        ("the base's own questions", questions_before, questions_after, None),
    )
    print(f"Largest logit difference between adapter and merged model, reloaded from disk: {difference:.2g}")
    print(
        f"{result['train_seconds']:.0f} s of training, {result['total_seconds']:.0f} s in all. "
        f"Figures: {show(build / 'course.json')}"
    )
    print("Next, open the course:  make lab")
    return result


def load_merged(directory: Path, profile: Profile):
    """A merged model from disk, loaded like any other model (inference path 2)."""
    from dataclasses import replace

    from helpers.models import load_base

    return load_base(replace(profile, model=str(directory)), quantize=False).eval()


def say(step: int, text: str) -> None:
    print(f"\n[{step}/6] {text}", flush=True)


def bar():
    """A progress callback for `inference.generate`: one line that moves on a terminal, nothing in a log."""
    import sys

    from tqdm import tqdm

    moving = tqdm(total=None, unit=" answers", leave=False, disable=not sys.stderr.isatty())

    def progress(done: int, total: int) -> None:
        moving.total = total
        moving.update(done - moving.n)
        if done == total:
            moving.close()

    return progress


def table(*rows) -> None:
    """Print scores before, after and merged, with their 95% intervals."""
    print(f"\n{'share of held-out rows':28}{'base':34}{'with adapter':34}merged")
    for name, *shares in rows:
        print(f"{name:28}" + "".join(f"{'' if share is None else str(share):34}" for share in shares).rstrip())
    print()


def show(path: Path) -> str:
    """`path` relative to the working directory where that is shorter."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
