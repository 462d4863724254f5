# SPDX-License-Identifier: Apache-2.0
"""The ASGI application over a fake engine, called as a server would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from local_engine import app as app_module
from local_engine.app import EngineApp
from local_engine.engine import Event, Failed, Token
from local_engine.errors import (
    DecodeError,
    EngineBusyError,
    GenerationCancelledError,
)
from local_engine.profile import ModelProfile
from tests.local_engine.fakes import FakeEngine, done

HELLO = {"messages": [{"role": "user", "content": "hello"}]}


class Answer:
    """What came back."""

    def __init__(self, sent: list[dict[str, Any]]) -> None:
        self.status: int = sent[0]["status"]
        self.headers = dict(sent[0]["headers"])
        self.body = b"".join(part.get("body", b"") for part in sent[1:])
        self.is_complete = not sent[-1].get("more_body", False)

    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[Any]:
        lines = self.body.decode().split("\n\n")
        assert lines.pop() == ""
        data = [line.removeprefix("data: ") for line in lines]
        return [item if item == "[DONE]" else json.loads(item) for item in data]


async def call(
    engine: FakeEngine, method: str, path: str, body: bytes = b"", *, hangs_up: bool = False
) -> Answer:
    """One request to a new application over `engine`."""
    app = EngineApp(engine, ModelProfile(name="m"))
    return await call_app(app, method, path, body, hangs_up=hangs_up)


async def call_app(
    app: EngineApp, method: str, path: str, body: bytes, *, hangs_up: bool = False
) -> Answer:
    """One request; the client stays or hangs up after its body."""
    half = len(body) // 2
    incoming: list[dict[str, Any]] = [
        {"type": "http.request", "body": body[:half], "more_body": True},
        {"type": "http.request", "body": body[half:], "more_body": False},
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if incoming:
            return incoming.pop(0)
        if not hangs_up:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "http", "method": method, "path": path}, receive, send)
    return Answer(sent)


async def chat(engine: FakeEngine, **changes: object) -> Answer:
    """One chat request."""
    return await call(
        engine, "POST", "/v1/chat/completions", json.dumps({**HELLO, **changes}).encode()
    )


def an_engine(events: Sequence[Event]) -> FakeEngine:
    """An engine that answers so."""
    return FakeEngine(events)


async def test_health_says_what_the_gateway_needs() -> None:
    """Every field of the contract is there."""
    answer = await call(FakeEngine(), "GET", "/health")

    body = answer.json()
    assert answer.status == 200
    assert {"status", "model", "engine", "n_ctx", "slots", "busy", "queued"} <= set(body)
    assert {"prefill_tps", "decode_tps", "pid", "uptime_s"} <= set(body)
    assert (body["status"], body["model"], body["decode_tps"]) == ("ready", "m", 12.5)


async def test_health_is_503_while_loading() -> None:
    """Ready means that a request would be served."""
    engine = FakeEngine()
    engine.is_ready = False
    answer = await call(engine, "GET", "/health")

    assert (answer.status, answer.json()) == (503, {"status": "loading"})


async def test_models_lists_the_one_model() -> None:
    """In OpenAI's shape."""
    body = (await call(FakeEngine(), "GET", "/v1/models")).json()

    assert [model["id"] for model in body["data"]] == ["m"]


async def test_tokenize_counts() -> None:
    """The text is counted without any template."""
    assert (await call(FakeEngine(), "POST", "/v1/tokenize", b'{"text": "a b"}')).json() == {
        "count": 3,
        "tokens": [97, 32, 98],
    }
    assert (await call(FakeEngine(), "POST", "/v1/tokenize", b'{"text": 1}')).status == 400


async def test_the_tokens_of_a_chat_request_are_counted_with_its_template() -> None:
    """Three control tokens, the roles, line breaks and the text; a tool is longer."""
    path = "/v1/chat/completions/input_tokens"
    plain = (await call(FakeEngine(), "POST", path, json.dumps(HELLO).encode())).json()
    tools = [{"type": "function", "function": {"name": "f"}}]
    longer = (
        await call(FakeEngine(), "POST", path, json.dumps({**HELLO, "tools": tools}).encode())
    ).json()

    assert plain["input_tokens"] == 3 + len("user\nhello\nassistant\n")
    assert longer["input_tokens"] > plain["input_tokens"] + 100
    assert (await call(FakeEngine(), "POST", path, b"{}")).status == 400


