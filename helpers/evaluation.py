"""Scores that are never a matter of taste: valid JSON, fields, exact match, each with its interval."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers.errors import InputError
from helpers.inference import generate


@dataclass(frozen=True)
class Share:
    """`hits` of `total`, and the 95% Wilson interval of the share behind it."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        return self.hits / self.total

    @property
    def interval(self) -> tuple[float, float]:
        from scipy.stats import binomtest

        low, high = binomtest(self.hits, self.total).proportion_ci(method="wilson")
        return float(low), float(high)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:.1%} ({low:.1%} to {high:.1%}, n={self.total})"


@dataclass(frozen=True)
class Extraction:
    """Scores of a set of JSON answers. `fields` counts every field of every row; `by_field` is the share per field."""

    valid_json: Share
    fields: Share
    exact_match: Share
    by_field: dict[str, Share]

    def as_dict(self) -> dict:
        """Plain numbers for a report file."""
        return {
            "valid_json": self.valid_json.value,
            "field_accuracy": self.fields.value,
            "exact_match": self.exact_match.value,
            "by_field": {name: share.value for name, share in self.by_field.items()},
            "rows": self.exact_match.total,
        }


def parse_object(answer: str) -> dict | None:
    """The JSON object that `answer` consists of, or None: text around it, or a bare number, is no valid answer."""
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def score_extraction(answers: Sequence[str], truths: Sequence[dict]) -> Extraction:
    """Compare answers with the true fields; a field counts when value and type are equal.

    Raises ValueError if there are not as many answers as truths.
    """
    pairs = [(parse_object(answer), truth) for answer, truth in zip(answers, truths, strict=True)]

    def same(found: dict | None, truth: dict, name: str) -> bool:
        return (
            found is not None
            and name in found
            and found[name] == truth[name]
            and type(found[name]) is type(truth[name])
        )

    names = list(dict.fromkeys(name for _, truth in pairs for name in truth))
    by_field = {
        name: Share(
            sum(same(found, truth, name) for found, truth in pairs if name in truth),
            sum(name in truth for _, truth in pairs),
        )
        for name in names
    }
    return Extraction(
        valid_json=Share(sum(found is not None for found, _ in pairs), len(pairs)),
        fields=Share(sum(share.hits for share in by_field.values()), sum(share.total for share in by_field.values())),
        exact_match=Share(
            sum(found == truth and all(same(found, truth, name) for name in truth) for found, truth in pairs),
            len(pairs),
        ),
        by_field=by_field,
    )


def read_chat(path: str | Path) -> list[dict]:
    """Rows of a JSONL file of conversations ({"messages": [...]}, the assistant's last), as `clean` writes them.

    Raises InputError with file and line for anything else.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"there is no file {path}: give a JSONL file of conversations, as `python -m helpers clean` writes it"
        )
    rows = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            messages = row["messages"]
            if not messages or not all(isinstance(m["role"], str) and isinstance(m["content"], str) for m in messages):
                raise TypeError
            if messages[-1]["role"] != "assistant" or len(messages) < 2:
                raise InputError(f"{path}:{number}: the last message must be the assistant's answer to a question")
        except InputError:
            raise
        except (ValueError, KeyError, TypeError, RecursionError):
            raise InputError(
                f'{path}:{number}: not a row {{"messages": [...]}} of text messages; '
                "run `python -m helpers clean` on the file first"
            ) from None
        rows.append(row)
    if not rows:
        raise InputError(f"{path} holds no rows")
    return rows


def evaluate_tickets(
    model, tokenizer, rows: Sequence[dict], progress: Callable[[int, int], None] | None = None
) -> tuple[Extraction, list[str]]:
    """Ask for each row's last answer and score it against the true JSON; returns the scores and the answers."""
    answers = generate(model, tokenizer, [row["messages"][:-1] for row in rows], progress=progress)
    return score_extraction(answers, [json.loads(row["messages"][-1]["content"]) for row in rows]), answers


def evaluate_questions(model, tokenizer, questions: Sequence[dict]) -> tuple[Share, list[str]]:
    """Exact match on plain questions ({"messages", "answer"}): what the base could do before it was tuned."""
    answers = generate(model, tokenizer, [row["messages"] for row in questions], max_new_tokens=40)
    return Share(
        sum(answer.strip() == row["answer"] for answer, row in zip(answers, questions)), len(questions)
    ), answers


def evaluate_rows(model, tokenizer, rows: Sequence[dict], progress: Callable[[int, int], None] | None = None) -> dict:
    """Scores for any rows: JSON scores where every true answer is a JSON object, else exact match of the text."""
    truths = [row["messages"][-1]["content"] for row in rows]
    if all(parse_object(truth) is not None for truth in truths):
        return evaluate_tickets(model, tokenizer, rows, progress)[0].as_dict()
    answers = generate(model, tokenizer, [row["messages"][:-1] for row in rows], max_new_tokens=256, progress=progress)
    share = Share(sum(answer.strip() == truth.strip() for answer, truth in zip(answers, truths)), len(rows))
    return {"exact_match": share.value, "interval": share.interval, "rows": share.total}


def read_questions(path: str | Path) -> list[dict]:
    """The base's own held-out questions, as data/tickets/questions.jsonl holds them."""
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
