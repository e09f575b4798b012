"""One row through the cleaner: to messages, repaired until nothing changes, checked. No files, no other rows."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from helpers.clean.checks import check_answer, check_text, check_ticket, is_ticket_task, normalise_ticket_answer
from helpers.clean.formats import Messages, RowError, split_instruction, to_messages, validate
from helpers.clean.privacy import mask_personal_data
from helpers.clean.repair import looks_like_code, repair_text
from helpers.clean.tokens import counter

MAX_TOKENS = 1024
LONG_CHARACTERS = 50_000


@dataclass(frozen=True)
class Rules:
    """What a row is held against: the token limit, the counter, the control tokens of the model.

    `count_tokens` takes the messages and the limit; up to the limit any number that is not too low will do.
    """

    max_tokens: int
    count_tokens: Callable[[Messages, int], int]
    special_tokens: tuple[str, ...] = ()


@dataclass
class CleanRow:
    """A row that passed the checks of its own: `row` is what is written, `repairs` the names of what was mended."""

    row: dict
    repairs: list[str] = field(default_factory=list)

    @property
    def messages(self) -> Messages:
        return self.row["messages"]


def default_rules(max_tokens: int = MAX_TOKENS, tokenizer=None) -> Rules:
    """Rules with a tokenizer as `clean_files` takes it; the embedded base's if None."""
    count_tokens, special_tokens, _ = counter(tokenizer)
    return Rules(max_tokens, count_tokens, special_tokens)


def clean_row(value, rules: Rules | None = None) -> CleanRow:
    """Clean one parsed row. Raises RowError with the reason when it must be rejected."""
    rules = rules or default_rules()
    try:
        messages, extra, repairs = to_messages(value)
        validate(messages)
        if sum(len(message["content"]) for message in messages) > LONG_CHARACTERS:
            _check_length(messages, rules)
        messages, more = repair_messages(messages)
        validate(messages)
        check_text(messages, rules.special_tokens)
        check_answer(messages)
        if is_ticket_task(messages):
            check_ticket(messages[-2]["content"], messages[-1]["content"])
        _check_length(messages, rules)
    except RecursionError:
        raise RowError("broken_json", "nested too deeply to be a row") from None
    row = {"messages": messages, "language": _label(extra.get("language")) or language_of(messages)}
    row["id"] = _label(extra.get("id")) or hashlib.blake2b(json.dumps(messages).encode(), digest_size=6).hexdigest()
    return CleanRow(row, list(dict.fromkeys([*repairs, *more])))


def _check_length(messages: Messages, rules: Rules) -> None:
    tokens = rules.count_tokens(messages, rules.max_tokens)
    if tokens > rules.max_tokens:
        raise RowError("over_long", f"{tokens} tokens with the chat template, the limit is {rules.max_tokens}")


def repair_messages(messages: Messages) -> tuple[Messages, list[str]]:
    """Repair every message until nothing changes any more, so that cleaning twice is cleaning once."""
    done: list[str] = []
    for _ in range(50):
        repaired, names = _repair_once(split_instruction(messages))
        done += names
        if repaired == messages:
            return messages, done
        messages = repaired
    raise RowError("damaged_text", "the text still changes after 50 rounds of repair")


def _repair_once(messages: Messages) -> tuple[Messages, list[str]]:
    task, repaired, done = is_ticket_task(messages), [], []
    protected: tuple[str, ...] = ()
    if task:
        found = re.search(r'"order_id"\s*:\s*"([^"]*)"', normalise_ticket_answer(messages[-1]["content"])[0])
        protected = (found.group(1),) if found else ()
    for message in messages:
        text, role = message["content"], message["role"]
        names: list[str] = []
        code = not (task and role != "system") and looks_like_code(text)
        if task and role == "assistant":
            text, names = normalise_ticket_answer(text)
            kind = "answer"
        elif task and role == "user":
            kind = "task text"
        else:
            kind = "code" if code else "question" if role == "user" else "answer"
        text, more = repair_text(text, kind)
        text, masks = mask_personal_data(text, protected, code)
        repaired.append({"role": role, "content": text})
        done += [*names, *more, *masks]
    return repaired, done


def _label(value: str | None) -> str:
    """A given id or language, if it is short and printable."""
    return value if value and value.strip() and len(value) <= 200 and value.isprintable() else ""


def language_of(messages: Messages) -> str:
    """ "zh" where a tenth of the user's letters or more are Chinese, "en" where the letters are Latin, else "und"."""
    letters = [
        char for message in messages if message["role"] == "user" for char in message["content"] if char.isalpha()
    ]
    han = sum("\u3400" <= char <= "\u9fff" for char in letters)
    latin = sum(char < "\u0250" for char in letters)
    kana = sum("\u3040" <= char <= "\u30ff" or "\uac00" <= char <= "\ud7a3" for char in letters)
    if han and han * 10 >= len(letters) and kana * 3 < han:
        return "zh"
    return "en" if latin * 2 > len(letters) else "und"
