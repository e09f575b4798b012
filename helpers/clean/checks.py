"""Checks that reject: empty, trivial and truncated answers, damaged text, ticket answers not in the ticket."""

import json
import re
from functools import lru_cache

from helpers.chats import COPIED, FIELDS, INSTRUCTION, answer_text
from helpers.clean.fields import RowError
from helpers.clean.formats import Messages
from helpers.clean.repair import looks_like_code, repair_text

_PLACEHOLDERS = {
    "n/a", "na", "nan", "null", "nil", "undefined", "todo", "tbd", "tba", "placeholder",
    "lorem ipsum", "[deleted]", "[removed]", "see above", "same as above", "as above", "no answer", "no output",
    "<noinput>", "<nooutput>", "asdf", "xxx", "同上", "略", "待补充", "待定", "暂无", "无内容",
}  # fmt: skip
_VALUES = {"null", "nil", "nan", "undefined", "placeholder", "todo"}  # words of programs, and of other languages
_ABOUT_VALUES = re.compile(
    r"translat|javascript|\bjs\b|json|python|\bgo\b|ruby|html|css|sql|\bcode\b|keyword|attribute|literal|翻译",
    re.IGNORECASE,
)
_ABOUT_MARKS = re.compile(r"ellips[ie]s|\bdots?\b|punctuation|\bmarks?\b|emoji|symbol|省略号|标点|符号", re.IGNORECASE)
_FENCE = re.compile(r"^ {0,3}(?P<mark>`{3,}|~{3,})(?P<info>[^`\n]*)$", re.MULTILINE)
_JSON_FENCE = re.compile(r"^```(?:json)?\s*\n(.*?)\n?```$", re.DOTALL)
_LOST = re.compile("[\ufffd\ud800-\udfff]")
_ONLY_MARKS = re.compile(r"[\s.…?!_\-,。？！—、，~]+")
_OPEN_ENDS = re.compile(r"(?:[,，、(（]|因为|但是|而且|或者|并且|如果|由于|以及|对于|关于|例如|比如|虽然|不仅)$")
# Of a language its commonest words, which tell it, and the words that end no sentence of it: no particle of a verb (the
# German "an"), no pronoun, no sign in a formula.
_LANGUAGES = (
    (
        frozenset("the is are to of and in it you that for with this on not".split()),
        frozenset("the a an and or because its their our your my whose than into of".split()),
    ),
    (
        frozenset("der die das und ist nicht sie ein eine zu den mit von wird für".split()),
        frozenset("und oder weil dass sowie einem einer zum zur vom beim des".split()),
    ),
    (
        frozenset("le la les est et des un une que pour dans vous il sont pas".split()),
        frozenset("et ou que de les dans aux cette ces votre notre".split()),
    ),
    (
        frozenset("el la los es y que en un una por con para se las no".split()),
        frozenset("que de el los las del por porque pero nuestro nuestra".split()),
    ),
)
_LAST_WORD = re.compile(r"(?<![\w./@'’-])[a-zà-ÿ]+$")
_OPEN_CODE = re.compile(
    r"^.*[\w)\]\"']\s*(?:(?<![-=!<>+*/])=|&&|\|\||[(\[,])$|"
    r"^[ \t]*(?:async )?def \w+\(.*:$|^[ \t]*class \w+(?:\(.*\))?:$"
)
_SENTENCE = re.compile(r"[.!?](?:\s|$)|[。！？]")
_ANSWER_ALIASES = {
    "customer": {"customer", "customer_name", "name", "client", "buyer"},
    "order_id": {"order_id", "order", "order_no", "order_number", "orderid"},
    "quantity": {"quantity", "qty", "count", "number"},
    "product": {"product", "item", "product_name", "article"},
    "issue": {"issue", "problem", "complaint", "fault"},
    "category": {"category", "class", "code"},
    "priority": {"priority", "urgency", "level"},
}  # fmt: skip
_BEFORE, _AFTER = (
    re.compile(r".*(?:[0-9A-Za-zÀ-ɏ]|[0-9A-Za-z]-)$", re.DOTALL),
    re.compile("[0-9A-Za-zÀ-ɏ]|-[0-9A-Za-z]"),
)
_NUMBERS = re.compile(r"(?<![0-9A-WYZa-wyz.,\-])[0-9]+(?![0-9]|[.,:/\-][0-9])")
_ANSWER_FIELDS = {alias: name for name, aliases in _ANSWER_ALIASES.items() for alias in aliases}


