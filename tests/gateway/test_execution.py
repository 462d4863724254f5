# SPDX-License-Identifier: Apache-2.0
"""Walking a plan: fallback before the first byte, whose fault an answer is, audit first."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.backends.errors import (
    BackendError,
    ConnectFailed,
    FirstByteTimeout,
    ResponseTooLarge,
    ResponseTruncated,
)
from gateway.errors import (
    AuditUnavailable,
    GatewayError,
    LocalUnavailable,
    Unavailable,
    UpstreamFailed,
)
from gateway.execution import Answer, Executor
from gateway.facts import Wishes
from gateway.judgement import Judged
from gateway.routing.breaker import Breaker, State
from gateway.routing.plan import Attempt, Plan
from policies import Findings, Tier
from tests.gateway.fakes import FakeBackend, FakeClock, FakeReply, refusal, silence, stream_of
from tests.gateway.judging import judged_of, plan_of

GOOD = b'{"choices":[]}'


def good() -> FakeReply:
    return FakeReply(200, [GOOD])


class Book:
    """A journal that remembers, and that cannot write where it is told so."""

    def __init__(self, *, fails: bool = False) -> None:
        self.intents: list[str] = []
        self.outcomes: list[tuple[str, str]] = []
        self.fails = fails

    async def intent(self, _: Judged, attempt: Attempt, number: int) -> None:
        if self.fails:
            raise AuditUnavailable("full")
        self.intents.append(f"{number}:{attempt.destination}")

    def attempt(self, attempt: Attempt, outcome: str) -> None:
        self.outcomes.append((attempt.destination, outcome))


class Scene:
    """An executor over scripted backends."""

    def __init__(self, book: Book | None = None, **backends: FakeBackend) -> None:
        self.book = book or Book()
        self.backends = backends
        self.clock = FakeClock()
        self.breakers = {name: Breaker(clock=self.clock) for name in backends if name != "device"}
        self.executor = Executor(backends, self.breakers, self.book, 1000)  # type: ignore[arg-type]

    async def run(self, plan: Plan, judged: Judged | None = None, trace: bytes = b"") -> Answer:
        return await self.executor.execute(judged or judged_of(), plan, 0.001, trace)

    async def fail(self, plan: Plan) -> GatewayError:
        with pytest.raises(GatewayError) as caught:
            await self.run(plan)
        return caught.value

    def calls(self, name: str) -> int:
        return len(self.backends[name].calls)


async def test_first_answer_wins() -> None:
    """The first attempt answers: the second is never asked, and the plan's reason stands."""
    scene = Scene(c1=FakeBackend(good()), c2=FakeBackend())
    answer = await scene.run(plan_of("c1", "c2"))

    assert (answer.body, answer.status, answer.attempts) == (GOOD, 200, 1)
    assert (answer.attempt.destination, answer.why) == ("c1", "asked_for_model")
    assert scene.calls("c2") == 0
    assert scene.book.intents == ["1:c1"]
    assert scene.book.outcomes == [("c1", "answered")]


FAILURES: list[tuple[str, Any]] = [
    *((f"http_{s}", lambda s=s: refusal(s)) for s in (401, 403, 404, 408, 429, 500, 502, 503, 529)),
    *((f"http_{s}", lambda s=s: refusal(s)) for s in (201, 204, 301, 307)),
    ("upstream_connect_failed", lambda: ConnectFailed("x")),
    ("upstream_first_byte_timeout", lambda: FirstByteTimeout("x")),
    ("upstream_truncated", lambda: FakeReply(200, [b'{"half', ResponseTruncated("x")])),
    ("backend_failed", lambda: BackendError("x")),
]


@pytest.mark.parametrize(("code", "failure"), FAILURES)
async def test_fallback_before_the_first_byte(code: str, failure: Any) -> None:
    """Refusals, timeouts and broken answers go to the next attempt, with its own intent."""
    first = failure()
    scene = Scene(c1=FakeBackend(first), c2=FakeBackend(good()))
    answer = await scene.run(plan_of("c1", "c2"))

    assert (answer.attempt.destination, answer.attempts, answer.why) == ("c2", 2, "fallback")
    assert scene.book.intents == ["1:c1", "2:c2"]
    assert scene.book.outcomes == [("c1", code), ("c2", "answered")]
    if isinstance(first, FakeReply):
        assert first.is_closed


