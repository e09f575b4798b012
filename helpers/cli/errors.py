"""`diagnose`, `reproduce` and `drift`: what is wrong with a run, an example of it, or a script."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from helpers.cli.options import AsJson
from helpers.errors import InputError


def diagnose(
    report: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE|TEXT|-", help="A traceback or log, or its text in quotes; - reads what is piped in."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what an error means and how to fix it. Exit 1 if the catalogue does not know it."""
    from helpers import doctor

    if report is None:
        raise InputError(
            "nothing to diagnose: give a file (diagnose error.log), the error in quotes (diagnose 'ValueError: ...'),\n"
            "or pipe it in (my_command 2>&1 | python -m helpers diagnose -)"
        )
    found = doctor.diagnose(doctor.source(report))
    gone = became(*found.unexpected) if found.unexpected else []
    print(doctor.to_json(found, gone) if as_json else doctor.text(found, gone))
    raise typer.Exit(0 if found.case else 1)


def became(call: str, argument: str) -> list[str]:
    """What became of an argument that a call refused; where to look when nobody knows."""
    from helpers import drift

    return drift.about(call, argument) or [
        f"nothing is known of {argument}: python -m helpers drift FILE reads the script"
    ]


def reproduce(
    case: Annotated[
        str | None,
        typer.Argument(metavar="CASE", help="A case, its notebook's number, E8, or words of the message; none: list."),
    ] = None,
    only: Annotated[
        str | None, typer.Option("--only", help="reproduce: show the error only, and let people find the rest.")
    ] = None,
    as_list: Annotated[bool, typer.Option("--list", help="List the cases.")] = False,
    as_json: AsJson = False,
) -> None:
    """Raise a real error, then show what it means, its fix and the proof. Exit 1 if anything goes otherwise."""
    from helpers import doctor
    from helpers import reproduce as errors

    if as_list or case is None:
        found = list(errors.lessons().values())
        print(errors.to_json(found) if as_json else errors.to_text(found))
        return
    if as_json or only not in (None, "reproduce"):
        raise InputError("--json goes with --list" if as_json else f"--only {only}: the only choice is reproduce")

    def show(step: errors.Step) -> None:
        print(errors.report(step, colours=sys.stdout.isatty()), flush=True)
        if step.error and not only:
            print(doctor.text(doctor.diagnose(step.traceback)), flush=True)

    try:
        outcome = errors.run_lesson(errors.find(case), errors.KINDS[:1] if only else errors.KINDS, show)
    except KeyboardInterrupt:
        print("stopped; nothing is left behind", file=sys.stderr)
        raise typer.Exit(130) from None
    if outcome.failure:
        print(f"not as it should be: {outcome.failure}", file=sys.stderr)
        raise typer.Exit(1)


def drift(
    scripts: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Training scripts or notebooks.")],
    as_json: AsJson = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Write name.fixed.py or .fixed.ipynb beside it, with mechanical repairs.")
    ] = False,
) -> None:
    """Say what the installed libraries no longer accept in a script, without running it.

    Exit 1 if anything was found, whatever a notebook's own pip cell pins (the finding then says what holds there);
    exit 2 if a file could not be read, the others being reported all the same.
    """
    from helpers import drift

    checked = [drift.examine(script, fix) for script in scripts]
    print(drift.to_json(checked) if as_json else drift.to_text(checked))
    refused, found = any(one.refused for one in checked), any(one.findings for one in checked)
    raise typer.Exit(2 if refused else int(found))
