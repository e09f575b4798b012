"""`check`: what this machine is and has."""

import typer

from helpers.cli.options import AsJson


def check(as_json: AsJson = False) -> None:
    """Check this machine: Python, packages, GPU, memory, disk, and the profile that follows. Exit 1 if a line fails."""
    from helpers import environment, profiles

    rows = environment.check()
    print(environment.to_json(rows, profiles.select()) if as_json else environment.table(rows))
    raise typer.Exit(environment.exit_code(rows))