async def test_what_is_counted_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text of the largest body would take a gigabyte; one character less is counted."""
    monkeypatch.setattr(app_module, "MAX_COUNTED_CHARACTERS", 10)
    for size, status in ((10, 200), (11, 400)):
        text = json.dumps({"text": "a" * size}).encode()
        turn = {"role": "user", "content": "a" * (size - 5)}
        body = json.dumps({"messages": [{**turn, "content": "a" * 5}, turn]}).encode()
        assert (await call(FakeEngine(), "POST", "/v1/tokenize", text)).status == status
        path = "/v1/chat/completions/input_tokens"
        assert (await call(FakeEngine(), "POST", path, body)).status == status


async def test_unknown_paths_and_methods_are_told_apart() -> None:
    """404 and 405, in the error envelope."""
    unknown = await call(FakeEngine(), "GET", "/v1/nothing")
    wrong = await call(FakeEngine(), "GET", "/v1/chat/completions")

    assert (unknown.status, unknown.json()["error"]["code"]) == (404, "unknown_url")
    assert (wrong.status, wrong.headers[b"allow"]) == (405, b"POST")


async def test_a_plain_answer_is_one_object() -> None:
    """Text, finish reason and usage."""
    end = done(drafted=(4, 3))
    body = (await chat(an_engine([Token("Par"), Token("is"), end]))).json()

    assert body["object"] == "chat.completion"
    assert body["choices"][0]["message"] == {
        "role": "assistant",
        "content": "Paris",
        "refusal": None,
    }
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 2,
        "total_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {
            "accepted_prediction_tokens": 3,
            "rejected_prediction_tokens": 1,
        },
    }


async def test_a_stream_has_openais_order() -> None:
    """Role, contents, finish reason, usage with no choices, [DONE]."""
    engine = an_engine([Token("Par"), Token("is"), done("length")])
    answer = await chat(engine, stream=True, stream_options={"include_usage": True})

    events = answer.events()
    deltas = [event["choices"][0]["delta"] for event in events[:4]]
    assert answer.headers[b"content-type"] == b"text/event-stream"
    assert deltas == [
        {"role": "assistant", "content": ""},
        {"content": "Par"},
        {"content": "is"},
        {},
    ]
    assert [e["choices"][0]["finish_reason"] for e in events[:4]] == [None, None, None, "length"]
    assert (events[4]["choices"], events[4]["usage"]["total_tokens"]) == ([], 7)
    assert events[5:] == ["[DONE]"]
    assert len({event["id"] for event in events[:5]}) == 1


async def test_usage_is_left_out_unless_asked_for() -> None:
    """Clients that do not expect empty choices never see them."""
    events = (await chat(an_engine([done()]), stream=True)).events()

    assert all(event == "[DONE]" or event["choices"] for event in events)
    assert all(event == "[DONE]" or "usage" not in event for event in events)


async def test_an_error_before_the_first_token_is_a_status() -> None:
    """Streaming or not, the gateway can still choose another way."""
    for stream in (True, False):
        answer = await chat(an_engine([Failed(DecodeError(1))]), stream=stream)
        assert (answer.status, answer.json()["error"]["code"]) == (500, "decode_failed")


async def test_an_error_in_mid_stream_ends_without_done() -> None:
    """No client takes a broken answer for a whole one."""
    answer = await chat(an_engine([Token("a"), Failed(DecodeError(-3))]), stream=True)

    events = answer.events()
    assert events[-1]["error"]["code"] == "decode_failed"
    assert "[DONE]" not in events
    assert answer.is_complete


async def test_a_full_line_is_429_with_retry_after() -> None:
    """The engine's figure is passed on."""
    engine = FakeEngine(error=EngineBusyError(waiting=32, retry_after_s=9))
    answer = await chat(engine)

    assert (answer.status, answer.headers[b"retry-after"]) == (429, b"9")
    assert answer.json()["error"]["type"] == "rate_limit_error"


async def test_hanging_up_cancels_the_generation() -> None:
    """The engine is told as soon as the server knows."""
    engine = an_engine([])
    hung_up = asyncio.create_task(
        call(engine, "POST", "/v1/chat/completions", json.dumps(HELLO).encode(), hangs_up=True)
    )
    await asyncio.to_thread(engine.ticket.cancelled.wait, 5)

    assert engine.ticket.cancelled.is_set()
    hung_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hung_up


async def test_a_cancelled_generation_ends_quietly() -> None:
    """No server error is logged for a client that left."""
    answer = await chat(an_engine([Failed(GenerationCancelledError())]))

    assert (answer.status, answer.body) == (499, b"")


async def test_every_end_gives_the_ticket_back() -> None:
    """Also a good one: cancel after the end is harmless and certain."""
    engine = an_engine([done()])
    await chat(engine)

    assert engine.ticket.cancelled.is_set()


async def test_a_body_over_the_bound_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """413, before the rest of it is read."""
    monkeypatch.setattr(app_module, "MAX_BODY_BYTES", 10)
    answer = await call(FakeEngine(), "POST", "/v1/tokenize", b"x" * 11)

    assert (answer.status, answer.json()["error"]["code"]) == (413, "request_too_large")


async def test_a_client_that_leaves_within_its_body_is_no_fault() -> None:
    """Nothing is parsed."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    app = EngineApp(FakeEngine(), ModelProfile(name="m"))
    await app({"type": "http", "method": "POST", "path": "/v1/tokenize"}, receive, send)
    assert sent[0]["status"] == 499


async def test_only_http_is_spoken() -> None:
    """A websocket is a fault of the server's configuration."""

    async def receive() -> dict[str, Any]:
        return {}

    async def send(_message: Any) -> None:
        return None

    app = EngineApp(FakeEngine(), ModelProfile(name="m"))
    with pytest.raises(RuntimeError, match="websocket"):
        await app({"type": "websocket"}, receive, send)
