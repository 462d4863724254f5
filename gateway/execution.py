# SPDX-License-Identifier: Apache-2.0
"""Walks a plan: intent on record, one attempt, and the next one only while nothing was answered.

Rules
-----
1. Only what the plan holds is tried, in its order; the plan is a subset of what policy allowed.
2. An intent is in the audit log before an attempt leaves. If it cannot be written, attempts away
   from the device are skipped; the device still answers.
3. An attempt is given up for the next one before the first byte of its answer, never after:
   on a connection error, a timeout, or a status other than 200 and those of rule 4.
4. A caller's own fault (400, 413, 422) is passed back: another destination would say the same.
   Not so when the device says it beside others: it may only mean that this engine cannot.
5. Nothing an upstream says about *our* key reaches the caller as if it were about theirs.
6. Where only a redacted copy may leave, that is what is sent, and what comes back is restored
   before anyone reads it; without a copy the attempt is not made.
7. A destination whose breaker is open is passed over; how an attempt ended is told to its breaker
   at the very end, by whoever holds the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from gateway.backends.base import Backend, Call, Reply
from gateway.backends.errors import (
    BackendError,
    EgressRefused,
    FirstByteTimeout,
    PoolExhausted,
    RequestRefused,
    ResponseTooLarge,
)
from gateway.errors import (
    AuditUnavailable,
    BadRequest,
    GatewayError,
    LocalUnavailable,
    PolicyBlocked,
    Unavailable,
    UpstreamFailed,
    openai_envelope,
)
from gateway.judgement import Judged
from gateway.limits import Json
from gateway.minimum import least
from gateway.records.journal import Journal
from gateway.redaction.copy import Redacted
from gateway.redaction.reply import RestorationFailed, restored
from gateway.routing.breaker import Breaker, Verdict
from gateway.routing.plan import Attempt, Plan
from policies import Obligation, Tier

_JSON, _EVENTS = b"application/json", b"text/event-stream"
_ANSWERS = (_JSON, _EVENTS)
_NO_ANSWER = "upstream_not_an_answer"
# An upstream that fails at once may say so in a stream: nothing is lost by asking another.
_ERROR_EVENTS = (b'data: {"error"', b'data:{"error"')
_CALLERS_FAULT = frozenset({400, 413, 422})
_BREAKER_OPEN = "breaker_open"
_NOT_REDACTABLE = "not_redactable"
_NOTHING_LEFT = "nothing_left_to_send"
_NOT_MADE = frozenset({_BREAKER_OPEN, _NOT_REDACTABLE, _NOTHING_LEFT, AuditUnavailable.code})
_NOT_THEIR_FAULT = frozenset(
    {AuditUnavailable.code, EgressRefused.code, PoolExhausted.code, RequestRefused.code}
    | {ResponseTooLarge.code, "http_429", _NOT_REDACTABLE, _NOTHING_LEFT, RestorationFailed.code}
)


def _told_to_nobody(_: Verdict) -> None:
    """The device has no breaker: its supervisor looks after it."""


class Answer(NamedTuple):
    """What a destination answered: the whole body, or for a stream its first bytes and the rest."""

    attempt: Attempt
    attempts: int
    why: str
    status: int
    content_type: bytes
    body: bytes
    rest: Reply | None = None
    overhead_s: float = 0.0
    end: Callable[[Verdict], None] = _told_to_nobody
    """To be called once, when the answer has been delivered or has broken off."""


@dataclass(frozen=True, slots=True)
class _Miss:
    """Why an attempt gave no answer."""

    attempt: Attempt
    code: str
    retry_after_s: int | None = None
    status: int = 0


_Given = tuple[int, bytes, bytes, Reply | None]
"""Status, content type, body or first bytes, and the rest of a stream."""


class Executor:
    """Runs plans against backends."""

    def __init__(
        self,
        backends: Mapping[str, Backend],
        breakers: Mapping[str, Breaker],
        journal: Journal,
        response_bytes: int,
    ) -> None:
        """`breakers` has one for each destination that may be passed over."""
        self._backends = backends
        self._breakers = breakers
        self._journal = journal
        self._response_bytes = response_bytes

    async def execute(
        self, judged: Judged, plan: Plan, overhead_s: float, traceparent: bytes
    ) -> Answer:
        """The first answer; raises when every attempt missed."""
        misses: list[_Miss] = []
        for attempt in plan.attempts:
            number = 1 + _made(misses) if misses else 1
            breaker = self._breakers.get(attempt.destination)
            era = breaker.enter() if breaker is not None else 0
            if breaker is not None and not era:
                misses.append(_Miss(attempt, _BREAKER_OPEN, breaker.retry_after_s))
                self._journal.attempt(attempt, _BREAKER_OPEN)
                continue
            end = partial(breaker.leave, era) if breaker is not None else _told_to_nobody
            try:
                outcome = await self._recorded_attempt(judged, attempt, number, traceparent)
                if len(plan.attempts) > 1 and attempt.tier is Tier.DEVICE:
                    outcome = _only_if_it_could(outcome, attempt)
            except BaseException:
                end("none")
                raise
            if isinstance(outcome, _Miss):
                end(_verdict(outcome, judged))
                misses.append(outcome)
                self._journal.attempt(attempt, outcome.code)
                continue
            self._journal.attempt(attempt, "answered")
            why = "fallback" if misses else plan.why
            return Answer(attempt, number, why, *outcome, overhead_s, end)
        error = _no_answer(misses)
        error.tried, error.attempts = _farthest(misses), _made(misses)
        raise error

    async def _recorded_attempt(
        self, judged: Judged, attempt: Attempt, number: int, traceparent: bytes
    ) -> _Miss | _Given:
        redacted = judged.redacted_for(attempt.tier)
        if redacted is None and judged.must_redact_for(attempt.tier):
            return _Miss(attempt, _NOT_REDACTABLE)
        call = _call(judged, attempt, traceparent)
        if _is_empty(call.body):
            return _Miss(attempt, _NOTHING_LEFT)
        try:
            await self._journal.intent(judged, attempt, number)
        except AuditUnavailable:
            if attempt.tier is not Tier.DEVICE:
                return _Miss(attempt, AuditUnavailable.code)
        return await self._attempt(call, attempt, redacted)

    async def _attempt(
        self, call: Call, attempt: Attempt, redacted: Redacted | None
    ) -> _Miss | _Given:
        try:
            reply = restored(await self._backends[attempt.destination].send(call), redacted)
        except BackendError as error:
            return _Miss(attempt, error.code)
        given: _Miss | _Given | None = None
        try:
            given = await self._read(reply, call, attempt)
        except BackendError as error:
            given = _Miss(attempt, error.code)
        finally:
            if not _goes_on(given):
                reply.close()
        return given

    async def _read(self, reply: Reply, call: Call, attempt: Attempt) -> _Miss | _Given:
        """The answer, or why it is none; raises BackendError."""
        status, headers = reply.status, dict(reply.headers)
        content_type = headers.get(b"content-type", _JSON).lower()
        if status in _CALLERS_FAULT:
            return status, _JSON, await self._fault(reply, content_type), None
        if status != 200:
            return _refusal(attempt, reply)
        if not content_type.startswith(_ANSWERS) or _is_encoded(headers):
            return _Miss(attempt, _NO_ANSWER)
        if content_type.startswith(_EVENTS):
            return await _stream_of(reply, call, attempt, content_type)
        body = await reply.read(self._response_bytes)
        if not _is_object(body):
            return _Miss(attempt, _NO_ANSWER)
        return status, content_type, body, None

    async def _fault(self, reply: Reply, content_type: bytes) -> bytes:
        """What a destination has against the request: its words if they are in the envelope."""
        if content_type.startswith(_JSON) and not _is_encoded(dict(reply.headers)):
            body = await reply.read(self._response_bytes)
            if _is_object(body) and b'"error"' in body:
                return body
        return _told_otherwise(reply.status)


async def _stream_of(
    reply: Reply, call: Call, attempt: Attempt, content_type: bytes
) -> _Miss | _Given:
    if not call.stream:
        return _Miss(attempt, _NO_ANSWER)
    first = await reply.next()
    if not first:
        return _Miss(attempt, "upstream_truncated")
    if first.lstrip().startswith(_ERROR_EVENTS):
        return _Miss(attempt, "upstream_error_event")
    return 200, content_type, first, reply


def _goes_on(given: _Miss | _Given | None) -> bool:
    """Whether a stream was begun, which whoever delivers it closes."""
    return isinstance(given, tuple) and given[3] is not None


def _only_if_it_could(outcome: _Miss | _Given, attempt: Attempt) -> _Miss | _Given:
    """Of the device, where others may answer: what it cannot do is no answer."""
    if isinstance(outcome, _Miss) or outcome[0] not in _CALLERS_FAULT:
        return outcome
    return _Miss(attempt, f"http_{outcome[0]}", None, outcome[0])


def _verdict(miss: _Miss, judged: Judged) -> Verdict:
    """Whether a miss speaks against the destination, or against us or the caller."""
    if miss.code in _NOT_THEIR_FAULT:
        return "none"
    # A caller's own latency budget must not close a destination for everybody else.
    if miss.code == FirstByteTimeout.code and judged.wishes.latency_budget_s is not None:
        return "none"
    return "bad"


def _is_object(body: bytes) -> bool:
    """Whether it begins and ends as a JSON object does; what is in it is the caller's affair."""
    return body.lstrip()[:1] == b"{" and body.rstrip()[-1:] == b"}"


