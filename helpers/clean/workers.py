"""What a row needs alone, in this process or in several: the order of the rows, and every byte, stays the same."""

import multiprocessing
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from multiprocessing import forkserver

from helpers.clean.duplicates import Fingerprint, fingerprint
from helpers.clean.fields import RowError
from helpers.clean.reading import RawRow, parse
from helpers.clean.rows import Rules, clean_row
from helpers.clean.sight import RowSight, look
from helpers.errors import InputError
from helpers.files import encode_row

CHUNK_ROWS, CHUNK_CHARACTERS = 250, 250_000  # what goes to a worker in one piece
FIRST_CHUNKS = 6  # done here, the later ones while the server starts that workers are forked from
SERVER_AFTER = 2  # chunks: fewer rows are done before a process would be there
PRELOADED = ["helpers.clean.workers", "ftfy"]  # imported once, by the server
IN_FLIGHT = 3  # chunks for each worker that are under way


class WorkerError(RuntimeError):
    """A worker process ended without an answer."""


@dataclass
class Judged:
    """A row after all that can be done without the others: the line to write, or (reason, detail) to reject it for;
    what it looked like, and what of it was ignored or left."""

    raw: RawRow
    repairs: list[str]
    reject: tuple[str, str] | None = None
    line: bytes = b""
    print_: Fingerprint | None = None
    sight: RowSight | None = None
    ignored: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Chunk:
    """Judged rows of one piece, pickled, with the words of the good ones: how many rows have some, and their hashes."""

    judged: bytes
    good: int
    words: bytes


def judge(raw: RawRow, rules: Rules) -> tuple[Judged, bytes]:
    """Clean one row without a look at the others: the row and its words. `raw` gives up its value."""
    words = b""
    try:
        parse(raw)
        if raw.error:
            raise RowError(*raw.error)
        row = clean_row(raw.value, rules)
    except RowError as error:
        judged = Judged(raw, [], (error.reason, error.detail))
    else:
        repairs = list(dict.fromkeys([*raw.repairs, *row.repairs]))
        print_, words = fingerprint(row.row)
        judged = Judged(raw, repairs, None, encode_row(row.row), print_, None, row.ignored, row.left)
    judged.sight = None if raw.error else look(raw.value, rules.options)
    raw.value = None
    return judged, words


def judge_all(rows: Iterable[RawRow], rules: Rules, workers: int) -> Generator[Chunk, None, None]:
    """Judge `rows` in `workers` processes, in their order.

    No more than a few chunks are in memory. Few rows are judged in this process, where that is quicker. Raises
    WorkerError when a worker is killed, InputError when the tokenizer of `rules` cannot be sent to one; what a worker
    raises is raised here.
    """
    pieces = _chunks(rows)
    for number, chunk in enumerate(pieces if workers == 1 else islice(pieces, FIRST_CHUNKS)):
        if workers > 1 and number == SERVER_AFTER:
            _start_server()
        yield _judge_chunk(chunk, rules)
    rest = next(pieces, None)
    if rest is not None:
        yield from _judge_in_workers(chain([rest], pieces), rules, workers)


_START = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def _start_server() -> None:
    """Let the process start that workers are forked from, where there is such a thing; nobody waits for it."""
    if _START == "forkserver":
        multiprocessing.set_forkserver_preload(PRELOADED)
        with _no_interrupt():  # its children inherit this
            forkserver.ensure_running()


def _judge_in_workers(pieces: Iterable[list[RawRow]], rules: Rules, workers: int) -> Generator[Chunk, None, None]:
    try:
        sent = pickle.dumps(rules)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise InputError(f"this tokenizer cannot be sent to worker processes ({error}): use one worker") from None
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context(_START), _start_worker, (sent,))
    waiting: deque[Future[Chunk]] = deque()
    try:
        for piece in pieces:
            with _no_interrupt():  # a worker that is born in here never sees Ctrl-C, which is for the parent to answer
                waiting.append(pool.submit(_work, piece))
            if len(waiting) >= IN_FLIGHT * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise WorkerError(
            "a worker process was killed, for example because the memory ran out; nothing was written: "
            "try again with fewer workers (--workers 1)"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _chunks(rows: Iterable[RawRow]) -> Iterator[list[RawRow]]:
    chunk: list[RawRow] = []
    characters = 0
    for row in rows:
        chunk.append(row)
        characters += len(row.raw)
        if len(chunk) >= CHUNK_ROWS or characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def _judge_chunk(chunk: list[RawRow], rules: Rules) -> Chunk:
    judged, words = zip(*(judge(raw, rules) for raw in chunk))
    return Chunk(pickle.dumps(judged, pickle.HIGHEST_PROTOCOL), sum(map(bool, words)), b"".join(words))


@contextmanager
def _no_interrupt():
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_rules: Rules  # of this worker process


def _start_worker(sent: bytes) -> None:
    global _rules
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    _rules = pickle.loads(sent)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


def _work(chunk: list[RawRow]) -> Chunk:
    return _judge_chunk(chunk, _rules)
