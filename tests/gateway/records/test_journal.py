# SPDX-License-Identifier: Apache-2.0
"""What is written about a request: audit, metrics and headers, without a word of the caller."""

from __future__ import annotations

import datetime
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.break_glass import Glass
from gateway.delivery import Delivery
from gateway.errors import PolicyBlocked, UpstreamFailed
from gateway.execution import Answer
from gateway.facts import Wishes
from gateway.records.audit import AuditLog
from gateway.records.journal import (
    Journal,
    answer_headers,
    decision_headers,
    refusal_headers,
)
from gateway.records.metrics import Metrics
from gateway.streaming.sse import Usage
from policies import DataClass, Findings, Tier
from tests.gateway.fakes import FakeClock
from tests.gateway.judging import attempt_at, judged_of

CANARY = "Zebrafink-7731"


class Log:
    """An audit log that remembers."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.synced: list[bool] = []

    @staticmethod
    def pseudonym(kind: str, name: str) -> str:
        return f"{kind}:{len(name)}"

    async def intent(self, entry: dict[str, Any], *, sync: bool) -> None:
        self.entries.append(entry)
        self.synced.append(sync)

    def outcome(self, entry: dict[str, Any]) -> None:
        self.entries.append(entry)


def journal(log: Log, metrics: Metrics | None = None, *, strict: bool = False) -> Journal:
    return Journal(
        log,  # type: ignore[arg-type]
        metrics or Metrics(),
        clock=FakeClock(1_790_000_000.1234),
        syncs_every_class=strict,
    )


def answer(name: str = "c1", why: str = "hard_prompt", status: int = 200) -> Answer:
    return Answer(attempt_at(name), 2, why, status, b"", b"", None, 0.0005)


async def test_intent_says_what_will_leave_and_why() -> None:
    """The record holds ids, classes, destination, rules and size."""
    log = Log()
    judged = judged_of(findings=Findings(DataClass.PII, frozenset({"NAME", "EMAIL"})))
    await journal(log).intent(judged, attempt_at("c1"), 1)

    (entry,) = log.entries
    assert (entry["event"], entry["id"], entry["t"]) == ("intent", judged.id, 1_790_000_000.123)
    assert (entry["tenant"], entry["key"], "session" in entry) == ("acme", "key:3", False)
    assert (entry["class"], entry["detected"]) == ("pii", "pii")
    assert entry["kinds"] == ["EMAIL", "NAME"]
    assert (entry["to"], entry["tier"], entry["model"]) == ("c1", "cloud", "c1-model")
    assert entry["policy"] == judged.decision.policy_hash
    assert entry["bytes"] == judged.request.body_bytes
    assert entry["rules"] == ["open/any-destination"]


@pytest.mark.parametrize(
    ("data_class", "to", "strict", "synced"),
    [
        (DataClass.PUBLIC, "c1", False, False),
        (DataClass.INTERNAL, "c1", False, False),
        (DataClass.CONFIDENTIAL, "c1", False, True),
        (DataClass.PHI, "c1", False, True),
        (DataClass.PUBLIC, "c1", True, True),
        (DataClass.PHI, "device", False, False),
        (DataClass.PHI, "device", True, False),
    ],
)
async def test_which_intents_wait_for_the_disk(
    data_class: DataClass, to: str, strict: bool, synced: bool
) -> None:
    """Above internal, or all of them when strict; what stays here never waits (I5)."""
    log = Log()
    judged = judged_of(findings=Findings(data_class))
    await journal(log, strict=strict).intent(judged, attempt_at(to), 1)

    assert log.synced == [synced]


async def test_a_session_can_be_followed_and_not_read(tmp_path: Path) -> None:
    """Key and session are pseudonyms: the same for the same, others for others."""
    audit = AuditLog(tmp_path, clock=FakeClock(), stall_s=10)
    book = Journal(audit, Metrics(), clock=FakeClock())
    for session in (CANARY, CANARY, "another"):
        await book.intent(judged_of(wishes=Wishes(session=session)), attempt_at("c1"), 1)
    assert audit.pseudonym("key", CANARY) != audit.pseudonym("session", CANARY)
    audit.close()

    data = (tmp_path / "0-00000001.jsonl").read_bytes()
    found = [orjson.loads(line) for line in data.splitlines()[1:4]]
    first, second, third = (e["session"] for e in found)
    assert first == second != third
    assert len({e["key"] for e in found}) == 1
    assert CANARY.encode() not in data
    assert b'"ada"' not in data


async def test_no_word_of_the_caller_is_written() -> None:
    """Prompt, names, metadata, session and purpose appear in no record, metric or header."""
    log, metrics = Log(), Metrics()
    judged = judged_of(
        text=CANARY,
        user=CANARY,
        metadata={CANARY: CANARY},
        wishes=Wishes(session=CANARY, purpose=CANARY, subject_region=CANARY),
    )
    book = journal(log, metrics)
    await book.intent(judged, attempt_at("c1"), 1)
    book.outcome(judged, answer(), Delivery("complete"), time.perf_counter())
    book.refused(judged, "policy_blocked", 403)
    headers = answer_headers(judged, answer()) + refusal_headers(judged, PolicyBlocked("no"))

    written = orjson.dumps(log.entries) + metrics.render() + repr(headers).encode()
    assert CANARY.encode() not in written


async def test_outcome_is_counted_and_recorded() -> None:
    """The books agree on route, class, reason, status and tokens."""
    log, metrics = Log(), Metrics()
    book = journal(log, metrics)
    book.attempt(attempt_at("c1"), "answered")
    delivery = Delivery("truncated", Usage(3, 5), "upstream_truncated")
    book.outcome(judged_of(), answer(), delivery, time.perf_counter() - 0.25)

    (entry,) = log.entries
    assert (entry["event"], entry["result"], entry["error"]) == (
        "outcome",
        "truncated",
        "upstream_truncated",
    )
    assert (entry["to"], entry["attempts"], entry["status"]) == ("c1", 2, 200)
    assert (entry["tokens_in"], entry["tokens_out"]) == (3, 5)
    assert 250 <= entry["ms"] < 5000
    text = metrics.render().decode()
    labels = 'data_class="internal",reason="hard_prompt",route="cloud",status="200"'
    assert f"nearward_requests_total{{{labels}}} 1.0" in text
    assert 'nearward_tokens_total{direction="in",route="cloud"} 3.0' in text
    assert 'nearward_tokens_total{direction="out",route="cloud"} 5.0' in text
    assert 'nearward_attempts_total{destination="c1",outcome="answered"} 1.0' in text
    assert 'nearward_request_seconds_count{route="cloud"} 1.0' in text


async def test_refusal_is_counted_and_recorded() -> None:
    """A judged request without an answer is in the books with its code."""
    log, metrics = Log(), Metrics()
    journal(log, metrics).refused(judged_of(), "policy_blocked", 403)

    (entry,) = log.entries
    assert (entry["event"], entry["error"], entry["status"]) == ("refused", "policy_blocked", 403)
    assert 'route="blocked",status="403"' in metrics.render().decode()


def test_headers_explain_the_answer() -> None:
    """Every answer says where it came from and under which policy."""
    judged = judged_of()

    assert dict(answer_headers(judged, answer())) == {
        b"x-nearward-decision-id": judged.id.encode(),
        b"x-nearward-data-class": b"internal",
        b"x-nearward-policy": judged.decision.policy_hash.encode(),
        b"x-nearward-route": b"cloud",
        b"x-nearward-model": b"c1-model",
        b"x-nearward-region": b"eu-west-1",
        b"x-nearward-reason": b"hard_prompt",
        b"x-nearward-redactions": b"0",
        b"x-nearward-attempts": b"2",
        b"x-nearward-overhead-us": b"500",
    }
    refused = dict(refusal_headers(judged, PolicyBlocked("no")))
    assert refused[b"x-nearward-route"] == b"blocked"
    error = UpstreamFailed("no")
    error.tried, error.attempts = Tier.CLOUD, 2
    failed = dict(refusal_headers(judged, error))
    assert failed[b"x-nearward-route"] == b"cloud"
    assert failed[b"x-nearward-attempts"] == b"2"
    assert failed[b"x-nearward-reason"] == b"upstream_failed"
    assert refused[b"x-nearward-reason"] == judged.decision.primary_reason.encode()
    assert refused[b"x-nearward-attempts"] == b"0"
    assert set(dict(decision_headers(judged))) < set(refused)


async def test_journal_writes_to_a_real_log(tmp_path: Path) -> None:
    """Every kind of record can be sealed and verified."""
    from gateway.records.audit import verify_directory

    log = AuditLog(tmp_path, clock=FakeClock())
    book = Journal(log, Metrics(), clock=FakeClock())
    await book.intent(judged_of(findings=Findings.unknown("broken")), attempt_at("c1"), 1)
    book.outcome(judged_of(), answer(), Delivery("complete"), time.perf_counter())
    book.refused(judged_of(), "x", 403)
    log.close()

    assert verify_directory(tmp_path) == (5, 1, [])


async def test_a_broken_glass_is_on_the_disk_first() -> None:
    """The record of a use is waited for, whatever the class; that of a refusal gates nothing."""
    until = datetime.datetime(2026, 11, 1, 13, tzinfo=datetime.UTC)
    log = Log()
    book, judged = journal(log), judged_of()
    await book.broke_glass(judged, Glass("used", "c0de", 24, until))
    book.kept_glass(judged, Glass("no_right", "c0de", 24, until))

    assert log.synced == [True]
    used, refused = log.entries
    assert (used["outcome"], refused["outcome"]) == ("used", "no_right")
    assert (used["reason_hmac"], used["reason_chars"]) == ("c0de", 24)
    assert used["allowed"] == ["device", "c1", "c2"]
