"""What the rows of a file look like before anything is done to them: formats by name, columns, roles, an example."""

from dataclasses import dataclass
from typing import Any

from helpers.clean.fields import ANSWERS, EMPTY, Options, Row, RowError, canonical_key, name_fields
from helpers.clean.formats import hoisted, is_kto, is_preference
from helpers.clean.turns import CONTENT_KEYS, ROLE_KEYS, is_tool_role, pick

SHOWN = 60  # characters of an example
ASKS = ("messages", "conversations", "chosen", "instruction", "prompt", "input", "text")  # fields with a question


@dataclass(frozen=True)
class RowSight:
    """One row: the name of its format, its filled columns, who speaks in it, and how it begins."""

    format: str
    columns: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    example: str = ""


def look(value: Any, options: Options | None = None) -> RowSight:
    """What one parsed row looks like. It never refuses a row: what has no name is "unknown columns"."""
    try:
        fields = hoisted(value)
    except RowError:
        return RowSight("no object", example=_short(value))
    filled = [key for key in fields if fields[key] not in EMPTY]
    columns = tuple(key.strip() or "(no name)" for key in filled)
    meant = {key: canonical_key(key)[0] for key in filled}
    said = [key for key in filled if meant[key] in ASKS] or [key for key in filled if meant[key] != "id"]
    example = _short(fields[said[0]] if said else "")
    try:
        row = name_fields(fields, options or Options())
    except RowError:
        return RowSight("ambiguous columns", columns, (), example)
    listed = next((row.get(name) for name in ("messages", "conversations") if row.has(name)), None)
    turns = [turn for turn in listed if isinstance(turn, dict)] if isinstance(listed, list) else []
    roles = tuple(str(turn[key]).strip()[:30] for turn in turns if (key := pick(turn, ROLE_KEYS)))
    called = any(turn.get("tool_calls") or turn.get("function_call") for turn in turns)
    tools = called or (row.has("tools") and row.get("tools") != "[]") or any(map(is_tool_role, roles))
    name = _format(row, turns) + " with tools" * tools + " with media" * row.has("media")
    return RowSight(name, columns, roles, example)


def _format(row: Row, turns: list[dict]) -> str:
    if is_preference(row):
        return "preference (chosen, rejected)"
    if is_kto(row):
        return "KTO (label)"
    if turns:
        if "from" in turns[0]:
            return "ShareGPT"
        return "messages" if pick(turns[0], ROLE_KEYS) else "[{human, assistant}] pairs"
    if row.has("messages", "conversations"):
        return "turns as text"
    answered = any(name in row.values for name in ANSWERS)
    if answered and "instruction" in row.values:
        return "Alpaca"
    if {"prompt", "completion"} <= set(row.columns):
        return "prompt/completion"
    if answered and ("prompt" in row.values or "input" in row.values):
        return "question/answer table"
    if row.has("text") and not row.has("instruction", "prompt", "input", "label", *ANSWERS):
        return "plain text"
    return "unknown columns"


def _short(value: Any) -> str:
    """The first text inside `value`, on one line."""
    text = " ".join((_text(value) or str(value))[: 4 * SHOWN].split())
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def _text(value: Any, depth: int = 0) -> str:
    """The first text in a turn, in its parts, or in a list of either; "" where there is none."""
    if isinstance(value, list | dict) and depth < 8:
        inner = value if isinstance(value, list) else [value[key] for key in CONTENT_KEYS if key in value]
        return next((text for part in inner if (text := _text(part, depth + 1))), "")
    return "" if value is None else str(value)