def _is_encoded(headers: Mapping[bytes, bytes]) -> bool:
    """Compressed although we asked for plain bytes: neither we nor the caller could read it."""
    return headers.get(b"content-encoding", b"identity").lower() != b"identity"


def _told_otherwise(status: int) -> bytes:
    """Our words for a refusal that came as anything but JSON, such as a proxy's HTML page."""
    return openai_envelope(
        BadRequest(f"the destination refused the request ({status})", code="upstream_refused")
    )


def _call(judged: Judged, attempt: Attempt, traceparent: bytes) -> Call:
    return Call(
        decision_id=judged.id,
        destination=attempt.destination,
        model=attempt.model,
        body=_body(judged, attempt),
        stream=judged.request.stream,
        cleared=judged.decision.cleared.get(attempt.destination),
        no_store=Obligation.NO_STORE in judged.decision.obligations,
        # 24 bytes of a caller's choosing, which no signal reads, are none of a cloud's business.
        traceparent=b"" if attempt.tier is Tier.CLOUD else traceparent,
        deadline_s=judged.wishes.latency_budget_s,
        endpoint=judged.request.endpoint,
        tenant=judged.principal.tenant,
    )


def leaves_something(judged: Judged, attempt: Attempt) -> bool:
    """Whether there is anything to send to this destination, after what must not be sent."""
    return not _is_empty(_body(judged, attempt))


