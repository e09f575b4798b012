"""Lists of turns to messages: ShareGPT, OpenAI and Gemini in their dialects, and [{"human": ..., "assistant": ...}]."""

import ast
import json
from typing import Any

from helpers.clean.fields import EMPTY, Notes, RowError, as_text, canonical_key, kind_of, no_media
from helpers.clean.tool_calls import normal_calls, read_calls

ROLE_KEYS, CONTENT_KEYS = ("role", "from", "speaker"), ("content", "value", "text", "parts")
_ROLES = {
    "system": "system", "developer": "system", "user": "user", "human": "user", "client": "user", "customer": "user",
    "prompter": "user", "assistant": "assistant", "gpt": "assistant", "bot": "assistant", "chatgpt": "assistant",
    "chatbot": "assistant", "model": "assistant", "ai": "assistant", "bing": "assistant", "bard": "assistant",
    "tool": "tool", "function": "tool", "observation": "tool", "ipython": "tool", "function_response": "tool",
    "tool_response": "tool", "tool_result": "tool", "function_call": "call", "tool_call": "call",
}  # fmt: skip
_USUAL_ROLES = {"system", "user", "assistant", "human", "gpt", "tool", "observation", "function_call"}
_SWITCHES = ("weight", "loss", "train", "trainable")  # 0 or false: this answer is context, not to be learned
_CALLS = ("tool_calls", "function_call")

NO_TOOLS = (
    "{place}, and the model's chat template takes no tools: clean with the --model of one whose template does, "
    "or take these rows out"
)


def is_turn(turn: Any) -> bool:
    """Whether `turn` is an object that says who speaks, or a pair of a question and its answer."""
    return isinstance(turn, dict) and (pick(turn, ROLE_KEYS) is not None or _pair_keys(turn) is not None)


def is_tool_role(role: str) -> bool:
    """Whether a turn with this role is a call of a tool, or a tool's answer."""
    return _ROLES.get(role.lower()) in ("tool", "call")


def pick(turn: dict, keys: tuple[str, ...]) -> str | None:
    """The first of `keys` that `turn` has."""
    for key in keys:
        if key in turn:
            return key
    return None


def read_turns(turns: Any, name: str, notes: Notes, takes_tools: bool = False) -> list[dict[str, Any]]:
    """The messages of a list of turns (or of its JSON text): role and content, and `tool_calls` where the model's
    template takes them, and `weight` 0 of answers that must not be trained. Raises RowError."""
    turns = parsed_list(turns, name, notes)
    messages: list[dict[str, Any]] = []
    for number, turn in enumerate(turns, 1):
        place = f"turn {number} of {name}"
        if not isinstance(turn, dict):
            raise RowError("wrong_type", f"{place} must be an object with a role, this is {kind_of(turn)}")
        if pick(turn, ROLE_KEYS) is None and (pair := _pair_keys(turn)):
            messages += _pair(turn, pair, place, notes)
        else:
            messages += _turn(turn, place, notes, takes_tools)
    return messages


def parsed_list(turns: Any, name: str, notes: Notes) -> list:
    """`turns` as a list, given as JSON or Python text, too. Raises RowError."""
    if isinstance(turns, str):
        for parse in (json.loads, ast.literal_eval):  # pandas writes lists to CSV as Python does
            try:
                turns = parse(turns)
                notes.repairs.append("turns_parsed_from_text")
                break
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
        else:
            raise RowError("wrong_type", f"{name} is text, not a list of turns")
    if not isinstance(turns, list):
        raise RowError("wrong_type", f"{name} must be a list of turns, this is {kind_of(turns)}")
    return turns


