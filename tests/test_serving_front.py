"""Requests that a server cannot answer: refused with a status and a reason, before transformers sees them."""

import asyncio
import json

import pytest

from helpers import serving_front
from helpers.serving_front import CHAT, Checked, Refused

pytest.importorskip("fastapi", reason="needs the extra: pip install -e .[serve]")
HELLO = {"messages": [{"role": "user", "content": "three words here"}]}


async def echo(scope, receive, send):
    """An application that answers with the body that it received, or fails as its first message says."""
    body = (await receive()).get("body", b"")
    first = json.loads(body)["messages"][0]["content"] if b'"messages"' in body else ""
    failures = {"key": KeyError("arguments"), "memory": RuntimeError("not enough memory"), "late": ValueError("late")}
    if first == "late":
        await send({"type": "http.response.start", "status": 200, "headers": []})
    elif first in failures:
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b"Internal Server Error"})
    if first in failures:
        raise failures[first]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def words(asked: dict) -> int:
    return sum(len(str(message["content"]).split()) for message in asked["messages"])


def ask(body, path=CHAT, method="POST", app=None, pieces=1, answer=None) -> tuple[int, str]:
    """(status, text) of one request to an application that was made for 10 tokens, and counts words."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    size = len(body) // pieces + 1
    sent = [{"type": "http.request", "body": body[i * size : (i + 1) * size], "more_body": i + 1 < pieces}
            for i in range(pieces)]  # fmt: skip
    answer = [] if answer is None else answer

    async def receive():
        return sent.pop(0) if sent else {"type": "http.disconnect"}

    async def send(message):
        answer.append(message)

    app = app or Checked(echo, words, context=10)
    asyncio.run(app({"type": "http", "method": method, "path": path}, receive, send))
    return answer[0]["status"], b"".join(part.get("body", b"") for part in answer[1:]).decode()


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"{not json", 400, "not JSON"),
        (b"", 400, "not JSON"),
        (b"\xff\xfe", 400, "not JSON"),
        (b"[" * 100_000, 400, "not JSON"),
        ([1], 400, "not a JSON object"),
        ({}, 400, "messages: Field required"),
        ({"messages": "hello"}, 400, "messages: "),
        ({"messages": []}, 400, "messages: List should have at least 1 item"),
        ({"messages": [{"content": "x"}]}, 400, "messages.0.role: Field required"),
        ({"messages": [{"role": "user", "content": 3}]}, 400, "messages.0.content"),
        ({**HELLO, "max_tokens": "many"}, 400, "max_tokens: Input should be a valid integer"),
        ({**HELLO, "max_tokens": -3}, 400, "max_tokens: "),
        ({**HELLO, "temperature": -1}, 400, "temperature: "),
        ({**HELLO, "top_p": 2}, 400, "top_p: "),
        ({**HELLO, "stream": "yes"}, 400, "stream: "),
        ({**HELLO, "max_tokens": 8}, 400, "made for 10 tokens: the messages leave room for 7, and max_tokens is 8"),
        ({"messages": [{"role": "user", "content": "w " * 11}]}, 400, "leave room for 0"),
        (b'{"messages": "' + b"x" * serving_front.LEAST_BYTES + b'"}', 413, "and 1048576 are the most"),
        ({"messages": [{"role": "user", "content": "key"}]}, 400, "KeyError: 'arguments'"),
    ],
)
def test_a_bad_request_gets_a_status_and_a_reason(body, status, reason):
    found, text = ask(body)
    assert found == status and reason in json.loads(text)["error"]["message"]


def test_a_good_request_passes_with_room_for_its_answer():
    assert ask(HELLO) == (200, json.dumps({**HELLO, "max_tokens": 7}))
    asked = {**HELLO, "max_completion_tokens": 2, "stream": True, "user": "me"}
    assert ask(asked, pieces=3) == (200, json.dumps(asked))
    assert ask(b"", "/health", "GET")[0] == 200
    assert ask({"prompt": "x"}, "/v1/completions")[0] == 200


@pytest.mark.parametrize("path", ["/load_model", "/reset", "/nope", "/v1/audio/transcriptions"])
def test_it_serves_one_model_and_loads_no_other(path):
    status, text = ask({"model": "nobody/nothing"}, path)
    assert status == 404 and f"there is no {path} here" in text


def test_what_the_machine_lacks_is_said_and_logged():
    answer = []
    with pytest.raises(RuntimeError):
        ask({"messages": [{"role": "user", "content": "memory"}]}, answer=answer)
    assert [part.get("status") for part in answer] == [500, None] and b"not enough memory" in answer[1]["body"]


def test_an_error_behind_the_first_words_ends_the_answer():
    with pytest.raises(ValueError, match="late"):
        ask({"messages": [{"role": "user", "content": "late"}]})


def test_too_many_at_once_are_refused_and_the_next_is_answered(monkeypatch):
    monkeypatch.setattr(serving_front, "AT_ONCE", 1)
    app = Checked(echo, words, context=10)
    app.answering = 1
    status, text = ask(HELLO, app=app)
    assert status == 503 and "ask again later" in text
    app.answering = 0
    assert [ask(body, app=app)[0] for body in (HELLO, b"{", HELLO)] == [200, 400, 200] and app.answering == 0


def test_a_body_that_breaks_off_is_refused():
    async def receive():
        return {"type": "http.disconnect"}

    with pytest.raises(Refused, match="breaks off"):
        asyncio.run(serving_front.read(receive, 10))
