# SPDX-License-Identifier: Apache-2.0
"""A chat about a patient with the real model behind a cloud-shaped socket, identifiers removed.

The "cloud" is a second nearward with the real SmolLM2. What it is sent goes through a recording
sink. A model of 135 million parameters says what it says, so the turns are ones that it can do,
and the random letters are drawn once: with others it may choose other words.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.redaction import redactor
from tests.doubles.asgi import call
from tests.doubles.house import AUTH, House, house
from tests.doubles.served import KEY, Served, served
from tests.doubles.sink import Sink

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]

TURNS = (
    (
        "Repeat this sentence word for word: Please call Jane Hollander at (415) 555-2671 about "
        "her insulin.",
        ("Jane Hollander", "(415) 555-2671"),
    ),
    ("What is the patient called?", ("Jane Hollander",)),
    (
        "Repeat this sentence word for word: The record number of Jane Hollander is MRN 48213377.",
        ("Jane Hollander", "48213377"),
    ),
)
VALUES = (b"Jane", b"Hollander", b"555-2671", b"48213377")


@pytest.fixture(scope="module")
def cloud() -> Iterator[Served]:
    """A gateway with the real model, to be taken for a cloud."""
    with served() as running:
        running.until_ready()
        yield running


@asynccontextmanager
async def redacting(cloud: Served) -> AsyncIterator[tuple[House, Sink]]:
    """A gateway that may send to the cloud what has identifiers removed."""
    async with Sink(forward=("127.0.0.1", cloud.port)) as sink:
        there = {
            "base_url": f"{sink.origin}/v1",
            "api_key": KEY,
            "models": {"big": "local/smollm2-135m-instruct-q4_1"},
        }
        async with house({"cloud-us": there}, policy={"packs": ["redact"]}) as here:
            yield here, sink


def text_of(body: bytes, *, is_stream: bool) -> str:
    """What an answer says."""
    if not is_stream:
        return str(json.loads(body)["choices"][0]["message"]["content"])
    events = [e[6:] for e in body.decode().split("\n\n") if e.startswith("data: {")]
    choices = [choice for event in events for choice in json.loads(event)["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
async def test_a_chat_over_several_turns_comes_back_with_the_right_values(
    cloud: Served, is_stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every value is in the answer that is about it, and in no byte that left."""
    monkeypatch.setattr(redactor, "draw_nonce", lambda _: "KXQTJW")
    messages: list[dict[str, Any]] = []
    async with redacting(cloud) as (here, sink):
        for question, values in TURNS:
            messages.append({"role": "user", "content": question})
            body = {"model": "big", "messages": messages, "temperature": 0, "max_tokens": 60}
            sent = json.dumps({**body, "stream": is_stream}).encode()
            answer = await call(here.app, "/v1/chat/completions", sent, AUTH)

            assert answer.headers["x-nearward-route"] == "cloud"
            assert int(answer.headers["x-nearward-redactions"]) > 0
            said = text_of(answer.body, is_stream=is_stream)
            assert [value for value in values if value not in said] == [], said
            assert "KXQTJW" not in said
            messages.append({"role": "assistant", "content": said})
        left = b"".join(bytes(flow.sent) for flow in sink.flows)
        assert left.count(b"[NAME_1_KXQTJW]") > len(TURNS)
        assert [value for value in VALUES if value in left] == []
