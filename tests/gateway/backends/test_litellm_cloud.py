# SPDX-License-Identifier: Apache-2.0
"""litellm as a translator over real sockets: OpenAI's shape back, and no way to another place."""

from __future__ import annotations

import asyncio
import json
from contextvars import Context
from typing import Any

import pytest

from gateway.backends.base import Call
from gateway.backends.errors import (
    EgressRefused,
)
from tests.doubles.cloud import Act, Cloud
from tests.gateway.backends.litellm_road import (
    CANARY,
    TEXT,
    Road,
    cleared_for,
    http,
    kind_of,
    streamed,
    whole,
)
from tests.gateway.fakes import chat_body, events_of

# litellm leaves coroutines and sockets to the garbage collector; the claims here are about bytes.
pytestmark = [pytest.mark.cloud, pytest.mark.filterwarnings("ignore")]


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


FUNCTION = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}

UNFIT: list[tuple[str, dict[str, Any]]] = [
    ("n", {"n": 2}),
    ("logit_bias", {"logit_bias": {"5": 1}}),
    ("tools", {"tools": [{"type": "zzz"}]}),
    ("tools", {"tools": [{"type": "function"}]}),
    ("tool_choice", {"tools": [FUNCTION], "tool_choice": "often"}),
    ("tool_choice", {"tools": [FUNCTION], "tool_choice": ["look"]}),
    ("response_format", {"response_format": {"type": "zzz"}}),
    ("response_format", {"response_format": {"type": "json_schema"}}),
]


@pytest.mark.parametrize(("param", "fields"), UNFIT)
async def test_what_cannot_be_translated_is_named(
    road: Road, param: str, fields: dict[str, Any]
) -> None:
    """400 unsupported_parameter with the field's name, and nothing is sent."""
    reply = await road.backend.send(road.call(**fields))
    error = json.loads(await reply.read(10_000))["error"]

    assert (reply.status, error["code"], error["param"]) == (400, "unsupported_parameter", param)
    assert error["type"] == "invalid_request_error"
    assert road.cloud.connections == 0


async def test_what_asks_for_nothing_is_no_obstacle(road: Road) -> None:
    """Clients send defaults; those and nulls are left out."""
    road.cloud.plan(Act(raw=whole(kind_of(road))))
    reply = await road.backend.send(
        road.call(n=1, logprobs=False, presence_penalty=0.0, logit_bias={}, seed=None, tools=[])
    )

    assert reply.status == 200


async def test_tools_are_translated(road: Road) -> None:
    """A function reaches the upstream in its own shape."""
    road.cloud.plan(Act(raw=whole(kind_of(road))))
    reply = await road.backend.send(road.call(tools=[FUNCTION], tool_choice="auto"))

    assert reply.status == 200
    (tool,) = road.cloud.requests[0].json["tools"]
    assert "look" in (tool.get("name"), tool.get("function", {}).get("name"))


async def test_nobody_else_is_looked_up_or_called(road: Road, looked_up: list[str]) -> None:
    """Import and call reach the cleared address and nothing else (I1)."""
    kind = kind_of(road)
    road.cloud.plan(Act(raw=whole(kind)), Act(raw=streamed(kind)), Act(status=500))
    await road.backend.send(road.call())
    reply = await road.backend.send(road.call(stream=True))
    while await reply.next():
        pass
    assert (await road.backend.send(road.call())).status == 500
    await asyncio.sleep(0.2)  # background tasks of litellm, if any, had their turn

    assert set(looked_up) <= {"127.0.0.1"}
    assert road.cloud.connections == len(road.cloud.requests) == 3


async def test_the_guard_serves_calls_only(road: Road) -> None:
    """Outside of a call, and a second time within one, nothing is sent."""
    road.cloud.plan(Act(raw=whole(kind_of(road))))
    await road.backend.send(road.call())
    with pytest.raises(EgressRefused):
        await road.backend._client.client.get(road.cloud.origin)
    with pytest.raises(EgressRefused):
        await asyncio.create_task(
            road.backend._client.client.get(road.cloud.origin), context=Context()
        )

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
        assert (await road.backend.send(road.call(text=CANARY))).status == status
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
