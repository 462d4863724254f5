# SPDX-License-Identifier: Apache-2.0
"""Says in one pass which recognisers could match at all, and where.

Two engines with the same answers: Hyperscan (about 6 us per KB) and, where it cannot be imported,
RE2's set. Both see the plain bytes of `found.narrow`, so that word boundaries and classes are
ASCII in both.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol

_RE2_MEMORY_BYTES = 256 << 20
# Ordinary text has one place in 30 to 100 characters. Each costs a call, so where they stand
# much closer than that only the bit set is asked for.
_PLACES_FLOOR, _CHARS_PER_PLACE = 256, 16

Place = tuple[int, int]
Places = list[Place]


class Prefilter(Protocol):
    """Bit i of an answer is set when trigger i matches somewhere."""

    def hits(self, data: bytes) -> int:
        """The matching triggers as a bit set."""

    def look(self, data: bytes) -> tuple[int, Places | None]:
        """The same, and (trigger, end of a match), in order of the ends; None for too many.

        At least one place for each stretch that a trigger matches; for those from `unplaced` on
        there is none or any one.
        """


class HyperscanPrefilter:
    """Two block-mode databases; each thread has its own scratch space, as Hyperscan demands.

    The one that reports every match is the smaller and the faster, but text may be made so that
    it reports one at each character. The other, that reports each trigger once, serves then; it
    takes half a second to compile, and is, when first needed.
    """

    def __init__(self, triggers: Sequence[str], unplaced: int | None = None) -> None:
        import hyperscan

        self._triggers = triggers
        self._once = hyperscan.HS_FLAG_SINGLEMATCH
        placed = len(triggers) if unplaced is None else unplaced
        flags = [0] * placed + [self._once] * (len(triggers) - placed)
        self._places = self._compiled(flags)
        self._single: Any = None
        self._lock = threading.Lock()
        self._new_scratch = hyperscan.Scratch
        self._terminated = hyperscan.ScanTerminated
        self._local = threading.local()

    def _compiled(self, flags: list[int]) -> Any:
        import hyperscan

        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(
            expressions=[trigger.encode("ascii") for trigger in self._triggers],
            ids=list(range(len(self._triggers))),
            flags=flags,
        )
        return database

    def hits(self, data: bytes) -> int:
        """See `Prefilter`."""
        with self._lock:
            if self._single is None:
                self._single = self._compiled([self._once] * len(self._triggers))
        try:
            scratch = self._local.single
        except AttributeError:
            scratch = self._local.single = self._new_scratch(self._single)
        found: Places = []
        self._single.scan(
            data, match_event_handler=_note, context=(found, 1 << 30), scratch=scratch
        )
        return _bits(found)

    def look(self, data: bytes) -> tuple[int, Places | None]:
        """See `Prefilter`."""
        try:
            scratch = self._local.places
        except AttributeError:
            scratch = self._local.places = self._new_scratch(self._places)
        found: Places = []
        most = _PLACES_FLOOR + len(data) // _CHARS_PER_PLACE
        try:
            self._places.scan(
                data, match_event_handler=_note, context=(found, most), scratch=scratch
            )
        except self._terminated:
            return self.hits(data), None
        return _bits(found), found


def _note(number: int, _start: int, end: int, _flags: int, context: tuple[Places, int]) -> bool:
    found, most = context
    found.append((number, end))
    return len(found) > most


def _bits(found: Places) -> int:
    mask = 0
    for number, _ in found:
        mask |= 1 << number
    return mask


class Re2Prefilter:
    """The same triggers as one RE2 set, and each alone."""

    def __init__(self, triggers: Sequence[str], unplaced: int | None = None) -> None:
        import re2

        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.max_mem = _RE2_MEMORY_BYTES
        options.log_errors = False
        self._set = re2.Set.SearchSet(options)
        for trigger in triggers:
            self._set.Add(trigger)
        # Matches everything: when it is missing the set ran out of memory, which RE2 tells
        # no otherwise.
        self._sentinel: int = self._set.Add("")
        self._set.Compile()
        placed = triggers if unplaced is None else triggers[:unplaced]
        self._each = [re2.compile(trigger.encode("ascii"), options) for trigger in placed]

    def hits(self, data: bytes) -> int:
        """See `Prefilter`."""
        mask = 0
        for number in self._set.Match(data) or ():
            mask |= 1 << number
        if not mask >> self._sentinel:
            raise MemoryError("RE2 set")
        return mask ^ 1 << self._sentinel

    def look(self, data: bytes) -> tuple[int, Places | None]:
        """See `Prefilter`."""
        mask = self.hits(data)
        most = _PLACES_FLOOR + len(data) // _CHARS_PER_PLACE
        found: Places = []
        for number, trigger in enumerate(self._each):
            if mask >> number & 1:
                for match in trigger.finditer(data):
                    found.append((number, match.end()))
                    if len(found) > most:
                        return mask, None
        found.sort(key=lambda place: place[1])
        return mask, found


@cache
def build_prefilter(triggers: tuple[str, ...], unplaced: int | None = None) -> Prefilter:
    """Hyperscan when it can be imported and runs on this processor, otherwise RE2.

    Built once for each set of triggers: compiling takes a good part of a second, and it holds no
    state.
    """
    try:
        return HyperscanPrefilter(triggers, unplaced)
    except Exception:  # missing wheel, or a processor without the instructions it wants
        return Re2Prefilter(triggers, unplaced)
