"""Scores that are never a matter of taste: valid JSON, fields, exact match, each with its interval."""

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from helpers.chats import check_lengths, for_template
from helpers.inference import generate

LISTING = re.compile(
    r"customer: (?P<customer>.*?); order_id: (?P<order_id>.*?); quantity: (?P<quantity>\d+); "
    r"product: (?P<product>.*?); issue: (?P<issue>.*?)(; category: (?P<category>.*?); priority: (?P<priority>.*?))?",
    re.DOTALL,
)
WRAPPING = " \t\n\"'{}[]"


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

    def over(self, names: Sequence[str]) -> Share:
        """The share of these fields that is right."""
        some = [self.by_field[name] for name in names]
        return Share(sum(share.hits for share in some), sum(share.total for share in some))

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


def parse_listing(answer: str) -> dict | None:
    """The fields in an answer such as `customer: ...; order_id: ...`, or None.

    That is how the embedded base answers before any training: what a parser gets out of it is the baseline that a
    fine-tuned model has to beat.
    """
    found = LISTING.fullmatch(answer.strip())
    if not found:
        return None
    fields = {name: value for name, value in found.groupdict().items() if value is not None}
    return {**fields, "quantity": int(fields["quantity"])}


def score_extraction(
    answers: Sequence[str], truths: Sequence[dict], parse: Callable[[str], dict | None] = parse_object
) -> Extraction:
    """Compare what `parse` makes of the answers with the true fields; a field counts when value and type are equal.

    Raises ValueError if there are not as many answers as truths.
    """
    pairs = [(parse(answer), truth) for answer, truth in zip(answers, truths, strict=True)]

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


def evaluate_tickets(
    model,
    tokenizer,
    rows: Sequence[dict],
    progress: Callable[[int, int], None] | None = None,
    max_new_tokens: int = 120,
) -> tuple[Extraction, list[str]]:
    """Ask for each row's last answer and score it against the true JSON; returns the scores and the answers."""
    answers = generate(model, tokenizer, [row["messages"][:-1] for row in rows], max_new_tokens, progress=progress)
    return score_extraction(answers, true_fields(rows)), answers


def true_fields(rows: Sequence[dict]) -> list[dict]:
    """The JSON object that each row's last answer is."""
    return [json.loads(row["messages"][-1]["content"]) for row in rows]


def same_value(answer: str, truth: str) -> bool:
    """Whether an answer gives the true value, whatever JSON it is wrapped in: quotes, braces and a key do not count."""
    fields = parse_object(answer)
    values = list(fields.values()) if fields else [answer]
    return len(values) == 1 and str(values[0]).strip(WRAPPING) == truth.strip(WRAPPING)


def evaluate_questions(
    model, tokenizer, questions: Sequence[dict], progress: Callable[[int, int], None] | None = None
) -> tuple[Share, list[str]]:
    """Exact match on plain questions ({"messages", "answer"}): what the base could do before it was tuned."""
    answers = generate(model, tokenizer, [row["messages"] for row in questions], max_new_tokens=40, progress=progress)
    return Share(
        sum(answer.strip() == row["answer"] for answer, row in zip(answers, questions)), len(questions)
    ), answers


def true_answer(tokenizer, row: dict) -> str:
    """A row's last answer; where that calls tools, with the calls as the chat template writes them."""
    *prompt, last = row["messages"]
    if not last.get("tool_calls"):
        return last["content"]
    options = {"tools": row.get("tools"), "tokenize": False}
    before = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, **options)
    whole = tokenizer.apply_chat_template(row["messages"], **options)
    written = whole[len(os.path.commonprefix([before, whole])) :]
    return tokenizer.decode(tokenizer(written, add_special_tokens=False)["input_ids"], skip_special_tokens=True).strip()


def spoken(answer: str) -> str:
    """An answer without what was thought before it, as Qwen3 and others write it: empty where it was not asked to."""
    return answer.rpartition("</think>")[2].strip()


def evaluate_rows(
    model, tokenizer, rows: Sequence[dict], progress: Callable[[int, int], None] | None = None
) -> tuple[dict, list[dict]]:
    """(scores, wrong answers) for any rows: JSON scores where every true answer is an object, else exact match.

    A wrong answer is {"prompt": messages, "wanted", "given"}. A model may write half as much again as the longest true
    answer, and 32 tokens: what is longer than that is wrong anyway. What it thought before its answer is not scored,
    and a call of a tool is compared as the chat template writes it. Raises InputError for a row that the chat template
    refuses, or that the model cannot read.
    """
    rows = for_template(tokenizer, rows)
    check_lengths(tokenizer, rows, float("inf"), config=getattr(model, "config", None))
    truths = [true_answer(tokenizer, row) for row in rows]
    longest = max(len(ids) for ids in tokenizer(truths, add_special_tokens=False)["input_ids"])
    room = longest * 3 // 2 + 32
    prompts, tools = [row["messages"][:-1] for row in rows], [row.get("tools") for row in rows]
    answers = generate(model, tokenizer, prompts, room, progress=progress, tools=tools)
    pairs = [(spoken(answer), spoken(truth)) for answer, truth in zip(answers, truths, strict=True)]
    if all(parse_object(truth) for _, truth in pairs):
        fields = [json.loads(truth) for _, truth in pairs]
        scores = score_extraction([answer for answer, _ in pairs], fields).as_dict()
        right = [
            score_extraction([answer], [wanted]).exact_match.hits == 1
            for (answer, _), wanted in zip(pairs, fields, strict=True)
        ]
    else:
        right = [answer == truth for answer, truth in pairs]
        share = Share(sum(right), len(rows))
        scores = {"exact_match": share.value, "interval": share.interval, "rows": share.total}
    wrong = [
        {"prompt": prompt, "wanted": truth, "given": answer}
        for prompt, truth, answer, good in zip(prompts, truths, answers, right, strict=True)
        if not good
    ]
    return scores, wrong
