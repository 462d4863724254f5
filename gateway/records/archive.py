# SPDX-License-Identifier: Apache-2.0
"""Closed segments: compressed at once, deleted when they are older than the law asks for.

Rules
-----
1. The last segment of a worker is never touched: it is the one that is written.
2. A compressed segment takes the plain one's place only when it is whole and on the disk. After a
   crash in between both are there; the plain one counts, and is compressed again. What a crash
   left half done is removed by the next round.
3. Only the oldest segments go, and only when the first one that stays says in its `open` record
   what was before it. That they go is on record before they do.
"""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gateway.records.chain import Entry
from gateway.records.segment import read_opening, segment_name, segments

_LEVEL = 6
_COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Expired:
    """The oldest segments, and the mac of the last record in them."""

    paths: tuple[Path, ...]
    mac: str

    def to_entry(self, t: float) -> Entry:
        """The record that says that they go."""
        return {
            "t": t,
            "event": "retired",
            "through": segment_name(self.paths[-1]),
            "mac": self.mac,
            "segments": len(self.paths),
        }


class Archive:
    """One worker's closed segments. Every method does file work: call it in a thread."""

    def __init__(self, directory: Path, worker: int) -> None:
        self._directory = directory
        self._worker = worker

    def compress(self) -> int:
        """Compress what is closed and plain; how many segments that were. Raises OSError."""
        for path in self._directory.glob(f".packing-{self._worker}-*"):
            path.unlink(missing_ok=True)  # a crash left it
        plain = [p for p in segments(self._directory, self._worker)[:-1] if p.suffix != ".gz"]
        for path in plain:
            _compress(path)
        return len(plain)

    def expired(self, before_t: float) -> Expired | None:
        """The oldest segments if nothing in them is younger than `before_t`. Raises OSError."""
        paths = segments(self._directory, self._worker)
        found = None
        for number, path in enumerate(paths[1:], start=1):
            opening = read_opening(path)
            if opening.get("t", before_t) >= before_t:
                break
            if "mac_before" in opening:
                found = Expired(tuple(paths[:number]), str(opening["mac_before"]))
        return found

    def delete(self, expired: Expired) -> None:
        """Delete them, the oldest first. Raises OSError."""
        for path in expired.paths:
            path.unlink()


def _compress(path: Path) -> None:
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".packing-{path.name}")
    try:
        with os.fdopen(fd, "wb") as target:
            # No name and no time in the file: the same segment gives the same bytes.
            with (
                path.open("rb") as source,
                gzip.GzipFile("", "wb", _LEVEL, target, mtime=0) as packed,
            ):
                shutil.copyfileobj(source, packed, _COPY_BYTES)
            target.flush()
            os.fsync(target.fileno())
        Path(name).replace(path.with_name(path.name + ".gz"))
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    path.unlink()
