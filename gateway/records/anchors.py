# SPDX-License-Identifier: Apache-2.0
"""Where checkpoints are kept besides the log: places that its owner cannot rewrite unseen.

An HTTP endpoint is reached by backends/anchor_post.py, the one of them that needs the transport.
Every anchor takes a Checkpoint and nothing else, which holds no word of any request.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Protocol

from gateway.records.checkpoint import Checkpoint
from gateway.records.lane import DiskThread


class AnchorFailed(Exception):
    """The checkpoint is not there; the next one will be tried."""


class Anchor(Protocol):
    """One place."""

    @property
    def name(self) -> str:
        """For metrics and logs: the kind and where, without credentials."""
        ...

    async def put(self, checkpoint: Checkpoint) -> None:
        """Keep it; raises AnchorFailed."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


class FileAnchor:
    """Appends to a file, on another disk or share; several workers may use one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"file {path}"
        self._thread = DiskThread("audit-anchor")

    async def put(self, checkpoint: Checkpoint) -> None:
        """Append one line and force it to the disk, in a thread; raises AnchorFailed."""
        try:
            await self._thread.call(partial(self._append, checkpoint.to_line()))
        except OSError as error:
            raise AnchorFailed(error.strerror or "write failed") from None

    def _append(self, line: bytes) -> None:
        fd = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            size = os.fstat(fd).st_size
            if size and os.pread(fd, 1, size - 1) != b"\n":
                line = b"\n" + line  # behind what a full disk took of another
            if os.write(fd, line) != len(line):
                raise OSError("the disk took only part of it")
            os.fdatasync(fd)
        finally:
            os.close(fd)

    async def close(self) -> None:
        """End the thread."""
        self._thread.stop()


class RedisAnchor:
    """Adds to a Redis stream (XADD), in the field `checkpoint`. Needs the redis extra."""

    def __init__(self, url: str, stream: str, *, timeout_s: float = 5.0) -> None:
        """Connects on first use. Raises ImportError without the extra, ValueError for a bad URL."""
        from redis.asyncio import Redis

        self._redis = Redis.from_url(
            url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s
        )
        self._stream = stream
        self.name = f"redis {stream}"

    async def put(self, checkpoint: Checkpoint) -> None:
        """XADD; raises AnchorFailed."""
        from redis.exceptions import RedisError

        try:
            await self._redis.xadd(self._stream, {"checkpoint": checkpoint.to_line().strip()})
        except (RedisError, OSError) as error:
            raise AnchorFailed(type(error).__name__) from None

    async def close(self) -> None:
        """Close the connection."""
        await self._redis.aclose()
