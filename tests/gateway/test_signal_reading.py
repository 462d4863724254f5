# SPDX-License-Identifier: Apache-2.0
"""Signals that fail are unknown; capability is fresh or unknown; classification tells no text."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from gateway.classification import classify
from gateway.errors import BadRequest
from gateway.signals.capability import UNKNOWN, Capability, Snapshot, snapshot_of
from gateway.signals.privacy import Verdict
from gateway.signals.privacy.verdict import Kind, Span
from gateway.signals.reading import SignalReader
from policies import DataClass
from tests.gateway.fakes import FakeClock, chat_request
from tests.gateway.judging import READY

CLEAN = Verdict(DataClass.PUBLIC, (), False, ())


class FakeScanner:
    """Gives one result, or raises it, and remembers what it was given."""

    version = "1"

    def __init__(self, result: Any = CLEAN) -> None:
        self.result = result
        self.texts: list[str] = []
        self.threads: list[int] = []

    def scan(self, text: str, mode: str = "auto") -> Verdict:
        self.texts.append(text)
        self.threads.append(threading.get_ident())
        if isinstance(self.result, Exception):
            raise self.result
        result: Verdict = self.result
        return result


def reader(scanner: FakeScanner, score: Any = lambda _: 0.5) -> SignalReader:
    capability = Capability(clock=FakeClock())
    capability.update(READY)
    return SignalReader(scanner=scanner, score=score, capability=capability)


async def test_all_three_signals() -> None:
    """Findings with kinds and count, complexity of the question, the device, the size."""
    spans = (Span(0, 1, Kind.NAME), Span(1, 2, Kind.NAME), Span(2, 3, Kind.EMAIL))
    scanner = FakeScanner(Verdict(DataClass.PII, spans, False, ("name",)))
    signals = await reader(scanner, lambda q: len(q) / 10).read(chat_request("Hello", user="u"))

    assert signals.findings.data_class is DataClass.PII
    assert signals.findings.kinds == {"NAME", "EMAIL"}
    assert signals.findings.errors == ()
    assert (signals.span_count, signals.complexity(), signals.device) == (3, 0.5, READY)
    assert signals.prompt_tokens == len(scanner.texts[0]) // 3 + 1
    assert "Hello" in scanner.texts[0]
    assert "u" in scanner.texts[0].split("\n")


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (RuntimeError("secret text"), "detector_raised"),
        (RecursionError(), "detector_raised"),
        (None, "detector_gave_no_verdict"),
        ("public", "detector_gave_no_verdict"),
        (Verdict(DataClass.UNKNOWN, (), False, ("timeout",)), "timeout"),
    ],
)
async def test_a_detector_that_fails_is_unknown(result: Any, code: str) -> None:
    """Raising, returning nonsense, or giving up: unknown with a code, never public."""
    signals = await reader(FakeScanner(result)).read(chat_request())

    assert signals.findings.data_class is DataClass.UNKNOWN
    assert signals.findings.errors == (code,)


@pytest.mark.parametrize(("length", "waits"), [(32_000, False), (40_000, False), (3, True)])
async def test_long_texts_are_scanned_off_the_loop(length: int, waits: bool) -> None:
    """A long text does not hold up other requests, nor does a scanner that waits for somebody; a
    short one pays no thread.
    """
    scanner = FakeScanner()
    capability = Capability(clock=FakeClock())
    made = SignalReader(scanner=scanner, score=lambda _: 0.5, capability=capability, waits=waits)
    await made.read(chat_request("x" * length))

    assert (scanner.threads[0] == threading.get_ident()) is (length < 32_768 and not waits)


@pytest.mark.parametrize(("score", "read"), [(-1.0, 0.0), (2.0, 1.0), (0.3, 0.3), (None, 0.0)])
async def test_complexity_is_between_0_and_1(score: float | None, read: float) -> None:
    """Out of range is cut; a scorer that raises reads as easy, which keeps the request near."""

    def scoring(_: str) -> float:
        if score is None:
            raise ValueError("secret text")
        return score

    signals = await reader(FakeScanner(), scoring).read(chat_request())

    assert signals.complexity() == read


def test_capability_is_fresh_or_unknown() -> None:
    """A snapshot counts for five seconds; before the first and after the last it is unknown."""
    clock = FakeClock(0.0)
    capability = Capability(clock=clock, stale_s=5)
    assert capability.read() is UNKNOWN

    capability.update(READY)
    clock.now = 5.0
    assert capability.read() is READY
    clock.now = 5.1
    assert capability.read() is UNKNOWN


@pytest.mark.parametrize(
    ("ready", "tokens", "fits"),
    [(True, 1984, True), (True, 1985, False), (False, 1, False)],
)
def test_fits_leaves_room_to_answer(ready: bool, tokens: int, fits: bool) -> None:
    """64 tokens are kept for the answer; a device that is not ready fits nothing."""
    assert Snapshot(is_ready=ready, context_tokens=2048).fits(tokens) is fits


def test_snapshot_of_a_report() -> None:
    """The engine's own words become a snapshot."""
    report: dict[str, object] = {
        "status": "ready",
        "model": "m",
        "engine": "e",
        "n_ctx": 2048,
        "slots": 4,
        "busy": 1,
        "queued": 2,
        "prefill_tps": 100,
        "decode_tps": 20.5,
        "rss_bytes": 5,
        "features": ["tools", 7],
    }

    assert snapshot_of(report) == Snapshot(
        True, "m", "e", 2048, 4, 1, 2, 100.0, 20.5, 5, frozenset({"tools"})
    )


