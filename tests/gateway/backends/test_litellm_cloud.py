# SPDX-License-Identifier: Apache-2.0
"""litellm as a translator over real sockets: OpenAI's shape back, and no way to another place."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.backends.base import Call
from gateway.backends.egress import Timeouts
from gateway.backends.errors import BackendError, EgressRefused
from gateway.backends.litellm_cloud import LiteLLMCloud
from policies import Cleared, DataClass, Destination, Facts, Findings, Tier, decide
from policies import builtin_pack as pack
from policies import load_policy as load
from tests.doubles.cloud import Act, Cloud, Ending
from tests.gateway.fakes import TODAY, chat_body, events_of

# litellm leaves coroutines and sockets to the garbage collector; the claims here are about bytes.
pytestmark = [pytest.mark.cloud, pytest.mark.filterwarnings("ignore")]

CANARY = "Zebrafink-7731"
KINDS = ("anthropic", "ollama")
TEXT = "Hello from afar"


def http(body: bytes, kind: str = "application/json", status: int = 200, more: str = "") -> bytes:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
    return f"{head}connection: close\r\n{more}\r\n".encode() + body


def whole(kind: str) -> bytes:
    """A plain answer in the upstream's own shape."""
    if kind == "anthropic":
        answer: dict[str, Any] = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [{"type": "text", "text": TEXT}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 3, "output_tokens": 5},
        }
    else:
        answer = {
            "model": "m",
            "created_at": "2026-11-01T00:00:00Z",
            "message": {"role": "assistant", "content": TEXT},
            "done": True,
            "done_reason": "stop",
            "prompt_eval_count": 3,
            "eval_count": 5,
        }
    return http(json.dumps(answer).encode())


def streamed(kind: str) -> bytes:
    """A streamed answer in the upstream's own shape, word by word."""
    words = [word + " " for word in TEXT.split()]
    words[-1] = words[-1].strip()
    if kind == "ollama":
        lines = [
            {"model": "m", "message": {"role": "assistant", "content": w}, "done": False}
            for w in words
        ]
        last = {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True}
        last |= {"done_reason": "stop", "prompt_eval_count": 3, "eval_count": 5}
        body = b"".join(json.dumps(line).encode() + b"\n" for line in [*lines, last])
        return http(body, "application/x-ndjson")
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
    events: list[dict[str, Any]] = [
        {
            "type": "message_start",
            "message": message | {"usage": {"input_tokens": 3, "output_tokens": 0}},
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": w}}
            for w in words
        ),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 5},
        },
        {"type": "message_stop"},
    ]
    text = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events)
    return http(text.encode(), "text/event-stream")


def cleared_for(origin: str, name: str = "far", request_id: str = "r1") -> Cleared:
    """A clearance as policy gives it."""
    device = Destination(name="device", tier=Tier.DEVICE)
    policy = load([pack("open")], [device, Destination(name=name, tier=Tier.CLOUD, origin=origin)])
    facts = Facts(request_id=request_id, tenant="t", role="user", today=TODAY)
    return decide(facts, Findings(DataClass.PUBLIC), policy).cleared[name]


class Road:
    """One destination behind litellm, in front of a scripted cloud."""

    def __init__(self, kind: str, cloud: Cloud) -> None:
        self.cloud = cloud
        self.backend = LiteLLMCloud(
            name="far",
            kind=kind,
            base_url=cloud.origin,
            api_key="sk-upstream",
            timeouts=Timeouts(connect_s=2, first_byte_s=2, idle_s=0.3, total_s=5),
        )

    def call(self, cleared: Cleared | None = None, **more: Any) -> Call:
        body = chat_body(**more)
        stream = bool(body.get("stream"))
        return Call("r1", "far", "m", body, stream, cleared or cleared_for(self.cloud.origin))


@pytest.fixture(params=KINDS)
async def road(request: pytest.FixtureRequest) -> AsyncIterator[Road]:
    async with Cloud() as cloud:
        road = Road(request.param, cloud)
        yield road
        await road.backend.close()


def kind_of(road: Road) -> str:
    return road.backend._kind


