# SPDX-License-Identifier: Apache-2.0
"""Invariant: whatever bytes a cloud streams, restoring them in pieces gives what restoring them in
one piece gives, or the same refusal; it never hangs, and never holds more than one event.

    python -m tests.properties.fuzz_restoration --seconds 60 [--seed 1]

`one(data)` is a target for any fuzzer. This one mutates streams that a model could have sent.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time

import orjson

from gateway.streaming.answers import AnswerTexts, TooManyTexts
from gateway.streaming.events import EVENT_BYTES, EventStream, EventTooLong
from tests.gateway.streaming.placeholder_texts import ORIGINALS, drawn

_TOKENS = (
    b"data: ",
    b"\n\n",
    b"\r\n\r\n",
    b"[DONE]",
    b'"index":1',
    b"null",
    b"[",
    b"]",
    b"{",
    b"}",
)


def one(data: bytes) -> None:
    """Check the invariant for a stream; its length decides how it is cut."""
    pieces = [data[at : at + 1 + len(data) % 7] for at in range(0, len(data), 1 + len(data) % 7)]
    assert _said(pieces) == _said([data]), data


def _said(pieces: list[bytes]) -> list[object]:
    """What a client reads: each growing text put together, everything else as it is; or why not."""
    stream = EventStream(AnswerTexts(ORIGINALS, says_json=False))
    out = b""
    try:
        for piece in pieces:
            out += stream.feed(piece)
        out += stream.end()
    except (EventTooLong, TooManyTexts, TypeError, ValueError, RecursionError) as error:
        return [type(error).__name__]
    return [out]


def drawn_stream(rng: random.Random) -> bytes:
    """A stream of a model, with a few bytes changed in most of them."""
    text = drawn(rng, rng.randint(1, 4))[0]
    events = []
    while text:
        size = rng.randint(1, 9)
        delta = {rng.choice(["content", "refusal"]): text[:size]}
        choice = {
            "index": rng.randrange(2),
            "delta": delta,
            "finish_reason": rng.choice([None] * 5 + ["stop"]),
        }
        events.append(b"data: " + orjson.dumps({"choices": [choice]}) + b"\n\n")
        text = text[size:]
    data = bytearray(b"".join(events) + b"data: [DONE]\n\n")
    for _ in range(rng.choice([0, 1, 3])):
        at = rng.randrange(len(data))
        data[at : at + rng.randrange(4)] = rng.choice([*_TOKENS, bytes([rng.randrange(256)])])
    return bytes(data)


def main() -> None:
    """Run for a while; prints how many streams held the invariant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rng, until, count = random.Random(given.seed), time.monotonic() + given.seconds, 0
    while time.monotonic() < until:
        one(drawn_stream(rng))
        count += 1
    sys.stdout.write(json.dumps({"streams": count, "longest_event_bytes": EVENT_BYTES}) + "\n")


if __name__ == "__main__":
    main()
