"""The columns of a row: which field each one stands for, and which ones nothing uses.

A column is a field under another name (an alias), or one that the user named with `--map`, or it is counted as ignored.
"""

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from helpers.errors import InputError

FIELD_ALIASES = {
    "messages": ("messages", "message", "chat", "dialog", "dialogue", "turns", "contents", "对话"),
    "conversations": ("conversations", "conversation"),
    "system": ("system", "system_prompt", "system_message", "system_instruction", "systeminstruction", "系统"),
    "history": ("history",),
    "instruction": ("instruction", "instruct", "instructions", "instrution", "task", "指令"),
    "prompt": ("prompt", "question", "query", "user", "human", "request", "ticket", "problem", "q", "问题", "提问"),
    "input": ("input", "inputs", "context", "输入"),
    "output": (
        "output", "outputs", "ouput", "response", "answer", "answers", "reply", "target", "assistant", "gpt", "result",
        "solution", "a", "输出", "回答", "答案",
    ),
    "completion": ("completion", "completions"),
    "chosen": ("chosen", "chosen_response", "chosen_messages", "preferred", "preferred_output"),
    "rejected": ("rejected", "rejected_response", "rejected_messages", "non_preferred", "non_preferred_output"),
    "label": ("label", "kto_tag", "desirable", "is_desirable"),
    "tools": ("tools", "functions"),
    "media": (
        "media", "image", "images", "image_url", "image_path", "video", "videos", "audio", "audios", "图片", "图像",
    ),
    "choices": ("choices", "options"),
    "text": ("text",),
    "language": ("language", "lang", "语言"),
    "id": ("id",),
    "ignored": ("ignored",),
}  # fmt: skip
# Names that are often metadata: they stand for a field only where its own name is not there.
_WEAK = {
    "task", "user", "human", "request", "ticket", "context", "target", "assistant", "gpt", "result", "chat", "message",
    "problem", "solution", "q", "a", "contents", "answers",
}  # fmt: skip
_FIELDS = {alias: name for name, aliases in FIELD_ALIASES.items() for alias in aliases}
_LABELS = ("language", "id")  # beside the chat itself
EMPTY: tuple[Any, ...] = (None, "", [], {})
ANSWERS = ("output", "completion")
# These names are metadata, too, where one of those fields is filled.
_INSTEAD = {
    "task": ("prompt",), **dict.fromkeys(("user", "human", "q"), ("instruction",)),
    **dict.fromkeys(("target", "assistant", "gpt", "result", "solution", "a", "answers"), ("completion", "chosen")),
}  # fmt: skip


class RowError(ValueError):
    """A row that must be rejected: `reason` is the short name that the report counts, `detail` one sentence."""

    def __init__(self, reason: str, detail: str):
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class Options:
    """What the user says of the rows: columns named with `--map`, and which answer of a preference pair is wanted
    ("" or "chosen"); and whether the model's chat template takes tools."""

    columns: tuple[tuple[str, str], ...] = ()
    preference: str = ""
    takes_tools: bool = False


@dataclass
class Notes:
    """What is said of one row on the way: names of the repairs made, names of the filled fields that nothing uses."""

    repairs: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


@dataclass
class Row:
    """One row under its fields' own names: `values` by field, `origin` the column of each, `columns` all of them."""

    columns: list[str]
    options: Options
    values: dict[str, Any] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    unnamed: dict[str, Any] = field(default_factory=dict)  # filled, and not under a name that is known
    notes: Notes = field(default_factory=Notes)

    def get(self, name: str) -> Any:
        """The value of a field, None where it is not there."""
        return self.values.get(name)

    def has(self, *names: str) -> bool:
        """Whether any of these fields is filled."""
        for name in names:  # asked many times of each row: a generator would cost more than the look
            if name in self.values and self.values[name] not in EMPTY:
                return True
        return False


@lru_cache(maxsize=4096)
def canonical_key(key: str) -> tuple[str | None, bool]:
    """The field that `key` means, or None; and whether it was spelled just so."""
    name = re.sub(r"[\s_\-.]+", "_", key.strip().strip("\ufeff").lower()).strip("_") if len(key) < 60 else key
    known = _FIELDS.get(name)
    return known, known == key


def parse_columns(texts: list[str]) -> tuple[tuple[str, str], ...]:
    """`--map` as pairs. Raises InputError unless one side of each `COLUMN=FIELD` is a field."""
    pairs = []
    for text in texts:
        left, mark, right = text.partition("=")
        if not mark or not left.strip() or not right.strip() or not (canonical_key(left)[0] or canonical_key(right)[0]):
            raise InputError(
                f"--map {text}: write COLUMN=FIELD, such as ask=question; fields: system, instruction, question, "
                "input, answer, messages, ignored"
            )
        pairs.append((left.strip(), right.strip()))
    return tuple(pairs)