def is_ticket_task(messages: Messages) -> bool:
    """Whether the answer is meant to be a ticket's JSON: the instruction asks for it, or the answer has its fields."""
    if [message["role"] for message in messages][-2:] != ["user", "assistant"] or len(messages) > 3:
        return False
    asked = "\n".join(message["content"][:1000] for message in messages[:-1])
    if INSTRUCTION in asked:
        return True
    names = sum(re.search(rf"\b{name}\b", asked) is not None for name in FIELDS)
    wanted = re.search(r"\bextract|提取|抽取", asked, re.IGNORECASE) and "json" in asked.lower()
    if wanted and (names >= 4 or re.search(r"\bticket\b|工单", asked, re.IGNORECASE)):
        return True
    answer = messages[-1]["content"].lstrip()
    return answer[:1] == "{" and sum(f'"{name}"' in answer for name in FIELDS) >= 4


def check_text(messages: Messages, special_tokens: tuple[str, ...]) -> None:
    """Reject text whose characters are lost, and text that would be read as the chat's own control tokens."""
    for number, message in enumerate(messages, 1):
        text = message["content"]
        if _LOST.search(text):
            raise RowError("damaged_text", f"message {number} holds characters that were lost in an earlier conversion")
        token = next((token for token in special_tokens if token in text), None)
        if token:
            raise RowError("special_token_in_text", f"message {number} holds the model's control token {token}")


def check_answer(messages: Messages) -> None:
    """Reject trivial and truncated answers of any task. Short answers are fine: "42", "Yes" and "好的" pass."""
    for message in messages:
        if message["role"] == "assistant":
            answer = message["content"].strip()
            if _says_nothing(answer, messages):
                raise RowError("trivial_output", f"the answer is only {answer[:40]!r}")
            _check_truncated(answer)
    question, answer = messages[-2]["content"].strip(), messages[-1]["content"].strip()
    if len(answer) >= 20 and answer == question:
        raise RowError("trivial_output", "the answer repeats the question")


def _says_nothing(answer: str, messages: Messages) -> bool:
    """Whether an answer only holds a place: not where the question names that very word, or asks for such a value."""
    word = answer.lower().rstrip(".。!！")
    marks = _ONLY_MARKS.fullmatch(answer) is not None
    if (word not in _PLACEHOLDERS or answer in ("Na", "Nan")) and not marks:  # sodium, a bread
        return False
    asked = "\n".join(message["content"] for message in messages if message["role"] != "assistant")
    if is_ticket_task(messages):
        return True
    if marks:
        return _ABOUT_MARKS.search(asked) is None
    return word not in asked.lower() and not (word in _VALUES and _ABOUT_VALUES.search(asked))


def _open_fence(answer: str) -> bool:
    """Whether a code block is opened and not closed, as CommonMark counts: a longer fence may hold shorter ones."""
    opened = ""
    for fence in _FENCE.finditer(answer):
        mark = fence["mark"]
        if not opened:
            opened = mark
        elif mark[0] == opened[0] and len(mark) >= len(opened) and not fence["info"].strip():
            opened = ""
    return bool(opened)


def _check_truncated(answer: str) -> None:
    if "```" in answer and _open_fence(answer):
        raise RowError("truncated_output", "a code block is opened and not closed")
    if answer[:2] in ('{"', '["', "[{") or re.match(r'[\[{]\s+["{]', answer):
        _check_json_end(answer)
    elif (
        len(answer) >= 40
        and not looks_like_code(answer)
        and _SENTENCE.search(answer)
        and _is_open(answer)
        and not (len(answer.splitlines()[-1].split()) <= 3 and answer[-1] in ",，")  # "Kind regards,"
    ):
        raise RowError("truncated_output", f"the answer ends in the middle of a sentence: {answer[-25:]!r}")
    elif "`" not in answer and looks_like_code(answer) and _open_code(answer):
        raise RowError("truncated_output", f"the code ends in the middle of a statement: {answer[-25:]!r}")


def _is_open(answer: str) -> bool:
    """Whether a text ends with a mark or a word that something has to follow in its language."""
    if _OPEN_ENDS.search(answer):
        return True
    last = _LAST_WORD.search(answer)
    if not last:
        return False
    words = re.findall(r"\w+", answer[-2000 : last.start()].lower())
    common, ends = max(_LANGUAGES, key=lambda language: sum(word in language[0] for word in words))
    return last.group() in ends and any(word in common for word in words)


def _open_code(answer: str) -> bool:
    """Whether code of three lines or more ends with one that needs another: inside a bracket, or a heading of Python's
    without its body. What follows a comment's sign may end as it likes."""
    last = answer.splitlines()[-1]
    if answer.count("\n") < 2 or re.search(r"#|//|--|^\s*\*", last) or not _OPEN_CODE.match(last):
        return False
    bare = re.sub(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"", "", answer)
    return last[-1] not in "(,[" or sum(map(bare.count, "([{")) > sum(map(bare.count, ")]}"))


