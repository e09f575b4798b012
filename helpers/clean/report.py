"""What a run of the cleaner saw and did, counted, as data and as text."""

import textwrap
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from helpers.clean.rows import MAX_TOKENS
from helpers.clean.sight import RowSight

WIDTH, SHOWN = 80, 12  # columns of the text; names in one list
# Reasons that say what a row is: their sentence tells what to do, so it is printed.
SAYS_WHAT_TO_DO = {
    "unknown_columns", "missing_field", "ambiguous_fields", "wrong_type", "bad_turns", "media", "tool_calls",
    "preference", "bad_answer", "nothing_to_train", "multiple_choice", "plain_text", "not_an_object", "template",
    "table_by_columns", "rows_in_a_field", "already_rendered", "broken_json", "broken_csv",
}  # fmt: skip


@dataclass
class Tally:
    """Rows that were read; each was kept or rejected."""

    rows_in: int = 0
    kept: int = 0
    rejected: int = 0


@dataclass
class FileReport(Tally):
    """One file: its rows, and what they looked like before anything was done (`example` is the first)."""

    formats: dict[str, int] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)
    roles: dict[str, int] = field(default_factory=dict)
    example: str = ""


@dataclass
class Report(Tally):
    """What became of the rows. kept + rejected = rows_in; the reasons add up to rejected.

    Of the kept rows, by name: `repairs` counts those that were mended so, `fields_ignored` those with a filled field
    that nothing uses, `left_as_written` those with what looks like damage, HTML or personal data and is their task.
    `details` has the first sentence of each reason, `files` what each file looked like, `encodings_guessed` what the
    lines of a file were read as that are not Unicode.
    """

    reasons: dict[str, int] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    repairs: dict[str, int] = field(default_factory=dict)
    fields_ignored: dict[str, int] = field(default_factory=dict)
    left_as_written: dict[str, int] = field(default_factory=dict)
    files: dict[str, FileReport] = field(default_factory=dict)
    max_tokens: int = MAX_TOKENS
    tokenizer: str = ""
    maps_unused: list[str] = field(default_factory=list)
    encodings_guessed: dict[str, str] = field(default_factory=dict)
    holdout_rows: int = 0
    holdout_unusable: int = 0

    def see(self, file: str, sight: RowSight | None) -> None:
        """Count what a row of `file` looks like; None is one that could not be parsed."""
        mine = self.files[file]
        seen = sight or RowSight("broken")
        for counts, names in ((mine.formats, (seen.format,)), (mine.columns, seen.columns), (mine.roles, seen.roles)):
            _count(counts, names)
        mine.example = mine.example or seen.example

    def reject(self, file: str, reason: str, detail: str) -> None:
        """Count one row of `file` that was rejected."""
        self._count_row(file)
        self.rejected += 1
        self.files[file].rejected += 1
        _count(self.reasons, (reason,))
        self.details.setdefault(reason, detail)

    def keep(self, file: str, repairs: list[str], ignored: list[str], left: list[str]) -> None:
        """Count one row of `file` that was kept, with what was done, ignored and left."""
        self._count_row(file)
        self.kept += 1
        self.files[file].kept += 1
        for counts, names in ((self.repairs, repairs), (self.fields_ignored, ignored), (self.left_as_written, left)):
            _count(counts, names)

    def _count_row(self, file: str) -> None:
        self.rows_in += 1
        self.files[file].rows_in += 1

    def as_dict(self) -> dict:
        """Plain data for JSON, all counts sorted by name."""

        def ordered(value: Any) -> Any:
            return {key: ordered(value[key]) for key in sorted(value)} if isinstance(value, dict) else value

        return {key: ordered(value) if key in _COUNTED else value for key, value in asdict(self).items()}

    def text(self, out: str, rejects: str) -> str:
        """What was seen of each file, then the counts, most frequent first; at most 80 columns. `out` and `rejects` say
        where the rows went."""
        limit = f"(at most {self.max_tokens} tokens of {self.tokenizer})"
        what = f"{self.rows_in} rows read, {self.kept} kept in {out}, {self.rejected} rejected in {rejects} {limit}"
        return "\n".join([*self._seen(), *_wrapped(what, "  "), *self._counts(), *self._advice()])

    def _seen(self) -> list[str]:
        lines = []
        for name, seen in self.files.items():
            lines += _wrapped(f"{name}: {seen.rows_in} rows", "  ")
            for title, counts in (("format", seen.formats), ("columns", seen.columns), ("roles", seen.roles)):
                if counts:
                    lines += _wrapped(f"  {title:8} {_listed(counts)}", " " * 11)
            if seen.example:
                lines += _wrapped(f"  example  {seen.example}", " " * 11)
        return lines

    def _counts(self) -> list[str]:
        lines = []
        for file, encoding in self.encodings_guessed.items():
            lines += _wrapped(
                f"  GUESSED  {file} is not all Unicode: the rest was read as {encoding}. If letters are wrong, say "
                "which it is with --encoding NAME",
                " " * 11,
            )
        for pair in self.maps_unused:
            lines += _wrapped(f"  NOT USED  --map {pair}: no row has such a column", " " * 11)
        if self.holdout_rows:
            lines += [f"  held out {self.holdout_rows:>7}  rows"]
        if self.holdout_unusable:
            lines += _wrapped(
                f"  NOT USED {self.holdout_unusable:>7}  held-out rows, which could not be read: leaks of these are "
                "not found",
                " " * 20,
            )
        for title, counts in (
            ("rejected", self.reasons), ("repaired", self.repairs), ("ignored", self.fields_ignored),
            ("left", self.left_as_written),
        ):  # fmt: skip
            for name, count in Counter(dict(sorted(counts.items()))).most_common():
                lines.append(f"  {title:8} {count:>7}  {name}"[:WIDTH])
                if counts is self.reasons and name in SAYS_WHAT_TO_DO:
                    lines += _wrapped(f"{' ' * 20}{self.details[name]}", " " * 20)
        return lines

    def _advice(self) -> list[str]:
        if self.kept or not self.rows_in:
            return [] if self.rows_in else ["there was no row to clean"]
        reason = max(self.reasons, key=self.reasons.__getitem__)
        return _wrapped(f"No row was kept, most for {reason}: {self.details[reason]}", "")


_COUNTED = {"reasons", "details", "repairs", "fields_ignored", "left_as_written"}


def _count(counts: dict[str, int], names) -> None:
    for name in names:
        counts[name] = counts.get(name, 0) + 1


def _listed(counts: dict[str, int]) -> str:
    names = [f"{name} {count}" for name, count in Counter(counts).most_common()]
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False)
