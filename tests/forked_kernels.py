"""Kernels that are processes of their own and start in half a second: forked from one that has imported the libraries.

`kernelspec(folder)` starts that process and gives the name of its kernels. A kernel finds what is imported, and nothing
else of another: names, variables, directory and cache of the hub's library are new. Where there is no safe fork
(Windows, macOS) the name is that of an ordinary kernel, which imports all itself.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "forked"


@contextmanager
def kernelspec(folder: Path) -> Iterator[str]:
    """Keep a process in `folder` to fork kernels from; its name for `reproduce.kernel`."""
    from helpers import reproduce

    if sys.platform != "linux":
        yield reproduce.KERNELSPEC["name"]
        return
    address, before = folder / "socket", os.environ.get("JUPYTER_PATH")
    spec = folder / "jupyter" / "kernels" / NAME
    spec.mkdir(parents=True)
    command = [sys.executable, "-S", __file__, str(address), "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": command, "display_name": NAME, "language": "python"}))
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, (str(folder / "jupyter"), before)))
    parent = subprocess.Popen([sys.executable, __file__, str(address)], env=reproduce.environment(folder), cwd=folder)
    try:
        while not address.exists() and parent.poll() is None:
            time.sleep(0.05)
        assert parent.poll() is None, "the process to fork from has ended"
        yield NAME
    finally:
        parent.kill()  # kernels that are left see it, and end
        parent.wait()
        os.environ.pop("JUPYTER_PATH")
        os.environ.update({"JUPYTER_PATH": before} if before else {})


def ask(address: str, arguments: list[str]) -> None:
    """What Jupyter takes for the kernel: has one forked, and ends when that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Jupyter's way to begin an end
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect(address)
        wanted = {"arguments": arguments, "directory": os.getcwd(), "environment": dict(os.environ)}
        channel.sendall(json.dumps(wanted).encode() + b"\n")
        channel.recv(1)


def serve(address: str) -> None:
    """Import the libraries, then fork a kernel for each that asks."""
    del sys.path[0]  # tests/
    os.environ["JPY_PARENT_PID"] = str(os.getpid())  # a kernel ends with this process
    from ipykernel.kernelapp import launch_new_instance

    from helpers.quiet import quiet

    quiet(progress_bars=False)
    import bitsandbytes  # noqa: F401
    import datasets  # noqa: F401
    from peft import get_peft_model  # noqa: F401
    from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer  # noqa: F401
    from trl import SFTTrainer  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a kernel
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address + ".new")
    listener.listen()
    os.rename(address + ".new", address)  # whoever sees it can connect
    while True:
        channel, _ = listener.accept()
        wanted = json.loads(channel.makefile().readline())
        shutil.rmtree(os.environ["HF_HOME"], ignore_errors=True)  # the library has read where it is, once
        if os.fork() == 0:
            break
        channel.close()
    listener.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.environ.clear()
    os.environ.update(wanted["environment"])
    os.chdir(wanted["directory"])
    tempfile.tempdir = None  # it was read from the variables of before
    launch_new_instance(wanted["arguments"])  # `channel` stays open for as long as it runs


if __name__ == "__main__":
    place, *arguments = sys.argv[1:]
    ask(place, arguments) if arguments else serve(place)
