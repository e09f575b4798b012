"""The course's main job in one command: clean, train, score before and after, merge, prove the merge."""

import importlib.metadata
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from helpers import BUILD, DATA
from helpers.chats import COPIED, LEARNED
from helpers.errors import InputError
from helpers.evaluation import Extraction, Share
from helpers.profiles import Profile

PACKAGES = ("torch", "transformers", "peft", "trl", "bitsandbytes", "datasets", "accelerate")
TICKETS = DATA / "tickets"
RAW = TICKETS / "raw"
TEST = TICKETS / "test.jsonl"
QUESTIONS = TICKETS / "questions.jsonl"


def raw_files() -> list[Path]:
    """The raw ticket files that the course ships, in a fixed order."""
    return sorted(path for path in RAW.iterdir() if path.is_file())


def run_course(profile: Profile, build: Path = BUILD) -> dict:
    """Run the whole course in `build`/course, print each step and a table, and write `build`/course.json.

    Every run starts clean: what an interrupted one left is removed first, and course.json appears only at the end.
    Raises InputError while another course runs in `build`.
    """
    with alone(build):
        return run_alone(profile, build)


@contextmanager
def alone(build: Path) -> Iterator[None]:
    """Hold `build` against another course. Raises InputError if there is one."""
    from filelock import FileLock, Timeout

    build.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(build / ".course.lock", timeout=0):
            yield
    except Timeout:
        raise InputError(f"another course is running in {show(build)}: wait for it, or use another clone") from None


