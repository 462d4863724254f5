# SPDX-License-Identifier: Apache-2.0
"""The context as a memory: places for what is served, and prefixes kept for what may come.

Rules
1. A place is given only with a promise: the request's whole length (prompt and longest answer)
   fits beside what was promised to the others. So nothing that was admitted ever finds the
   context full. Taking cells back from a running answer was not chosen: its prompt would have to
   be read again, seconds of work on the machines this is for.
2. What an ended request leaves in the context is kept until its cells are wanted, the oldest
   first, and never more than `kept_cells` of it.
3. A new request takes the longest common prefix of anything in the context, kept or being served,
   of its own tenant: the timing of an answer tells nobody what another tenant asked
   (CVE-2025-46570). Shared cells are not copied: the sequences branch where they differ.
4. At least the prompt's last token is decoded anew: its logits are not kept.
5. A model whose memory cannot be cut (a recurrent one) shares nothing; `kept_cells` is None.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

from local_engine.cells import CellLedger

# Shorter ones are the template's first words; taking them over costs as much as decoding them.
LEAST_SHARED_TOKENS = 16


class CellStore(Protocol):
    """The context itself. `place` is a sequence id."""

    def copy(self, source: int, target: int, length: int) -> bool:
        """`target` sees the first `length` tokens of `source`; false: it cannot."""
        ...

    def cut(self, place: int, length: int) -> bool:
        """Keep the first `length` tokens of a place; false: it cannot."""
        ...


@dataclass(slots=True, eq=False)
class Holding:
    """One place that is being served. `most` is what was promised to it."""

    place: int
    tenant: str
    tokens: list[int]
    most: int


@dataclass(frozen=True, slots=True)
class _Kept:
    tenant: str
    tokens: list[int]


class ContextMemory:
    """Books and prefixes over a `CellStore`. Used by the engine's thread only."""

    def __init__(
        self, store: CellStore, *, cells: int, places: int, kept_cells: int | None
    ) -> None:
        self._store = store
        self._ledger = CellLedger(cells)
        self._places = list(range(places))
        self._serving: dict[int, Holding] = {}
        self._kept: OrderedDict[int, _Kept] = OrderedDict()  # the oldest first
        self._kept_cells = kept_cells or 0
        self._can_share = kept_cells is not None
        self._promised = 0

    @property
    def used(self) -> int:
        """Cells in use."""
        return self._ledger.used

    @property
    def kept(self) -> int:
        """Cells that only kept prefixes hold."""
        return self._ledger.used - self._ledger.pinned_cells

    @property
    def serving(self) -> int:
        """Places that are being served."""
        return len(self._serving)

    def admit(self, tenant: str, tokens: list[int], most: int) -> Holding | None:
        """A place for a request of at most `most` tokens; None: not now.

        `tokens` is read for the prefix now, and again when the place is left.
        """
        source, shared = self._longest(tenant, tokens)
        if not self._fits(source, shared, most - shared):
            return None
        if not self._places and not self._kept:
            return None
        holding = self._open(tenant, tokens, most, source, shared)
        if not self._fits(-1, 0, 0):  # the prefix could not be taken over after all
            self.leave(holding, keep=False)
            return None
        self._make_room()
        return holding

    def _open(self, tenant: str, tokens: list[int], most: int, source: int, shared: int) -> Holding:
        if not self._places:
            # The one prefix we are about to take over goes last.
            self._evict(next((place for place in self._kept if place != source), source))
        if source not in self._ledger.holders:
            source, shared = -1, 0
        holding = Holding(self._places.pop(), tenant, tokens, most)
        self._serving[holding.place] = holding
        self._ledger.open(holding.place)
        self._promised += most
        self._share(source, holding, shared)
        return holding

    def length(self, holding: Holding) -> int:
        """Tokens of it that are in the context."""
        return self._ledger.length(holding.place)

    def reach_further(self, holding: Holding) -> int:
        """Look again for a longer prefix, before the first decode; how many tokens are there.

        A request that came with the same beginning may have been read meanwhile.
        """
        source, shared = self._longest(holding.tenant, holding.tokens)
        length = self.length(holding)
        # It must fit also when what it has is let go and the store cannot share after all.
        if shared > length and self._fits(-1, 0, length):
            self.cut(holding, 0)
            self._share(source, holding, shared)
            self._make_room()
        return self.length(holding)

    def grow(self, holding: Holding, count: int) -> None:
        """`count` tokens more are about to be decoded."""
        self._ledger.grow(holding.place, count)
        self._promised -= count

    def cut(self, holding: Holding, length: int) -> bool:
        """Only the first `length` tokens stay; false: the store lost the place's contents."""
        self._promised += self.length(holding) - length
        self._ledger.cut(holding.place, length)
        return self._store.cut(holding.place, length)

    def leave(self, holding: Holding, *, keep: bool) -> None:
        """The request has ended; `keep` what it left, for later ones."""
        length = self.length(holding)
        del self._serving[holding.place]
        self._promised -= holding.most - length
        self._ledger.unpin(holding.place)
        self._kept[holding.place] = _Kept(holding.tenant, holding.tokens[:length])
        if not keep or length < LEAST_SHARED_TOKENS:
            self._evict(holding.place)
        else:
            self._drop_covered(holding.place)
        self._make_room()

    def forget(self) -> None:
        """Give up everything that is only kept."""
        while self._kept:
            self._evict(next(iter(self._kept)))

    def _fits(self, source: int, shared: int, more: int) -> bool:
        """Whether `more` may be promised to somebody who takes over a prefix."""
        pinned = self._ledger.pinned_cells + self._ledger.unpinned_in(source, shared)
        return pinned + self._promised + more <= self._ledger.total

    def _longest(self, tenant: str, tokens: list[int]) -> tuple[int, int]:
        """(place, tokens) of the longest usable prefix; (-1, 0) when there is none."""
        if not self._can_share:
            return -1, 0
        best, best_length = -1, LEAST_SHARED_TOKENS - 1
        for place, known, length in self._known(tenant):
            shared = common_prefix(known, tokens, min(length, len(tokens) - 1))
            if shared > best_length:
                best, best_length = place, shared
        return (best, best_length) if best >= 0 else (-1, 0)

    def _known(self, tenant: str) -> list[tuple[int, list[int], int]]:
        """(place, tokens, how many of them are in the context) of everything of a tenant."""
        kept = [
            (place, entry.tokens, len(entry.tokens))
            for place, entry in self._kept.items()
            if entry.tenant == tenant
        ]
        served = [
            (place, holding.tokens, self._ledger.length(place))
            for place, holding in self._serving.items()
            if holding.tenant == tenant
        ]
        return kept + served

    def _share(self, source: int, holding: Holding, shared: int) -> None:
        if not shared:
            return
        if source in self._kept:
            self._kept.move_to_end(source)
        if self._store.copy(source, holding.place, shared):
            self._ledger.share(source, holding.place, shared)
            self._promised -= shared
        else:
            self._store.cut(holding.place, 0)

    def _drop_covered(self, place: int) -> None:
        """A kept prefix of what was just kept adds nothing."""
        entry = self._kept[place]
        covered = [
            other
            for other, known in self._kept.items()
            if other != place
            and known.tenant == entry.tenant
            and entry.tokens[: len(known.tokens)] == known.tokens
        ]
        for other in covered:
            self._evict(other)

    def _make_room(self) -> None:
        """Drop kept prefixes until promises and the bound hold."""
        while self._kept and (
            self._ledger.used + self._promised > self._ledger.total or self.kept > self._kept_cells
        ):
            self._evict(next(iter(self._kept)))

    def _evict(self, place: int) -> None:
        del self._kept[place]
        self._ledger.close(place)
        self._store.cut(place, 0)
        self._places.append(place)


def common_prefix(known: list[int], tokens: list[int], most: int) -> int:
    """Length of the common prefix, at most `most`; by halving, as slices compare in C."""
    low, high = 0, min(most, len(known), len(tokens))
    while low < high:
        middle = (low + high + 1) // 2
        if known[low:middle] == tokens[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