@pytest.mark.parametrize(
    "report",
    [
        {},
        {"status": "loading"},
        {"status": ["ready"], "n_ctx": "2048", "slots": None, "prefill_tps": "fast"},
        {"status": "READY", "n_ctx": 2.5},
    ],
)
def test_odd_reports_are_not_ready(report: dict[str, object]) -> None:
    """Anything unexpected reads as not known, and raises nothing."""
    snapshot = snapshot_of(report)

    assert not snapshot.is_ready
    assert (snapshot.context_tokens, snapshot.prefill_tps) == (0, None)


def test_classification_of_messages_and_text() -> None:
    """Messages are joined by newlines without their roles; spans carry hashes, no text."""
    scanner = FakeScanner(Verdict(DataClass.PHI, (Span(0, 3, Kind.NAME),), True, ("r",)))
    messages = [{"role": "user", "content": "Ann"}, {"role": "user", "content": "b"}]
    answer = classify({"id": [1], "messages": messages}, scanner, lambda _: 0.12345)

    assert scanner.texts == ["Ann\nb"]
    assert (answer["id"], answer["data_class"], answer["phi"]) == ([1], "phi", True)
    assert (answer["complexity"], answer["reasons"]) == (0.1235, ["r"])
    (span,) = answer["spans"]
    assert (span["start"], span["end"], span["kind"]) == (0, 3, "NAME")
    assert span["text_sha"].startswith("17239b6e")
    assert not classify({"text": "x"}, FakeScanner(), lambda _: 0.0)["phi"]


@pytest.mark.parametrize(
    "record", [{}, {"text": 5}, {"messages": "x"}, {"messages": ["x"]}, {"text": None}]
)
def test_records_of_another_shape(record: dict[str, Any]) -> None:
    """Neither text nor messages is a BadRequest."""
    with pytest.raises(BadRequest):
        classify(record, FakeScanner(), lambda _: 0.0)


def test_text_with_lone_surrogates_can_be_hashed() -> None:
    """Text that came from a file with broken characters is classified all the same."""
    scanner = FakeScanner(Verdict(DataClass.PII, (Span(0, 1, Kind.NAME),), False, ()))

    assert len(classify({"text": "\ud800"}, scanner, lambda _: 0.0)["spans"]) == 1


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [("a word " * 300, 600, 900), ("日本語" * 1000, 7000, 9000), ("Größe " * 300, 600, 1500)],
    ids=["english", "japanese", "german"],
)
async def test_estimate_of_tokens(text: str, least: int, most: int) -> None:
    """On the high side of what SmolLM2's vocabulary makes of it, in any script."""
    signals = await reader(FakeScanner()).read(chat_request(text))

    assert least <= signals.prompt_tokens <= most
