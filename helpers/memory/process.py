"""The memory of this process: the most that it has taken so far, and a limit to it."""

from pathlib import Path

from helpers.errors import InputError


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
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def limit_memory(more: int) -> None:
    """From here on this process may take at most `more` bytes beyond what it has: its allocators refuse what exceeds.

    Only Linux keeps to such a limit on the address space; elsewhere InputError. Meant for a process of its own: it
    cannot be undone there, and whatever asks next is refused, Python itself included.
    """
    import sys

    if sys.platform != "linux":
        raise InputError("only Linux holds a process to a memory limit: run this there, or in Colab")
    import resource

    import psutil

    limit = psutil.Process().memory_info().vms + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
