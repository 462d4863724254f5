# SPDX-License-Identifier: Apache-2.0
"""The taint of sessions on disk, so that a restart of the process forgets none.

    <fingerprint of the secret>
    <code of a session> <class> <expires, seconds since 1970>
    ...

Rules
-----
1. A raise is on the disk before its request goes on. What is written lasts twice as long as the
   taint does, so that the requests that prolong it need no line each.
2. A file that is not whole, or was written under another secret, is in doubt: its reader takes
   every session that it does not know for unknown, as long as a taint lasts.
3. It holds codes and classes: neither a session's nor a tenant's name.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from policies import DataClass

_SPARE_LINES = 10_000


class SessionFile:
    """One process's file. `append` blocks on the disk: call it in a thread."""

    def __init__(
        self, path: Path, *, fingerprint: str, clock: Callable[[], float], ttl_s: float
    ) -> None:
        """Reads what is there; `clock` is the wall clock."""
        self._path = path
        self._fingerprint = fingerprint
        self._clock = clock
        self._ttl_s = ttl_s
        self._lock = threading.Lock()
        self._fd = -1
        self._lines = self._most_lines = 0
        self._kept: dict[str, tuple[DataClass, float]] = {}
        self.is_in_doubt = not self._read()

    def living(self) -> dict[str, tuple[DataClass, float]]:
        """Code to class and the seconds that it still has, of all whose time is not over."""
        now = self._clock()
        living = {
            code: (kept, min(until - now, 2 * self._ttl_s))
            for code, (kept, until) in self._kept.items()
        }
        return {code: entry for code, entry in living.items() if entry[1] > 0}

    def holds(self, code: str, data_class: DataClass) -> bool:
        """Whether the disk has this class of the session for as long as a taint lasts from now."""
        kept, until = self._kept.get(code, (None, 0.0))
        return kept is data_class and until >= self._clock() + self._ttl_s

    def append(self, code: str, data_class: DataClass) -> None:
        """Put a raise on the disk; raises OSError."""
        with self._lock:
            highest = DataClass.join(data_class, self._kept.get(code, (data_class, 0.0))[0])
            until = self._clock() + 2 * self._ttl_s
            try:
                self._put(code, highest, until)
            except OSError:
                self.close()  # the next one writes it anew: this one may end in half a line
                raise

    def drop(self, code: str) -> None:
        """Forget a session, on the disk too; raises OSError, and then it is not forgotten."""
        with self._lock:
            if code in self._kept:
                self._rewrite({name: kept for name, kept in self._kept.items() if name != code})

    def _put(self, code: str, data_class: DataClass, until: float) -> None:
        if self._fd < 0 or self._lines > self._most_lines:
            self._rewrite({**self._kept, code: (data_class, until)})
            return
        self._write(self._fd, _line(code, data_class, until))
        self._lines += 1
        self._kept[code] = data_class, until

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _rewrite(self, kept: dict[str, tuple[DataClass, float]]) -> None:
        """A fresh file with what still counts, in place of the old one."""
        now = self._clock()
        living = {code: entry for code, entry in kept.items() if entry[1] > now}
        lines = [_line(code, *entry) for code, entry in living.items()]
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._path.with_name(f".{self._path.name}-fresh")
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        try:
            self._write(fd, f"{self._fingerprint}\n".encode() + b"".join(lines))
            fresh.replace(self._path)
        except OSError:
            os.close(fd)
            raise
        self.close()
        self._fd, self._kept = fd, living
        self._lines, self._most_lines = len(lines), 2 * len(lines) + _SPARE_LINES

    @staticmethod
    def _write(fd: int, data: bytes) -> None:
        if os.write(fd, data) != len(data):
            raise OSError("the disk took only part of it")
        os.fdatasync(fd)

    def _read(self) -> bool:
        """Take in what the file says; whether it is whole and ours."""
        try:
            head, *lines = self._path.read_text("ascii").split("\n")
            for line in lines[:-1]:
                code, name, until = line.split(" ")
                self._kept[code] = (DataClass(name), float(until))
        except FileNotFoundError:
            return True
        except (OSError, ValueError):
            return False
        return head == self._fingerprint and bool(lines) and lines[-1] == ""


def _line(code: str, data_class: DataClass, until: float) -> bytes:
    return f"{code} {data_class} {until:.0f}\n".encode()
