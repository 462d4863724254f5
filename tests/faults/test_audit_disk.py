# SPDX-License-Identifier: Apache-2.0
"""F12: every call to the disk fails in turn, a file system that is really full, one that hangs."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from gateway.errors import AuditUnavailable
from gateway.records import segment, writer
from gateway.records.audit import AuditBusy, AuditLog, segments, verify_directory
from gateway.records.custody import audit_key
from gateway.records.segment import read_lines
from gateway.records.writer import Rotation
from tests.doubles.cloud import Cloud
from tests.doubles.engine import Engine
from tests.gateway.fakes import KEY, FakeClock, chat_body
from tests.gateway.serving_gateway import RunningGateway, settings_for

CALLS = ("write", "fdatasync", "stat", "fstat", "open", "dup")


class Disk:
    """Stands for the module `os` where segments are written, and fails one call."""

    def __init__(self, fails_at: int, *, takes_bytes: int = -1) -> None:
        self.calls = 0
        self.failed = ""
        self._fails_at = fails_at
        self._takes_bytes = takes_bytes

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        return self._counting(name, real) if name in CALLS else real

    def _counting(self, name: str, real: Any) -> Any:
        def call(*arguments: Any) -> Any:
            self.calls += 1
            if self.calls != self._fails_at:
                return real(*arguments)
            self.failed = name
            if name == "write" and self._takes_bytes >= 0:
                return real(arguments[0], arguments[1][: self._takes_bytes])
            raise OSError(errno.EIO, "Input/output error")

        return call


async def life(directory: Path, timer: FakeClock) -> list[str]:
    """A log's life from start to stop, with every kind of call; the intents that were accepted."""
    log = AuditLog(
        directory,
        clock=FakeClock(),
        timer=timer,
        stall_s=10,
        retry_s=1.0,
        rotation=Rotation(size_bytes=2500),
    )
    accepted = []
    for number in range(8):
        name = f"r{number}"
        try:
            await log.intent({"event": "intent", "id": name, "to": "c1"}, sync=number % 2 == 0)
            accepted.append(name)
        except AuditUnavailable:
            assert not log.is_healthy
            timer.now += 2
        log.outcome({"event": "outcome", "id": name, "to": "device"})
        if number == 3:
            await log.checkpoint()
            timer.now += 2
        while log._is_rotating:
            await asyncio.sleep(0)
    log.close()
    return accepted


def on_record(directory: Path) -> set[str]:
    lines = [x for p in segments(directory, 0) for x in read_lines(p) if x.endswith(b"\n")]
    return {e["id"] for e in map(orjson.loads, lines) if e["event"] == "intent"}


@pytest.mark.parametrize("takes_bytes", [-1, 0, 7, 400])
async def test_every_call_fails_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, takes_bytes: int
) -> None:
    """Whichever call fails, with an error or a short write: what was accepted is on record, the
    log heals, and it verifies. Only a log that cannot even be begun refuses the start.
    """
    failed, nth = set(), 0
    while True:
        nth += 1
        disk = Disk(nth, takes_bytes=takes_bytes)
        directory = tmp_path / str(nth)
        directory.mkdir()
        audit_key(directory)
        with monkeypatch.context() as patched:
            patched.setattr(segment, "os", disk)
            patched.setattr(writer, "os", disk)
            try:
                accepted = await life(directory, FakeClock(100.0))
            except OSError:
                assert nth <= 4  # the first segment: nothing was promised to anyone
                continue
        assert verify_directory(directory)[2] == [], (nth, disk.failed)
        assert set(accepted) <= on_record(directory), (nth, disk.failed)
        if not disk.failed:
            assert len(accepted) == 8
            assert len(segments(directory, 0)) > 1
            break
        assert len(accepted) >= 6, (nth, disk.failed)
        failed.add(disk.failed)
    assert failed >= {"write", "fdatasync", "stat", "open", "dup"}
    assert nth > 30


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 kB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(place)]
    try:
        subprocess.run(mounting, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a file system needs privileges that are not given here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


async def test_a_full_file_system(small_disk: Path) -> None:
    """Full: refused. With room again it heals by itself, and what was accepted is there."""
    directory = small_disk / "audit"
    log = AuditLog(directory, clock=FakeClock(), stall_s=10, flush_s=0.01, retry_s=0.01)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(64 * 1024))
    accepted = []
    for number in range(2000):
        try:
            entry = {"event": "intent", "id": f"r{number}", "to": "c1", "pad": "x" * 200}
            await log.intent(entry, sync=False)
            accepted.append(f"r{number}")
        except AuditUnavailable:
            break
    assert not log.is_healthy
    assert 20 < len(accepted) < 2000
    log.outcome({"event": "outcome", "id": accepted[-1], "to": "c1"})

    filler.unlink()
    async with asyncio.timeout(10):
        while not log.is_healthy:
            await asyncio.sleep(0.01)
    await log.intent({"event": "intent", "id": "last", "to": "c1"}, sync=True)
    log.close()

    assert verify_directory(directory)[2] == []
    assert {*accepted, "last"} <= on_record(directory)


async def test_a_start_on_a_full_file_system(small_disk: Path) -> None:
    """A log that cannot be begun says so, and leaves nothing that a later start trips over."""
    directory = small_disk / "audit"
    AuditLog(directory, clock=FakeClock()).close()
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(bytes(4096))
    with pytest.raises((OSError, AuditBusy)):
        AuditLog(directory, clock=FakeClock())

    filler.unlink()
    AuditLog(directory, clock=FakeClock()).close()
    assert verify_directory(directory) == (4, 2, [])


@pytest.fixture
def hung(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """While cleared, writes of intents wait."""
    release, real = threading.Event(), os.write
    release.set()

    def write(fd: int, data: bytes) -> int:
        if b'"intent"' in data:
            release.wait(10)
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    yield release
    release.set()


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[tuple[RunningGateway, Cloud]]:
    """A gateway with a cloud and a device, both of which answer."""
    async with Cloud() as cloud:
        running = RunningGateway(settings_for(tmp_path, cloud, device={"enabled": True}))
        running.socket_path.parent.mkdir(parents=True, exist_ok=True)
        async with Engine(running.socket_path), running:
            yield running, cloud


async def test_a_hung_file_system_leaves_the_device_answering(
    gateway: tuple[RunningGateway, Cloud], hung: threading.Event
) -> None:
    """Nothing leaves, the device answers, readiness is false; then it heals."""
    running, cloud = gateway
    headers = {"authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=running.url, headers=headers, trust_env=False) as http:

        async def ask(model: str) -> httpx.Response:
            body = chat_body(model=model)
            return await http.post("/v1/chat/completions", json=body, timeout=8)

        async def is_ready() -> bool:
            return (await http.get("/health/readiness")).status_code == 200

        async with asyncio.timeout(5):
            while not await is_ready():
                await asyncio.sleep(0.02)
        hung.clear()
        running.audit_may_take(0.25)
        asked = len(cloud.requests)
        refused = await ask("cloud/gpt-4o-mini")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "audit_unavailable")
        assert (await ask("local/smollm2-135m-instruct-q4_1")).status_code == 200
        checks = (await http.get("/health/readiness")).json()["checks"]
        assert checks == {"audit": False, "device": True}
        assert len(cloud.requests) == asked

        running.audit_may_take(5.0)
        hung.set()
        async with asyncio.timeout(5):
            while not await is_ready():
                await asyncio.sleep(0.02)
        assert (await ask("cloud/gpt-4o-mini")).status_code == 200
