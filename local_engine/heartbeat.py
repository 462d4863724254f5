# SPDX-License-Identifier: Apache-2.0
"""Whether a process still gets on, told through shared memory.

A decode that does not come back, or a library that keeps Python's lock, leaves nothing in the
process that could say so. So whoever begins something writes down first by when it will be over,
and the supervisor, in another process, looks whether a time has passed.

Rules
1. Each cell holds the monotonic time by which its owner will have written again, or 0 for "at
   rest: nothing is due". Monotonic time is the same for all processes and stands still while
   the machine sleeps.
2. A cell has one owner, which writes eight aligned bytes at once: no lock, no torn value.
3. The bounds are far above the longest lawful time, for a machine that is ten times slower than
   usual. They catch what will never come back, not what is late.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import time
from collections.abc import Callable
from enum import IntEnum
from typing import Final

HEART_ENV: Final = "NEARWARD_ENGINE_HEART"
STEP_BOUND_S: Final = 120.0
LOOP_BOUND_S: Final = 60.0
_BYTES: Final = mmap.PAGESIZE


class Cell(IntEnum):
    """Who writes where."""

    STEP = 0
    """The engine's thread: loading, or a decode."""
    LOOP = 1
    """The server's event loop."""
    VECTORS = 2
    """The embedder's thread: a decode."""


class Heart:
    """The cells, in memory that another process may share. `close` it."""

    def __init__(
        self, descriptor: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Over a file of `new_cells`; without one, for this process only."""
        self._map = mmap.mmap(-1 if descriptor is None else descriptor, _BYTES)
        self._cells = memoryview(self._map).cast("d")
        self._clock = clock

    def promise(self, cell: Cell, within_s: float) -> None:
        """It will be over, or written again, within so many seconds."""
        self._cells[cell] = self._clock() + within_s

    def rest(self, cell: Cell) -> None:
        """Nothing is due."""
        self._cells[cell] = 0.0

    def overdue(self) -> Cell | None:
        """The first cell whose time has passed."""
        now = self._clock()
        return next((cell for cell in Cell if 0.0 < self._cells[cell] < now), None)

    def close(self) -> None:
        """Free the memory; nothing may be called afterwards."""
        self._cells.release()
        self._map.close()


def new_cells() -> int:
    """A descriptor of zeroed memory for a `Heart`, to be handed to a child."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("nearward-heart")
    else:
        with tempfile.TemporaryFile() as stream:
            descriptor = os.dup(stream.fileno())
    os.ftruncate(descriptor, _BYTES)
    return descriptor


def inherited_heart() -> Heart:
    """The supervisor's cells, or private ones when nobody gave any."""
    given = os.environ.get(HEART_ENV, "")
    try:
        return Heart(int(given)) if given.isdigit() else Heart()
    except (OSError, ValueError):
        return Heart()
