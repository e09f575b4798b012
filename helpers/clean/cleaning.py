"""Files in, three files out: clean rows, rejects, report. Each row alone first, then each row against the others.

What the rows became alone waits in a scratch file. In memory stay the chunks in flight and, of each kept row, its
signature and three hashes; texts of kept rows are read back from the output under way when two rows must be compared.
"""

import json
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

from helpers.clean import duplicates
from helpers.clean.encoding import Probe, probe
from helpers.clean.fields import Options, RowError
from helpers.clean.formats import Messages, to_messages
from helpers.clean.reading import RawRow, raw_rows, read_rows
from helpers.clean.report import FileReport, Report
from helpers.clean.rows import MAX_TOKENS, Rules, repair_messages
from helpers.clean.tokens import counter, takes_tools
from helpers.clean.workers import Judged, judge_all
from helpers.errors import InputError
from helpers.files import check_paths, encode_row, whole_files


class Seen:
    """The kept rows so far, as signatures; their texts stay in `file`. Also holds the held-out prompts."""

    def __init__(self, file=None):
        self.file, self.index = file, duplicates.new_index()
        self.exact: dict[bytes, str] = {}
        self.prompts: dict[bytes, str] = {}
        self.rows: list[tuple[bytes, bool, int, str]] = []

    def match(self, messages: Messages, mark, print_: duplicates.Fingerprint) -> str | None:
        """Where the near duplicate of `messages` came from, or None."""
        for key in sorted(self.index.query(mark)):
            guard, ticket, offset, place = self.rows[key]
            if guard == print_.guard and ticket == print_.ticket:
                if duplicates.same_row(self.read(offset), messages, True, ticket):
                    return place
        return None

    def read(self, offset: int) -> Messages:
        self.file.seek(offset)
        return json.loads(self.file.readline())["messages"]

    def add(self, offset: int, mark, print_: duplicates.Fingerprint, place: str) -> None:
        self.exact[print_.exact] = self.prompts[print_.prompt] = place
        self.index.insert(len(self.rows), mark)
        self.rows.append((print_.guard, print_.ticket, offset, place))


def clean_files(
    inputs: Iterable[str | Path],
    out: str | Path,
    rejects: str | Path,
    report: str | Path | None = None,
    *,
    max_tokens: int = MAX_TOKENS,
    tokenizer=None,
    holdout: Iterable[str | Path] = (),
    observe: Callable[[RawRow, str | None, list[str]], None] | None = None,
    workers: int = 1,
    columns: tuple[tuple[str, str], ...] = (),
    preference: str = "",
    mask: bool | None = None,
    repair_html: bool | None = None,
) -> Report:
    """Clean `inputs` into `out`; write what cannot be kept to `rejects`, each with file, line, reason and raw text.

    `max_tokens` limits the whole chat in tokens of `tokenizer` (a directory, hub name or transformers tokenizer; the
    embedded base's if None). Rows whose prompt stands in a `holdout` file are rejected as leaks. `observe` is called
    with each row, the reason if it was rejected, and the names of its repairs if it was kept. The outputs appear
    together when all is done, or not at all. With more than one of `workers` what a row needs alone is done in that
    many processes, once there are enough rows; the outputs are the same. A script that asks for them must do so under
    `if __name__ == "__main__":`, since each process imports it.

    `columns` are pairs of a column and the field that it stands for; `preference` "chosen" takes the chosen answers of
    preference rows. `mask` personal data and `repair_html` everywhere (True), nowhere (False), or (None) not in code
    and not where a row is about it.

    Raises InputError, before anything is written, when an input cannot be read at all or the arguments are wrong, and
    WorkerError when a worker process is killed.
    """
    sources, held = [Path(path) for path in inputs], [Path(path) for path in holdout]
    if max_tokens < 1:
        raise InputError(f"the token limit must be at least 1, not {max_tokens}")
    if workers < 1:
        raise InputError(f"there must be at least 1 worker, not {workers}")
    paths = {"--out": Path(out), "--rejects": Path(rejects), "--report": None if report is None else Path(report)}
    targets = check_paths([*sources, *held], paths)
    if not sources:
        raise InputError("no input files were given")
    probes = [probe(path) for path in sources]
    held_probes = [probe(path) for path in held]
    count_tokens, special_tokens, name = counter(tokenizer)
    options = Options(columns, preference, takes_tools(tokenizer))
    rules = Rules(max_tokens, count_tokens, special_tokens, options, mask, repair_html)
    total = Report(max_tokens=max_tokens, tokenizer=name)
    with ExitStack() as stack:
        open_files = stack.enter_context(whole_files(*[path for path in targets.values() if path]))
        scratch, test_file = (stack.enter_context(_scratch(Path(open_files[0].name).parent)) for _ in range(2))
        test_rows = Seen(test_file)
        for path, found in zip(held, held_probes):
            _remember_holdout(path, found, test_rows, total, rules)
        rows = (raw for path, found in zip(sources, probes) for raw in raw_rows(path, found))
        with closing(judge_all(rows, rules, workers)) as chunks:
            for chunk in chunks:
                scratch.write(chunk)
        total.files = {str(path): FileReport() for path in sources}
        kept = Seen(open_files[0])
        for judged in _read_back(scratch):
            reject = judged.reject or _compare(judged, kept, test_rows)
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
        if targets["--report"]:
            open_files[2].write(
                json.dumps(total.as_dict(), ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace") + b"\n"
            )
    return total


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


def _compare(judged: Judged, kept: Seen, test_rows: Seen) -> tuple[str, str] | None:
    """Why a good row must go after all: (reason, detail). If there is nothing, it is written and remembered."""
    print_, messages = judged.print_, json.loads(judged.line)["messages"]
    assert print_ is not None
    mark = duplicates.signature(duplicates.prompt_text(messages))
    leak = test_rows.prompts.get(print_.prompt) or test_rows.match(messages, mark, print_)
    if leak:
        return "leaks_into_holdout", f"its prompt stands in the held-out rows: {leak}"
    if print_.exact in kept.exact:
        return "duplicate", f"equal to {kept.exact[print_.exact]}"
    near = kept.match(messages, mark, print_)
    if near:
        return "near_duplicate", f"says the same as {near}"
    offset = kept.file.seek(0, 2)
    kept.file.write(judged.line)
    kept.add(offset, mark, print_, f"{judged.raw.file}:{judged.raw.line}")
    return None


def _remember_holdout(path: Path, found: Probe, test_rows: Seen, total: Report, rules: Rules) -> None:
    """Remember the prompts of a held-out file; its rows need no answer, and are repaired like all others."""
    for raw in read_rows(path, found):
        total.holdout_rows += 1
        try:
            if raw.error:
                raise RowError(*raw.error)
            value = raw.value
            if (
                isinstance(value, dict)
                and not {"messages", "conversations"} & set(value)
                and not {"output", "completion"} & set(value)
            ):
                value = {**value, "output": "?"}
            messages, _, _ = repair_messages(to_messages(value, rules.options).messages, rules)
        except (RowError, RecursionError):
            total.holdout_unusable += 1
            continue
        print_ = duplicates.fingerprint(messages)
        offset = test_rows.file.seek(0, 2)
        test_rows.file.write(encode_row({"messages": messages}))
        mark = duplicates.signature(duplicates.prompt_text(messages))
        test_rows.add(offset, mark, print_, f"{raw.file}:{raw.line}")
