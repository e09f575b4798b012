"""`python -m helpers clean`: the cleaner from a terminal. Parses, calls `clean_files`, prints."""

from pathlib import Path
from typing import Annotated

import typer

from helpers.data.rows import MAX_TOKENS


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
        int, typer.Option("--max-tokens", min=1, help="Longest chat in tokens, template included.")
    ] = MAX_TOKENS,
    model: Annotated[
        str | None,
        typer.Option("--model", help="Directory or hub name of the tokenizer; the embedded base's if left out."),
    ] = None,
) -> None:
    """Clean chat data for fine-tuning: validate, repair, reject, de-duplicate. Nothing is dropped without a trace."""
    from helpers.data.cleaning import clean_files

    done = clean_files(inputs, out, rejects, report, max_tokens=max_tokens, tokenizer=model, holdout=holdout or ())
    typer.echo(f"{done.rows_in} rows read, {done.kept} kept in {out}, {done.rejected} rejected in {rejects}")
    for title, counts in (("rejected", done.reasons), ("repaired", done.repairs)):
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            typer.echo(f"  {title} {count:>7}  {name}")
