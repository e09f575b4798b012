"""`clean`: raw rows to rows that `train` takes."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from helpers.cli.options import Model, ProfileName, Template, choose
from helpers.errors import InputError


def clean(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUT...", help="JSONL, JSON array or CSV files, in any common encoding.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="CLEAN.jsonl", help="Where the clean rows go.")],
    rejects: Annotated[
        Path,
        typer.Option("--rejects", metavar="REJECTS.jsonl", help="Where rejected rows go: file, line, reason, raw."),
    ],
    report: Annotated[
        Path | None, typer.Option("--report", metavar="REPORT.json", help="Counts of rows, reasons and repairs.")
    ] = None,
    holdout: Annotated[
        list[Path] | None,
        typer.Option("--holdout", metavar="TEST.jsonl", help="Rows found here are rejected as leaks. May be repeated."),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option("--max-tokens", min=1, help="Longest chat in tokens, template included; default: as in training."),
    ] = None,
    model: Model = None,
    profile: ProfileName = None,
    template: Template = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="COLUMN=FIELD", help="What a column is, such as ask=question. May be repeated."),
    ] = None,
    preference: Annotated[
        str,
        typer.Option("--preference", help="chosen: take the chosen answer of preference rows; else they are rejected."),
    ] = "",
    mask: Annotated[
        bool | None,
        typer.Option(
            "--mask/--no-mask", help="Mask personal data everywhere or nowhere; default: not where it is the task."
        ),
    ] = None,
    repair_html: Annotated[
        bool | None,
        typer.Option(
            "--repair-html/--no-repair-html", help="Strip HTML everywhere or nowhere; default: only leftovers."
        ),
    ] = None,
    encoding: Annotated[
        str,
        typer.Option(
            "--encoding",
            metavar="NAME",
            help="Of the inputs, such as cp1254 or shift_jis; default: Unicode, or a guess.",
        ),
    ] = "",
    near_duplicates: Annotated[
        Literal["keep", "drop"],
        typer.Option(
            "--near-duplicates",
            help="drop: a row whose answer agrees with an earlier row's, and whose prompt agrees outside of what many "
            "rows share, is rejected; keep: only equal rows are.",
        ),
    ] = "drop",
    near_threshold: Annotated[
        float,
        typer.Option(
            "--near-threshold",
            min=0.01,
            max=1,
            help="How far two prompts must agree (weighted Jaccard index) where the answer is long and rare and more "
            "than a word differs.",
        ),
    ] = 0.7,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            help="Processes for what a row needs alone; the outputs are the same. Default: the cores. They pay from "
            "1,500 rows on, and little where most of the time goes into comparing rows that share long prompts.",
        ),
    ] = None,
) -> None:
    """Clean chat data for fine-tuning: validate, repair, reject, de-duplicate. Nothing is dropped without a trace."""
    from helpers.chats import read_template
    from helpers.clean import ChatTokenizer, WorkerError, clean_files, parse_columns
    from helpers.machine import cores

    if preference not in ("", "chosen"):
        raise InputError(f"--preference {preference}: the only choice is chosen")
    pairs = parse_columns(columns or [])
    chosen = choose(profile, model, max_length=max_tokens)
    options: dict[str, Any] = {"max_tokens": chosen.max_length, "holdout": holdout or ()}
    options["tokenizer"] = ChatTokenizer(chosen.model, read_template(template) if template else "")
    options |= {"workers": workers or cores(), "columns": pairs, "preference": preference}
    options |= {"mask": mask, "repair_html": repair_html, "encoding": encoding}
    options |= {"near_threshold": near_threshold if near_duplicates == "drop" else None}
    try:
        done = clean_files(inputs, out, rejects, report, **options)
    except WorkerError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    print(done.text(str(out), str(rejects)))
    raise typer.Exit(0 if done.kept else 1)
