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
