"""The memory of this process: the most that it has taken so far."""

from pathlib import Path


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
