"""Alpaca, ShareGPT, messages and prompt/completion rows become one kind of row: {"messages": [...]}.

Misnamed fields are recognised by a table of aliases. What is still wrong raises RowError with a reason and a sentence.
"""

import json
import re
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from helpers.chats import INSTRUCTION

Messages = list[dict[str, str]]

FIELD_ALIASES = {
    "messages": ("messages", "message", "chat", "dialog", "dialogue", "turns", "对话"),
    "conversations": ("conversations", "conversation"),
    "system": ("system", "system_prompt", "系统"),
    "history": ("history",),
    "instruction": ("instruction", "instruct", "instructions", "instrution", "task", "指令"),
    "prompt": ("prompt", "question", "query", "user", "human", "request", "ticket", "问题", "提问"),
    "input": ("input", "inputs", "context", "输入"),
    "output": (
        "output",
        "outputs",
        "ouput",
        "response",
        "answer",
        "reply",
        "target",
        "assistant",
        "gpt",
        "result",
        "输出",
        "回答",
        "答案",
    ),
    "completion": ("completion", "completions"),
    "language": ("language", "lang", "语言"),
    "id": ("id",),
}
# Names that are often metadata: they stand for a field only where its own name is not there.
_WEAK = {
    "task",
    "user",
    "human",
    "request",
    "ticket",
    "context",
    "target",
    "assistant",
    "gpt",
    "result",
    "chat",
    "message",
}
_FIELDS = {alias: name for name, aliases in FIELD_ALIASES.items() for alias in aliases}
_ANSWERS = ("output", "completion")
_ROLES = {
    "system": "system", "developer": "system", "user": "user", "human": "user", "client": "user", "customer": "user",
    "assistant": "assistant", "gpt": "assistant", "bot": "assistant", "chatgpt": "assistant", "model": "assistant",
    "ai": "assistant",
}  # fmt: skip
_USUAL_ROLES = {"system", "user", "assistant", "human", "gpt"}
_ROLE_KEYS, _CONTENT_KEYS = ("role", "from", "speaker"), ("content", "value", "text")


class RowError(ValueError):
    """A row that must be rejected: `reason` is the short name that the report counts, `detail` one sentence."""

    def __init__(self, reason: str, detail: str):
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


class Message(BaseModel):
    """One turn of a chat."""

    model_config = ConfigDict(strict=True, extra="forbid")
    role: Literal["system", "user", "assistant"]
    content: str


class ChatRow(BaseModel):
    """One clean training row: at most one system message, then user and assistant in turn, an answer at the end."""

    model_config = ConfigDict(strict=True, extra="forbid")
    messages: list[Message] = Field(min_length=2)
    language: str = ""
    id: str = ""

    @model_validator(mode="after")
    def _turns(self):
        roles = [message.role for message in self.messages]
        turns = roles[1:] if roles[0] == "system" else roles
        if turns and turns[-1] == "user":
            raise PydanticCustomError("missing_field", "the last turn is the user's: the answer is missing")
        if not turns or turns != ["user", "assistant"] * (len(turns) // 2):
            raise PydanticCustomError(
                "bad_turns",
                "turns must be user, assistant in turn after one system message, not {roles}",
                {"roles": ", ".join(roles[:8])},
            )
        for number, message in enumerate(self.messages, 1):
            if not message.content.strip():
                reason = "empty_output" if message.role == "assistant" else "empty_input"
                raise PydanticCustomError(
                    reason, "message {number} ({role}) is empty", {"number": number, "role": message.role}
                )
        return self


def validate(messages: Any) -> None:
    """Raise RowError unless `messages` is a well-formed chat."""
    try:
        ChatRow(messages=messages)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] in ("empty_output", "empty_input", "bad_turns", "missing_field"):
            raise RowError(first["type"], first["msg"]) from None
        place = ".".join(str(part) for part in first["loc"])
        if first["type"] == "too_short":
            raise RowError("bad_turns", "a chat needs a question and an answer") from None
        raise RowError("wrong_type", f"{place}: {first['msg']}") from None


@lru_cache(maxsize=4096)
def canonical_key(key: str) -> tuple[str | None, bool]:
    """The field that `key` means, or None; and whether it was spelled just so."""
    name = re.sub(r"[\s_\-.]+", "_", key.strip().strip("\ufeff").lower()).strip("_")
    known = _FIELDS.get(name)
    return known, known == key


def to_messages(value: Any) -> tuple[Messages, dict[str, str], list[str]]:
    """Turn one parsed row into (messages, {"language", "id"} where given, names of the repairs made).

    Raises RowError with the reasons not_an_object, missing_field, ambiguous_fields, wrong_type, bad_turns, empty_input
    and empty_output.
    """
    repairs: list[str] = []
    if isinstance(value, list) and value and all(isinstance(turn, dict) and _pick(turn, _ROLE_KEYS) for turn in value):
        value = {"messages": value}
    if not isinstance(value, dict):
        raise RowError("not_an_object", f"a row must be a JSON object, this is {_kind(value)}")
    fields = _named(value, repairs)
    extra = {
        name: str(fields[name])
        for name in ("language", "id")
        if isinstance(fields.get(name), str | int) and str(fields[name]).strip()
    }
    for name in ("messages", "conversations"):
        if fields.get(name) not in (None, "", []):
            return _turns(fields[name], name, repairs), extra, repairs
    prompt, completion = fields.get("prompt"), next((fields[name] for name in _ANSWERS if fields.get(name)), None)
    if isinstance(prompt, list) and isinstance(completion, list):
        return _turns([*prompt, *completion], "prompt and completion", repairs), extra, repairs
    return _single(fields, repairs), extra, repairs


