"""`python -m tools.bench`."""

import typer

from helpers.cli import main
from tools.bench.commands import bench

main(lambda: typer.run(bench))