def name_fields(value: dict, options: Options) -> Row:
    """`value` with its columns under the names of fields; filled columns without a field go to `notes.ignored`.

    Two different values for one field are nobody's to choose between: RowError.
    """
    row = Row(list(value), options)
    named = mapped(value, options)
    said_elsewhere = any(  # a column of texts that no name tells
        isinstance(part, str) and len(part.split()) > 2 and key not in named and canonical_key(key)[0] in (None, "text")
        for key, part in value.items()
    )
    for key in sorted(value, key=lambda key: (key not in named, key.strip().lower() in _WEAK)):
        content = value[key]
        name, exact = (named[key], True) if key in named else canonical_key(key)
        weak_name = key not in named and key.strip().lower() in _WEAK
        spare = weak_name and (
            row.has(*_INSTEAD.get(key.strip().lower(), ())) or (_is_label(content) and said_elsewhere)
        )
        if name is None or name == "ignored" or spare:
            row.notes.ignored += [] if content in EMPTY else [key.strip() or "(no name)"]
            row.unnamed |= {} if content in EMPTY or name == "ignored" else {key.strip() or "(no name)": content}
        elif content in EMPTY and name in row.values:
            continue
        elif row.has(name) and row.values[name] != content:
            weak = key not in named and (key.strip().lower() in _WEAK or row.origin[name] in named)
            if not weak and name not in _LABELS:
                raise RowError(
                    "ambiguous_fields",
                    f"the columns {row.origin[name]} and {key} both stand for {name}, and differ; say which with "
                    f"--map {key}={name} or --map {key}=ignored",
                )
            row.notes.ignored.append(key)
        else:
            row.values[name], row.origin[name] = content, key
            row.notes.repairs += [] if exact or name in _LABELS else ["field_renamed"]
    if row.has("output") and row.has("completion") and row.values["output"] != row.values["completion"]:
        raise RowError("ambiguous_fields", "both output and completion are filled, and differ")
    return row


def _is_label(content: Any) -> bool:
    """Whether a value names a thing rather than says something: a number, or one word with digits or marks in it."""
    return (
        isinstance(content, int | float)
        or isinstance(content, str)
        and re.fullmatch(r"[\w.#:/@-]*[\d_#@][\w.#:/@-]*", content.strip()) is not None
    )


def mapped(value: dict, options: Options) -> dict[str, str]:
    """Column -> field as the user named them: COLUMN=FIELD, or the other way round where only that is possible."""
    found = {}
    for left, right in options.columns:
        for column, name in ((left, right), (right, left)):
            known = canonical_key(name)[0]
            if column in value and known:
                found[column] = known
                break
    return found


def as_text(value: Any, name: str, notes: Notes) -> str:
    """`value` as text: numbers and JSON objects become text and are counted; anything else is a wrong type."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list) and value and all(isinstance(part, dict) for part in value):
        return "".join(_part(part, name, notes) for part in value)
    if isinstance(value, dict) and set(value) >= {"text", "answer_start"}:  # SQuAD: several people's answers
        texts = value["text"] if isinstance(value["text"], list) else [value["text"]]
        notes.repairs.append("first_of_answers")
        return as_text(texts[0] if texts else "", name, notes)
    if isinstance(value, dict) and ({"choices", "messages"} & set(value) or isinstance(value.get("body"), dict)):
        raise RowError("wrong_type", f"{name} is a request to a chat API or its answer: take the texts out of it")
    if isinstance(value, dict) or (isinstance(value, int | float) and not isinstance(value, bool) and value == value):
        notes.repairs.append("object_to_text" if isinstance(value, dict) else "number_to_text")
        try:
            return json.dumps(value, ensure_ascii=False)
        except (ValueError, RecursionError):
            raise RowError("wrong_type", f"{name} cannot be written as text") from None
    raise RowError("wrong_type", f"{name} must be text, this is {kind_of(value)}")


def _part(part: dict, name: str, notes: Notes) -> str:
    """The text of one content part; pictures, sounds and tool calls are refused, thoughts are counted as ignored."""
    kind = str(part.get("type") or "text").lower()
    if re.search("image|audio|video|file|media", kind) or {"inlineData", "fileData"} & set(part):
        raise no_media(f"{name} holds a part of the type {kind}")
    if kind in ("thinking", "reasoning", "redacted_thinking"):
        notes.ignored.append(f"content[].{kind}")
        return ""
    if "tool" in kind or {"functionCall", "functionResponse"} & set(part):
        raise RowError("tool_calls", f"{name} holds a part of the type {kind}: write it as tool_calls of the message")
    if not isinstance(part.get("text"), str):
        raise RowError("wrong_type", f"{name} holds a part of the type {kind}, which has no text")
    notes.repairs.append("content_parts_joined")
    return part["text"]


def no_media(where: str) -> RowError:
    """The refusal of pictures, sounds and films."""
    return RowError(
        "media",
        f"{where}, which a text model cannot see: train a vision model with its own recipe; if the answer does not "
        "need it, take it out (a column: --map COLUMN=ignored)",
    )


def kind_of(value: Any) -> str:
    """What a JSON value is, in words."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), type(value).__name__)