def nothing_to_send() -> PolicyBlocked:
    """The error when there is nothing for any of them."""
    return PolicyBlocked("policy lets nothing of this request leave the device")


def _is_empty(body: Json) -> bool:
    return body.get("messages") == []


def _body(judged: Judged, attempt: Attempt) -> Json:
    """What this destination gets: all of it, or without identifiers and no more than it needs."""
    decision, redacted = judged.decision, judged.redacted_for(attempt.tier)
    if redacted is not None:
        return redacted.body  # made of the least, where that is owed
    leaves = attempt.tier is not Tier.DEVICE
    if leaves and Obligation.MINIMUM_NECESSARY in decision.obligations:
        return least(judged.request.body, decision.terms)
    return judged.request.body


def _refusal(attempt: Attempt, reply: Reply) -> _Miss:
    retry_after = dict(reply.headers).get(b"retry-after", b"")
    seconds = int(retry_after) if retry_after.isdigit() and len(retry_after) < 6 else None
    return _Miss(attempt, f"http_{reply.status}", seconds, reply.status)


def _made(misses: list[_Miss]) -> int:
    """How many attempts reached out to anybody."""
    return sum(miss.code not in _NOT_MADE for miss in misses)


def _farthest(misses: list[_Miss]) -> Tier | None:
    """How far from the user the request has been, as far as attempts were made at all."""
    order = tuple(Tier)
    made = [m.attempt.tier for m in misses if m.code not in _NOT_MADE]
    return max(made, key=order.index, default=None)


def _no_answer(misses: list[_Miss]) -> GatewayError:
    """The error for the caller: what would help is said by the last attempt that was made."""
    last = misses[-1]
    if all(m.code == _BREAKER_OPEN for m in misses):
        return Unavailable(
            "every allowed destination failed a moment ago and is left alone for a while",
            code="destinations_resting",
            retry_after_s=min(m.retry_after_s or 1 for m in misses),
        )
    if all(m.code == _NOTHING_LEFT for m in misses):
        return nothing_to_send()
    if all(m.code == AuditUnavailable.code for m in misses):
        return AuditUnavailable("the audit log cannot be written, so nothing may leave the device")
    if all(m.attempt.tier is Tier.DEVICE for m in misses):
        return _device_error(last)
    if last.status == 429:
        return Unavailable(
            "every allowed destination is at its limit",
            code="upstream_rate_limited",
            retry_after_s=last.retry_after_s,
        )
    tried = ", ".join(f"{m.attempt.destination}: {m.code}" for m in misses)
    return UpstreamFailed(f"no allowed destination answered ({tried})")


def _device_error(miss: _Miss) -> GatewayError:
    if miss.status == 429:
        return LocalUnavailable(
            "the device is busy and nothing else may answer this request",
            retry_after_s=miss.retry_after_s,
        )
    return LocalUnavailable(
        f"only the device may answer this request and its engine failed ({miss.code})",
        retry_after_s=2,
    )
