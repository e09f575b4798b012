"""Kill `train`, `clean`, `merge` and `course` at random moments, start each again, and look at what is left.

`python -m tools.kills [--train 18] [--saves 20] [--others 4]`: `--saves` kills of `train` are inside a save, `--others`
of each other command; minutes. Exit 1 unless each one goes on or starts clean: the same bytes as a run that was not
stopped, and nothing else in the directory.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from helpers import DATA, ROOT

ROWS = 48
COURSE = (
    "from dataclasses import replace\nfrom pathlib import Path\nfrom helpers import course, profiles\n"
    "course.run_course(replace(profiles.select('tiny'), max_steps=4), Path('build'))"
)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "helpers", *arguments]


TRAIN = command("train", "rows.jsonl", "--out", "out", "--steps", "8", "--batch", "4", "--rank", "2", "--no-quantize",
                "--resume")  # fmt: skip
CLEAN = command("clean", str(DATA / "tickets" / "raw" / "alpaca.jsonl"), "--out", "out", "--rejects", "rejects.jsonl")
OTHERS = {
    "clean": CLEAN,
    "merge": command("merge", "adapter", "--out", "out"),
    "course": [sys.executable, "-c", COURSE],
}


def in_a_save(folder: Path) -> bool:
    """Whether a checkpoint that is not marked yet, or the adapter, is being written."""
    work = folder / "out.run"
    return (work / "adapter").is_dir() or any(not (path / "complete").exists() for path in work.glob("checkpoint-*"))


def kill(asked: list[str], folder: Path, seconds: float, when: Callable[[Path], bool] | None = None) -> bool:
    """Start a command, kill it after `seconds`, or at the first moment from then on where `when`; False if it ended."""
    process = subprocess.Popen(asked, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
    end = time.monotonic() + seconds
    while process.poll() is None and (time.monotonic() < end or (when and not when(folder))):
        time.sleep(0.0005)
    alive = process.poll() is None
    process.kill()
    process.wait()
    return alive and process.returncode == -signal.SIGKILL


ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "COURSE_PROFILE": "tiny",
    "OMP_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}


def finish(asked: list[str], folder: Path) -> float:
    """Run a command to its end; returns its seconds."""
    start = time.monotonic()
    done = subprocess.run(asked, cwd=folder, capture_output=True, text=True, env=ENVIRONMENT)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return time.monotonic() - start


def content(folder: Path) -> dict[str, object]:
    """What a command left: each file's bytes; of the course's card the names alone, since it holds times."""
    found: dict[str, object] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if path.name == "course.json":
            found[name] = sorted(json.loads(path.read_text(encoding="utf-8")))
        elif path.name not in ("training_args.bin", "run.json"):  # times and paths are in them
            found[name] = path.read_bytes()
    return found


def fresh(whole: Path | None) -> Path:
    """A directory with the rows, and for a merge with the adapter of `whole`."""
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    rows = (DATA / "tickets" / "clean.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)[:ROWS]
    (folder / "rows.jsonl").write_text("".join(rows), encoding="utf-8")
    if whole:
        (folder / "adapter").mkdir()
        for file in (whole / "out").iterdir():
            (folder / "adapter" / file.name).write_bytes(file.read_bytes())
    return folder


def rounds(name: str, asked: list[str], times: int, adapter: Path | None, when=None) -> tuple[int, int]:
    """(kills after which all was as after an uninterrupted run, kills) of one command."""
    if not times:
        return 0, 0
    whole = fresh(adapter)
    seconds, wanted, right, killed = finish(asked, whole), content(whole), 0, 0
    while killed < times:
        folder = fresh(adapter)
        if not kill(asked, folder, random.uniform(0, seconds * (0.6 if when else 0.95)), when):
            continue  # too late: there was nothing to kill
        killed += 1
        try:
            finish(asked, folder)
            found = content(folder)
            same = found == wanted
            odd = sorted(path for path in found.keys() | wanted.keys() if found.get(path) != wanted.get(path))
        except RuntimeError as error:
            same, odd = False, [str(error)]
        right += same
        print(
            f"{name} {killed}: " + ("as if it had not been killed" if same else f"{folder} differs: {odd}"), flush=True
        )
    return right, killed


def main(
    train: Annotated[int, typer.Option(help="kills of train at random moments")] = 18,
    saves: Annotated[int, typer.Option(help="kills of train inside a save")] = 20,
    others: Annotated[int, typer.Option(help="kills of each of clean, merge and course")] = 4,
    seed: int = 0,
) -> None:
    random.seed(seed)
    adapter = fresh(None)
    finish(TRAIN, adapter)
    results = [rounds("train", TRAIN, train, None), rounds("train, in a save", TRAIN, saves, None, in_a_save)]
    results += [rounds(name, asked, others, adapter) for name, asked in OTHERS.items()]
    right, killed = (sum(column) for column in zip(*results, strict=True))
    print(f"{right} of {killed} kills left nothing behind, and the next start ended as if there had been none")
    raise SystemExit(right != killed)


if __name__ == "__main__":
    typer.run(main)
