"""A limit on the time of a block that runs somebody else's program, such as a chat template."""

import ctypes
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_EACH = 0.25  # seconds between two looks at the clock
_ends: dict[int, float] = {}  # of each thread inside a block, by the monotonic clock
_lock = threading.Lock()
_watch: threading.Thread | None = None


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in this thread once the block has run for `seconds`, at the next line of Python in it.

    Blocks are not nested. One thread watches all of them: a signal would reach the main thread alone, and a timer for
    each block costs more than most blocks.
    """
    global _watch
    thread = threading.get_ident()
    with _lock:
        _ends[thread] = time.monotonic() + seconds
        if _watch is None or not _watch.is_alive():  # a process that was forked has none
            _watch = threading.Thread(target=_look, daemon=True)
            _watch.start()
    try:
        yield
    finally:
        with _lock:
            _ends.pop(thread, None)


def _look() -> None:
    global _watch
    while True:
        time.sleep(_EACH)
        with _lock:
            for thread in [thread for thread, end in _ends.items() if time.monotonic() > end]:
                del _ends[thread]
                stop, error = ctypes.pythonapi.PyThreadState_SetAsyncExc, ctypes.py_object(TimeoutError)
                stop(ctypes.c_ulong(thread), error)
            if not _ends:
                _watch = None
                return
