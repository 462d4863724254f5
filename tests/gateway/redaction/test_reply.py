# SPDX-License-Identifier: Apache-2.0
"""A reply under restoration: whole, streamed, failing, abandoned."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.backends.errors import IdleTimeout
from gateway.redaction.copy import Redacted
from gateway.redaction.reply import RestorationFailed, restored
from tests.gateway.fakes import FakeReply, silence, stream_of

REDACTED = Redacted(body={}, counts={"NAME": 1}, originals={"NAME_1_KXQTJW": "Jane Roe"})
ANSWER = {"choices": [{"index": 0, "message": {"content": "Dear [NAME_1_KXQTJW]"}}]}


def event(text: str) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": {"content": text}}]}).encode() + b"\n\n"


async def test_a_whole_answer_is_restored() -> None:
    """Status and headers pass."""
    reply = restored(FakeReply(200, [json.dumps(ANSWER).encode()]), REDACTED)
    assert (reply.status, dict(reply.headers)[b"content-type"]) == (200, b"application/json")
    body = json.loads(await reply.read(1000))
    assert body["choices"][0]["message"]["content"] == "Dear Jane Roe"


@pytest.mark.parametrize("redacted", [None, Redacted(body={}, counts={}, originals={})])
async def test_where_nothing_was_replaced_bytes_pass(redacted: Redacted | None) -> None:
    """The very reply."""
    reply = FakeReply(200, [b"x"])
    assert restored(reply, redacted) is reply


async def test_what_is_no_answer_passes() -> None:
    """A refusal may quote what it was sent, and is no place for values."""
    reply = FakeReply(400, [json.dumps(ANSWER).encode()])
    assert restored(reply, REDACTED) is reply


@pytest.mark.parametrize("body", [b"oops", b"[]", b'{"choices": [{"index": ' + b"[" * 2000])
async def test_what_cannot_be_read_is_an_error_without_text(body: bytes) -> None:
    """Neither the answer nor the map is in it."""
    with pytest.raises(RestorationFailed) as caught:
        await restored(FakeReply(200, [body]), REDACTED).read(10_000)
    assert str(caught.value) == "the answer could not be restored"
    assert caught.value.__cause__ is None


async def test_a_stream_is_restored_piece_by_piece() -> None:
    """A piece of which nothing can be given out yet is not taken for the end."""
    whole = event("Dear [NAME") + event("_1_KXQTJW]")
    reply = restored(stream_of(whole[:10], whole[10:20], whole[20:]), REDACTED)
    pieces = []
    while piece := await reply.next():
        pieces.append(piece)
    said = [json.loads(e[6:]) for e in b"".join(pieces).split(b"\n\n") if e]
    assert "".join(s["choices"][0]["delta"]["content"] for s in said) == "Dear Jane Roe"
    assert await reply.next() == b""


async def test_a_fault_in_a_stream_is_an_error_without_text() -> None:
    """Such as a choice that is known by no number."""
    bad: Any = {"choices": [{"index": {}, "delta": {"content": "x"}}]}
    reply = restored(stream_of(b"data: " + json.dumps(bad).encode() + b"\n\n"), REDACTED)
    with pytest.raises(RestorationFailed):
        await reply.next()


async def test_what_the_upstream_raises_is_raised() -> None:
    """And closing closes what is behind."""
    behind = stream_of(event("Dear"), silence())
    reply = restored(behind, REDACTED)
    await reply.next()
    with pytest.raises(IdleTimeout):
        await reply.next()
    reply.close()
    assert behind.is_closed
