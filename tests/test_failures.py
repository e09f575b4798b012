"""A machine that lacks something: one line that says what, and nothing half-written is left."""

import errno
import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from bases import ROWS, make_base

from helpers import ROOT, cli, model_checks
from helpers.clean import cleaning
from helpers.cli.failures import FULL, MEMORY, lack
from helpers.errors import InputError
from helpers.model_checks import check_reachable

LIMITED = (  # a file may not grow beyond these bytes: what a full disk looks like to the one that writes
    "import resource, signal, sys\n"
    "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)\n"
    "from helpers.cli import main\n"
    "main()\n"
)


def context(error: Exception, cause: Exception) -> Exception:
    error.__context__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), FULL),
        (context(RuntimeError("unexpected pos 64 vs 32"), OSError(errno.ENOSPC, "")), FULL),
        (RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 23488 vs 23376"), FULL),
        (PermissionError(errno.EACCES, "Permission denied", "out"), "out may not be written to"),
        (OSError(errno.EROFS, "Read-only file system", "out"), "out may not be written to"),
        (MemoryError(), MEMORY),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), MEMORY),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), MEMORY),
        (RuntimeError("std::bad_alloc"), MEMORY),
        (ValueError("no"), ""),
        (pickle.UnpicklingError("no"), ""),
    ],
)
def test_what_a_machine_lacks_is_one_line(error, words):
    assert lack(error).startswith(words) and bool(lack(error)) == bool(words)


def test_a_full_disk_in_the_middle_of_a_job_leaves_nothing(tmp_path, monkeypatch, capsys):
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cleaning, "_read_back", full)
    monkeypatch.setattr("sys.argv", ["helpers", "clean", "rows.jsonl", "--out", "out", "--rejects", "rejects"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1 and capsys.readouterr().err == f"error: {FULL}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_a_hub_that_is_out_of_order_is_asked_once(monkeypatch):
    asked = []

    class OutOfOrder(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(502)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), OutOfOrder) as hub:
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{hub.server_port}")
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        with pytest.raises(InputError, match=r"out of order \(status 502\)"):
            check_reachable("nobody/nothing")
        hub.shutdown()
    assert asked.count("/api/models/nobody/nothing") == 1


DISKS = {"size=64k": (1, FULL), "ro": (2, "the directory disk cannot be written to")}


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("unshare"), reason="mounts of a process of its own")
@pytest.mark.parametrize("options", DISKS)
def test_a_disk_that_is_full_or_read_only_is_one_line_and_keeps_nothing(options, tmp_path):
    mount = f"mount -t tmpfs -o {options} none disk"
    (tmp_path / "disk").mkdir()
    if subprocess.run(["unshare", "-m", "sh", "-c", mount], cwd=tmp_path, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount")
    rows = "".join(
        json.dumps({"prompt": f"{i} What is {i}?", "response": f"It is {i}. " * 9}) + "\n" for i in range(900)
    )
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    clean = f"{sys.executable} -m helpers clean rows.jsonl --out disk/out --rejects disk/rejects"
    command = ["unshare", "-m", "sh", "-c", f"{mount} && {clean}; code=$?; echo left: $(ls -A disk); exit $code"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    code, words = DISKS[options]
    assert done.returncode == code and words in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr
    assert done.stdout.splitlines()[-1] == "left:"


@pytest.fixture
def online(monkeypatch, tmp_path):
    """An empty cache, and a hub at the address that is given."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return lambda address: monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{address}")


def test_a_hub_that_does_not_answer_is_not_waited_for(online, monkeypatch):
    monkeypatch.setattr(model_checks, "PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        online(silent.getsockname()[1])
        with pytest.raises(InputError, match="cannot be reached"):
            check_reachable("nobody/nothing")
    assert 0 < model_checks.PATIENCE < 5


def test_a_download_that_broke_off_is_not_tried_again_without_a_network(online, tmp_path):
    """The hub's library would ask six times for each file that the cache lacks, half a minute a file."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    online(port)
    snapshot = tmp_path / "models--nobody--half" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (tmp_path / "models--nobody--half" / "refs").mkdir()
    (tmp_path / "models--nobody--half" / "refs" / "main").write_text("abc")
    (snapshot / "config.json").write_text("{}")
    check_reachable("nobody/half")
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    for name, text in {"model.safetensors.index.json": json.dumps(index), "one.safetensors": ""}.items():
        with pytest.raises(InputError, match="cannot be reached"):
            check_reachable("nobody/half", weights=True)
        (snapshot / name).write_text(text)
    (snapshot / "two.safetensors").write_text("")
    check_reachable("nobody/half", weights=True)


OLD_TORCHAO = "Found an incompatible version of torchao. Found version 0.10.0"  # peft 0.21 where it looks for torchao


def test_an_old_package_is_one_line_that_says_where_the_fix_is(monkeypatch, capsys):
    def run():
        raise ImportError(f"{OLD_TORCHAO}, but only versions above 0.16.0 are supported\nmore")

    with pytest.raises(SystemExit) as ended:
        cli.main(run)
    said = capsys.readouterr().err
    assert ended.value.code == 2 and OLD_TORCHAO in said and "python -m helpers check" in said and said.count("\n") == 1


def test_no_duration_hangs_on_a_clock_that_may_jump():
    """time.monotonic and time.perf_counter do not; the hub says when a token ends, in the time of day."""
    files = [path for part in ("helpers", "tools") for path in (ROOT / part).rglob("*.py")]
    assert len(files) > 100
    clock = ("time.time(", "datetime.now(", "utcnow(")
    assert [path.name for path in files if any(word in path.read_text(encoding="utf-8") for word in clock)] == [
        "hub_server.py"
    ]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process")
@pytest.mark.parametrize("size", [4_000, 60_000])
def test_a_library_that_cannot_write_its_file_is_one_line(size, tmp_path):
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    make_base(tmp_path / "base", pad="<pad>")
    command = [sys.executable, "-c", LIMITED, str(size), "train", "rows.jsonl", "--out", "out", "--model", "base"]
    command += ["--no-quantize", "--max-length", "200", "--steps", "2", "--batch", "4", "--rank", "16"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 1 and FULL in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base", "rows.jsonl"]