async def test_a_refusal_that_is_no_json_is_said_in_our_words() -> None:
    """A proxy's HTML page does not reach the caller; the status does."""
    page = FakeReply(400, [b"<html>no</html>"], headers=[(b"content-type", b"text/html")])
    answer = await Scene(c1=FakeBackend(page)).run(plan_of("c1"))

    assert (answer.status, answer.content_type) == (400, b"application/json")
    assert b"html" not in answer.body
    assert b"upstream_refused" in answer.body


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_the_callers_fault_is_passed_back(status: int) -> None:
    """Another destination would say the same: its answer is the answer."""
    reply = refusal(status, body=b'{"error":{}}')
    scene = Scene(c1=FakeBackend(reply), c2=FakeBackend(good()))
    answer = await scene.run(plan_of("c1", "c2"))

    assert (answer.status, answer.body, answer.rest) == (status, b'{"error":{}}', None)
    assert scene.calls("c2") == 0
    assert reply.is_closed


@pytest.mark.parametrize("status", [401, 403])
async def test_what_is_said_about_our_key_stays_here(status: int) -> None:
    """An upstream's refusal of our key is a 502 without its text, never the caller's 401."""
    scene = Scene(c1=FakeBackend(refusal(status, body=b"sk-canary is wrong")))
    error = await scene.fail(plan_of("c1"))

    assert isinstance(error, UpstreamFailed)
    assert error.status == 502
    assert "canary" not in error.message
    assert f"c1: http_{status}" in error.message


async def test_stream_begins_with_its_first_bytes() -> None:
    """A stream is handed on open, with what came first."""
    reply = stream_of(b"data: 1\n\n", b"data: 2\n\n")
    answer = await Scene(c1=FakeBackend(reply)).run(plan_of("c1"), judged_of(stream=True))

    assert answer.body == b"data: 1\n\n"
    assert answer.rest is reply
    assert not reply.is_closed
    assert answer.content_type == b"text/event-stream"


@pytest.mark.parametrize("failure", [stream_of(), stream_of(silence())])
async def test_stream_that_fails_before_its_first_byte_falls_back(failure: FakeReply) -> None:
    """An empty or silent stream has given the caller nothing yet."""
    scene = Scene(c1=FakeBackend(failure), c2=FakeBackend(stream_of(b"data: 1\n\n")))
    answer = await scene.run(plan_of("c1", "c2"), judged_of(stream=True))

    assert answer.attempt.destination == "c2"
    assert failure.is_closed


async def test_plain_answer_to_a_stream_request_is_passed_whole() -> None:
    """An upstream that does not stream is not a fault."""
    answer = await Scene(c1=FakeBackend(good())).run(plan_of("c1"), judged_of(stream=True))

    assert (answer.rest, answer.body) == (None, GOOD)


async def test_audit_failure_skips_clouds_and_the_device_answers() -> None:
    """Nothing leaves without a record; the device leaves nothing, so it answers."""
    scene = Scene(
        Book(fails=True),
        c1=FakeBackend(good()),
        c2=FakeBackend(good()),
        device=FakeBackend(good()),
    )
    answer = await scene.run(plan_of("c1", "c2", "device"))

    assert answer.attempt.tier is Tier.DEVICE
    assert (scene.calls("c1"), scene.calls("c2")) == (0, 0)


async def test_audit_failure_without_a_device() -> None:
    """With clouds alone it is a 503 that says why, and not one call is made."""
    scene = Scene(Book(fails=True), c1=FakeBackend(good()), c2=FakeBackend(good()))
    error = await scene.fail(plan_of("c1", "c2"))

    assert isinstance(error, AuditUnavailable)
    assert (scene.calls("c1"), scene.calls("c2")) == (0, 0)


async def test_rate_limits_say_when_to_come_back() -> None:
    """When the last attempt was at its limit, its Retry-After is passed on."""
    scene = Scene(
        c1=FakeBackend(refusal(500)), c2=FakeBackend(refusal(429, (b"retry-after", b"17")))
    )
    error = await scene.fail(plan_of("c1", "c2"))

    assert isinstance(error, Unavailable)
    assert (error.code, error.retry_after_s) == ("upstream_rate_limited", 17)


