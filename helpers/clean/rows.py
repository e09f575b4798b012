"""One row through the cleaner: to messages, repaired until nothing changes, checked. No files, no other rows."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from os.path import commonprefix

from helpers.clean.checks import check_answer, check_text, check_ticket, is_ticket_task, normalise_ticket_answer
from helpers.clean.fields import Options, RowError
from helpers.clean.formats import Messages, split_instruction, to_messages
from helpers.clean.privacy import mask_personal_data
from helpers.clean.repair import has_entity, has_html, looks_like_code, repair_text, strip_html
from helpers.clean.schema import validate
from helpers.clean.tokens import counter
from helpers.clean.topic import Topic

MAX_TOKENS = 1024
LONG_CHARACTERS = 50_000
_SCRIPTS = (re.compile("[\u3400-\u9fff]"), re.compile("[\u3040-\u30ff\uac00-\ud7a3]"), re.compile("[\0-\u024f]"))


@dataclass(frozen=True)
class Rules:
    """What a row is held against: the token limit, the counter, the control tokens of the model, the user's options.

    `count_tokens` takes the messages and the limit; up to the limit any number that is not too low will do. `mask` and
    `repair_html` are True (everywhere), False (nowhere) or None: not where the row is about it, and not in code.
    """

    max_tokens: int
    count_tokens: Callable[..., int]
    special_tokens: tuple[str, ...] = ()
    options: Options = field(default_factory=Options)
    mask: bool | None = None
    repair_html: bool | None = None


@dataclass
class CleanRow:
    """A row that passed the checks of its own: `row` is what is written, `repairs` the names of what was mended,
    `ignored` the filled fields that nothing used, `left` what looks like damage or personal data and is the task."""

    row: dict
    repairs: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

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
        chat = to_messages(value, rules.options)
        messages = chat.messages
        validate(messages)
        if sum(len(message["content"]) for message in messages) > LONG_CHARACTERS:
            _check_length(messages, chat.tools, rules)
        messages, more, left = repair_messages(messages, rules)
        if more:
            validate(messages)
        check_text(messages, rules.special_tokens)
        check_answer(messages)
        if is_ticket_task(messages):
            check_ticket(messages[-2]["content"], messages[-1]["content"])
        _check_length(messages, chat.tools, rules)
    except RecursionError:
        raise RowError("broken_json", "nested too deeply to be a row") from None
    row = {"messages": messages, "language": _label(chat.extra.get("language")) or language_of(messages)}
    row["id"] = _label(chat.extra.get("id")) or _digest(messages)
    if chat.tools:
        row["tools"] = chat.tools
    repairs = list(dict.fromkeys([*chat.notes.repairs, *more]))
    return CleanRow(row, repairs, list(dict.fromkeys(chat.notes.ignored)), left)


def _digest(messages: Messages) -> str:
    return hashlib.blake2b(json.dumps(messages).encode(), digest_size=6).hexdigest()


def _check_length(messages: Messages, tools: list[dict], rules: Rules) -> None:
    tokens = rules.count_tokens(messages, rules.max_tokens, *([tools] if tools else []))
    if tokens > rules.max_tokens:
        raise RowError(
            "over_long",
            f"{tokens} tokens with the chat template, the limit is {rules.max_tokens}: raise --max-tokens, and with it "
            "--max-length of train, or take the --profile of a larger model",
        )


def repair_messages(messages: Messages, rules: Rules | None = None) -> tuple[Messages, list[str], list[str]]:
    """Repair every message until nothing changes any more, so that cleaning twice is cleaning once.

    Returns the messages, the names of the repairs, and what looks like damage or personal data and was left.
    """
    done: list[str] = []
    switches = (rules.mask, rules.repair_html) if rules else (None, None)
    for _ in range(50):
        repaired, names, left = _repair_once(split_instruction(messages), *switches)
        done += names
        if repaired == messages:
            return messages, done, left
        messages = repaired
    raise RowError("damaged_text", "the text still changes after 50 rounds of repair")


def _repair_once(
    messages: Messages, mask: bool | None, repair_html: bool | None
) -> tuple[Messages, list[str], list[str]]:
    task, topic, repaired, done, left = is_ticket_task(messages), Topic(messages), [], [], []
    protected: tuple[str, ...] = ()
    personal: dict[str, str] = {}
    if task:
        found = re.search(r'"order_id"\s*:\s*"([^"]*)"', normalise_ticket_answer(messages[-1]["content"])[0])
        protected = (found.group(1),) if found else ()
    for message in messages:
        text, role = message["content"], message["role"]
        names: tuple[str, ...] = ()
        if task and role == "assistant":
            text, names = normalise_ticket_answer(text)
        text, more = _repair(text, role, task and role != "system", topic, repair_html)
        if more and role != "assistant" and _gives_away(message["content"], text, messages):
            text, more = message["content"], ()
            left.append("repair_is_the_task")
        if role == "user" and (has_html(text) or has_entity(text)):
            left.append("html")
        text, masks, spared = _mask(text, topic, task, protected, mask, personal)
        left += ["personal_data"] if spared else []
        repaired.append({**message, "content": text})
        done += [*names, *more, *masks]
    if personal:  # what is masked in one turn is masked in all, and in the arguments of calls
        values = re.compile(
            "(?<![0-9A-Za-z])(?:"
            + "|".join(map(re.escape, sorted(personal, key=len, reverse=True)))
            + ")(?![0-9A-Za-z])"
        )
        repaired = _everywhere(repaired, lambda text: values.sub(lambda value: personal[value.group()], text))
    return repaired, done, list(dict.fromkeys(left))


def _everywhere(value, change: Callable[[str], str]):
    """`value` with each text inside it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_everywhere(part, change) for part in value]
    return {key: _everywhere(part, change) for key, part in value.items()} if isinstance(value, dict) else value


