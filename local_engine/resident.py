# SPDX-License-Identifier: Apache-2.0
"""How much memory this process holds, read through a file that stays open.

A confined process cannot open /proc any more, but it may go on reading what it has.
"""

from __future__ import annotations

import os
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class ResidentMemory:
    """Sizes in bytes; 0 where the kernel does not tell."""

    def __init__(self, statm: Path = Path("/proc/self/statm")) -> None:
        try:
            self._descriptor = os.open(statm, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._descriptor = -1

    def all_bytes(self) -> int:
        """With the mapped model, as far as it is in memory."""
        return self._pages()[0] * _PAGE_BYTES

    def private_bytes(self) -> int:
        """Without what is mapped from files: what this process alone is the cause of."""
        resident, shared = self._pages()
        return max(0, resident - shared) * _PAGE_BYTES

    def _pages(self) -> tuple[int, int]:
        """Resident and shared (proc(5), statm: size resident shared ...)."""
        try:
            fields = os.pread(self._descriptor, 256, 0).split()
            return int(fields[1]), int(fields[2])
        except (OSError, IndexError, ValueError):
            return 0, 0

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
