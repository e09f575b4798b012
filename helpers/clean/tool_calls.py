"""Tools and tool calls, from the layouts in use to the one that chat templates take (`tools=`, `tool_calls`)."""

import json
from typing import Any

from helpers.clean.fields import EMPTY, RowError, kind_of


def read_tools(value: Any) -> list[dict]:
    """The definitions of a row's tools, as a list of {"type": "function", "function": {...}}."""
    tools = _parsed(value, "tools")
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise RowError("tool_calls", "tools must be a list of objects, or JSON text of one")
    return [tool if "function" in tool or "type" in tool else {"type": "function", "function": tool} for tool in tools]


def read_calls(turn: dict, place: str) -> list[dict]:
    """The tool calls of one turn: `tool_calls`, or `function_call` of older rows."""
    calls = turn.get("tool_calls")
    return normal_calls(turn.get("function_call") if calls in EMPTY else calls, place)


def normal_calls(value: Any, place: str) -> list[dict]:
    """Calls as {"type": "function", "function": {"name", "arguments": {...}}}, ids kept; given as JSON text, too."""
    calls = _parsed(value, place)
    found = []
    for call in calls if isinstance(calls, list) else [calls]:
        inner = call.get("function", call) if isinstance(call, dict) else None
        if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
            raise RowError("tool_calls", f"{place}: a tool call needs a name and arguments, this is {kind_of(call)}")
        arguments = inner.get("arguments", inner.get("parameters", {}))
        arguments = _parsed(arguments, place) if arguments not in EMPTY else {}
        kept = {"id": call["id"]} if isinstance(call.get("id"), str) else {}
        found.append({**kept, "type": "function", "function": {"name": inner["name"], "arguments": arguments}})
    return found


def _parsed(value: Any, place: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise RowError("tool_calls", f"{place}: a tool call or its arguments are no JSON") from None
