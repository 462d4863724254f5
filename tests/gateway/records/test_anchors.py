# SPDX-License-Identifier: Apache-2.0
"""Anchors: each keeps the checkpoint, or says that it does not."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.backends.anchor_post import AnchorPost
from gateway.backends.http1 import Client
from gateway.records.anchors import AnchorFailed, FileAnchor, RedisAnchor
from gateway.records.checkpoint import Checkpoint
from tests.doubles.cloud import Cloud
from tests.doubles.sink import Sink
from tests.gateway.records.test_checkpoint import MADE


async def test_a_file_takes_one_line_for_each(tmp_path: Path) -> None:
    """Checkpoints are appended; what was there stays."""
    anchor = FileAnchor(tmp_path / "anchor.jsonl")
    await anchor.put(MADE)
    await asyncio.gather(anchor.put(MADE), FileAnchor(tmp_path / "anchor.jsonl").put(MADE))
    await anchor.close()

    lines = (tmp_path / "anchor.jsonl").read_bytes().splitlines()
    assert [Checkpoint.from_json(orjson.loads(line)) for line in lines] == [MADE] * 3


async def test_a_file_on_a_disk_that_was_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was taken of a line spoils no later one."""
    path, write = tmp_path / "anchor.jsonl", os.write
    anchor = FileAnchor(path)
    await anchor.put(MADE)
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda fd, data: write(fd, data[:50]))
        with pytest.raises(AnchorFailed):
            await anchor.put(MADE)
    await anchor.put(MADE)
    await anchor.put(MADE)
    await anchor.close()

    line = MADE.to_line()
    assert path.read_bytes() == line + line[:50] + b"\n" + line + line


async def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    """A missing directory is a failure of the anchor, not of the log."""
    with pytest.raises(AnchorFailed, match="No such file"):
        await FileAnchor(tmp_path / "gone" / "anchor.jsonl").put(MADE)


class FakeRedis:
    """Takes XADD, or raises."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.problem = problem
        self.added: list[tuple[str, dict[str, bytes]]] = []
        self.is_closed = False

    async def xadd(self, stream: str, fields: dict[str, bytes]) -> None:
        if self.problem:
            raise self.problem
        self.added.append((stream, fields))

    async def aclose(self) -> None:
        self.is_closed = True


async def test_a_redis_stream_takes_one_entry_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """XADD to the configured stream, with the whole checkpoint in one field."""
    pytest.importorskip("redis", reason="the redis extra is not installed")
    from redis.asyncio import Redis
    from redis.exceptions import ConnectionError as Down

    fake = FakeRedis()
    monkeypatch.setattr(Redis, "from_url", lambda *_, **__: fake)
    anchor = RedisAnchor("redis://:secret@example.test/0", "audit")
    await anchor.put(MADE)
    assert "secret" not in anchor.name

    ((stream, fields),) = fake.added
    assert (stream, Checkpoint.from_json(orjson.loads(fields["checkpoint"]))) == ("audit", MADE)
    fake.problem = Down("nobody there")
    with pytest.raises(AnchorFailed, match="ConnectionError"):
        await anchor.put(MADE)
    await anchor.close()
    assert fake.is_closed


class Endpoint:
    """An HTTP server with one answer."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.got = b""

    async def __aenter__(self) -> Endpoint:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.got += await reader.readuntil(b"\r\n\r\n")
        self.got += await reader.readexactly(len(MADE.to_line()))
        writer.write(self.answer)
        await writer.drain()
        writer.close()


async def test_an_endpoint_takes_the_checkpoint_as_its_body() -> None:
    """POST to path and query as configured, with the token; 2xx is success."""
    answer = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok"
    async with Endpoint(answer) as endpoint:
        url = f"http://127.0.0.1:{endpoint.port}/log?id=7"
        anchor = AnchorPost(Client(), url, "t0ken")
        await anchor.put(MADE)
        await anchor.close()

    head, body = endpoint.got.split(b"\r\n\r\n")
    assert head.startswith(b"POST /log?id=7 HTTP/1.1\r\n")
    assert b"authorization: bearer t0ken" in head.lower()
    assert Checkpoint.from_json(orjson.loads(body)) == MADE
    assert "id=7" not in anchor.name


@pytest.mark.parametrize("status", ["404 Not Found", "500 No", "302 Found"])
async def test_an_endpoint_that_refuses(status: str) -> None:
    """Anything but 2xx is a failure; a redirect is not followed."""
    answer = f"HTTP/1.1 {status}\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
    async with Endpoint(answer.encode()) as endpoint:
        anchor = AnchorPost(Client(), f"http://127.0.0.1:{endpoint.port}")
        with pytest.raises(AnchorFailed, match=f"http_{status[:3]}"):
            await anchor.put(MADE)
        await anchor.close()


async def test_nothing_but_a_checkpoint_is_posted() -> None:
    """Whatever else is handed over, not a byte leaves."""
    other: Any = {"messages": [{"role": "user", "content": "secret"}]}
    async with Cloud() as cloud, Sink(forward=("127.0.0.1", cloud.port)) as sink:
        anchor = AnchorPost(Client(), sink.origin)
        with pytest.raises(AnchorFailed):
            await anchor.put(other)
        await anchor.close()

    assert sink.sent_bytes == 0


async def test_an_endpoint_that_is_down() -> None:
    """No connection is a failure with its code."""
    anchor = AnchorPost(Client(), "http://127.0.0.1:1/")
    with pytest.raises(AnchorFailed, match="upstream_connect_failed"):
        await anchor.put(MADE)
    await anchor.close()
