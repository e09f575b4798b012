"""Prove the setup cell where nothing is prepared: a lone notebook, a git address, a fresh environment like Colab's.

`python -m tests.tools.colab_check [--python PYTHON] [--keep]` takes some minutes, the network and about 2 GB under
build/. At the end a lesson of each kind runs there, from its first cell to its last. Colab itself has Python 3.13 and
torch 2.11: here the Python is the one given (default: this one) and torch the tested pin. Besides Colab's versions it
installs the oldest end of every wide range of requirements.txt.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from helpers import BUILD, ROOT, requirements
from tools import stamp
from tools.execute import merged_streams

COLAB = (
    "ipython==7.34.0 ipykernel==6.17.1 ipywidgets==7.7.1"
    " transformers==5.15.0 peft==0.20.0 datasets==4.0.0 torchao==0.10.0"
)
OLDEST = (
    "numpy==2.0.2 matplotlib==3.10.0 tensorboard==2.19.0 pydantic==2.11.0 psutil==5.9.5 typer==0.20.0 packaging==24.2"
    " charset-normalizer==3.4.0 pandas==2.2.2 nbformat==5.10.4 nbclient==0.10.0"
)
TORCH = "torch==2.13.0"
# main line, pitfall, error, gallery of errors, beyond one adapter
ONE_OF_EACH_KIND = (
    "04_training",
    "09_pitfall_5_slow_inference",
    "13_error_04_unicode_decode_error",
    "26_more_errors",
    "22_many_adapters",
)
UNTOUCHED = ("torch", "ipython", "ipywidgets", *(pin.split("==")[0] for pin in OLDEST.split()))
FACTS = """
import json, helpers, peft, trl, bitsandbytes, transformers, datasets, torch
print(json.dumps({"helpers": helpers.__file__, "torch": torch.__version__, "peft": peft.__version__}))
"""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command; its output, or a CalledProcessError after printing what it said."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        print(done.stdout[-3000:], done.stderr[-3000:], sep="\n", file=sys.stderr)
        done.check_returncode()
    return done.stdout


def publish(work: Path) -> tuple[str, Path]:
    """A bare repository with this working tree, stamped with its own address; returns address and stamped notebooks."""
    copy, bare = work / "copy", work / "origin.git"
    names = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    url = bare.as_uri()
    stamp.stamp(url, copy / "notebooks", copy / "pyproject.toml")
    identity = ("-c", "user.name=check", "-c", "user.email=check@example.org")
    run("git", "init", "-q", "-b", "main", cwd=copy)
    run("git", "add", "-A", cwd=copy)
    run("git", *identity, "commit", "-q", "-m", "check", cwd=copy)
    run("git", "clone", "-q", "--bare", copy, bare)
    return url, copy / "notebooks"


def environment(work: Path, python: str) -> Path:
    """A fresh environment like Colab's, and a kernel called `colab` in it; returns its Python."""
    run(python, "-m", "venv", work / "venv")
    inner = work / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    run(inner, "-m", "pip", "install", "-q", TORCH, *COLAB.split(), *OLDEST.split())
    spec = work / "jupyter" / "kernels" / "colab"
    spec.mkdir(parents=True)
    command = [str(inner), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "colab", "language": "python"}))
    os.environ["JUPYTER_PATH"] = str(work / "jupyter")
    return inner


def packages(python: Path) -> dict[str, str]:
    """What pip lists in that environment."""
    rows = json.loads(run(python, "-m", "pip", "list", "--format=json"))
    return {row["name"].lower(): row["version"] for row in rows}


def execute(sources: list[str], folder: Path) -> list[str]:
    """Run the sources as cells of one notebook in a fresh `colab` kernel; the text that each printed."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, kernel_name="colab", timeout=1200, resources={"metadata": {"path": str(folder)}}).execute()
    return [printed(cell) for cell in notebook.cells]


def run_alone(path: Path) -> str:
    """Run a notebook in a fresh `colab` kernel; the last line of what a cell raised that is not to raise, or ""."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, kernel_name="colab", timeout=1200, resources={"metadata": {"path": str(path.parent)}}
    )
    try:
        client.execute()
    except CellExecutionError as error:
        return f": {error.ename}: {error.evalue}"
    return ""


def printed(cell: nbformat.NotebookNode) -> str:
    """The text that a cell shows, warnings included."""
    return "".join(output.get("text", "") for output in merged_streams(cell.outputs))


def demand(true: bool, what: str) -> None:
    """Say what was checked; stop with exit code 1 where it is not so (also under python -O)."""
    print(("ok    " if true else "FAIL  ") + what, flush=True)
    if not true:
        raise SystemExit(1)


def check(work: Path, python: str) -> None:
    """The whole check, in `work`."""
    url, notebooks = publish(work)
    print(f"installing Colab's versions for {run(python, '--version').strip()} ...", flush=True)
    inner = environment(work, python)
    before = packages(inner)
    lone = work / "lone"
    lone.mkdir()
    shutil.copy(notebooks / "00_environment.ipynb", lone)
    notebook = nbformat.read(lone / "00_environment.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    setup = code[0].source
    demand(url in setup and len(setup.splitlines()) <= 5, "the lone notebook carries the address")
    demand("trl" not in before and "bitsandbytes" not in before, "trl and bitsandbytes are not there at first")

    first, facts = execute([setup, FACTS], lone)
    print("      " + first.strip().replace("\n", "\n      "))
    middle, facts = packages(inner), json.loads(facts.splitlines()[-1])
    demand(Path(facts["helpers"]).is_relative_to(lone / "lora-course"), "helpers comes from the fetched course")
    demand("trl" in middle and "bitsandbytes" in middle and facts["peft"] != "0.20.0", "peft, trl, bitsandbytes import")
    demand("torchao" not in middle and "Removing torchao" in first, "torchao is gone, and the cell said so")
    for name in UNTOUCHED:
        demand(before[name] == middle[name], f"{name} {before[name]} is untouched")
    others = {one.name for one in requirements.tested() if one.group != "course"}
    demand(not others & (set(middle) - set(before)), "nothing was installed that no notebook imports")

    second, third = execute([setup, setup], lone)
    demand("Installing" not in second + third and second == third, "the cell run again installs and says nothing new")
    demand("Fix first" not in second, "every package is in its tested range")
    demand(packages(inner) == middle, "and no package changed")

    outputs = execute([cell.source for cell in code], lone)
    for cell, output in zip(code, outputs, strict=True):
        if "nbval-check-output" in cell.metadata.get("tags", []):
            demand(output == printed(cell), f"same output here: {cell.source.splitlines()[-1][:70]}")

    for name in ONE_OF_EACH_KIND:
        shutil.copy(notebooks / f"{name}.ipynb", lone)
        start = time.perf_counter()
        error = run_alone(lone / f"{name}.ipynb")
        demand(not error, f"{name} runs to its end ({time.perf_counter() - start:.0f} s){error}")
    demand(packages(inner) == middle, "and still no package changed")


def main() -> None:
    """Parse the arguments, check, clean up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="the Python to make the environment with")
    parser.add_argument("--keep", action="store_true", help="leave build/colab-check as it is, to look at")
    arguments = parser.parse_args()
    work, start = BUILD / "colab-check", time.perf_counter()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        check(work.resolve(), arguments.python)
    finally:
        if not arguments.keep:
            shutil.rmtree(work, ignore_errors=True)
    print(f"passed in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
