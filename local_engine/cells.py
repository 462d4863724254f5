# SPDX-License-Identifier: Apache-2.0
"""Who holds which cells of the context. Pure: it mirrors llama.cpp's unified cache, to the cell.

A cell stores one token's keys and values. A holder (a llama.cpp sequence id) holds a run of them,
one per position; holders that share a prefix hold the same cells. A cell is free again when its
last holder lets go. A pinned holder is one that is being served: its cells cannot be taken away.
"""

from __future__ import annotations


class CellLedger:
    """`total` cells; holders are small integers. Asserts rather than handing out too much."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._free = list(range(total))
        self._held: dict[int, list[int]] = {}
        self._owners = [0] * total
        self._pins = [0] * total
        self._pinned: set[int] = set()
        self.pinned_cells = 0

    @property
    def used(self) -> int:
        """Cells with at least one holder."""
        return self.total - len(self._free)

    @property
    def holders(self) -> tuple[int, ...]:
        """Everybody who is on the books, also with no cell yet."""
        return tuple(self._held)

    def length(self, holder: int) -> int:
        """Cells of one holder, which is its next position."""
        return len(self._held[holder])

    def open(self, holder: int) -> None:
        """A new, pinned holder without cells."""
        assert holder not in self._held, "a holder is opened once"
        self._held[holder] = []
        self._pinned.add(holder)

    def grow(self, holder: int, count: int) -> None:
        """`count` cells more, from the free ones."""
        assert count <= len(self._free), "more cells promised than there are"
        self._add(holder, [self._free.pop() for _ in range(count)])

    def share(self, source: int, target: int, count: int) -> None:
        """`target`, which is empty, holds the first `count` cells of `source` too."""
        assert not self._held[target], "only an empty holder takes a prefix"
        self._add(target, self._held[source][:count])

    def unpinned_in(self, source: int, count: int) -> int:
        """Of its first `count` cells, how many no pinned holder holds; none of a stranger's."""
        pins = self._pins
        return sum(not pins[cell] for cell in self._held.get(source, ())[:count])

    def cut(self, holder: int, length: int) -> None:
        """Keep the first `length` cells."""
        gone = self._held[holder][length:]
        del self._held[holder][length:]
        is_pinned = holder in self._pinned
        for cell in gone:
            if is_pinned:
                self._unpin(cell)
            self._owners[cell] -= 1
            if not self._owners[cell]:
                self._free.append(cell)

    def unpin(self, holder: int) -> None:
        """It is not served any more; what it holds may be taken away."""
        self._pinned.remove(holder)
        for cell in self._held[holder]:
            self._unpin(cell)

    def close(self, holder: int) -> None:
        """Off the books."""
        self.cut(holder, 0)
        self._pinned.discard(holder)
        del self._held[holder]

    def _add(self, holder: int, cells: list[int]) -> None:
        self._held[holder] += cells
        is_pinned = holder in self._pinned
        for cell in cells:
            self._owners[cell] += 1
            if is_pinned:
                self._pins[cell] += 1
                self.pinned_cells += self._pins[cell] == 1

    def _unpin(self, cell: int) -> None:
        self._pins[cell] -= 1
        self.pinned_cells -= not self._pins[cell]
