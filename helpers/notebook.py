"""What a notebook asks of its surroundings: the first cell's set-up, and a directory that it may fill."""

import atexit
import importlib.metadata
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from helpers import ROOT, environment, profiles, requirements
from helpers.quiet import quiet

PREFIX = "scratch-"  # tools.execute takes such paths out of stored tracebacks by it
SHOWN = ("torch", "transformers", "peft", "trl", "bitsandbytes", "datasets", "accelerate")


def setup() -> None:
    """Prepare this kernel: quiet known noise, install what a fetched course lacks, say which profile runs and why."""
    if is_fetched():
        install_missing()
    profile = profiles.select()
    downloads = not Path(profile.model).exists()
    quiet(progress_bars=downloads)
    found = requirements.installed()
    versions = [f"{name} {found.get(name, 'missing').partition('+')[0]}" for name in SHOWN]
    origin = f" Its model, {profile.model}, is downloaded at first use." if downloads else ""
    print(f"Profile {profile.name}: {profile.why}.{origin} Another one: set {profiles.VARIABLE}.")
    print(f"Python {sys.version_info.major}.{sys.version_info.minor}", *versions[:4], sep=", ")
    print(*versions[4:], sep=", ")
    for row in environment.packages(found):
        if row.status == "fail":
            print(f"Fix first: {row.name} is {row.found}, wanted {row.wanted}: {row.fix}")


def is_fetched() -> bool:
    """Whether this course was cloned by a lone notebook's first cell, so that nobody has installed its packages yet."""
    here = Path.cwd().resolve()
    return "lora-course" not in requirements.installed() and ROOT not in (here, *here.parents)


def install_missing() -> None:
    """Install the notebooks' packages that are missing or older than tested, in the tested version; never torch.

    Does nothing when nothing is wanted. Raises RuntimeError with pip's last words when pip fails.
    """
    before = requirements.installed()
    if "torch" not in before:
        print("torch is missing, and this cell never installs it: pip install torch==2.13.0, then run the cell again")
        return
    lock = requirements.locked()
    wanted = [
        f"{one.name}=={lock[one.name]}"
        for one in requirements.tested()
        if one.group == "course" and one.name != "torch"
        if requirements.judge(one.specifier, before.get(one.name)) in ("missing", "too old")
    ]
    if wanted:
        print(f"Installing {', '.join(wanted)}; torch stays {before['torch']}.")
        _pip_install(wanted, {name: before[name] for name in ("torch", "torchvision", "torchaudio") if name in before})
    after = requirements.installed()
    if environment.torchao_blocks_peft(after.get("torchao"), after.get("peft")):
        print(f"Removing torchao {after['torchao']}: peft {after['peft']} refuses to make an adapter beside it.")
        _pip("uninstall", "-y", "torchao")
        after = requirements.installed()
    stale = sorted(_loaded() & {name for name in before if after.get(name) != before[name]})
    if stale:
        print(f"RESTART the kernel and run this cell again: it had loaded older versions of {', '.join(stale)}.")


def _pip_install(wanted: list[str], frozen: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text("".join(f"{name}=={version}\n" for name, version in frozen.items()), encoding="utf-8")
        _pip("install", "-c", str(constraints), *wanted)


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise RuntimeError(f"pip {arguments[0]} failed ({' '.join(last)}): run it in a terminal to see all it says")


def _loaded() -> set[str]:
    """Canonical names of the installed packages that this kernel has already imported modules of."""
    modules = {name.partition(".")[0] for name in sys.modules}
    owners = importlib.metadata.packages_distributions()
    names = {owner for module in modules for owner in owners.get(module, [])}
    return {str(requirements.canonicalize_name(name)) for name in names}


def enter_scratch() -> Path:
    """Make an empty temporary directory, enter it, and return it; at the end of the process it is left and removed.

    Relative paths then keep the names of this machine out of messages.
    """
    before = Path.cwd()
    directory = tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True)
    os.chdir(directory.name)
    atexit.register(_leave, directory, before)
    return Path(directory.name)


def _leave(directory: tempfile.TemporaryDirectory, before: Path) -> None:
    os.chdir(before if before.exists() else Path(before.anchor))  # Windows removes no directory that is in use
    directory.cleanup()
