"""transformers' own server with a check before it: what it cannot answer is refused with a status and a reason.

`python -m helpers.serving_front MODEL OPTIONS` takes what `transformers serve` takes. By itself, transformers 5.23
answers most wrong requests with a bare error 500, goes on past the length that the model was made for, takes any number
of requests at once, and loads other models of the hub on request.
"""

import json
import math
from collections.abc import Awaitable, Callable
from typing import Any
from unittest.mock import patch

from jinja2 import TemplateError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from helpers.model_checks import first_line

AT_ONCE = 256  # requests: more than that wait in vain
LEAST_BYTES, BYTES_PER_TOKEN = 2**20, 16  # of a body: more than any text that fits into the context
ASKED_WRONG = (ValueError, TypeError, KeyError, IndexError, TemplateError)  # what a request brings about in there


class Part(BaseModel):
    """A piece of a message's text."""

    type: str
    text: str = ""


class Message(BaseModel):
    """One message of a conversation."""

    role: str
    content: str | list[Part] | None = None


class Chat(BaseModel):
    """The fields of a request for an answer in a chat that decide whether there can be one; others pass."""

    model_config = ConfigDict(strict=True, extra="allow")

    messages: list[Message] = Field(min_length=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0)
    top_p: float | None = Field(None, gt=0, le=1)
    frequency_penalty: float | None = Field(None, gt=-1)
    seed: int | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    logit_bias: dict[str, float] | None = None


CHAT = "/v1/chat/completions"
ASKED = (CHAT, "/v1/completions", "/v1/responses")


class Refused(Exception):
    """A request that is not answered: its HTTP status and the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Checked:
    """The ASGI application `app` behind a check of each request.

    `count` gives the tokens of a request's prompt, `context` is how many of them and of the answer's the model was made
    for. Refused are: bodies that are too large (413) or wrong (400), other addresses to post to (404), and what comes
    while AT_ONCE requests are being answered (503).
    """

    def __init__(self, app, count: Callable[[dict], int], context: float) -> None:
        self.app, self.count, self.context = app, count, context
        self.answering = 0

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        if self.answering >= AT_ONCE:
            await refuse(send, Refused(503, f"{AT_ONCE} requests are being answered: ask again later"))
            return
        self.answering += 1
        begun = False

        async def begin(message) -> None:
            nonlocal begun
            if begun or message["type"] == "http.response.start" and message["status"] != 500:
                begun = True
                await send(message)  # of an error 500 nothing: what went wrong is raised behind it

        try:
            body = self.check(scope["path"], await read(receive, max(LEAST_BYTES, BYTES_PER_TOKEN * self.context)))
            await self.app(scope, once(body, receive), begin)
        except Refused as refused:
            await refuse(send, refused)
        except Exception as error:
            wrong = isinstance(error, ASKED_WRONG)
            if not begun:
                await refuse(send, Refused(400 if wrong else 500, first_line(error)))
            if begun or not wrong:
                raise  # into the server's log
        finally:
            self.answering -= 1

    def check(self, path: str, body: bytes) -> bytes:
        """The body, where it can be answered, with room for the answer. Raises Refused."""
        if path not in ASKED:
            raise Refused(404, f"there is no {path} here: post to {CHAT}")
        try:
            asked = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Refused(400, f"the body is not JSON: {first_line(error)}") from None
        if not isinstance(asked, dict):
            raise Refused(400, "the body is not a JSON object")
        if path != CHAT:
            return body
        try:
            Chat.model_validate(asked)
        except ValidationError as error:
            found = error.errors()[0]
            raise Refused(400, f"{'.'.join(map(str, found['loc']))}: {found['msg']}") from None
        room = self.context - self.count(asked)
        name = "max_tokens" if asked.get("max_completion_tokens") is None else "max_completion_tokens"
        wanted = asked.get(name)
        if room < (wanted or 1):
            raise Refused(
                400,
                f"the model was made for {self.context} tokens: the messages leave room for {max(room, 0)}, and "
                f"{name} is {wanted}",
            )
        asked[name] = wanted or min(room, 1024)
        return json.dumps(asked).encode()


async def read(receive, most: float) -> bytes:
    """A request's body. Raises Refused where it has more than `most` bytes, which are not kept, or breaks off."""
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the body breaks off")
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
        pieces = [*pieces, message.get("body", b"")] if size <= most else []
    if size > most:
        raise Refused(413, f"the body has {size} bytes, and {most} are the most")
    return b"".join(pieces)


def once(body: bytes, receive) -> Callable[[], Awaitable[dict[str, Any]]]:
    """What an application receives: `body` as a whole, then what follows it."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> dict[str, Any]:
        return messages.pop() if messages else await receive()

    return next_message


async def refuse(send, refused: Refused) -> None:
    """Answer as OpenAI's API does with an error."""
    content = json.dumps({"error": {"message": str(refused), "type": "invalid_request_error", "code": refused.status}})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    headers += [(b"retry-after", b"5")] * (refused.status == 503)
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": content.encode()})


def main() -> None:
    """Run `transformers serve` with the check before its application."""
    import typer
    from transformers.cli.serve import Serve
    from transformers.cli.serving import server
    from transformers.cli.serving.utils import BaseHandler, Modality

    build = server.build_server

    def checked(manager, *arguments, **options) -> Checked:
        model, tokenizer = manager.load_model_and_processor(manager.process_model_name(manager.force_model))

        def count(asked: dict) -> int:
            messages = BaseHandler.get_processor_inputs_from_messages(asked["messages"], Modality.LLM)
            text = {"tools": asked.get("tools"), **asked.get("chat_template_kwargs", {})}
            return len(tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False, **text))

        context = getattr(model.config, "max_position_embeddings", math.inf)
        return Checked(build(manager, *arguments, **options), count, context)

    with patch.object(server, "build_server", checked):
        typer.run(Serve)


if __name__ == "__main__":
    main()
