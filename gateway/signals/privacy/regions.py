# SPDX-License-Identifier: Apache-2.0
"""Where in a text a recogniser's exact pattern can match: around the matches of its trigger.

Python's `re` reads 50 to 100 ns a character and must try the exact pattern at each; the prefilter
has already told the few places where the trigger matches.

Rules
1. A trigger matches inside every exact match (or within its look-around). So whatever the pattern
   finds lies within its own greatest width of the end of some match of the trigger; where the
   trigger leads, it starts within the trigger's width of that end.
2. A region is cut at its end, where the text goes on: what matches closer to that end than the
   longest look-ahead may match only because of the cut, and is left to the region of its own.
   Where the trigger leads, nothing is cut: the pattern is tried at each beginning of a word.
3. What may be longer than a window's overlap is searched for in the whole text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from gateway.signals.privacy.found import Recogniser
from gateway.signals.privacy.prefilter import Places

# Longer than any look-ahead of a recogniser.
MARGIN_CHARS = 32
_DIGIT = re.compile(rb"[0-9]")
_BEHIND_CHARS = 2  # a look-behind reads one character

Region = tuple[int, int]


class Regions:
    """How far the recognisers reach around the ends of their triggers' matches."""

    def __init__(self, recognisers: Sequence[Recogniser], longest_chars: int) -> None:
        self._reaches = [_reach_chars(each, longest_chars) for each in recognisers]
        self._leads = [each.leads for each in recognisers]
        self._needs_digit = [each.needs_digit for each in recognisers]

    def of(self, places: Places, data: bytes, hits: int) -> dict[int, list[Region]]:
        """For each recogniser in `hits` its regions of `narrow` data, in order, apart.

        Where the trigger leads, a region only holds the beginnings of matches.
        """
        regions: dict[int, list[Region]] = {}
        for number, end in places:
            if not hits >> number & 1:
                continue
            before, behind = self._reaches[number]
            if behind is None:
                regions[number] = [(0, len(data))]
                continue
            first, last = max(0, end - before), min(len(data), end + behind)
            if self._leads[number]:
                if self._needs_digit[number] and not _DIGIT.search(data, first, last):
                    continue
                last = end
            known = regions.setdefault(number, [])
            if known and first <= known[-1][1]:
                known[-1] = known[-1][0], last
            else:
                known.append((first, last))
        return regions


def _reach_chars(recogniser: Recogniser, longest_chars: int) -> tuple[int, int | None]:
    """Before and behind the end of a trigger's match; None: the whole text."""
    if recogniser.spans_windows:
        return 0, None
    widest = min(_width(recogniser.pattern.pattern, recogniser.pattern.flags), longest_chars)
    behind = widest + MARGIN_CHARS
    if recogniser.leads:
        return _width(recogniser.trigger, 0) + _BEHIND_CHARS, behind
    return behind, behind


def _width(pattern: str, flags: int) -> int:
    parser: Any = re._parser  # type: ignore[attr-defined]  # the public `re` does not tell widths
    return int(parser.parse(pattern, flags).getwidth()[1])


def windows(length: int, window_chars: int, overlap_chars: int) -> Iterator[Region]:
    """Overlapping windows over a text."""
    for start in range(0, length, window_chars):
        yield start, min(start + window_chars + overlap_chars, length)
