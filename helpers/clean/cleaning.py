"""Files in, three files out: clean rows, rejects, report. Each row alone first, then each row against the others.

What the rows became alone waits in scratch files. In memory stay the chunks in flight and, of each kept row, its
signature and three hashes; texts of kept rows are read back from the output under way when two rows must be compared.
"""

import json
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from helpers.clean.duplicates import NEAR, Counts, Fingerprint, Rows, fingerprint
from helpers.clean.encoding import Probe, probe
from helpers.clean.fields import Options, RowError, canonical_key, mapped
from helpers.clean.formats import Messages, to_messages
from helpers.clean.reading import RawRow, raw_rows, read_rows
from helpers.clean.report import FileReport, Report
from helpers.clean.rows import MAX_TOKENS, Rules, repair_messages
from helpers.clean.tokens import counter, takes_tools
from helpers.clean.workers import Judged, judge_all
from helpers.errors import InputError
from helpers.files import check_paths, encode_row, whole_files


def clean_files(
    inputs: Iterable[str | Path],
    out: str | Path,
    rejects: str | Path,
    report: str | Path | None = None,
    *,
    max_tokens: int = MAX_TOKENS,
    tokenizer=None,
    holdout: Iterable[str | Path] = (),
    near_threshold: float | None = NEAR,
    observe: Callable[[RawRow, str | None, list[str]], None] | None = None,
    workers: int = 1,
    columns: tuple[tuple[str, str], ...] = (),
    preference: str = "",
    mask: bool | None = None,
    repair_html: bool | None = None,
    encoding: str = "",
) -> Report:
    """Clean `inputs` into `out`; write what cannot be kept to `rejects`, each with file, line, reason and raw text.

    `max_tokens` limits the whole chat in tokens of `tokenizer` (a directory, hub name or transformers tokenizer; the
    embedded base's if None). Rows whose prompt stands in a `holdout` file are rejected as leaks. Near
    duplicates are rejected from a weighted Jaccard index of `near_threshold`, or kept if it is None. `observe` is
    called with each row, the reason if it was rejected, and the names of its repairs if it was kept. The outputs appear
    together when all is done, or not at all. With more than one of `workers` what a row needs alone is done in that
    many processes, once there are enough rows; the outputs are the same. A script that asks for them must do so under
    `if __name__ == "__main__":`, since each process imports it.

    `columns` are pairs of a column and the field that it stands for; `preference` "chosen" takes the chosen answers of
    preference rows. `mask` personal data and `repair_html` everywhere (True), nowhere (False), or (None) not in code
    and not where a row is about it. `encoding` is Python's name of that of all `inputs`, and of held-out files that are
    not Unicode; without it, it is guessed, and the report says so.

    Raises InputError, before anything is written, when an input cannot be read at all or the arguments are wrong, and
    WorkerError when a worker process is killed.
    """
    sources, held = [Path(path) for path in inputs], [Path(path) for path in holdout]
    if max_tokens < 1:
        raise InputError(f"the token limit must be at least 1, not {max_tokens}")
    if near_threshold is not None and not 0 < near_threshold <= 1:
        raise InputError(f"the threshold of near duplicates must be above 0 and at most 1, not {near_threshold}")
    if workers < 1:
        raise InputError(f"there must be at least 1 worker, not {workers}")
    paths = {"--out": Path(out), "--rejects": Path(rejects), "--report": None if report is None else Path(report)}
    targets = check_paths([*sources, *held], paths)
    if not sources:
        raise InputError("no input files were given")
    probes = [probe(path, encoding) for path in sources]
    held_probes = [_probe_held(path, encoding) for path in held]
    count_tokens, special_tokens, name = counter(tokenizer)
    options = Options(columns, preference, takes_tools(tokenizer))
    rules = Rules(max_tokens, count_tokens, special_tokens, options, mask, repair_html)
    guessed = {
        str(path): found.guessed for path, found in zip([*sources, *held], [*probes, *held_probes]) if found.guessed
    }
    total = Report(max_tokens=max_tokens, tokenizer=name, encodings_guessed=guessed)
    with ExitStack() as stack:
        open_files = stack.enter_context(whole_files(*[path for path in targets.values() if path]))
        scratch, words_file, test_file = (
            stack.enter_context(_scratch(Path(open_files[0].name).parent)) for _ in range(3)
        )
        rows = (raw for path, found in zip(sources, probes) for raw in raw_rows(path, found))
        good = 0
        with closing(judge_all(rows, rules, workers)) as chunks:
            for chunk in chunks:
                scratch.write(chunk.judged)
                words_file.write(chunk.words)
                good += chunk.good
        counts = _count(words_file, good)
        kept = Kept(open_files[0], counts, near_threshold)
        test_rows = Kept(test_file, counts, NEAR, by_answer=False)
        for path, found in zip(held, held_probes):
            _remember_holdout(path, found, test_rows, total, rules)
        total.files = {str(path): FileReport() for path in sources}
        for judged in _read_back(scratch):
            reject = judged.reject or _compare(judged, words_file, kept, test_rows)
            if reject:
                open_files[1].write(encode_row(_reject(judged.raw, *reject)))
            reason, repairs = (reject[0], []) if reject else (None, judged.repairs)
            total.see(judged.raw.file, judged.sight)
            if reject:
                total.reject(judged.raw.file, *reject)
            else:
                total.keep(judged.raw.file, repairs, judged.ignored, judged.left)
            if observe:
                observe(judged.raw, reason, repairs)
        seen = {column for file in total.files.values() for column in file.columns}
        total.maps_unused = [
            f"{left}={right}"
            for left, right in columns
            if not any(column in seen and canonical_key(name)[0] for column, name in ((left, right), (right, left)))
        ]
        if targets["--report"]:
            open_files[2].write(
                json.dumps(total.as_dict(), ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace") + b"\n"
            )
    return total


def _probe_held(path: Path, encoding: str) -> Probe:
    """How to read a held-out file: the inputs' encoding need not be its own, as where `clean` wrote it."""
    found = probe(path)
    return probe(path, encoding) if encoding and found.guessed else found


def _scratch(folder: Path):
    """A file without a name, where the output goes and so has room."""
    return tempfile.TemporaryFile(dir=folder)


def _read_back(scratch) -> Iterator[Judged]:
    scratch.seek(0)
    while True:
        try:
            yield from pickle.load(scratch)
        except EOFError:
            return


def _reject(raw: RawRow, reason: str, detail: str) -> dict:
    place = {"file": raw.file, "line": raw.line, "row": raw.row}
    return {**place, "reason": reason, "detail": detail, "raw": raw.raw}


def _count(words_file, rows: int) -> Counts:
    """Count in how many of `rows` each word stands, and go back to the first row's."""
    counts = Counts(rows, words_file.tell() // 4)
    words_file.seek(0)
    while block := words_file.read(1 << 18):
        counts.add(np.frombuffer(block, dtype=np.uint32))
    words_file.seek(0)
    return counts


class Kept:
    """The rows kept so far, in `file`, and how they are found again: as equal rows, as equal prompts, as near ones."""

    def __init__(self, file, counts: Counts, threshold: float | None, by_answer: bool = True):
        self.file = file
        self.exact: dict[bytes, str] = {}
        self.prompts: dict[bytes, str] = {}
        self.near = None if threshold is None else Rows(self._read, counts, threshold, by_answer)

    def find_near(self, line: bytes, print_: Fingerprint, words: np.ndarray) -> str | None:
        """Where the row that says the same came from, or None."""
        return self.near.find(line, print_, words) if self.near and self.exact else None

    def add(self, line: bytes, place: str, print_: Fingerprint, words: np.ndarray) -> None:
        offset = self.file.seek(0, 2)
        self.file.write(line)
        self.exact[print_.exact] = self.prompts[print_.prompt] = place
        if self.near:
            self.near.add(offset, place, print_, words)

    def _read(self, offset: int) -> dict:
        self.file.seek(offset)
        return json.loads(self.file.readline())


def _compare(judged: Judged, words_file, kept: Kept, test_rows: Kept) -> tuple[str, str] | None:
    """Why a good row must go after all: (reason, detail). If there is nothing, it is written and remembered."""
    print_ = judged.print_
    assert print_ is not None
    words = np.frombuffer(words_file.read(4 * print_.numbers), dtype=np.uint32)
    leak = test_rows.prompts.get(print_.prompt) or test_rows.find_near(judged.line, print_, words)
    if leak:
        return "leaks_into_holdout", f"its prompt stands in the held-out rows: {leak}"
    if print_.exact in kept.exact:
        return "duplicate", f"equal to {kept.exact[print_.exact]}"
    near = kept.find_near(judged.line, print_, words)
    if near:
        return "near_duplicate", f"says the same as {near}"
    kept.add(judged.line, f"{judged.raw.file}:{judged.raw.line}", print_, words)
    return None


def _held_out(value: Any, options: Options) -> Messages:
    """The messages of a held-out row. Only its prompt is wanted: an answer that is missing, bad or no text is none."""
    options = replace(options, preference="chosen", takes_tools=True)
    try:
        return to_messages(value, options).messages
    except RowError:
        if not isinstance(value, dict):
            raise
    answers = {"output", "completion", "chosen", "rejected", "label", "choices"}
    asked = {
        key: part
        for key, part in value.items()
        if (mapped(value, options).get(key) or canonical_key(key)[0]) not in answers
    }
    return to_messages({**asked, "output": "?"}, options).messages


def _remember_holdout(path: Path, found: Probe, test_rows: Kept, total: Report, rules: Rules) -> None:
    """Remember the prompts of a held-out file; its rows need no answer, and are repaired like all others."""
    for raw in read_rows(path, found):
        total.holdout_rows += 1
        try:
            if raw.error:
                raise RowError(*raw.error)
            messages, _, _ = repair_messages(_held_out(raw.value, rules.options), rules)
        except (RowError, RecursionError):
            total.holdout_unusable += 1
            continue
        print_, words = fingerprint({"messages": messages})
        place = f"{raw.file}:{raw.line}"
        test_rows.add(encode_row({"messages": messages}), place, print_, np.frombuffer(words, dtype=np.uint32))
