# SPDX-License-Identifier: Apache-2.0
"""Where in a text a recogniser's exact pattern can match: around the matches of its trigger.

Python's `re` reads 50 to 100 ns a character and must try the exact pattern at each; RE2 finds the
few places where the trigger matches at a tenth of that.

Rules
1. A trigger matches inside every exact match (or within its look-around). So whatever the pattern
   finds lies within its own greatest width of some match of the trigger.
2. A region is cut at its end, where the text goes on: what matches closer to that end than the
   longest look-ahead may match only because of the cut, and is left to the region of its own.
3. Only for patterns of bounded width, and only where triggers are sparse; everything else is
   searched as a whole.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from gateway.signals.privacy.found import Recogniser

_WIDEST_CHARS = 440
# Where triggers stand closer than this their regions cover the text, and finding them one by one
# (about 1 us each) only adds to reading it all.
_CHARS_PER_MATCH = 128
# Longer than any look-ahead of a recogniser.
MARGIN_CHARS = 32

Region = tuple[int, int]


class Regions:
    """The triggers of recognisers as searchable patterns."""

    def __init__(self, recognisers: Sequence[Recogniser]) -> None:
        self._reach = [_reach_chars(each) for each in recognisers]
        self._triggers = _compiled(recognisers)

    def of(self, number: int, data: bytes) -> list[Region] | None:
        """Regions of `narrow` data for one recogniser, in order, apart; None: search it all."""
        reach = self._reach[number]
        if reach is None or self._triggers is None:
            return None
        most = len(data) // _CHARS_PER_MATCH
        matches = list(itertools.islice(self._triggers[number].finditer(data), most + 1))
        return None if len(matches) > most else list(_merged(matches, reach, len(data)))


def _merged(matches: Iterable[Any], reach: int, length: int) -> Iterator[Region]:
    start = end = -1
    for match in matches:
        first, last = max(0, match.start() - reach), min(length, match.end() + reach)
        if first > end:
            if end >= 0:
                yield start, end
            start = first
        end = max(end, last)
    if end >= 0:
        yield start, end


def _reach_chars(recogniser: Recogniser) -> int | None:
    """How far from its trigger a match may lie; None when the pattern has no useful bound."""
    if recogniser.spans_windows:
        return None
    pattern = recogniser.pattern
    parser: Any = re._parser  # type: ignore[attr-defined]  # the public `re` does not tell widths
    _, widest = parser.parse(pattern.pattern, pattern.flags).getwidth()
    return int(widest) + MARGIN_CHARS if widest <= _WIDEST_CHARS else None


def _compiled(recognisers: Sequence[Recogniser]) -> list[Any] | None:
    try:
        import re2
    except ImportError:  # then everything is searched as a whole
        return None
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return [re2.compile(each.trigger.encode("ascii"), options) for each in recognisers]