@pytest.fixture
async def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every host name that anyone asks for, and every address that anyone connects to."""
    seen: list[str] = []
    real, connect = socket.getaddrinfo, socket.socket.connect

    def getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
        seen.append(str(host))
        return real(host, *rest, **more)

    def connecting(self: socket.socket, address: Any) -> None:
        seen.append(str(address[0]))
        connect(self, address)

    loop = asyncio.get_running_loop()
    real_loop = loop.getaddrinfo

    async def loop_getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
        seen.append(str(host))
        return await real_loop(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", connecting)
    if type(loop).__module__.startswith("asyncio"):
        monkeypatch.setattr(loop, "getaddrinfo", loop_getaddrinfo)
    return seen


async def test_plain_answer_in_openai_shape(road: Road) -> None:
    """A whole answer comes back as a chat completion, with its usage."""
    road.cloud.plan(Act(raw=whole(kind_of(road))))
    reply = await road.backend.send(road.call(temperature=0.5, max_tokens=9))
    answer = json.loads(await reply.read(10_000))

    assert (reply.status, answer["object"]) == (200, "chat.completion")
    assert answer["choices"][0]["message"]["content"] == TEXT
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"]["prompt_tokens"] == 3
    assert answer["usage"]["completion_tokens"] == 5
    (received,) = road.cloud.requests
    assert received.json["model"] == "m"
    assert received.json["messages"][0]["role"] == "user"


async def test_stream_in_openai_shape(road: Road) -> None:
    """A stream comes back as server-sent events that end with [DONE]."""
    road.cloud.plan(Act(raw=streamed(kind_of(road))))
    reply = await road.backend.send(road.call(stream=True))
    body = b""
    while piece := await reply.next():
        body += piece
    reply.close()

    assert (b"content-type", b"text/event-stream") in reply.headers
    *events, last = events_of(body)
    assert last == b"[DONE]"
    chunks = [json.loads(event) for event in events]
    assert all(c["object"] == "chat.completion.chunk" for c in chunks)
    said = [c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"]]
    assert "".join(said) == TEXT


async def test_nobody_else_is_looked_up_or_called(road: Road, looked_up: list[str]) -> None:
    """Import and call reach the cleared address and nothing else (I1)."""
    kind = kind_of(road)
    road.cloud.plan(Act(raw=whole(kind)), Act(raw=streamed(kind)), Act(status=500))
    await road.backend.send(road.call())
    reply = await road.backend.send(road.call(stream=True))
    while await reply.next():
        pass
    with pytest.raises(BackendError):
        await road.backend.send(road.call())
    await asyncio.sleep(0.2)  # background tasks of litellm, if any, had their turn

    assert set(looked_up) <= {"127.0.0.1"}
    assert road.cloud.connections == len(road.cloud.requests) == 3


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_is_not_tried_again_or_elsewhere(road: Road, stream: bool) -> None:
    """One call is one request: litellm's retries and fallbacks are off."""
    road.cloud.otherwise = Act(status=503)
    with pytest.raises(BackendError):
        await road.backend.send(road.call(stream=stream))

    assert len(road.cloud.requests) == 1


async def test_clearance_must_fit(road: Road) -> None:
    """No clearance, another request's, another destination's or another origin's: no byte."""
    origin = road.cloud.origin
    wrong = [
        cleared_for("https://other.example:443"),
        cleared_for(origin, name="other"),
        cleared_for(origin, request_id="r2"),
    ]
    for cleared in wrong:
        with pytest.raises(EgressRefused):
            await road.backend.send(road.call(cleared))
    with pytest.raises(EgressRefused):
        await road.backend.send(Call("r1", "far", "m", chat_body(), False, None))

    assert road.cloud.connections == 0


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed(road: Road, status: int) -> None:
    """A redirect is a failure, and not one byte reaches where it points."""
    async with Cloud() as other:
        location = f"location: {other.origin}/v1/messages\r\n"
        road.cloud.plan(Act(raw=http(b"", status=status, more=location)))
        with pytest.raises(BackendError):
            await road.backend.send(road.call(text=CANARY))

        assert (other.connections, len(road.cloud.requests)) == (0, 1)


