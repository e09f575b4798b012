"""Files that appear whole or not at all, JSON lines, and the checks of paths before anything is written."""

import hashlib
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from helpers.errors import InputError

HERE = platform.node().replace("/", "-")[:64] or "here"
UNFINISHED = re.compile(rf"\..+\.{re.escape(HERE)}\.(\d+)(?:\.\d+)?\.(?:part|old)")
_ROW = json.JSONEncoder(ensure_ascii=False)


def encode_row(row: dict) -> bytes:
    """One row as a UTF-8 line of JSON. Half characters (lone surrogates) stay as the escapes that they came as."""
    return (_ROW.encode(row) + "\n").encode("utf-8", "backslashreplace")


def write_jsonl(path: str | Path, rows) -> None:
    """Write `rows` as JSONL, whole or not at all."""
    with whole_files(Path(path)) as (file,):
        for row in rows:
            file.write(encode_row(row))


def load_jsonl(path: str | Path) -> list[dict]:
    """All rows of a JSONL file that was written here."""
    with Path(path).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def check_paths(inputs: list[Path], outputs: dict[str, Path | None]) -> dict[str, Path | None]:
    """Return the outputs with links resolved. Raises InputError for outputs that cannot be written or that would
    overwrite an input or one another."""
    if not inputs:
        raise InputError("no input files were given")
    resolved: dict[str, Path | None] = {}
    for option, path in outputs.items():
        if path is None:
            resolved[option] = None
            continue
        if not str(path) or str(path) == ".":
            raise InputError(f"{option}: no file name was given")
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise InputError(f"{option} {path}: is a directory, name a file")
        if target.exists() and not target.is_file():
            raise InputError(f"{option} {path}: is not a regular file, so it cannot be replaced as a whole")
        if not target.parent.is_dir():
            raise InputError(f"{option} {path}: the directory {path.parent} does not exist")
        if not os.access(target.parent, os.W_OK):
            raise InputError(f"{option} {path}: the directory {path.parent} cannot be written to")
        for source in inputs:
            if target == Path(os.path.realpath(source)) or (
                target.exists() and source.exists() and os.path.samefile(target, source)
            ):
                raise InputError(f"{option} {path}: is also an input, and would be overwritten")
        for other, taken in resolved.items():
            if taken == target or (taken and taken.exists() and target.exists() and os.path.samefile(taken, target)):
                raise InputError(f"{option} {path}: is the same file as {other}")
        resolved[option] = target
    return resolved


@contextmanager
def whole_files(*targets: Path):
    """Yield a binary file for each target; all replace their targets together when the block ends without an error.

    After an error, or a replacement that fails, every target is as it was. Stopped between two replacements by a kill
    that cannot be caught, each file is still whole, old or new; the next call beside them clears what lies about.
    """
    for folder in {target.parent for target in targets}:
        clear_unfinished(folder)
    names = [unfinished(target, f"{os.getpid()}.{i}") for i, target in enumerate(targets)]
    backups = [name.with_suffix(".old") for name in names]
    replaced: list[int] = []
    try:
        with ExitStack() as stack:
            files: list[IO[bytes]] = [stack.enter_context(name.open("w+b")) for name in names]
            yield files
            for file in files:
                file.flush()
                os.fsync(file.fileno())
        with alone_in(*{target.parent for target in targets}):
            for i, target in enumerate(targets):
                if target.exists():
                    shutil.copymode(target, names[i])
                    _keep(target, backups[i])
            try:
                for i, target in enumerate(targets):
                    replaced.append(i)
                    os.replace(names[i], target)
            except BaseException:
                for i in replaced:
                    if backups[i].exists():
                        os.replace(backups[i], targets[i])
                    else:
                        targets[i].unlink(missing_ok=True)
                raise
    finally:
        for leftover in (*names, *backups):
            leftover.unlink(missing_ok=True)


@contextmanager
def alone_in(*folders: Path) -> Iterator[None]:
    """Wait until no other process is in such a block with one of `folders`; on Windows, for none.

    What two runs with the same outputs write at the same time is then all of the one, or all of the other.
    """
    with ExitStack() as stack:
        for folder in sorted(map(os.path.realpath, folders)):
            if sys.platform != "win32":  # a directory cannot be opened there
                import fcntl

                with suppress(OSError):  # a file system without locks, a folder that may not be read
                    opened = os.open(folder, os.O_RDONLY)
                    stack.callback(os.close, opened)  # which ends the lock
                    fcntl.flock(opened, fcntl.LOCK_EX)
        yield


def _keep(target: Path, backup: Path) -> None:
    try:
        os.link(target, backup)
    except OSError:
        shutil.copy2(target, backup)


def save_json(path: str | Path, value) -> None:
    """Write `value` as JSON to `path`, whole or not at all; its directory is made."""
    save_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def save_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, whole or not at all; its directory is made."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with whole_files(Path(path)) as (file,):
        file.write(text.encode("utf-8"))


def digests(directory: Path, without: str = "") -> dict[str, str]:
    """SHA-256 of each file in `directory`, but for the one named `without`; nothing is written, not even to read it."""
    files = sorted(path for path in directory.rglob("*") if path.is_file() and path.name != without)
    found = {}
    for file in files:
        with file.open("rb") as stream:
            found[file.relative_to(directory).as_posix()] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


def flush(directory: Path) -> None:
    """Have all files of `directory` on the disk, before something says that they are whole."""
    for file in (path for path in directory.rglob("*") if path.is_file()):
        with file.open("r+b") as stream:  # Windows flushes no file that is open to be read alone
            os.fsync(stream.fileno())


@contextmanager
def whole_directory(out: str | Path) -> Iterator[Path]:
    """Yield an empty directory beside `out`; it becomes `out` when the block ends without an error, else it is removed.

    After a kill that cannot be caught, the next call beside it removes it. Raises InputError if `out` exists already or
    cannot be written.
    """
    out = Path(out)
    if out.exists():
        raise InputError(f"{out} exists already: choose another directory, or remove it first")
    work = unfinished(out, str(os.getpid()))
    clear_unfinished(out.parent)
    shutil.rmtree(work, ignore_errors=True)  # of a process that had the same number
    try:
        work.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"cannot write to {out.parent}: {error.strerror or error}") from None
    try:
        yield work
        if out.exists():
            raise InputError(f"{out} was written by another run in the meantime, and is left as it is")
        os.replace(work, out)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def unfinished(target: Path, process: str) -> Path:
    """Where `target` is written until it is whole: beside it, with this machine's name and the process in its own."""
    return target.with_name(f".{target.name[:40]}.{HERE}.{process}.part")


def clear_unfinished(folder: Path) -> None:
    """Remove from `folder` what processes of this machine that are no more left of files and directories not whole."""
    import psutil

    with suppress(OSError):  # a folder that can be written to, and not listed
        for path in list(folder.iterdir()):
            found = UNFINISHED.fullmatch(path.name)
            if found and not psutil.pid_exists(int(found[1])):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
