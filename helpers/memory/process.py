"""The memory of this process: the most that it has taken so far."""


def peak_bytes() -> int:
    """Peak memory in bytes: of the GPU's allocator where there is a GPU, else of this process (resident set)."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    import psutil

    info = psutil.Process().memory_info()
    if hasattr(info, "peak_wset"):  # Windows
        return info.peak_wset
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
