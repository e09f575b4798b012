"""Scores the cleaner against the truth file: precision and recall for each defect, and rows restored exactly."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

# What the cleaner should say of each defect: reasons of rejects, or names of repairs.
VERDICTS = {
    "exact_duplicate": ("duplicate",),
    "near_duplicate": ("near_duplicate",),
    "leak": ("leaks_into_holdout",),
    "mojibake": ("mojibake",),
    "lost_characters": ("damaged_text",),
    "byte_order_mark": ("byte_order_mark",),
    "mixed_encoding": ("encoding_",),
    "html": ("html",),
    "control_characters": ("control_characters",),
    "zero_width": ("zero_width_characters",),
    "full_width": ("full_width_characters",),
    "empty_output": ("empty_output",),
    "trivial_output": ("trivial_output",),
    "truncated": ("truncated_output",),
    "wrong_label": ("label_not_in_ticket",),
    "over_long": ("over_long",),
    "missing_field": ("missing_field",),
    "misnamed_field": ("field_renamed", "role_renamed", "answer_field_renamed"),
    "wrong_type": ("wrong_type", "quantity_to_number", "number_to_text", "object_to_text"),
    "broken_json": ("broken_json",),
    "personal_data": ("masked_",),
}


@dataclass(frozen=True)
class DefectScore:
    """Rows with the defect (`seeded`), rows where the cleaner said so (`found`), and both (`right`)."""

    defect: str
    seeded: int
    found: int
    right: int

    @property
    def precision(self) -> float:
        """Of the rows where the cleaner saw this defect, the share that has it."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Of the rows that have this defect, the share where the cleaner saw it."""
        return self.right / self.seeded if self.seeded else 1.0


class Observer:
    """Pass an instance as `observe` to clean_files; it remembers what was said of each row."""

    def __init__(self):
        self.said: dict[tuple[str, int], list[str]] = {}

    def __call__(self, raw, reason: str | None, repairs: list[str]) -> None:
        self.said[Path(raw.file).name, raw.line] = [reason] if reason else repairs


def score_defects(said: dict[tuple[str, int], list[str]], truth: list[dict]) -> list[DefectScore]:
    """Hold what was said of each (file name, line) against the rows of data/tickets/defects.jsonl.

    A CSV that is in one legacy encoding as a whole is not a mixed one, so its rows do not count there.
    """
    seeded = {(label["file"], label["line"]): label["defects"] for label in truth}
    totals: Counter[str] = Counter()
    found: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for place, names in said.items():
        for defect, verdicts in VERDICTS.items():
            has = defect in seeded.get(place, ())
            saw = any(
                name.startswith(verdict) if verdict.endswith("_") else name == verdict
                for name in names
                for verdict in verdicts
            )
            if defect == "mixed_encoding" and place[0].endswith(".csv"):
                continue
            totals[defect] += has
            found[defect] += saw
            right[defect] += has and saw
    return [DefectScore(defect, totals[defect], found[defect], right[defect]) for defect in VERDICTS]


def restored_exactly(cleaned: list[dict], truth: list[dict]) -> dict[str, list[str]]:
    """Ids of the rows that came out as the truth says ("equal"), otherwise ("changed"), not at all ("lost"), or that
    should have been rejected ("extra")."""
    want = {row["id"]: json.dumps(row["messages"]) for row in truth}
    have = {row["id"]: json.dumps(row["messages"]) for row in cleaned}
    return {
        "equal": [key for key in want if have.get(key) == want[key]],
        "changed": [key for key in want if key in have and have[key] != want[key]],
        "lost": [key for key in want if key not in have],
        "extra": [key for key in have if key not in want],
    }