def _repair(text: str, role: str, task: bool, topic: Topic, repair_html: bool | None) -> tuple[str, tuple[str, ...]]:
    """(text, names of the repairs) of one message: what its task is about stays."""
    if task:
        kind = "answer" if role == "assistant" or repair_html is False else "task text"
        return repair_text(text, kind)
    if role == "user" and repair_html:
        stripped = strip_html(text)
        repaired, more = repair_text(stripped, "answer")
        return repaired, (("html", *more) if stripped != text else more)
    if role == "tool" or looks_like_code(text):
        return text, ()
    repaired, names = repair_text(text, "question" if role == "user" and repair_html is None else "answer")
    if "html" in names and topic.markup:
        repaired, names = repair_text(text, "answer")
    return (text, ()) if names and topic.characters else (repaired, names)


def _gives_away(damaged: str, repaired: str, messages: Messages) -> bool:
    """Whether a repair would put an answer into its question: all that it changes is in a place where the answer then
    stands, as in "Unescape: R&amp;D"."""
    for message in messages:
        answer = message["content"].strip().strip("\"'`“”„‘’「」.。").strip()
        if message["role"] != "assistant" or not answer or answer in damaged:
            continue
        begin = len(commonprefix([damaged, repaired]))
        end = len(repaired) - len(commonprefix([damaged[begin:][::-1], repaired[begin:][::-1]]))
        if any(at.start() <= begin and end <= at.end() for at in re.finditer(re.escape(answer), repaired)):
            return True
    return False


def _mask(
    text: str, topic: Topic, task: bool, protected: tuple[str, ...], mask: bool | None, found: dict[str, str]
) -> tuple[str, list[str], bool]:
    """(text, names of the masks, whether something that looks like personal data was left)."""
    every: dict[str, str] = {}
    masked, names = mask_personal_data(text, protected, found=every)
    if not names or mask or (task and mask is None):
        found |= every
        return masked, names, False
    if mask is False:
        return text, [], True
    chosen, names = mask_personal_data(text, protected, topic.is_task, found)
    return chosen, names, chosen != masked


def _label(value: str | None) -> str:
    """A given id or language, if it is short and printable."""
    return value if value and value.strip() and len(value) <= 200 and value.isprintable() else ""


def language_of(messages: Messages) -> str:
    """ "zh" where a tenth of the user's letters or more are Chinese, "en" where the letters are Latin, else "und"."""
    letters = "".join(
        filter(str.isalpha, "".join(message["content"] for message in messages if message["role"] == "user"))
    )
    if letters.isascii():
        return "en" if letters else "und"
    han, kana, latin = (len(pattern.findall(letters)) for pattern in _SCRIPTS)
    if han and han * 10 >= len(letters) and kana * 3 < han:
        return "zh"
    return "en" if latin * 2 > len(letters) else "und"
