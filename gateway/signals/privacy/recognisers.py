# SPDX-License-Identifier: Apache-2.0
"""The first stage: all recognisers, each run only where its trigger matched.

Where triggers match too often to note each, the text is cut into overlapping windows, so that one
candidate does not make every recogniser read the whole text. A match belongs to the window it
starts in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from gateway.signals.privacy import (
    codes,
    credentials,
    dates,
    keyword_ids,
    names,
    national_ids,
    numbers,
    places,
    told_dates,
)
from gateway.signals.privacy.found import Exact, Found, Recogniser, always, lowered, narrow
from gateway.signals.privacy.prefilter import Places, Prefilter
from gateway.signals.privacy.regions import MARGIN_CHARS, Regions, windows
from gateway.signals.privacy.verdict import Kind

WINDOW_CHARS = 4_096
OVERLAP_CHARS = 1_024  # the longest match of any recogniser that does not span windows

_PHOTO = Recogniser(
    "photo",
    r"(?i)data:image/",
    Exact(r"(?i)data:image/[a-z+.-]{2,20};base64,[a-z0-9+/=_-]{0,900}"),
    always(Kind.PHOTO),
)
# Keywords come first: of two hits on the same characters the first kind is kept.
RECOGNISERS: tuple[Recogniser, ...] = (
    *keyword_ids.RECOGNISERS,
    *credentials.RECOGNISERS,
    *national_ids.RECOGNISERS,
    *numbers.RECOGNISERS,
    *dates.RECOGNISERS,
    *told_dates.RECOGNISERS,
    *places.RECOGNISERS,
    *names.RECOGNISERS,
    *codes.RECOGNISERS,
    _PHOTO,
)
TRIGGERS = tuple(each.trigger for each in RECOGNISERS)
NEED_DIGIT = frozenset(i for i, each in enumerate(RECOGNISERS) if each.needs_digit)
_ALL = (1 << len(RECOGNISERS)) - 1


def possible(hits: int) -> int:
    """The recognisers that can match, out of the prefilter's answer."""
    return hits & _ALL


@dataclass(frozen=True, slots=True)
class Document:
    """Normalised text with the prefilter's answer for the whole of it, and its rare words."""

    text: str
    hits: int
    rare: frozenset[str] | None = None  # None: all words are common (`tokens.py`)
    places: Places | None = None  # None: not known, or too many


class RecogniserStage:
    """Patterns with exact checks. Needs no model and sees every text."""

    name = "recognisers"

    def __init__(self, prefilter: Prefilter) -> None:
        self._prefilter = prefilter

    def find(self, document: Document) -> Iterator[Found]:
        """Hits in no particular order; may overlap."""
        text, hits = document.text, possible(document.hits)
        if not hits:
            return
        texts = text, lowered(text) if hits & _LOWERED else text
        if document.places is None:
            yield from self._in_windows(texts, hits)
            return
        data = narrow(text)
        # In order of the recognisers: of two hits on the same characters the first is kept.
        for number, regions in sorted(_regions().of(document.places, data, hits).items()):
            if RECOGNISERS[number].leads:
                yield from _led_matches(number, texts, regions)
                continue
            for start, end in regions:
                # Close to a cut a match may be the cut's doing (regions.py, rule 2).
                trusted = end if end == len(data) else end - MARGIN_CHARS
                yield from _matches(number, texts, start, end, trusted)

    def _in_windows(self, texts: tuple[str, str], hits: int) -> Iterator[Found]:
        text = texts[0]
        if len(text) <= WINDOW_CHARS + OVERLAP_CHARS:
            yield from _run(texts, hits, 0, len(text), len(text))
            return
        yield from _run(texts, hits & _LONG, 0, len(text), len(text))
        for start, end in windows(len(text), WINDOW_CHARS, OVERLAP_CHARS):
            # Some characters more on the left: some triggers start with what stands before.
            window = narrow(text[max(0, start - 16) : end])
            local = possible(self._prefilter.hits(window)) & hits & ~_LONG
            if local:
                yield from _run(texts, local, start, end, start + WINDOW_CHARS)


_LONG = sum(1 << i for i, each in enumerate(RECOGNISERS) if each.spans_windows)
_LOWERED = sum(1 << i for i, each in enumerate(RECOGNISERS) if each.is_lowered)


@cache
def _regions() -> Regions:
    """Measures every pattern: made when first asked."""
    return Regions(RECOGNISERS, OVERLAP_CHARS)


def _run(
    texts: tuple[str, str], hits: int, start: int, end: int, last_start: int
) -> Iterator[Found]:
    for number in _numbers(hits):
        yield from _matches(number, texts, start, end, end, last_start)


def _numbers(hits: int) -> Iterator[int]:
    while hits:
        lowest = hits & -hits
        hits ^= lowest
        yield lowest.bit_length() - 1


def _led_matches(
    number: int, texts: tuple[str, str], regions: list[tuple[int, int]]
) -> Iterator[Found]:
    """Of a pattern that begins with a word in one of the regions."""
    recogniser = RECOGNISERS[number]
    source, done = texts[recogniser.is_lowered], 0
    for first, last in regions:
        for word in _WORD_STARTS.finditer(source, max(first, done), last):
            if word.start() >= done and (match := recogniser.pattern.match(source, word.start())):
                done = match.end()
                found = recogniser.locate(match)
                if found is not None:
                    yield found


_WORD_STARTS = re.compile(r"(?<![A-Za-z])[^\W\d_]")


def _matches(  # noqa: PLR0917 - the hot loop of the stage
    number: int, texts: tuple[str, str], start: int, end: int, trusted: int, last_start: int = -1
) -> Iterator[Found]:
    recogniser = RECOGNISERS[number]
    locate, source = recogniser.locate, texts[recogniser.is_lowered]
    for match in recogniser.pattern.finditer(source, start, end):
        if 0 <= last_start < match.start():
            break
        found = locate(match) if match.end() <= trusted else None
        if found is not None:
            yield found
