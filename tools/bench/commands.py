"""The command `python -m tools.bench`: it parses and prints. Imports wait until it runs, as in helpers.cli."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from helpers.errors import InputError
from tools.bench import BENCHMARKS, FEWEST


def parse_rows(text: str) -> tuple[int, ...]:
    """Row counts with commas between them. InputError for anything else, and for a count below 1 or a second time."""
    try:
        rows = tuple(int(part.replace("_", "")) for part in text.split(","))
    except ValueError:
        rows = ()
    if not rows or min(rows) < 1 or len(set(rows)) < len(rows):
        raise InputError(f"--rows {text}: give different row counts with commas, such as 10000,100000")
    return rows


def bench(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]", help="Benchmarks; none: all.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="CARD.json", help="Write a run card, whole or not at all.")
    ] = None,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Values behind a median; for a card 5 or more.")] = 5,
    rows: Annotated[
        str, typer.Option("--rows", help="Row counts for cleaning, with commas; above 100,000 each is run once.")
    ] = "10000,100000",
    as_list: Annotated[bool, typer.Option("--list", help="List the benchmarks.")] = False,
    profile: Annotated[str | None, typer.Option("--profile", help="Default: what this machine can take.")] = None,
) -> None:
    """Measure side by side, in turns: medians, spreads, ratios. Exit 1 if a check fails."""
    if as_list:
        print("\n".join(f"{name:10} {what}" for name, what in BENCHMARKS.items()))
        return
    unknown = [name for name in names or () if name not in BENCHMARKS]
    if unknown:
        raise InputError(f"no benchmark is called {unknown[0]!r}: use some of {', '.join(BENCHMARKS)}")
    counts = parse_rows(rows)
    if out and repeats < FEWEST:
        raise InputError(f"--repeats {repeats}: a run card needs {FEWEST} or more; leave --out away to try it out")
    if out and not out.parent.is_dir():
        raise InputError(f"--out {out}: the directory {out.parent} does not exist")
    from helpers import profiles
    from helpers.files import save_json
    from tools.bench import report
    from tools.bench.card import Options

    options = Options(profiles.select(profile), repeats, counts)
    done = report.run_all(list(dict.fromkeys(names or BENCHMARKS)), options, lambda text: print(text, flush=True))
    if out:
        save_json(out, done)
        print(f"run card in {out}")
    if failed := report.failures(done):
        print(f"not as it should be: {'; '.join(failed)}", file=sys.stderr)
        raise typer.Exit(1)
