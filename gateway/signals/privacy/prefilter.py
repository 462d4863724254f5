# SPDX-License-Identifier: Apache-2.0
"""Says in one pass which recognisers could match at all.

Two engines with the same answers: Hyperscan (about 1 us per KB) and, where it cannot be imported,
RE2's set. Both see the plain bytes of `found.narrow`, so that word boundaries and classes are
ASCII in both.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol

_RE2_MEMORY_BYTES = 256 << 20


class Prefilter(Protocol):
    """Bit i of the answer is set when trigger i matches somewhere."""

    def hits(self, data: bytes) -> int:
        """The matching triggers as a bit set."""


class HyperscanPrefilter:
    """One block-mode database; each thread has its own scratch space, as Hyperscan demands."""

    def __init__(self, triggers: Sequence[str]) -> None:
        import hyperscan

        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        flags = hyperscan.HS_FLAG_SINGLEMATCH
        self._database.compile(
            expressions=[trigger.encode("ascii") for trigger in triggers],
            ids=list(range(len(triggers))),
            flags=[flags] * len(triggers),
        )
        self._new_scratch = hyperscan.Scratch
        self._local = threading.local()

    def hits(self, data: bytes) -> int:
        """See `Prefilter`."""
        found: list[int] = []
        try:
            scratch = self._local.scratch
        except AttributeError:
            scratch = self._local.scratch = self._new_scratch(self._database)
        self._database.scan(data, match_event_handler=_note, context=found, scratch=scratch)
        mask = 0
        for number in found:
            mask |= 1 << number
        return mask


def _note(number: int, _start: int, _end: int, _flags: int, found: Any) -> None:
    found.append(number)


class Re2Prefilter:
    """The same triggers as one RE2 set."""

    def __init__(self, triggers: Sequence[str]) -> None:
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

    def hits(self, data: bytes) -> int:
        """See `Prefilter`."""
        mask = 0
        for number in self._set.Match(data) or ():
            mask |= 1 << number
        if not mask >> self._sentinel:
            raise MemoryError("RE2 set")
        return mask ^ 1 << self._sentinel


@cache
def build_prefilter(triggers: tuple[str, ...]) -> Prefilter:
    """Hyperscan when it can be imported and runs on this processor, otherwise RE2.

    Built once for each set of triggers: compiling takes most of a second, and it holds no state.
    """
    try:
        return HyperscanPrefilter(triggers)
    except Exception:  # missing wheel, or a processor without the instructions it wants
        return Re2Prefilter(triggers)
