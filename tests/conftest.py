"""What the whole test run shares: the tiny profile, one thread for each worker, the longest files first.

The notebooks run in the same command as the tests (`make test`): nbval starts one kernel for each, and its kernels
inherit this environment.
"""

import os

import nbformat
import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Share the cores among the workers: set before torch is imported, inherited by workers and kernels."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = max(1, cores // (config.getoption("numprocesses", None) or 1))
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, str(threads))
    os.environ.setdefault("COURSE_PROFILE", "tiny")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Notebooks first, by the minutes that each names, the longest first; then files with slow tests; then the rest.

    Workers take whole files in this order (`--dist loadfile --no-loadscope-reorder`): the last ones are of seconds, and
    no worker waits long for the other.
    """
    from notebook_gates import minutes

    length = {
        path: minutes(nbformat.read(path, as_version=4)) or 0.0
        for path in {item.path for item in items}
        if path.suffix == ".ipynb"
    }
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (-length.get(item.path, 0.0), item.path not in slow))