@pytest.mark.parametrize("value", [b"", b"soon", b"-1", b"1" * 6, b"Wed, 21 Oct 2026 07:28:00 GMT"])
async def test_odd_retry_after_is_not_passed_on(value: bytes) -> None:
    """Only a small number of seconds is."""
    error = await Scene(c1=FakeBackend(refusal(429, (b"retry-after", value)))).fail(plan_of("c1"))

    assert error.retry_after_s is None


@pytest.mark.parametrize(
    ("failure", "retry"),
    [(refusal(429, (b"retry-after", b"3")), 3), (ConnectFailed("x"), 2), (refusal(500), 2)],
)
async def test_device_failures_are_local_unavailable(
    failure: FakeReply | BackendError, retry: int
) -> None:
    """When only the device could answer and did not: 503, never a cloud."""
    scene = Scene(device=FakeBackend(failure), c1=FakeBackend(good()))
    error = await scene.fail(plan_of("device"))

    assert isinstance(error, LocalUnavailable)
    assert error.retry_after_s == retry
    assert scene.calls("c1") == 0


async def test_all_misses_are_named() -> None:
    """The 502 names each destination and its code."""
    scene = Scene(c1=FakeBackend(ConnectFailed("x")), device=FakeBackend(refusal(500)))
    error = await scene.fail(plan_of("c1", "device"))

    assert "c1: upstream_connect_failed, device: http_500" in error.message


async def test_the_call_carries_the_clearance_of_its_destination() -> None:
    """Each attempt gets its own clearance and model; the device gets none (I4)."""
    scene = Scene(
        c1=FakeBackend(refusal(500)), c2=FakeBackend(refusal(500)), device=FakeBackend(good())
    )
    judged = judged_of(wishes=Wishes(latency_budget_s=1.5), stream=False)
    await scene.run(plan_of("c1", "c2", "device"), judged, b"00-abc")

    for name in ("c1", "c2"):
        (call,) = scene.backends[name].calls
        assert call.cleared is not None
        assert (call.cleared.destination, call.cleared.request_id) == (name, judged.id)
        assert call.cleared.origin == f"https://{name}.example:443"
        assert (call.model, call.destination) == (f"{name}-model", name)
        assert (call.traceparent, call.deadline_s, call.stream) == (b"", 1.5, False)
        assert (call.body, call.tenant) == (judged.request.body, judged.principal.tenant)
    (near,) = scene.backends["device"].calls
    assert (near.cleared, near.traceparent) == (None, b"00-abc")


@pytest.mark.parametrize(
    "header",
    [
        (b"content-type", b"text/html"),
        (b"content-encoding", b"gzip"),
        (b"content-type", b"application/octet-stream"),
    ],
)
async def test_a_200_that_is_no_answer(header: tuple[bytes, bytes]) -> None:
    """A captive portal's page, or compressed bytes, send the request on."""
    page = FakeReply(200, [b"<html>"], headers=[header])
    answer = await Scene(c1=FakeBackend(page), c2=FakeBackend(good())).run(plan_of("c1", "c2"))

    assert answer.attempt.destination == "c2"


async def test_media_types_are_compared_without_case() -> None:
    """`Text/Event-Stream` is a stream all the same."""
    reply = FakeReply(200, [b"data: x\n\n"], headers=[(b"content-type", b"Text/Event-Stream")])
    answer = await Scene(c1=FakeBackend(reply)).run(plan_of("c1"), judged_of(stream=True))

    assert answer.rest is reply


async def test_no_store_is_passed_on() -> None:
    """An obligation of the decision reaches the call."""
    unknown = judged_of(findings=Findings.unknown("broken"))
    scene = Scene(device=FakeBackend(good(), good()))
    await scene.run(plan_of("device"), unknown)
    await scene.run(plan_of("device"))

    owed = ["no_store" in j.decision.obligations for j in (unknown, judged_of())]
    assert [c.no_store for c in scene.backends["device"].calls] == owed


