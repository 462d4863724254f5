# SPDX-License-Identifier: Apache-2.0
"""Says in one pass which recognisers could match at all, and where.

Two engines with the same answers: Hyperscan (some 3 us per KB of plain words, twice that where
there are digits) and, where it cannot be imported, RE2's set. Both see the plain bytes of
`found.narrow`, so that word boundaries and classes are ASCII in both.

Most of the time would go to few triggers: long lists of short words. They stand behind gates, and
are only looked for where the gate's cheap pattern matched.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

_RE2_MEMORY_BYTES = 256 << 20
# Ordinary text has one place in 30 to 100 characters. Each costs a call, so where they stand
# much closer than that only the bit set is asked for.
_PLACES_FLOOR, _CHARS_PER_PLACE = 256, 16

Place = tuple[int, int]
Places = list[Place]
Trigger = str | tuple[str, ...]
"""A pattern, or several of which any will do: lists of words are found much faster apart."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The triggers with the numbers `behind` count only where `opens` matches."""

    opens: Trigger
    behind: frozenset[int]


class Prefilter(Protocol):
    """Bit i of an answer is set when trigger i matches somewhere and its gate, if any, is open."""

    def hits(self, data: bytes) -> int:
        """The matching triggers as a bit set."""

    def look(self, data: bytes) -> tuple[int, Places | None]:
        """The same, and (trigger, end of a match), in order of the ends; None for too many.

        At least one place for each stretch that a trigger matches; for those from `unplaced` on
        there is none or any one.
        """


class CompiledStore(Protocol):
    """Keeps what was compiled between starts: most of a start's time. Raises nothing.

    What it gives back is taken for the very bytes that were kept: it has to make sure of that.
    """

    def load(self, recipe: str) -> bytes | None:
        """What was kept under this name; None when there is nothing, or nothing sound."""

    def keep(self, recipe: str, data: bytes) -> None:
        """Keep it, if that can be done."""

    def __hash__(self) -> int:
        """Prefilters are built once for each store."""


class _Database:
    """Numbered patterns; each thread has its own scratch space, as Hyperscan demands."""

    def __init__(
        self,
        triggers: Sequence[tuple[int, Trigger]],
        reported_once: int,
        store: CompiledStore | None,
    ) -> None:
        """The first match only of triggers with numbers from `reported_once` on."""
        import hyperscan

        once = hyperscan.HS_FLAG_SINGLEMATCH
        patterns = [
            (number, each.encode("ascii"), once if number >= reported_once else 0)
            for number, trigger in triggers
            for each in _parts(trigger)
        ]
        # Another version, pattern, number or flag is another recipe.
        told = repr((getattr(hyperscan, "__version__", ""), patterns)).encode()
        self._database: Any = _from_store(store, hashlib.sha256(told).hexdigest(), patterns)
        self._new_scratch = hyperscan.Scratch
        self._local = threading.local()

    def scan(self, data: bytes, found: Places, most: int) -> None:
        """Append (number, end) of each match; raises ScanTerminated beyond `most`."""
        try:
            scratch = self._local.scratch
        except AttributeError:
            scratch = self._local.scratch = self._new_scratch(self._database)
        self._database.scan(data, match_event_handler=_note, context=(found, most), scratch=scratch)


def _from_store(
    store: CompiledStore | None, recipe: str, patterns: list[tuple[int, bytes, int]]
) -> Any:
    """The compiled patterns, from the store if they are there and this processor can run them."""
    import hyperscan

    kept = store.load(recipe) if store is not None else None
    if kept is not None:
        with contextlib.suppress(hyperscan.error):
            return hyperscan.loadb(kept, mode=hyperscan.HS_MODE_BLOCK)
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    numbers, expressions, flags = zip(*patterns, strict=True)
    database.compile(expressions=expressions, ids=numbers, flags=flags)
    if store is not None:
        store.keep(recipe, hyperscan.dumpb(database))
    return database