def _check_json_end(answer: str) -> None:
    """An answer that begins as JSON and stops before its brackets close was cut."""
    try:
        json.JSONDecoder(strict=False).raw_decode(answer)
    except RecursionError:
        return
    except ValueError:
        bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", answer, flags=re.DOTALL)
        if '"' in bare or bare.count("{") > bare.count("}") or bare.count("[") > bare.count("]"):
            raise RowError("truncated_output", f"the JSON stops before it is complete: {answer[-25:]!r}") from None


@lru_cache(maxsize=256)
def _answer_field(key: str) -> str:
    return _ANSWER_FIELDS.get(re.sub(r"[\s\-]+", "_", key.strip().lower()), key)


@lru_cache(maxsize=8)  # each round of repairs asks twice
def normalise_ticket_answer(text: str) -> tuple[str, tuple[str, ...]]:
    """The answer in the one form that is trained (key order, types, spacing): (text, names of the repairs).

    Text that is not the JSON of one object is returned as it is: `check_ticket` rejects it.
    """
    body = _JSON_FENCE.sub(r"\1", text.strip())
    try:
        fields = json.loads(body, strict=False)
    except (ValueError, RecursionError):
        return text, ()
    if not isinstance(fields, dict):
        return text, ()
    renamed, done = {}, []
    for key, value in fields.items():
        name = _answer_field(key)
        if name != key and (name in fields or name in renamed):
            return text, ()
        done += ["answer_field_renamed"] if name != key else []
        renamed[name] = value
    for name, value in renamed.items():
        if isinstance(value, str) and name in FIELDS:
            value, repairs = repair_text(value, "task text")
            done += repairs
        if name == "quantity" and isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value.strip()):
            value = int(value)
            done.append("quantity_to_number")
        elif name == "quantity" and isinstance(value, float) and value.is_integer() and abs(value) < 1e9:
            value = int(value)
            done.append("quantity_to_number")
        elif name in ("order_id", "customer") and isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
            done.append("number_to_text")
        renamed[name] = value
    if set(renamed) != set(FIELDS):
        return text, ()
    clean = answer_text(renamed)
    return clean, tuple(done) or (() if clean == text else ("answer_reformatted",))


def check_ticket(ticket: str, answer: str) -> None:
    """Reject an answer that is not this ticket's JSON: every copied text verbatim in it, the quantity a number of its
    own. Whether a learned field is right, nothing in the row can say."""
    if ticket.strip() == INSTRUCTION:
        raise RowError("missing_field", "the instruction is there, the ticket is not")
    try:
        fields = json.loads(answer)
    except (ValueError, RecursionError):
        raise RowError("answer_not_json", "the instruction asks for JSON and the answer is not JSON") from None
    if not isinstance(fields, dict):
        raise RowError("answer_not_json", "the answer is JSON, but not an object")
    if not any(value not in ("", None, 0) for value in fields.values()):
        raise RowError("trivial_output", "the answer has no filled field")
    missing = [name for name in FIELDS if fields.get(name) in ("", None)]
    if missing:
        raise RowError("missing_field", f"the answer has no {', '.join(missing)}")
    unknown = sorted(set(fields) - set(FIELDS))
    if unknown:
        raise RowError("unexpected_field", f"the answer has the unknown field {unknown[0]!r}")
    for name in FIELDS:
        wanted = int if name == "quantity" else str
        if type(fields[name]) is not wanted:
            raise RowError(
                "wrong_type", f"{name} of the answer must be {'a whole number' if wanted is int else 'text'}"
            )
    rest = ticket
    for name in sorted((name for name in COPIED if name != "quantity"), key=lambda name: -len(fields[name])):
        value = fields[name]
        if not _stands_in(ticket, value, name in ("customer", "order_id")):
            raise RowError("label_not_in_ticket", f"{name} {value[:60]!r} does not stand in the ticket")
        rest = rest.replace(value, " ")
    if str(fields["quantity"]) not in _NUMBERS.findall(rest):
        raise RowError("label_not_in_ticket", f"quantity {fields['quantity']} does not stand in the ticket")
    if not re.search("[0-9]", fields["order_id"]):
        raise RowError("label_not_in_ticket", f"order_id {fields['order_id'][:60]!r} is no order number")


def _stands_in(ticket: str, value: str, whole: bool) -> bool:
    """Whether `value` stands verbatim in `ticket`; with `whole`, Latin names and numbers not as a part of others."""
    whole = whole and not re.search("[\u4e00-\u9fff]", value)
    at = ticket.find(value)
    while at >= 0:
        end = at + len(value)
        if not whole or not (_BEFORE.match(ticket[max(0, at - 2) : at]) or _AFTER.match(ticket[end : end + 2])):
            return True
        at = ticket.find(value, at + 1)
    return False
