"""Put the course on a stick, for laptops without a network: wheels, a clone, and the lines that install them.

python -m tools.offline_kit build [FOLDER]   writes wheels/, lora-course/ and INSTALL.txt (build/offline-kit)
python -m tools.offline_kit prove [FOLDER]   installs them in a new environment without an index, and trains two steps

Where pip finds a build of torch for the CPU is said by pip's own settings (PIP_FIND_LINKS, PIP_EXTRA_INDEX_URL);
without them a wheel for Linux brings CUDA libraries of several GB.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Annotated

import typer

from helpers import BUILD, ROOT
from helpers.errors import InputError
from helpers.files import save_text

CLONE, WHEELS = "lora-course", "wheels"
GROUPS = ("course", "lab")  # of requirements/: what a participant needs
BUILDS = ("pip", "setuptools>=77", "wheel")  # an editable installation builds a small package, without an index, too
OPTIONS = ("--no-index", "--find-links", WHEELS, "-c", f"{CLONE}/requirements.lock")
FOLDER = BUILD / "offline-kit"
INSTALL = f"""The course, without a network, for Python {{python}}, {{system}}. Copy this folder to a disk, and there:

Linux, macOS:
    python3 -m venv .venv
    .venv/bin/python -m pip install {" ".join(OPTIONS)} -e "./{CLONE}[lab]"
    .venv/bin/jupyter lab {CLONE}/notebooks

Windows:
    py -m venv .venv
    .venv\\Scripts\\python -m pip install {" ".join(OPTIONS)} -e "./{CLONE}[lab]"
    .venv\\Scripts\\jupyter lab {CLONE}/notebooks
"""

app = typer.Typer(add_completion=False)
Folder = Annotated[Path, typer.Argument(help="Where the kit is, or is to be.")]


@app.command()
def build(
    folder: Folder = FOLDER,
    platform: Annotated[str, typer.Option(help="Another system's tag, such as win_amd64; default: this one.")] = "",
    python: Annotated[str, typer.Option(help="Another Python, such as 3.12; default: this one.")] = "",
) -> None:
    """Write the kit anew; exit 1 when pip finds a package in no wheel."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    foreign = (["--platform", platform] if platform else []) + (["--python-version", python] if python else [])
    files = [option for group in GROUPS for option in ("-r", str(ROOT / "requirements" / f"{group}.txt"))]
    wanted = ["-c", str(ROOT / "requirements.lock"), *files, *BUILDS]
    pip(sys.executable, "download", "--only-binary=:all:", "--dest", str(folder / WHEELS), *foreign, *wanted)
    clone(folder / CLONE)
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    save_text(folder / "INSTALL.txt", INSTALL.format(python=python or here, system=platform or sys.platform))
    wheels = list((folder / WHEELS).iterdir())
    print(f"{folder}: {len(wheels)} wheels, {sum(file.stat().st_size for file in wheels) / 1e6:,.0f} MB, and the clone")


@app.command()
def prove(folder: Folder = FOLDER) -> None:
    """Install the kit in a new environment that knows no index, and train two steps there; exit 1 if that fails."""
    if not (folder / "INSTALL.txt").exists():
        raise InputError(f"{folder} is no kit: python -m tools.offline_kit build {folder}")
    with tempfile.TemporaryDirectory() as temporary:
        fresh = Path(temporary)
        venv.create(fresh / ".venv", with_pip=True)
        python = next(path for path in (fresh / ".venv").glob("*/python*") if path.stem == "python")
        shutil.copytree(folder / CLONE, fresh / CLONE)
        (fresh / WHEELS).symlink_to((folder / WHEELS).resolve())
        pip(str(python), "install", *OPTIONS, "-e", f"./{CLONE}[lab]", cwd=fresh)
        rows = fresh / CLONE / "data" / "tickets" / "clean.jsonl"
        run(str(python), "-m", "helpers", "train", str(rows), "--steps", "2", "--out", "adapter", cwd=fresh)
        written = sorted(file.name for file in (fresh / "adapter").glob("adapter*"))
    print(f"installed without an index, trained two steps, wrote {', '.join(written)}")


def clone(target: Path) -> None:
    """What is committed here, as a clone of its own that knows no path of this machine."""
    run("git", "clone", "--quiet", "--depth", "1", ROOT.as_uri(), str(target))
    run("git", "-C", str(target), "remote", "remove", "origin")


def pip(python: str, *arguments: str, cwd: Path | None = None) -> None:
    run(python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments, cwd=cwd)


def run(*command: str, cwd: Path | None = None) -> None:
    """Run it; InputError with its last line when it fails. Inside `cwd` neither pip's settings nor this clone count."""
    ours = ("PIP_", "PYTHONPATH")
    environment = dict(os.environ)
    if cwd:
        environment = {name: value for name, value in environment.items() if not name.startswith(ours)}
        environment |= {"PIP_CONFIG_FILE": os.devnull, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise InputError(f"{' '.join(command[:4])} ... failed: {' '.join(last)}")


def main() -> None:
    try:
        app()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
