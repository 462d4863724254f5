# SPDX-License-Identifier: Apache-2.0
"""A stream of events is restored wherever TCP cuts it, and passes untouched where it is no JSON."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from gateway.streaming.answers import AnswerTexts
from gateway.streaming.events import EVENT_BYTES, EventStream, EventTooLong
from tests.gateway.streaming.placeholder_texts import NONCE, ORIGINALS, cut, drawn

CHUNKINGS = 400
NIGHTLY_CHUNKINGS = 100_000
NAME = f"NAME_1_{NONCE}"


def stream() -> EventStream:
    return EventStream(AnswerTexts(ORIGINALS))


def data(value: Any, end: str = "\n") -> bytes:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"data: {text}{end}{end}".encode()


def delta(text: str, finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}


def said(out: bytes) -> str:
    """The content that a client reads, which takes any line end."""
    lines = out.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    events = [line[6:] for line in lines if line.startswith(b"data: {")]
    choices = [choice for event in events for choice in json.loads(event)["choices"]]
    return "".join(choice["delta"].get("content", "") for choice in choices)


def cut_bytes(whole: bytes, rng: random.Random) -> list[bytes]:
    return [piece.encode("latin-1") for piece in cut(whole.decode("latin-1"), rng)]


def wrong_in(chunkings: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    wrong = []
    for _ in range(chunkings):
        text, expected = drawn(rng, rng.randint(1, 4))
        end = rng.choice(["\n", "\r\n", "\r"])
        sent = b"".join(data(delta(piece), end) for piece in cut(text, rng))
        sent += rng.choice([b"", data(delta("", "stop"), end)]) + data("[DONE]", end)
        events = stream()
        out = b"".join(map(events.feed, cut_bytes(sent, rng)))
        is_done = out.endswith(data("[DONE]", end)) and events.end() == b""
        if said(out) != expected or not is_done:
            wrong.append(text)
    return wrong


def test_random_chunkings_of_deltas_and_of_bytes_come_out_right() -> None:
    """A placeholder over several deltas, each of them over several TCP segments."""
    seed = random.getrandbits(32)
    assert wrong_in(CHUNKINGS, seed) == [], f"seed {seed}"


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_hundred_thousand_chunkings_come_out_right() -> None:
    """The same, a hundred thousand times: wrong in 0."""
    assert wrong_in(NIGHTLY_CHUNKINGS, 2) == []


def test_an_event_goes_out_when_it_is_complete() -> None:
    """The first token does not wait for the second."""
    events = stream()
    assert events.feed(data(delta("Hel"))[:-1]) == b""
    assert said(events.feed(b"\n")) == "Hel"
    assert said(events.feed(data(delta(f"lo [{NAME}")))) == "lo "
    assert said(events.feed(data(delta("]!")))) == "Jane Roe!"


def test_what_is_no_json_passes_byte_for_byte() -> None:
    """Comments, errors in words, and anything with a placeholder that is no answer."""
    for raw in (b": ping\n\n", b"data: oops\n\n", b"event: x\ndata: [1]\n\n", b"\n\n"):
        assert stream().feed(raw) == raw


def test_lines_beside_the_data_are_kept() -> None:
    """An event's name and id stand before the rewritten data; data over two lines are one."""
    out = stream().feed(b'event: m\nid: 7\ndata: {"choices":\ndata: []}\n\n')
    assert out == b'event: m\nid: 7\ndata: {"choices":[]}\n\n'


def test_what_is_held_comes_before_done_and_at_the_end() -> None:
    """A choice that never finished loses nothing, and a torn event is given out as it came."""
    events = stream()
    events.feed(data(delta(f"[{NAME}")))
    assert said(events.feed(data("[DONE]"))) == "Jane Roe"

    events = stream()
    events.feed(data(delta("[NAME_1")) + b"data: {")
    out = events.end()
    assert out.endswith(b"data: {")
    assert said(out.removesuffix(b"data: {")) == "[NAME_1"


@pytest.mark.parametrize("last", ["text", "done"])
def test_a_last_event_may_lack_its_empty_line(last: str) -> None:
    """As some servers end their streams."""
    events = stream()
    out = events.feed(data(delta(f"[{NAME}")))
    final = data(delta("]!")) if last == "text" else data("[DONE]")
    out += events.feed(final.rstrip()) + events.end()
    assert said(out) == ("Jane Roe!" if last == "text" else "Jane Roe")


def test_an_event_that_does_not_end_is_refused() -> None:
    """Memory is bounded whatever the upstream sends."""
    events = stream()
    with pytest.raises(EventTooLong):
        for _ in range(EVENT_BYTES // 65_536 + 1):
            events.feed(b"x" * 65_536)
