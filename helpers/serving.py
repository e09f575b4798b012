"""Servers on this machine alone: a process on a free port of 127.0.0.1 that ends with the one that started it.

Run as `python -m helpers.serving COMMAND...` this file is the guard between the two: it ends the command when its own
standard input is closed, and that happens however the starter ends, a kill that cannot be caught included.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from helpers import requirements
from helpers.errors import InputError

GRACE = 10  # seconds that a server gets to end by itself


class ServerError(RuntimeError):
    """A server ended, or did not answer in time; the message has its last lines."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(command: Sequence[str], port: int, ready: str = "/health", seconds: float = 180) -> Iterator[str]:
    """Run the server `command` until the block ends; yields `http://127.0.0.1:PORT` once GET `ready` is answered.

    Without a block, `ExitStack().enter_context(running(...))` keeps it until the stack is closed or this process ends.
    Raises InputError if something else listens on `port`, ServerError if the server ends before it is ready, or is not
    ready after `seconds`.
    """
    with started(command, port, ready, seconds):
        yield f"http://127.0.0.1:{port}"


def run_until_it_ends(command: Sequence[str], port: int, announce: Callable[[str], object]) -> None:
    """Run the server `command`, and call `announce` with its address once it answers; this ends with an exception.

    That is what interrupts this process, or what `running` raises, ServerError also when the server ends.
    """
    with started(command, port, "/health", 180) as (guard, log):
        announce(f"http://127.0.0.1:{port}")
        guard.wait()
        raise ServerError(f"the server ended ({guard.returncode}); its last lines:\n{last_lines(log)}")


@contextmanager
def started(command: Sequence[str], port: int, ready: str, seconds: float) -> Iterator[tuple[subprocess.Popen, IO]]:
    """The guard of a server that is ready, and its log; both end with the block."""
    check_free(port)
    with tempfile.TemporaryFile() as log:
        guard = subprocess.Popen(
            [sys.executable, "-m", "helpers.serving", *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C for a notebook's cell is not meant for the server
        )
        try:
            wait_until_ready(f"http://127.0.0.1:{port}{ready}", guard, log, seconds)
            yield guard, log
        finally:
            assert guard.stdin
            guard.stdin.close()
            guard.wait()


def wait_until_ready(url: str, process: subprocess.Popen, log, seconds: float) -> None:
    """Return when GET `url` succeeds. Raises ServerError if `process` ends or `seconds` go by before."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            pass
        ended = process.poll() is not None
        if ended or time.monotonic() > end:
            what = f"the server ended ({process.returncode})" if ended else f"no answer from {url} in {seconds:g} s"
            raise ServerError(f"{what}; its last lines:\n{last_lines(log)}")
        time.sleep(0.2)


def last_lines(log: IO[bytes]) -> str:
    """The last five lines of what a server has said."""
    log.seek(0)
    return "\n".join(log.read().decode("utf-8", "replace").strip().splitlines()[-5:])


def check_free(port: int) -> None:
    """Raise InputError where something listens on `port` of this machine: it would be taken for the server."""
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise InputError(f"something else listens on port {port}: end it, or choose another --port")


def transformers_serve(model: str | Path, port: int, *options: str) -> list[str]:
    """The command that serves a model directory or hub id with transformers' own server, behind `serving_front`.

    Raises InputError where that server would not find the directory again, or could not load what is in it, and where
    its packages are missing.
    """
    from helpers.models import check_loadable, check_model

    check_packages()
    check_model(model)
    if "@" in str(model):  # it takes what follows for a revision
        raise InputError(f"{model}: transformers serve takes what follows the @ for a revision; rename the directory")
    check_loadable(model)
    module = [sys.executable, "-m", "helpers.serving_front"]
    return [*module, str(model), "--host", "127.0.0.1", "--port", str(port), *options]


def check_packages() -> None:
    """Raise InputError, in one line, where packages of the group `serve` are missing."""
    found = requirements.installed()
    missing = [one.name for one in requirements.tested() if one.group == "serve" and one.name not in found]
    if missing:
        raise InputError(f"serving needs {', '.join(missing)}: pip install -c requirements.lock -e '.[serve]'")


@dataclass(frozen=True)
class Answer:
    """An answer that came in pieces: its text, seconds to the first piece and to the end, its token ids and the
    log-probability of each (both empty where the server gives none)."""

    text: str
    first: float
    seconds: float
    tokens: list[int]
    logprobs: list[float]


def ask(client, model: str, messages: list[dict], max_tokens: int = 120, **options) -> Answer:
    """The greedy answer of an OpenAI client's server, streamed; `options` are the request's own."""
    start, first = time.perf_counter(), 0.0
    pieces: list[str] = []
    tokens: list[Any] = []
    options = {"temperature": 0, "logprobs": True, **options}
    for chunk in client.chat.completions.create(
        model=model, messages=messages, max_tokens=max_tokens, stream=True, **options
    ):
        for choice in chunk.choices:
            if choice.delta.content:
                first = first or time.perf_counter() - start
                pieces.append(choice.delta.content)
            tokens += choice.logprobs.content if choice.logprobs and choice.logprobs.content else []
    return Answer(
        text="".join(pieces),
        first=first,
        seconds=time.perf_counter() - start,
        tokens=[one.model_extra["id"] for one in tokens if "id" in (one.model_extra or {})],
        logprobs=[one.logprob for one in tokens],
    )


def token_logprobs(model, tokenizer, messages: list[dict], tokens: Sequence[int]) -> list[float]:
    """The log-probability that `model` gives each of `tokens` where they follow the chat prompt, in float32."""
    import torch

    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    ids = torch.tensor([[*prompt, *tokens]], device=model.device)
    with torch.inference_mode():
        scores = model(ids).logits[0, len(prompt) - 1 : -1].float().log_softmax(-1)
    return scores.gather(1, ids[0, len(prompt) :, None])[:, 0].tolist()


def end_with_parent() -> None:
    """Have Linux kill this process when the one that started it ends, the guard killed in its turn (prctl(2))."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def guard(command: Sequence[str]) -> int:
    """Run `command` until it ends or standard input is closed; returns its exit code, as a shell: 128 + its signal."""
    before = end_with_parent if sys.platform == "linux" else None
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=before)

    def end() -> None:
        while os.read(0, 1024):  # sys.stdin has a lock, which an interpreter that ends would wait for
            pass
        process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()

    threading.Thread(target=end, daemon=True).start()
    code = process.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(guard(sys.argv[1:]))