def _named(value: dict, repairs: list[str]) -> dict[str, Any]:
    """Fields under their canonical names. Two different values for one field are nobody's to choose between."""
    fields: dict[str, Any] = {}
    for key, content in sorted(value.items(), key=lambda item: item[0].strip().lower() in _WEAK):
        name, exact = canonical_key(key) if len(key) < 60 else (None, False)
        if name is None or (content in (None, "") and fields.get(name) not in (None, "")):
            continue
        if fields.get(name) not in (None, "") and fields[name] != content:
            if key.strip().lower() in _WEAK or name in ("language", "id"):
                continue
            raise RowError("ambiguous_fields", f"two different values for the field {name}")
        fields[name] = content
        if not exact and name not in ("language", "id"):
            repairs.append("field_renamed")
    if (
        len([name for name in _ANSWERS if fields.get(name) not in (None, "")]) == 2
        and fields["output"] != fields["completion"]
    ):
        raise RowError("ambiguous_fields", "both output and completion are filled, and differ")
    return fields


def _single(fields: dict[str, Any], repairs: list[str]) -> Messages:
    asked = [name for name in ("instruction", "prompt", "input") if name in fields]
    answers = [name for name in _ANSWERS if name in fields]
    if not asked:
        raise RowError("missing_field", "no question: none of instruction, prompt, input, messages, conversations")
    if not answers:
        raise RowError("missing_field", "no answer: none of output, completion, response, answer")
    answer = next((fields[name] for name in answers if fields[name] not in (None, "")), "")
    texts = {name: _text(fields[name], name, repairs) for name in asked}
    messages = (
        [{"role": "system", "content": _text(fields["system"], "system", repairs)}] if fields.get("system") else []
    )
    for turn in fields.get("history") or []:
        if not (isinstance(turn, list) and len(turn) == 2):
            raise RowError("wrong_type", "history must be a list of [question, answer]")
        messages += _pair(*(_text(part, "history", repairs) for part in turn))
    question = "\n\n".join(text for text in dict.fromkeys(texts.values()) if text.strip())
    return messages + _pair(question, _text(answer, answers[0], repairs))


def _pair(question: str, answer: str) -> Messages:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def _turns(turns: Any, name: str, repairs: list[str]) -> Messages:
    if isinstance(turns, str):
        try:
            turns = json.loads(turns)
        except (ValueError, RecursionError):
            raise RowError("wrong_type", f"{name} is text, not a list of turns") from None
        repairs.append("turns_parsed_from_text")
    if not isinstance(turns, list):
        raise RowError("wrong_type", f"{name} must be a list of turns, this is {_kind(turns)}")
    messages = []
    for number, turn in enumerate(turns, 1):
        if not isinstance(turn, dict):
            raise RowError("wrong_type", f"turn {number} of {name} must be an object, this is {_kind(turn)}")
        role, content = _pick(turn, _ROLE_KEYS), _pick(turn, _CONTENT_KEYS)
        if role is None or content is None:
            raise RowError("missing_field", f"turn {number} of {name} has no {'role' if role is None else 'content'}")
        if turn.get("tool_calls") or turn.get("function_call"):
            raise RowError("bad_turns", f"turn {number} of {name} is a tool call, which this course does not train")
        spoken = str(turn[role]).strip().lower()
        if spoken not in _ROLES:
            raise RowError("bad_turns", f"turn {number} of {name} has the unknown role {spoken[:30]!r}")
        if turn[role] not in _USUAL_ROLES:
            repairs.append("role_renamed")
        if role == "speaker" or content == "text":
            repairs.append("field_renamed")
        text = _text(turn[content], f"turn {number} of {name}", repairs)
        if _ROLES[spoken] == "system" and not text.strip():
            repairs.append("empty_system_removed")
            continue
        messages.append({"role": _ROLES[spoken], "content": text})
    return messages


def _pick(turn: dict, keys: tuple[str, ...]) -> str | None:
    return next((key for key in keys if key in turn), None)


def _text(value: Any, name: str, repairs: list[str]) -> str:
    """`value` as text: numbers and JSON objects become text and are counted; anything else is a wrong type."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if (
        isinstance(value, list)
        and value
        and all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in value)
    ):
        repairs.append("content_parts_joined")
        return "".join(part["text"] for part in value)
    if isinstance(value, dict) or (isinstance(value, int | float) and not isinstance(value, bool) and value == value):
        repairs.append("object_to_text" if isinstance(value, dict) else "number_to_text")
        try:
            return json.dumps(value, ensure_ascii=False)
        except (ValueError, RecursionError):
            raise RowError("wrong_type", f"{name} cannot be written as text") from None
    raise RowError("wrong_type", f"{name} must be text, this is {_kind(value)}")


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), type(value).__name__)


def split_instruction(messages: Messages) -> Messages:
    """Where the user turn begins with the course's instruction, that becomes the system message, as everywhere else."""
    first = messages[0]
    if first["role"] != "user" or not first["content"].startswith(INSTRUCTION):
        return messages
    rest = first["content"][len(INSTRUCTION) :]
    if rest[:1] not in ("\n", " ") or not rest.strip():
        return messages
    return [{"role": "system", "content": INSTRUCTION}, {"role": "user", "content": rest.lstrip("\n ")}, *messages[1:]]
