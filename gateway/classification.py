# SPDX-License-Identifier: Apache-2.0
"""`nearward classify` and POST /v1/classify: what the signals see in a text, without the text.

A record is `{"id", "text"}` or `{"id", "messages"}`; offsets of spans count characters in the
text, or in the contents of the messages joined by newlines.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from typing import Literal, Protocol

from gateway.errors import BadRequest
from gateway.limits import Json
from gateway.signals.privacy import Verdict
from gateway.texts import strings
from policies import DataClass

Mode = Literal["auto", "phi", "ident"]


class Scanner(Protocol):
    """A detector that can be told how strict to be."""

    def scan(self, text: str, mode: Mode = "auto") -> Verdict:
        """What `text` holds."""


def classify(
    record: Json, scanner: Scanner, score: Callable[[str], float], mode: Mode = "auto"
) -> Json:
    """The classification of one record; BadRequest when it is neither of the two shapes."""
    text = _text_of(record)
    began = time.perf_counter()
    verdict = _verdict(scanner, text, mode)
    complexity = score(text)
    elapsed_us = int((time.perf_counter() - began) * 1e6)
    return {
        "id": record.get("id"),
        "data_class": verdict.data_class,
        "phi": verdict.data_class.rank >= DataClass.PHI.rank,
        "spans": [
            {
                "start": span.start,
                "end": span.end,
                "kind": span.kind,
                "text_sha": hashlib.sha256(_encoded(text[span.start : span.end])).hexdigest(),
            }
            for span in verdict.spans
        ],
        "complexity": round(complexity, 4),
        "reasons": list(verdict.reasons),
        "us": elapsed_us,
    }


def _verdict(scanner: Scanner, text: str, mode: Mode) -> Verdict:
    """What the scanner says; unknown when it fails, as for a request."""
    try:
        verdict: object = scanner.scan(text, mode)
    except Exception:
        verdict = None
    if isinstance(verdict, Verdict):
        return verdict
    return Verdict(DataClass.UNKNOWN, (), False, ("detector_failed",))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text_of(record: Json) -> str:
    text, messages = record.get("text"), record.get("messages")
    if isinstance(text, str):
        return text
    if isinstance(messages, list):
        return "\n".join(_contents(messages))
    raise BadRequest('each record needs "text" (a string) or "messages" (a list)')


def _contents(messages: list[object]) -> Iterator[str]:
    for message in messages:
        if not isinstance(message, dict):
            raise BadRequest("each message must be an object")
        yield from strings({k: v for k, v in message.items() if k != "role"})
