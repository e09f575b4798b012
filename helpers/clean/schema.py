"""What a clean row is: the schema that every row is held against before and after its repairs."""

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from helpers.clean.fields import RowError

_ORDER = re.compile("s?(?:u(?:ct+)*a)*u(?:ct+)*[ac]")  # s(ystem), u(ser), a(nswer), c(all of a tool), t(ool)


class Message(BaseModel):
    """One turn of a chat. `weight` is 0 or absent: 0 is an answer that is context and not trained."""

    model_config = ConfigDict(strict=True, extra="forbid")
    role: Literal["system", "user", "assistant", "tool"]
    content: str
    weight: Literal[0] | None = None
    tool_calls: list[dict] | None = None
    name: str | None = None
    tool_call_id: str | None = None


class ChatRow(BaseModel):
    """One clean training row: at most one system message, then user and assistant in turn, an answer at the end; tool
    calls and their results may stand between a question and its answer."""

    model_config = ConfigDict(strict=True, extra="forbid")
    messages: list[Message] = Field(min_length=2)
    language: str = ""
    id: str = ""

    @model_validator(mode="after")
    def _turns(self):
        roles = [message.role for message in self.messages]
        letters = "".join("c" if message.tool_calls else message.role[0] for message in self.messages)
        if letters[-1] == "u":
            raise PydanticCustomError("missing_field", "the last turn is the user's: the answer is missing")
        if not _ORDER.fullmatch(letters):
            raise PydanticCustomError(
                "bad_turns",
                "turns must be user, assistant in turn after one system message, not {roles}",
                {"roles": ", ".join(roles[:8])},
            )
        for number, message in enumerate(self.messages, 1):
            if not message.content.strip() and message.role != "tool" and not message.tool_calls:
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
