# SPDX-License-Identifier: Apache-2.0
"""The watcher of event streams: the same facts however the bytes are cut, in bounded memory."""

from __future__ import annotations

import sys
from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.streaming.sse import NO_USAGE, SseTail, Usage, error_event, usage_of

EVENT = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5}}\n\n'
DONE = b"data: [DONE]\n\n"


def fed(*chunks: bytes) -> SseTail:
    tail = SseTail()
    for chunk in chunks:
        tail.feed(chunk)
    return tail


def facts(tail: SseTail) -> tuple[bool, bool, Usage]:
    return tail.is_done(), tail.is_between_events(), tail.usage()


PIECES = st.sampled_from(
    [EVENT, USAGE, DONE, b"data: [DONE]", b": ping\n\n", b"\r\n", b"\n", b"data: {", b"x" * 9000]
)


@given(st.lists(PIECES, max_size=12), st.lists(st.integers(0, 60_000), max_size=30))
def test_cuts_change_nothing(pieces: list[bytes], cuts: list[int]) -> None:
    """However a stream is cut into chunks, the facts at its end are the same (rule 3)."""
    stream = b"".join(pieces)
    edges = sorted({0, len(stream), *(c % (len(stream) + 1) for c in cuts)})
    chunks = [stream[a:b] for a, b in pairwise(edges)]

    assert facts(fed(*chunks)) == facts(fed(stream))


def test_byte_by_byte() -> None:
    """A whole stream fed one byte at a time is complete, with its usage."""
    stream = EVENT * 3 + USAGE + DONE

    assert facts(fed(*(bytes([b]) for b in stream))) == (True, True, Usage(3, 5))


@pytest.mark.parametrize(
    "end", [DONE, b"data: [DONE]", b"data:[DONE]\r\n\r\n", b"data: [DONE]\n", DONE + b"\n\n"]
)
def test_done_in_all_spellings(end: bytes) -> None:
    """The final event counts with either line end, with and without the space."""
    assert fed(EVENT, end).is_done()


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        EVENT,
        DONE + EVENT,
        EVENT + b"data: [DON",
        b'data: {"content":"data: [DONE]"}\n\n',
        b'data: {"content":"say data: [DONE]',
        EVENT + b": data: [DONE]",
        EVENT + b"event: x data: [DONE]",
        EVENT + b"data: [DONE] not\n\n",
    ],
)
def test_not_done(stream: bytes) -> None:
    """Text that quotes the final event, or is cut right behind such a quote, is not the end."""
    assert not fed(stream).is_done()


@pytest.mark.parametrize(
    ("stream", "is_between"),
    [
        (b"", True),
        (EVENT, True),
        (b"data: {}\r\n\r\n", True),
        (EVENT + b"data: {", False),
        (EVENT + b"data: {}\n", False),
        (b"data: {}\r\n", False),
    ],
)
def test_between_events(stream: bytes, is_between: bool) -> None:
    """An error event may follow only where the last event is closed."""
    assert fed(stream).is_between_events() is is_between


def test_last_usage_counts() -> None:
    """Of several usage objects the last is taken; null and torn ones are passed over."""
    other = USAGE.replace(b"3", b"9")

    assert fed(USAGE, other, EVENT, DONE).usage() == Usage(9, 5)
    assert fed(USAGE, b'data: {"usage":null}\n\n', DONE).usage() == Usage(3, 5)
    assert fed(USAGE, b'data: {"usage":{"prompt_tokens":7', DONE).usage() == Usage(3, 5)
    assert fed(USAGE.replace(b"\n\n", b"\r\n\r\n")).usage() == Usage(3, 5)
    assert fed(EVENT, DONE).usage() is NO_USAGE
    assert fed(b'data: {"usage":null}\n\n').usage() is NO_USAGE


def test_memory_is_bounded() -> None:
    """A megabyte without an event end leaves a few dozen kilobytes behind."""
    tail = SseTail()
    for _ in range(1000):
        tail.feed(b"x" * 1000)
        held = sum(map(sys.getsizeof, tail._pieces)) + sys.getsizeof(tail._tail)
        assert held < 100_000

    tail.feed(b"\n\n" + USAGE + DONE)
    assert facts(tail) == (True, True, Usage(3, 5))


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b"5", b'"x"', b"{}", b'{"usage":null}', b'{"usage":5}'),
        *(b'{"usage":{}}', b'{"usage":{"prompt_tokens":1}}', b'{"usage":[1]}'),
        b'{"usage":{"prompt_tokens":"1","completion_tokens":1}}',
        b'{"usage":{"prompt_tokens":1,"completion_tokens":1.5}}',
        b'{"usage":{"prompt_tokens":-5,"total_tokens":18446744073709551615}}',
        b'{"usage":{"prompt_tokens":9007199254740993,"completion_tokens":1}}',
    ],
)
def test_no_usage(body: bytes) -> None:
    """What is no usage object counts nothing and raises nothing."""
    assert usage_of(body) is NO_USAGE


def test_negative_usage_counts_nothing() -> None:
    """Counters must not go down."""
    assert usage_of(b'{"usage":{"prompt_tokens":-5,"completion_tokens":2}}') == Usage(0, 2)


def test_error_event() -> None:
    """The event that ends a broken stream is one event in OpenAI's shape."""
    event = error_event("broke\noff", "upstream_truncated")

    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    assert event.count(b"\n") == 2
    assert orjson.loads(event[6:])["error"]["code"] == "upstream_truncated"