STEERING = {
    "api_base": "OTHER",
    "base_url": "OTHER",
    "extra_headers": {"x-canary": CANARY},
    "provider_specific_header": {
        "custom_llm_provider": "anthropic",
        "extra_headers": {"x-canary": CANARY},
    },
    "headers": {"x-canary": CANARY},
    "extra_body": {"canary": CANARY},
    "mock_response": "a mock",
    "mock_timeout": True,
    "mock_tool_calls": [],
    "fallbacks": ["gpt-4o"],
    "context_window_fallback_dict": {"m": "gpt-4o"},
    "custom_llm_provider": "openai",
    "model_list": [
        {"model_name": "m", "litellm_params": {"model": "openai/x", "api_base": "OTHER"}}
    ],
    "callbacks": ["langfuse"],
    "success_callback": ["langfuse"],
    "litellm_params": {"api_base": "OTHER"},
    "proxy_server_request": {"url": "OTHER"},
    "ssl_verify": False,
    "prompt_id": "x",
    "guardrails": ["x"],
    "caching": True,
    "user": CANARY,
    "metadata": {"trace": CANARY},
    "store": True,
}


async def test_no_field_of_the_body_steers_litellm(road: Road) -> None:
    """Arguments that litellm obeys do nothing when they come from a caller's body."""
    async with Cloud() as other:
        fields = json.loads(json.dumps(STEERING).replace("OTHER", other.origin))
        road.cloud.plan(Act(raw=whole(kind_of(road))))
        reply = await road.backend.send(road.call(**fields))

        answer = json.loads(await reply.read(10_000))
        assert answer["choices"][0]["message"]["content"] == TEXT
        (received,) = road.cloud.requests
        assert CANARY.encode() not in received.raw.head + received.raw.body
        assert other.connections == 0


BROKEN = [
    Act(status=400),
    Act(status=401),
    Act(status=429),
    Act(status=500),
    Act(
        raw=http(
            b'{"error":{"type":"x","message":"you said ' + CANARY.encode() + b'"}}', status=400
        )
    ),
    Act(raw=http(b"not json " + CANARY.encode())),
    Act(raw=http(b"{}")),
    Act(has_head=False, ending=Ending.RESET),
    Act(has_head=False, ending=Ending.CLOSE),
    Act(raw=b"", ending=Ending.GARBAGE),
]


@pytest.mark.parametrize("act", BROKEN)
async def test_errors_carry_no_text(
    road: Road, act: Act, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong: a BackendError without prompt, answer, key, cause or log line."""
    road.cloud.plan(act)
    with pytest.raises(BackendError) as caught:
        await road.backend.send(road.call(text=CANARY))

    error = caught.value
    assert error.__cause__ is None or error.__suppress_context__
    shown = f"{error!r} {error} {error.args}"
    printed = "".join(capfd.readouterr()) + caplog.text
    for secret in (CANARY, "sk-upstream", "you said"):
        assert secret not in shown
        assert secret not in printed


async def test_silent_stream_times_out(road: Road) -> None:
    """A stream that stops is an error within the idle timeout, not a hang."""
    raw = streamed(kind_of(road))
    cut = raw.replace(b"content-length", b"x-length")[: len(raw) // 2]
    road.cloud.plan(Act(raw=cut, ending=Ending.SILENCE))
    reply = await road.backend.send(road.call(stream=True))

    with pytest.raises(BackendError):
        async with asyncio.timeout(3):
            while await reply.next():
                pass
    reply.close()
    assert await reply.next() == b""


async def test_abandoned_stream_is_closed(road: Road) -> None:
    """Closing a reply midway ends the upstream's connection (F9)."""
    raw = streamed(kind_of(road)).replace(b"content-length", b"x-length")
    road.cloud.plan(Act(raw=raw[: len(raw) * 3 // 4], ending=Ending.SILENCE))
    reply = await road.backend.send(road.call(stream=True))
    assert await reply.next()
    reply.close()

    await road.cloud.until(lambda: road.cloud.open_connections == 0)
