"""What this machine is and what this process has taken of it: facts, and no broken package stops the gathering."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from helpers import ROOT
from helpers.errors import InputError
from helpers.quiet import hush_loggers
from helpers.requirements import installed

GIB = 2**30
Fact = TypeVar("Fact")


@dataclass(frozen=True)
class Gpu:
    """A CUDA device as torch sees it: memory in GiB, compute capability as (major, minor)."""

    name: str
    memory_gib: float
    capability: tuple[int, int]

    @property
    def bf16(self) -> bool:
        """Native bfloat16 arithmetic starts at compute capability 8.0 (Ampere); older cards only emulate it."""
        return self.capability >= (8, 0)


@dataclass(frozen=True)
class Machine:
    """The facts that the checks judge. Tests and notebook 00 make such objects by hand to fake other machines.

    Memory and disk are in GiB; None stands for a fact that could not be had, and `problems` says why.
    """

    python: str
    system: str = "Linux x86_64"
    packages: dict[str, str] = field(default_factory=dict)
    gpus: tuple[Gpu, ...] = ()
    driver: str | None = None
    torch_cuda: str | None = None
    memory_gib: float | None = None
    free_memory_gib: float | None = None
    free_disk_gib: float | None = None
    bitsandbytes_backend: str | None = None
    problems: dict[str, str] = field(default_factory=dict)


def torch_gpus() -> tuple[Gpu, ...]:
    """The CUDA devices that torch can use, in torch's order; empty on a CPU build. Raises what importing torch does."""
    if version("torch").endswith("+cpu"):  # which needs no import of seconds
        return ()
    import torch

    if not torch.cuda.is_available():
        return ()
    devices = (torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count()))
    return tuple(Gpu(d.name, d.total_memory / GIB, (d.major, d.minor)) for d in devices)


def synchronise() -> None:
    """Wait until the GPU has done all that it was given, so that a clock read now has waited for it, too."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def probe() -> Machine:
    """Gather everything about this machine; imports torch and bitsandbytes, a few seconds the first time."""
    problems: dict[str, str] = {}

    def attempt(what: str, gather: Callable[[], Fact], otherwise: Fact) -> Fact:
        try:
            return gather()
        except Exception as error:  # whatever a broken installation raises is the finding, not a reason to stop
            problems[what] = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            return otherwise

    nothing: tuple[float | None, float | None] = (None, None)
    total, free = attempt("memory", _memory_gib, nothing)
    return Machine(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        packages=attempt("packages", installed, {}),
        gpus=attempt("torch", torch_gpus, ()),
        driver=attempt("driver", _driver, None),
        torch_cuda=attempt("torch", _torch_cuda, None),
        memory_gib=total,
        free_memory_gib=free,
        free_disk_gib=attempt("disk", lambda: shutil.disk_usage(ROOT).free / GIB, None),
        bitsandbytes_backend=attempt("bitsandbytes", _bitsandbytes_backend, None),
        problems=problems,
    )


def _torch_cuda() -> str | None:
    import torch

    return torch.version.cuda


def _driver() -> str | None:
    """Version of the NVIDIA driver, or None where there is none."""
    if not shutil.which("nvidia-smi"):
        return None
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True, timeout=20)
    if answer.returncode != 0:
        raise RuntimeError((answer.stdout or answer.stderr).strip() or f"nvidia-smi exited with {answer.returncode}")
    return answer.stdout.split()[0]


def _memory_gib() -> tuple[float, float]:
    import psutil

    memory = psutil.virtual_memory()
    return memory.total / GIB, memory.available / GIB


def _bitsandbytes_backend() -> str | None:
    """`cuda`, `cpu` or another native library that bitsandbytes really loaded; None when it loaded none.

    Without one, bitsandbytes still imports: it puts an object in place that raises at the first call.
    """
    hush_loggers()
    from bitsandbytes import cextension

    kind = type(cextension.lib).__name__
    if kind.startswith("ErrorHandler"):
        return None
    return {"CudaBNBNativeLibrary": "cuda", "XpuBNBNativeLibrary": "xpu"}.get(kind, "cpu")


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def peak_bytes() -> int:
    """Peak memory in bytes: of the GPU's allocator where there is a GPU, else of this process (resident set)."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return peak_resident_bytes()


def peak_resident_bytes() -> int:
    """Peak memory of this process alone in bytes (resident set), whatever there is of GPUs."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux: ru_maxrss would also count what the parent held when it started this process
        lines = status.read_text(encoding="ascii").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    import psutil

    info = psutil.Process().memory_info()
    if hasattr(info, "peak_wset"):  # Windows
        return info.peak_wset
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def limit_memory(more: int) -> None:
    """From here on this process may take at most `more` bytes beyond what it has: its allocators refuse what exceeds.

    Only Linux keeps to such a limit on the address space; elsewhere InputError. Meant for a process of its own: it
    cannot be undone there, and whatever asks next is refused, Python itself included.
    """
    if sys.platform != "linux":
        raise InputError("only Linux holds a process to a memory limit: run this there, or in Colab")
    import resource

    import psutil

    limit = psutil.Process().memory_info().vms + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