async def test_a_destination_that_fails_is_left_alone() -> None:
    """Five misses open its breaker: it is not asked, nothing is put on record for it, and
    the next in the plan answers."""
    backend = FakeBackend(*[refusal(500) for _ in range(5)])
    scene = Scene(c1=backend, c2=FakeBackend(*[good() for _ in range(6)]))
    for _ in range(5):
        (await scene.run(plan_of("c1", "c2"))).end("good")
    scene.book.intents.clear()

    answer = await scene.run(plan_of("c1", "c2"))

    assert (answer.attempt.destination, answer.why) == ("c2", "fallback")
    assert scene.calls("c1") == 5
    assert scene.book.intents == ["1:c2"]
    assert scene.book.outcomes[-2:] == [("c1", "breaker_open"), ("c2", "answered")]


async def test_when_all_are_left_alone_the_caller_hears_when_to_return() -> None:
    """503 with Retry-After, not an attempt that is known to fail."""
    scene = Scene(c1=FakeBackend(*[ConnectFailed("x") for _ in range(5)]))
    for _ in range(5):
        await scene.fail(plan_of("c1"))

    error = await scene.fail(plan_of("c1"))

    assert (error.status, error.code, error.retry_after_s) == (503, "destinations_resting", 6)


@pytest.mark.parametrize(
    "failure", [lambda: refusal(429), lambda: ResponseTooLarge("x")], ids=["limit", "bound"]
)
async def test_what_is_not_their_fault_opens_nothing(failure: Any) -> None:
    """A rate limit or a bound of ours says nothing of a destination's health."""
    scene = Scene(c1=FakeBackend(*[failure() for _ in range(9)]))
    for _ in range(9):
        await scene.fail(plan_of("c1"))

    assert scene.breakers["c1"].state is State.CLOSED


async def test_a_callers_own_haste_opens_nothing() -> None:
    """A latency budget that no destination meets must not close it for everybody."""
    scene = Scene(c1=FakeBackend(*[FirstByteTimeout("x") for _ in range(9)]))
    hasty = judged_of(wishes=Wishes(latency_budget_s=0.001))
    for _ in range(9):
        with pytest.raises(GatewayError):
            await scene.run(plan_of("c1"), hasty)

    assert scene.breakers["c1"].state is State.CLOSED


async def test_a_caller_that_leaves_frees_the_probe() -> None:
    """A cancelled attempt is no verdict and holds no place."""
    scene = Scene(c1=FakeBackend(*[refusal(500) for _ in range(5)], FakeReply(hangs=True), good()))
    for _ in range(5):
        await scene.fail(plan_of("c1"))
    scene.clock.now += 60
    task = asyncio.create_task(scene.run(plan_of("c1")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (await scene.run(plan_of("c1"))).status == 200


async def test_a_stream_is_judged_at_its_end() -> None:
    """Streams that begin well and break off open the breaker like any other failure."""
    scene = Scene(c1=FakeBackend(*[stream_of(b"data: x\n\n") for _ in range(5)]))
    for _ in range(5):
        (await scene.run(plan_of("c1"), judged_of(stream=True))).end("bad")

    assert scene.breakers["c1"].state is State.OPEN


@pytest.mark.parametrize("names", [("device", "c1"), ("c1", "device")])
async def test_what_the_device_cannot_do_is_no_answer_where_others_may(
    names: tuple[str, str],
) -> None:
    """Its 400 sends the request on; behind a cloud that failed it does not hide that failure."""
    scene = Scene(device=FakeBackend(refusal(400)), c1=FakeBackend(refusal(500)))
    error = await scene.fail(plan_of(*names))
    assert (error.status, error.code, error.tried) == (502, "upstream_failed", Tier.CLOUD)

    alone = Scene(device=FakeBackend(refusal(400)))
    assert (await alone.run(plan_of("device"))).status == 400


async def test_where_a_failed_request_has_been() -> None:
    """A request that was tried in the cloud is not called blocked; one that never went is."""
    tried = await Scene(c1=FakeBackend(refusal(500))).fail(plan_of("c1"))
    never = await Scene(Book(fails=True), c1=FakeBackend()).fail(plan_of("c1"))

    assert (tried.tried, never.tried) == (Tier.CLOUD, None)