def run_alone(profile: Profile, build: Path) -> dict:
    """The course of `run_course`, in a `build` that nobody else works in."""
    from helpers import clean
    from helpers.chats import read_chat, read_questions
    from helpers.evaluation import (
        evaluate_questions,
        evaluate_tickets,
        parse_listing,
        same_value,
        score_extraction,
        true_fields,
    )
    from helpers.files import save_json
    from helpers.inference import bar
    from helpers.machine import peak_bytes
    from helpers.merging import max_logit_difference, merge, save_merged
    from helpers.models import load_adapter, load_base, load_merged, load_tokenizer
    from helpers.training import fine_tune, training_bar

    start = time.perf_counter()
    work = build / "course"
    (build / "course.json").unlink(missing_ok=True)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    print(f"Profile {profile.name}: {profile.why}")

    say(1, f"Cleaning the raw tickets: {', '.join(path.name for path in raw_files())}")
    tokenizer = load_tokenizer(profile.model)
    report = clean.clean_files(
        raw_files(), work / "clean.jsonl", work / "rejects.jsonl", work / "report.json", max_tokens=profile.max_length,
        tokenizer=tokenizer, holdout=[TEST],
    )  # fmt: skip
    print(
        f"    {report.rows_in} rows read, {report.kept} kept, {report.rejected} rejected, each with its reason in "
        f"{show(work / 'rejects.jsonl')}"
    )
    rows, test, questions = read_chat(work / "clean.jsonl"), read_chat(TEST), read_questions(QUESTIONS)
    split = clean.split_rows(rows)

    def kept(answers: list[str]) -> Share:
        right = [same_value(answer, row["answer"]) for answer, row in zip(answers, questions, strict=True)]
        return Share(sum(right), len(right))

    say(2, f"Scoring the base model on {len(test)} held-out tickets and {len(questions)} plain questions")
    base = load_base(profile)
    before, listings = evaluate_tickets(base, tokenizer, test, progress=bar())
    parsed = score_extraction(listings, true_fields(test), parse_listing)
    questions_before, answers_before = evaluate_questions(base, tokenizer, questions, progress=bar())
    del base
    print(f"    valid JSON {before.valid_json}; it answers: {listings[0]}")
    print(
        f"    with a regular expression that reads such answers: fields copied from the ticket {parsed.over(COPIED)},\n"
        f"    fields that only past answers show {parsed.over(LEARNED)}"
    )

    say(
        3,
        f"Training QLoRA (NF4, rank {profile.rank}) on {len(split.train)} tickets: {profile.max_steps} steps of "
        f"{profile.batch_size * profile.gradient_accumulation}",
    )
    trained = fine_tune(profile, split.train, work / "adapter", [training_bar()])
    print(f"    {trained.seconds:.0f} s, loss {trained.losses[0][1]:.2f} -> {trained.losses[-1][1]:.4f}")

    say(4, "Scoring the base with its adapter")
    tuned_model = load_adapter(work / "adapter", profile)
    after, tuned_answers = evaluate_tickets(tuned_model, tokenizer, test, progress=bar())
    questions_after, answers_after = evaluate_questions(tuned_model, tokenizer, questions, progress=bar())
    truths = [row["messages"][-1]["content"] for row in test]
    list_wrong("tickets", tuned_answers, truths)
    list_wrong("plain questions", answers_after, [row["answer"] for row in questions])

    say(5, "Merging into the dequantized base, saving, loading again from disk")
    save_merged(merge(work / "adapter", profile), tokenizer, work / "merged")

    say(6, "Proving the merge")
    merged_model = load_merged(work / "merged", profile)
    merged, merged_answers = evaluate_tickets(merged_model, tokenizer, test, progress=bar())
    same = sum(one == other for one, other in zip(merged_answers, tuned_answers, strict=True))
    difference = max_logit_difference(tuned_model, merged_model, tokenizer, [row["messages"][:-1] for row in test])

    systems = {"base": before, "parser": parsed, "tuned": after, "merged": merged}
    result = {
        "profile": profile.name,
        **{key: value for name, found in systems.items() for key, value in accuracies(name, found).items()},
        "merged_equal_answers": same,
        "merged_max_logit_diff": difference,
        "base_questions_before": questions_before.value,
        "base_questions_after": questions_after.value,
        "base_questions_value_before": kept(answers_before).value,
        "base_questions_value_after": kept(answers_after).value,
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
    found = systems.values()
    table(
        ("valid JSON", *(one.valid_json for one in found)),
        ("copied fields", *(one.over(COPIED) for one in found)),
        ("learned fields", *(one.over(LEARNED) for one in found)),
        ("tickets exactly right", *(one.exact_match for one in found)),
        ("plain questions", questions_before, None, questions_after, None),
        ("  by their value", kept(answers_before), None, kept(answers_after), None),
    )
    print(
        "Copied fields stand in the ticket, and the base with a parser has them, too: that much training only puts a\n"
        "format into the weights. Learned fields, a category and a priority, follow from what a ticket means and from\n"
        "how a company answered before: no prompt knows them. Plain questions show what was forgotten; a right value\n"
        "in JSON's quotes or braces counts in the last line only.\n"
        f"Adapter and merged model, reloaded from disk: {same} of {len(test)} answers equal, largest logit difference "
        f"{difference:.2g}.\n"
        f"{result['train_seconds']:.0f} s of training, {result['total_seconds']:.0f} s in all. "
        f"Figures: {show(build / 'course.json')}\n"
        "Next, open the course:  make lab"
    )
    return result


def accuracies(system: str, scores: Extraction) -> dict[str, float]:
    """The scores of one system, as course.json names them."""
    shares = {
        "exact_match": scores.exact_match,
        "valid_json": scores.valid_json,
        "field_accuracy": scores.fields,
        "copied_accuracy": scores.over(COPIED),
        "learned_accuracy": scores.over(LEARNED),
    }
    return {f"{system}_{name}": share.value for name, share in shares.items()}


def say(step: int, text: str) -> None:
    print(f"\n[{step}/6] {text}", flush=True)


def list_wrong(what: str, answers: Sequence[str], truths: Sequence[str], most: int = 3) -> None:
    """Print how many answers are not the true text, and the first of them beside it."""
    missed = [(answer, truth) for answer, truth in zip(answers, truths, strict=True) if answer.strip() != truth]
    print(f"    {what}: {len(missed)} of {len(truths)} answers are not the text that was wanted")
    for answer, truth in missed[:most]:
        print(f"      wanted {truth}\n      got    {answer.strip()}")


def table(*rows) -> None:
    """Print shares with their 95% intervals, a row each: base, base and parser, adapter, merged."""
    print(f"\n{'% of held-out rows':24}{'base':19}{'base + parser':19}{'with adapter':19}merged")
    for name, *shares in rows:
        cells = ["" if share is None else short(share) for share in shares]
        print(f"{name:24}" + "".join(f"{cell:19}" for cell in cells).rstrip())
    print()


def short(share: Share) -> str:
    """A share and its interval in percent, such as `95.2 (92.7-96.9)`."""
    low, high = share.interval
    return f"{100 * share.value:.1f} ({100 * low:.1f}-{100 * high:.1f})"


def show(path: Path) -> str:
    """`path` relative to the working directory where that is shorter."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
