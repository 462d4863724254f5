# SPDX-License-Identifier: Apache-2.0
"""A worker's segment files: their names, reading one line by line, and the one that is written.

0-00000001.jsonl.gz   worker 0, first segment, closed and compressed
0-00000002.jsonl      the one that is written
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import re
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import orjson

from gateway.records.chain import Entry

_NAME = re.compile(r"(\d+)-(\d{8,})\.jsonl(\.gz)?")
LONGEST_LINE_BYTES = (1 << 20) - 1
_READ_BYTES = 1 << 20


class SegmentLost(OSError):
    """The file that was being written is no longer what its name stands for."""


def workers(directory: Path) -> list[int]:
    """The numbers of all workers that have segments here."""
    found = (_NAME.fullmatch(path.name) for path in directory.iterdir())
    return sorted({int(match[1]) for match in found if match})


def segments(directory: Path, worker: int) -> list[Path]:
    """One worker's segment files, oldest first; the plain one where a compressed one exists too."""
    found: dict[int, Path] = {}
    for path in directory.glob(f"{worker}-*.jsonl*"):
        match = _NAME.fullmatch(path.name)
        if match and not (match[3] and int(match[2]) in found):
            found[int(match[2])] = path
    return [found[number] for number in sorted(found)]


def segment_name(path: Path) -> str:
    """The name that other records use: without a suffix that says how it is stored."""
    return path.name.removesuffix(".gz")


def read_lines(path: Path) -> Iterator[bytes]:
    """The lines of a segment with their newlines; a last one without is torn.

    Holds one line at a time. Raises OSError, and ValueError for damaged compression or a line
    that no record could be. A plain segment that was packed since it was listed is read packed.
    """
    packed = path.with_name(f"{path.name}.gz")
    if path.suffix != ".gz" and not path.exists() and packed.exists():
        path = packed
    with contextlib.ExitStack() as stack:
        file: BinaryIO = stack.enter_context(path.open("rb", buffering=_READ_BYTES))
        if path.suffix == ".gz":
            unpacked = stack.enter_context(gzip.GzipFile(fileobj=file))
            file = stack.enter_context(io.BufferedReader(unpacked, _READ_BYTES))
        try:
            while line := file.readline(LONGEST_LINE_BYTES + 1):
                if len(line) > LONGEST_LINE_BYTES:
                    raise ValueError("a line longer than any record")
                yield line
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise ValueError("the compressed segment is damaged") from None


def read_opening(path: Path) -> Entry:
    """The `open` record of a segment, unverified; {} when there is none. Raises OSError."""
    try:
        entry = orjson.loads(next(read_lines(path), b""))
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def _unfinished(path: Path) -> str:
    return f".segment-{path.name.split('-', 1)[0]}-"


def clear_unfinished(directory: Path, worker: int) -> None:
    """Remove what a crash left while a segment was made. Only for who holds the worker's lock."""
    for path in directory.glob(f"{_unfinished(Path(f'{worker}-'))}*"):
        path.unlink(missing_ok=True)


class SegmentFile:
    """The segment that is written, by one thread."""

    def __init__(self, path: Path, first_line: bytes) -> None:
        """Create it; it gets its name only when its first record is on the disk: a crash in
        between must not leave a segment that says nothing. Raises OSError.
        """
        self.path = path
        self.size = len(first_line)
        fd, name = tempfile.mkstemp(dir=path.parent, prefix=_unfinished(path))
        try:
            if os.write(fd, first_line) != len(first_line):
                raise OSError("the disk took only part of a record")
            os.fdatasync(fd)
            self._inode = os.fstat(fd).st_ino
            self._fd = os.open(name, os.O_WRONLY | os.O_APPEND)
            try:
                path.hardlink_to(name)  # the last step that may fail
            except OSError:
                os.close(self._fd)
                raise
        finally:
            os.close(fd)
            with contextlib.suppress(OSError):
                Path(name).unlink()

    def append(self, data: bytes) -> None:
        """Write it behind the rest; raises OSError, after which `taken` says how far it got.

        Raises SegmentLost when the file was deleted, replaced or changed by somebody else.
        """
        self._check()
        if os.write(self._fd, data) != len(data):
            raise OSError("the disk took only part of a record")
        self.size += len(data)

    def _check(self) -> None:
        try:
            found = os.stat(self.path)  # noqa: PTH116  a third of the time of Path.stat, each batch
        except FileNotFoundError:
            raise SegmentLost("its segment was deleted") from None
        if found.st_ino != self._inode:
            raise SegmentLost("its segment was replaced")
        if found.st_size != self.size:
            raise SegmentLost("its segment was changed by somebody else")

    def taken(self) -> bytes:
        """What the disk has taken of the write that failed; b"" when it cannot be read."""
        with contextlib.suppress(OSError), self.path.open("rb") as file:
            file.seek(self.size)
            return file.read()
        return b""

    def sync(self) -> None:
        """Force what was written to the disk; raises OSError."""
        os.fdatasync(self._fd)

    def duplicate(self) -> int:
        """A descriptor of its own for the same file."""
        return os.dup(self._fd)

    def close(self) -> None:
        """Release the file."""
        os.close(self._fd)