class HyperscanPrefilter:
    """A database for what has no gate and for the gates, and one for what is behind each.

    They report every match, and text may be made so that there is one at each character. Another
    one, that reports each trigger once, serves then; it takes half a second to compile, and is,
    when first needed.
    """

    def __init__(
        self,
        triggers: Sequence[Trigger],
        unplaced: int | None = None,
        gates: Sequence[Gate] = (),
        store: CompiledStore | None = None,
    ) -> None:
        import hyperscan

        self._terminated = hyperscan.ScanTerminated
        self._count, self._gates = len(triggers), gates
        placed = self._count if unplaced is None else unplaced
        listed = list(enumerate(triggers))
        self._openers = [(self._count + at, gate.opens) for at, gate in enumerate(gates)]
        gated = frozenset[int]().union(*(gate.behind for gate in gates))
        free = [each for each in listed if each[0] not in gated]
        self._first = _Database(free + self._openers, placed, store)
        self._behind = [
            _Database([each for each in listed if each[0] in gate.behind], placed, store)
            for gate in gates
        ]
        self._listed, self._store = listed, store
        self._single: _Database | None = None
        self._lock = threading.Lock()

    def hits(self, data: bytes) -> int:
        """See `Prefilter`."""
        with self._lock:
            if self._single is None:
                self._single = _Database(self._listed + self._openers, 0, self._store)
        found: Places = []
        self._single.scan(data, found, 1 << 30)
        return _without_closed(_bits(found), self._count, self._gates)

    def look(self, data: bytes) -> tuple[int, Places | None]:
        """See `Prefilter`."""
        found: Places = []
        most = _PLACES_FLOOR + len(data) // _CHARS_PER_PLACE
        try:
            self._first.scan(data, found, most)
            open_gates = _bits(found) >> self._count
            if open_gates:
                for at, behind in enumerate(self._behind):
                    if open_gates >> at & 1:
                        behind.scan(data, found, most)
                found = sorted((each for each in found if each[0] < self._count), key=_end_of)
        except self._terminated:
            return self.hits(data), None
        return _bits(found), found


def _parts(trigger: Trigger) -> tuple[str, ...]:
    return (trigger,) if isinstance(trigger, str) else trigger


def _note(number: int, _start: int, end: int, _flags: int, context: tuple[Places, int]) -> bool:
    found, most = context
    found.append((number, end))
    return len(found) > most


def _end_of(place: Place) -> int:
    return place[1]


def _bits(found: Places) -> int:
    mask = 0
    for number, _ in found:
        mask |= 1 << number
    return mask


def _without_closed(mask: int, count: int, gates: Sequence[Gate]) -> int:
    """The bits of the `count` triggers; behind them stand the gates', which go."""
    for at, gate in enumerate(gates):
        if not mask >> count + at & 1:
            for number in gate.behind:
                mask &= ~(1 << number)
    return mask & (1 << count) - 1


class Re2Prefilter:
    """The same triggers as one RE2 set, and each alone."""

    def __init__(
        self, triggers: Sequence[Trigger], unplaced: int | None = None, gates: Sequence[Gate] = ()
    ) -> None:
        import re2

        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.max_mem = _RE2_MEMORY_BYTES
        options.log_errors = False
        self._set = re2.Set.SearchSet(options)
        self._count, self._gates = len(triggers), gates
        for trigger in (*triggers, *(gate.opens for gate in gates)):
            self._set.Add("|".join(_parts(trigger)))
        # Matches everything: when it is missing the set ran out of memory, which RE2 tells
        # no otherwise.
        self._sentinel: int = self._set.Add("")
        self._set.Compile()
        placed = triggers if unplaced is None else triggers[:unplaced]
        self._each = [
            re2.compile("|".join(_parts(trigger)).encode("ascii"), options) for trigger in placed
        ]

    def hits(self, data: bytes) -> int:
        """See `Prefilter`."""
        mask = 0
        for number in self._set.Match(data) or ():
            mask |= 1 << number
        if not mask >> self._sentinel:
            raise MemoryError("RE2 set")
        return _without_closed(mask, self._count, self._gates)

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
        found.sort(key=_end_of)
        return mask, found


@cache
def build_prefilter(
    triggers: tuple[Trigger, ...],
    unplaced: int | None = None,
    gates: tuple[Gate, ...] = (),
    store: CompiledStore | None = None,
) -> Prefilter:
    """Hyperscan when it can be imported and runs on this processor, otherwise RE2.

    Built once for each set of triggers: compiling takes a good part of a second, and it holds no
    state.
    """
    try:
        return HyperscanPrefilter(triggers, unplaced, gates, store)
    except Exception:  # missing wheel, or a processor without the instructions it wants
        return Re2Prefilter(triggers, unplaced, gates)
