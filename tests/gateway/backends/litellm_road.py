# SPDX-License-Identifier: Apache-2.0
"""One destination behind litellm in front of a scripted cloud, and what that cloud says."""

from __future__ import annotations

import json
from typing import Any

from gateway.backends.base import Call
from gateway.backends.egress import Timeouts
from gateway.backends.litellm_cloud import LiteLLMCloud
from policies import Cleared, DataClass, Destination, Facts, Findings, Tier, decide
from policies import builtin_pack as pack
from policies import load_policy as load
from tests.doubles.cloud import Act, Cloud, Ending
from tests.gateway.fakes import TODAY, chat_body

CANARY = "Zebrafink-7731"

KINDS = ("anthropic", "ollama")

TEXT = "Hello from afar"

RESPONSE_BYTES = 10_000


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

    def __init__(self, kind: str, cloud: Cloud, **limits: float) -> None:
        self.cloud = cloud
        timeouts = {"connect_s": 2, "first_byte_s": 2, "idle_s": 0.3, "total_s": 5, **limits}
        self.backend = LiteLLMCloud(
            name="far",
            kind=kind,
            base_url=cloud.origin,
            api_key="sk-upstream",
            timeouts=Timeouts(**timeouts),
            response_bytes=RESPONSE_BYTES,
        )

    def call(self, cleared: Cleared | None = None, **more: Any) -> Call:
        body = chat_body(**more)
        stream = bool(body.get("stream"))
        return Call("r1", "far", "m", body, stream, cleared or cleared_for(self.cloud.origin))


def kind_of(road: Road) -> str:
    return road.backend._kind


UNANSWERED = [
    Act(has_head=False, ending=Ending.RESET),
    Act(has_head=False, ending=Ending.CLOSE),
    Act(raw=b"", ending=Ending.GARBAGE),
    Act(raw=whole("anthropic")[:-20]),
]