def _turn(turn: dict, place: str, notes: Notes, takes_tools: bool) -> list[dict[str, Any]]:
    role, content = pick(turn, ROLE_KEYS), pick(turn, CONTENT_KEYS)
    called = any(turn.get(key) not in EMPTY for key in _CALLS)
    if role is None or (content is None and not called):
        raise RowError("missing_field", f"{place} has no {'role' if role is None else 'content'}")
    spoken = str(turn[role]).strip().lower()
    meant = _ROLES.get(spoken)
    if meant is None:
        raise RowError(
            "bad_turns", f"{place} has the unknown role {spoken[:30]!r}: write system, user, assistant or tool"
        )
    if (called or meant in ("tool", "call")) and not takes_tools:
        raise RowError("tool_calls", NO_TOOLS.format(place=f"{place} is a tool call or a tool's answer"))
    if turn[role] not in _USUAL_ROLES:
        notes.repairs.append("role_renamed")
    if role == "speaker" or content == "text":
        notes.repairs.append("field_renamed")
    text = as_text(turn[content] if content else "", place, notes)
    extra: dict[str, Any] = {}
    used = {role, content, *_CALLS}
    if meant == "call":
        extra["tool_calls"], text, meant = normal_calls(text, place), "", "assistant"
    elif called:
        extra["tool_calls"] = read_calls(turn, place)
    elif meant == "tool":
        extra = {key: turn[key] for key in ("name", "tool_call_id") if isinstance(turn.get(key), str)}
    if meant == "assistant":
        used |= set(_SWITCHES)
        set_to = [turn[key] for key in _SWITCHES if turn.get(key) not in (1, *EMPTY)]
        extra |= {"weight": _weight(set_to[0], place)} if set_to else {}
    _account(turn, used | set(extra), notes, place)
    if meant == "system" and not text.strip():
        notes.repairs.append("empty_system_removed")
        return []
    return [{"role": meant, "content": text, **extra}]


def _weight(value: Any, place: str) -> int:
    if value == 0:
        return 0
    raise RowError("wrong_type", f"{place} has the weight {str(value)[:20]!r}; 0 (context only) and 1 are known")


def _pair_keys(turn: dict) -> dict[str, str] | None:
    """Field -> key of a turn that holds a question and its answer, such as {"human": ..., "assistant": ...}."""
    keys = {canonical_key(key)[0] or "": key for key in turn if isinstance(key, str)}
    found: dict[str, str] = {name: keys[name] for name in ("system", "prompt", "input", "output") if name in keys}
    return found if "output" in found and ("prompt" in found or "input" in found) else None


def _pair(turn: dict, keys: dict[str, str], place: str, notes: Notes) -> list[dict[str, str]]:
    texts = {name: as_text(turn[key], place, notes) for name, key in keys.items()}
    _account(turn, set(keys.values()), notes, place)
    asked = "\n\n".join(texts[name] for name in ("prompt", "input") if texts.get(name, "").strip())
    system = [{"role": "system", "content": texts["system"]}] if texts.get("system", "").strip() else []
    return [*system, {"role": "user", "content": asked}, {"role": "assistant", "content": texts["output"]}]


def _account(turn: dict, used: set, notes: Notes, place: str) -> None:
    """Refuse what a text model cannot see, and count what is filled and not used."""
    for key, value in turn.items():
        if key in used or value in EMPTY:
            continue
        if canonical_key(key)[0] == "media":
            raise no_media(f"{place} has {key}")
        notes.ignored.append(f"turns[].{key}")


def leave_out_untrained(messages: list[dict[str, Any]], notes: Notes) -> list[dict[str, Any]]:
    """Messages up to the last answer that is to be trained, where the row ends with one that is not: what follows it
    teaches nothing. Raises RowError if there is none, as where the only answer has weight 0."""
    if not messages or "weight" not in messages[-1]:
        return messages
    trained = [i for i, message in enumerate(messages) if message["role"] == "assistant" and "weight" not in message]
    if not trained:
        raise RowError("nothing_to_train", "every answer has weight 0: its author says not to train on it")
    notes.repairs.append("untrained_turns_cut")
    return messages[: trained[-1] + 1]
