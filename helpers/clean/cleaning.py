"""Files in, three files out: clean rows, rejects, report. One pass, one row at a time.

In memory stay the row in flight and, of each kept row, its signature and three hashes; texts of kept rows are read
back from the output under way when two rows must be compared.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from helpers.clean import duplicates
from helpers.clean.encoding import Probe, probe
from helpers.clean.formats import Messages, RowError, to_messages
from helpers.clean.reading import RawRow, read_rows
from helpers.clean.report import Report
from helpers.clean.rows import MAX_TOKENS, CleanRow, Rules, clean_row, repair_messages
from helpers.clean.tokens import counter
from helpers.errors import InputError
from helpers.files import check_paths, encode_row, whole_files


class Seen:
    """The kept rows so far, as signatures; their texts stay in `file`. Also holds the held-out prompts."""

    def __init__(self, file=None):
        self.file, self.index = file, duplicates.new_index()
        self.exact: dict[bytes, str] = {}
        self.prompts: dict[bytes, str] = {}
        self.rows: list[tuple[bytes, bool, int, str]] = []

    def match(self, row: CleanRow, mark, print_: duplicates.Fingerprint) -> str | None:
        """Where the near duplicate of `row` came from, or None."""
        for key in sorted(self.index.query(mark)):
            guard, ticket, offset, place = self.rows[key]
            if guard == print_.guard and ticket == print_.ticket:
                if duplicates.same_row(self.read(offset), row.messages, True, ticket):
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
) -> Report:
    """Clean `inputs` into `out`; write what cannot be kept to `rejects`, each with file, line, reason and raw text.

    `max_tokens` limits the whole chat in tokens of `tokenizer` (a directory, hub name or transformers tokenizer; the
    embedded base's if None). Rows whose prompt stands in a `holdout` file are rejected as leaks. `observe` is called
    after each row with the row, the reason if it was rejected, and the names of its repairs if it was kept. The outputs
    appear together when all is done, or not at all.

    Raises InputError, before anything is written, when an input cannot be read at all or the arguments are wrong.
    """
    sources, held = [Path(path) for path in inputs], [Path(path) for path in holdout]
    if max_tokens < 1:
        raise InputError(f"the token limit must be at least 1, not {max_tokens}")
    paths = {"--out": Path(out), "--rejects": Path(rejects), "--report": None if report is None else Path(report)}
    targets = check_paths([*sources, *held], paths)
    if not sources:
        raise InputError("no input files were given")
    probes = [probe(path) for path in sources]
    held_probes = [probe(path) for path in held]
    count_tokens, special_tokens, name = counter(tokenizer)
    rules = Rules(max_tokens, count_tokens, special_tokens)
    total = Report(max_tokens=max_tokens, tokenizer=name)
    with ExitStack() as stack:
        open_files = stack.enter_context(whole_files(*[path for path in targets.values() if path]))
        test_rows = Seen(stack.enter_context(_scratch()))
        for path, found in zip(held, held_probes):
            _remember_holdout(path, found, test_rows, total)
        kept = Seen(open_files[0])
        for path, found in zip(sources, probes):
            _clean_one(path, found, rules, kept, test_rows, open_files[1], total, observe)
        if targets["--report"]:
            open_files[2].write(
                json.dumps(total.as_dict(), ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace") + b"\n"
            )
    return total


def _scratch():
    import tempfile

    return tempfile.TemporaryFile()


def _clean_one(
    path: Path, found: Probe, rules: Rules, kept: Seen, test_rows: Seen, rejects, total: Report, observe
) -> None:
    counts, repairs = Counter(total.reasons), Counter(total.repairs)
    mine = total.files.setdefault(str(path), {"rows_in": 0, "kept": 0, "rejected": 0})
    for raw in read_rows(path, found):
        reason, done = None, []
        try:
            done = list(dict.fromkeys([*raw.repairs, *_judge(raw, rules, kept, test_rows).repairs]))
        except RowError as error:
            reason = error.reason
            reject = {
                "file": raw.file,
                "line": raw.line,
                "row": raw.row,
                "reason": reason,
                "detail": error.detail,
                "raw": raw.raw,
            }
            rejects.write(encode_row(reject))
            counts[reason] += 1
        repairs.update(done)
        mine["rows_in"] += 1
        mine["rejected" if reason else "kept"] += 1
        if observe:
            observe(raw, reason, done)
    for key in ("rows_in", "kept", "rejected"):
        setattr(total, key, sum(numbers[key] for numbers in total.files.values()))
    total.reasons, total.repairs = dict(counts), dict(repairs)


def _judge(raw: RawRow, rules: Rules, kept: Seen, test_rows: Seen) -> CleanRow:
    """Keep `raw` (and write it) or raise RowError."""
    if raw.error:
        raise RowError(*raw.error)
    row = clean_row(raw.value, rules)
    print_, mark = duplicates.fingerprint(row.messages), duplicates.signature(duplicates.prompt_text(row.messages))
    leak = test_rows.prompts.get(print_.prompt) or test_rows.match(row, mark, print_)
    if leak:
        raise RowError("leaks_into_holdout", f"its prompt stands in the held-out rows: {leak}")
    if print_.exact in kept.exact:
        raise RowError("duplicate", f"equal to {kept.exact[print_.exact]}")
    near = kept.match(row, mark, print_)
    if near:
        raise RowError("near_duplicate", f"says the same as {near}")
    offset = kept.file.seek(0, 2)
    kept.file.write(encode_row(row.row))
    kept.add(offset, mark, print_, f"{raw.file}:{raw.line}")
    return row


def _remember_holdout(path: Path, found: Probe, test_rows: Seen, total: Report) -> None:
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
            messages, _ = repair_messages(to_messages(value)[0])
        except (RowError, RecursionError):
            total.holdout_unusable += 1
            continue
        print_ = duplicates.fingerprint(messages)
        offset = test_rows.file.seek(0, 2)
        test_rows.file.write(encode_row({"messages": messages}))
        mark = duplicates.signature(duplicates.prompt_text(messages))
        test_rows.add(offset, mark, print_, f"{raw.file}:{raw.line}")
