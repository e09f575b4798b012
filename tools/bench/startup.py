"""How long a learner waits before anything happens: fresh processes, from their start to their end."""

import json
import os
import subprocess
import sys
from functools import partial

from helpers import ROOT
from helpers.timing import interleave, seconds
from tools.bench.card import Measurement, Options, Result, sides_of

COMMANDS = {
    "python alone": ["-c", "pass"],
    "import helpers": ["-c", "import helpers"],
    "helpers --help": ["-m", "helpers", "--help"],
    "doctor": ["-c", "from helpers import doctor; doctor.diagnose('KeyError: input_ids')"],
}
RATIOS = tuple(f"{name} / python alone, clock" for name in COMMANDS if name != "python alone")
HEAVY = ("torch", "transformers", "numpy", "pandas", "matplotlib")
LOADED = f"import sys, helpers.cli, helpers.doctor; print([name for name in {HEAVY} if name in sys.modules])"


def python(arguments: list[str]) -> str:
    """Run this Python with the course on its path; what it printed. Raises CalledProcessError if it fails."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def cost(arguments: list[str]) -> tuple[float, float]:
    """Seconds of a fresh process: on the clock, and of the processor, which a busy machine changes less."""
    before = os.times()
    waited = seconds(partial(python, arguments))
    after = os.times()
    user, system = after.children_user - before.children_user, after.children_system - before.children_system
    return waited, user + system


def run(options: Options) -> Result:
    """Time each command, and see which heavy packages command line and doctor have loaded: none is right."""
    found = interleave({name: partial(cost, arguments) for name, arguments in COMMANDS.items()}, options.repeats)
    loaded = json.loads(python(["-c", LOADED]).replace("'", '"'))
    measured = {}
    for name, taken in found.items():
        measured[f"{name}, clock"], measured[f"{name}, processor"] = (Measurement("s", each) for each in zip(*taken))
    return Result(
        settings={name: " ".join(arguments) for name, arguments in COMMANDS.items()},
        measurements=measured,
        ratios={
            name: sides_of(name) for name in (f"{n} / python alone, clock" for n in COMMANDS if n != "python alone")
        },
        headlines=tuple(measured),
        checks={f"none of {', '.join(HEAVY)} is loaded": not loaded},
    )
