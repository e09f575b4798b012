"""Files and directories that appear whole or not at all: what a killed process leaves is cleared by the next one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers import files, merging
from helpers.errors import InputError

WRITE = {
    "directory": "with whole_directory(out) as work:\n    (work / 'half').write_bytes(b'half')\n    pause()",
    "file": "with whole_files(out) as (file,):\n    file.write(b'half')\n    file.flush()\n    pause()",
    "merge": """
from helpers.merging import save_merged

class Model:
    def parameters(self):
        return []

    def save_pretrained(self, work):
        (work / "model.safetensors").write_bytes(b"half")
        pause()

class Tokenizer:
    def save_pretrained(self, work):
        pass

save_merged(Model(), Tokenizer(), out)""",
}
START = """import sys
from pathlib import Path

from helpers.files import whole_directory, whole_files

out = Path(sys.argv[1])

def pause():
    print("writing", flush=True)
    sys.stdin.readline()

"""


@pytest.fixture
def writing(tmp_path):
    """A process in the middle of writing tmp_path/out."""
    running = []

    def start(kind: str) -> subprocess.Popen:
        command = [sys.executable, "-c", START + WRITE[kind], str(tmp_path / "out")]
        running.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        assert running[0].stdout.readline() == b"writing\n"
        return running[0]

    yield start
    running[0].kill()
    running[0].communicate()


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill that cannot be caught")
@pytest.mark.parametrize("kind", WRITE)
def test_what_a_killed_process_left_is_cleared_at_the_next_start(kind, writing, tmp_path):
    (tmp_path / ".other.12.part").write_text("not ours")
    process = writing(kind)
    half = next(name for name in names(tmp_path) if str(process.pid) in name)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert names(tmp_path) == sorted([half, ".other.12.part"])
    with files.whole_directory(tmp_path / "next") as work:
        assert names(tmp_path) == sorted([work.name, ".other.12.part"])


@pytest.mark.parametrize("kind", WRITE)
def test_what_another_process_is_writing_is_left_to_it(kind, writing, tmp_path):
    process = writing(kind)
    files.save_text(tmp_path / "next", "next")
    process.communicate(b"\n")
    assert process.returncode == 0 and names(tmp_path) == ["next", "out"]


def test_a_directory_of_a_dead_process_with_the_same_number_is_replaced(tmp_path):
    left = files.unfinished(tmp_path / "out", str(os.getpid()))
    (left / "old").mkdir(parents=True)
    with files.whole_directory(tmp_path / "out") as work:
        (work / "new").touch()
    assert names(tmp_path / "out") == ["new"]


def test_a_killed_merge_does_not_take_the_room_of_the_next(writing, tmp_path, monkeypatch):
    process = writing("merge")
    process.kill()
    process.wait()
    (half,) = tmp_path.iterdir()
    monkeypatch.setattr(merging.shutil, "disk_usage", lambda path: SimpleNamespace(free=0 if half.exists() else 100))
    model = SimpleNamespace(parameters=lambda: [SimpleNamespace(nbytes=50)], save_pretrained=lambda work: None)
    merging.save_merged(model, model, tmp_path / "out")
    assert names(tmp_path) == ["out"]


OTHER = """
import sys
from pathlib import Path

from helpers.files import whole_files

with whole_files(*map(Path, sys.argv[1:])) as files:
    for file in files:
        file.write(b"theirs")
    print("written", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="directories have no locks there")
def test_two_that_write_the_same_files_at_once_do_not_mix_them(tmp_path, monkeypatch):
    targets, replace, others = [tmp_path / "rows", tmp_path / "rejects"], os.replace, []

    def replace_slowly(source, target):
        replace(source, target)
        if not others:  # the first file is ours, the second not yet
            others.append(subprocess.Popen([sys.executable, "-c", OTHER, *map(str, targets)], stdout=subprocess.PIPE))
            assert others[0].stdout.readline() == b"written\n"
            time.sleep(0.3)

    monkeypatch.setattr(files.os, "replace", replace_slowly)
    with files.whole_files(*targets) as ours:
        for file in ours:
            file.write(b"ours")
    assert others[0].wait(60) == 0 and others[0].stdout.close() is None
    assert [path.read_bytes() for path in targets] == [b"theirs", b"theirs"]
    assert names(tmp_path) == ["rejects", "rows"]


def test_a_directory_that_another_run_has_written_meanwhile_is_left_as_it_is(tmp_path):
    with pytest.raises(InputError, match="written by another run in the meantime"):
        with files.whole_directory(tmp_path / "out"):
            (tmp_path / "out").mkdir()
    assert names(tmp_path) == ["out"]


def test_digests_write_to_nothing(tmp_path, monkeypatch):
    """A checkpoint on a medium that is read-only must be readable, too."""
    (tmp_path / "weights").write_bytes(b"1")
    opened = Path.open
    modes = []
    monkeypatch.setattr(Path, "open", lambda path, mode="r", *rest: modes.append(mode) or opened(path, mode, *rest))
    assert list(files.digests(tmp_path)) == ["weights"] and modes == ["rb"]
