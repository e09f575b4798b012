"""What a run of the cleaner did, counted, as data and as text."""

from dataclasses import asdict, dataclass, field

from helpers.clean.rows import MAX_TOKENS


@dataclass
class Report:
    """What became of the rows. kept + rejected = rows_in; the reasons add up to rejected.

    `repairs` counts, by name, the kept rows that were mended so.
    """

    rows_in: int = 0
    kept: int = 0
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    repairs: dict[str, int] = field(default_factory=dict)
    files: dict[str, dict[str, int]] = field(default_factory=dict)
    max_tokens: int = MAX_TOKENS
    tokenizer: str = ""
    holdout_rows: int = 0
    holdout_unusable: int = 0

    def add(self, file: str, reason: str | None, repairs: list[str]) -> None:
        """Count one row of `file`: rejected for `reason`, or kept with these repairs."""
        mine = self.files[file]
        self.rows_in += 1
        mine["rows_in"] += 1
        if reason:
            self.rejected += 1
            mine["rejected"] += 1
            self.reasons[reason] = self.reasons.get(reason, 0) + 1
        else:
            self.kept += 1
            mine["kept"] += 1
            for name in repairs:
                self.repairs[name] = self.repairs.get(name, 0) + 1

    def as_dict(self) -> dict:
        """Plain data for JSON, reasons and repairs sorted by name."""
        return {
            **asdict(self),
            "reasons": dict(sorted(self.reasons.items())),
            "repairs": dict(sorted(self.repairs.items())),
        }

    def text(self) -> str:
        """The counts, most frequent first, a line each."""
        lines = []
        for title, counts in (("rejected", self.reasons), ("repaired", self.repairs)):
            for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
                lines.append(f"  {title} {count:>7}  {name}")
        return "\n".join(lines)
