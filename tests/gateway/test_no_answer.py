# SPDX-License-Identifier: Apache-2.0
"""What is no answer, whatever its label says, and what then counts as an attempt."""

from __future__ import annotations

import pytest

from gateway.routing.breaker import State
from tests.gateway.fakes import FakeBackend, FakeReply, silence
from tests.gateway.judging import judged_of, plan_of
from tests.gateway.test_execution import GOOD, Scene, good

EVENTS = (b"content-type", b"text/event-stream")


@pytest.mark.parametrize("body", [b"", b"hello", b"[]", b"{} and more", b'"{}"'])
async def test_a_body_that_is_no_object_is_no_answer(body: bytes) -> None:
    """Whatever its label says, the next destination is asked, and the breaker hears of it."""
    scene = Scene(c1=FakeBackend(FakeReply(200, [body])), c2=FakeBackend(good()))
    answer = await scene.run(plan_of("c1", "c2"))

    assert (answer.attempt.destination, answer.body) == ("c2", GOOD)
    assert ("c1", "upstream_not_an_answer") in scene.book.outcomes


async def test_events_are_for_those_who_asked_for_them() -> None:
    """A plain request that is answered with a stream is not answered."""
    reply = FakeReply(200, [b"data: {}"], headers=[EVENTS])
    scene = Scene(c1=FakeBackend(reply), c2=FakeBackend(good()))
    assert (await scene.run(plan_of("c1", "c2"))).attempt.destination == "c2"


async def test_a_refusal_without_an_error_is_said_in_our_words() -> None:
    """A client that reads the envelope must find one."""
    scene = Scene(c1=FakeBackend(FakeReply(400, [b'{"detail":"no"}'])))
    answer = await scene.run(plan_of("c1"))
    assert (answer.status, b'"upstream_refused"' in answer.body) == (400, True)


async def test_a_stream_that_begins_with_an_error_has_not_begun() -> None:
    """Nothing is lost by asking the next one."""
    failing = FakeReply(200, [b'data: {"error":{"message":"x"}}\n\n'], headers=[EVENTS])
    scene = Scene(c1=FakeBackend(failing), c2=FakeBackend(good()))
    judged = judged_of(stream=True)
    answer = await scene.run(plan_of("c1", "c2"), judged)
    assert (answer.attempt.destination, answer.why) == ("c2", "fallback")


async def test_attempts_are_those_that_were_made() -> None:
    """One that was passed over is none, though the answer comes from a stand-in."""
    scene = Scene(
        c1=FakeBackend(*[silence() for _ in range(20)]), device=FakeBackend(good(), good())
    )
    while scene.breakers["c1"].state is not State.OPEN:
        await scene.fail(plan_of("c1"))
    answer = await scene.run(plan_of("c1", "device"))
    assert (answer.attempts, answer.why) == (1, "fallback")
