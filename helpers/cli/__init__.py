"""The command line: `python -m helpers COMMAND`. It parses and prints; the work is done by the modules.

Each command imports what it needs: `check` must run where half of the packages are missing.
Exit codes: 0 done, 1 the job failed, 2 the input or the usage was wrong, 130 stopped by the user.
"""

import os
import sys
from collections.abc import Callable

import typer

from helpers import DATA
from helpers.cli import data, errors, machine, memory, models
from helpers.errors import InputError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="The LoRA and QLoRA course from a terminal.",
)
COMMANDS: tuple[Callable, ...] = (
    machine.check,
    data.clean,
    errors.diagnose,
    errors.reproduce,
    models.course,
    models.train,
    models.evaluate,
    models.merge,
    models.serve,
    errors.drift,
    memory.estimate,
    memory.fit,
)
for command in COMMANDS:
    app.command()(command)


def is_ctrl_c(ended: BaseException) -> bool:
    """Whether a Ctrl-C ended it; typer makes an Exit of one, and a SystemExit of that."""
    made_of = ended.__context__ and ended.__context__.__cause__
    return isinstance(ended, KeyboardInterrupt) or isinstance(made_of, KeyboardInterrupt)


def main(run: Callable[[], object] = app) -> None:
    """Run a command; wrong input is one clear line and exit code 2."""
    from helpers.quiet import quiet

    quiet()
    try:
        if not DATA.is_dir():
            raise InputError("the course's data is not here: clone the course, and there `pip install -e .`")
        run()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, SystemExit) as ended:
        if not is_ctrl_c(ended):
            raise
        print("stopped; the next run starts clean", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except ImportError as error:
        from helpers.cli.failures import unfit

        print(f"error: {unfit(error)}", file=sys.stderr)
        sys.exit(2)
    except Exception as error:
        from helpers.cli.failures import lack

        if not (why := lack(error)):
            raise
        print(f"error: {why}", file=sys.stderr)
        sys.exit(1)
