"""A limit on the time of a block that runs somebody else's program, such as a chat template."""

import ctypes
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_EACH = 0.25  # seconds between two looks at the clocks
_ends: dict[int, tuple[int | None, float]] = {}  # of each thread inside a block: its clock, and when it is over
_lock = threading.Lock()
_watch: threading.Thread | None = None


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in this thread once the block has worked for `seconds`, at the next line of Python in it.

    Seconds of the processor in this thread, so that a busy machine stops nobody; by the clock where a system does not
    count them for one thread. Blocks are not nested. One thread watches all of them: a signal would reach the main
    thread alone, and a timer for each block costs more than most blocks.
    """
    global _watch
    thread = threading.get_ident()
    clock = time.pthread_getcpuclockid(thread) if hasattr(time, "pthread_getcpuclockid") else None
    with _lock:
        _ends[thread] = clock, _now(clock) + seconds
        if _watch is None or not _watch.is_alive():  # a process that was forked has none
            _watch = threading.Thread(target=_look, daemon=True)
            _watch.start()
    try:
        yield
    finally:
        with _lock:
            _ends.pop(thread, None)


def _now(clock: int | None) -> float:
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def _look() -> None:
    global _watch
    while True:
        time.sleep(_EACH)
        with _lock:
            for thread in [thread for thread, (clock, end) in _ends.items() if _now(clock) > end]:
                del _ends[thread]
                stop, error = ctypes.pythonapi.PyThreadState_SetAsyncExc, ctypes.py_object(TimeoutError)
                stop(ctypes.c_ulong(thread), error)
            if not _ends:
                _watch = None
                return
