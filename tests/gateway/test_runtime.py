# SPDX-License-Identifier: Apache-2.0
"""Beside the requests: the poll of the engine, the engine's process, start, workers, first key."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway import runtime, serving, worker
from gateway.backends.base import BytesReply, Call
from gateway.backends.egress import Egress, Timeouts
from gateway.backends.errors import ConnectFailed, EgressRefused
from gateway.backends.http1 import Client
from gateway.backends.openai_wire import OpenAIWire, outgoing_body, split_base_url, within
from gateway.bootstrap import build
from gateway.config_file import ConfigError
from gateway.records.audit import verify_directory
from gateway.runtime import EngineProcess, poll_engine
from gateway.signals.capability import UNKNOWN, Capability, Snapshot
from gateway.state.keys import KeyFile, digest_of
from tests.doubles.cloud import Cloud
from tests.gateway.fakes import FakeClock, chat_body
from tests.gateway.serving_gateway import settings_for


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_poll_follows_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each report becomes the snapshot: loading, ready, gone."""
    monkeypatch.setattr(runtime, "_POLL_LOADING_S", 0)
    monkeypatch.setattr(runtime, "_POLL_READY_S", 0)
    reports = [UNKNOWN, Snapshot(True, "m"), Snapshot(True, "m"), UNKNOWN]
    seen: list[bool] = []
    capability = Capability(clock=FakeClock())
    done = asyncio.Event()

    async def health() -> Snapshot:
        seen.append(capability.read().is_ready)
        if len(seen) > len(reports):
            done.set()
            await asyncio.Event().wait()
        return reports[len(seen) - 1]

    task = asyncio.create_task(poll_engine(health, capability))
    await asyncio.wait_for(done.wait(), 2)
    await cancelled(task)

    assert seen == [False, False, True, True, False]


async def test_a_late_report_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one counts until it is stale, and only so long."""
    monkeypatch.setattr(runtime, "_POLL_LOADING_S", 0)
    monkeypatch.setattr(runtime, "_POLL_READY_S", 0)
    reports = iter([Snapshot(True, "m"), None, None])
    seen: list[bool] = []
    clock = FakeClock()
    capability = Capability(clock=clock, stale_s=5)
    done = asyncio.Event()

    async def health() -> Snapshot | None:
        seen.append(capability.read().is_ready)
        if len(seen) == 4:
            done.set()
            await asyncio.Event().wait()
        clock.now += 3
        return next(reports)

    task = asyncio.create_task(poll_engine(health, capability))
    await asyncio.wait_for(done.wait(), 2)
    await cancelled(task)

    assert seen == [False, True, True, False]


def engine_of(code: str) -> EngineProcess:
    engine = EngineProcess([])
    engine._arguments = [sys.executable, "-c", code]
    return engine


async def until(claim: Any) -> None:
    async with asyncio.timeout(10):
        while not claim():
            await asyncio.sleep(0.01)


async def test_engine_process_is_started_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A supervisor that ends is started again, and the gateway goes on."""
    monkeypatch.setattr(runtime, "_RESTART_S", 0)
    log = tmp_path / "starts"
    task = asyncio.create_task(engine_of(f"open({str(log)!r}, 'a').write('x')").run())
    await until(lambda: log.exists() and len(log.read_text()) >= 2)
    await cancelled(task)


async def test_engine_process_waits_longer_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """1, 2, 4 ... 60 s between starts, and 1 s again after a run of a minute."""
    clock, waits = FakeClock(), []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 9:
            raise asyncio.CancelledError

    class Ended:
        returncode = 1

        async def wait(self) -> int:
            if len(waits) == 8:
                clock.now += 60
            return 1

    async def start(*_: object, **__: object) -> Ended:
        return Ended()

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    with pytest.raises(asyncio.CancelledError):
        await EngineProcess([], clock).run()

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 1]


@pytest.mark.parametrize("code", [2, 3, 78])
async def test_engine_process_that_gave_up_is_left_alone(
    tmp_path: Path, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A supervisor that gave up is not started again; one line says what to do."""
    log = tmp_path / "starts"
    engine = engine_of(f"import sys; open({str(log)!r}, 'a').write('x'); sys.exit({code})")
    await asyncio.wait_for(engine.run(), 10)

    assert log.read_text() == "x"
    (line,) = capsys.readouterr().out.splitlines()
    assert "engine_gave_up" in line
    assert "nearward doctor" in line


@pytest.mark.parametrize("stubborn", [False, True])
async def test_engine_process_ends_with_the_gateway(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stubborn: bool
) -> None:
    """A stop ends the engine, one that ignores SIGTERM too."""
    monkeypatch.setattr(runtime, "_STOP_S", 0.2 if stubborn else 5)
    ready = tmp_path / "ready"
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN);" if stubborn else ""
    engine = engine_of(
        f"import signal, time; {ignore} open({str(ready)!r}, 'w').close(); time.sleep(60)"
    )
    task = asyncio.create_task(engine.run())
    await until(ready.exists)
    await cancelled(task)

    process = engine._process
    assert process is not None
    code = await asyncio.wait_for(process.wait(), 5)
    assert code == (-signal.SIGKILL if stubborn else -signal.SIGTERM)


async def test_openai_wire_needs_a_clearance() -> None:
    """Without one nothing is sent, not even a connection."""
    async with Cloud() as cloud:
        egress = Egress(Client())
        wire = OpenAIWire(
            egress, name="c", base_url=cloud.base_url, api_key="", timeouts=Timeouts()
        )
        with pytest.raises(EgressRefused):
            await wire.send(Call("r", "c", "m", chat_body(), False, None))
        await wire.close()
        await egress.close()

        assert cloud.connections == 0


def test_outgoing_body() -> None:
    """The destination's model name, nothing stored when so told, and no word that was for us."""
    metadata = {"nearward_session": "s", "keep": "x"}
    call = Call(
        "r", "c", "up", chat_body(metadata=metadata, store=True), False, None, no_store=True
    )
    body = outgoing_body(call)
    assert (body["model"], body["store"], body["metadata"]) == ("up", False, {"keep": "x"})
    assert call.body["metadata"] == metadata

    only = Call("r", "c", "up", chat_body(metadata={"nearward_a": "b"}), False, None)
    assert "metadata" not in outgoing_body(only)
    assert "store" not in outgoing_body(only)


def test_latency_budget_only_shortens() -> None:
    """A caller's budget bounds the first byte and never lengthens it."""
    timeouts = Timeouts(first_byte_s=10)

    assert within(timeouts, None) is within(timeouts, 20) is timeouts
    assert within(timeouts, 2).first_byte_s == 2


@pytest.mark.parametrize("url", ["http://h:99999/v1", "http://[::1/v1", "https:///v1"])
def test_base_urls_that_are_none(url: str) -> None:
    """A URL that names no origin is a ValueError."""
    with pytest.raises(ValueError):
        split_base_url(url)


async def test_complete_replies_are_read() -> None:
    """A reply that is complete has a body and nothing to close."""
    reply = BytesReply(200, b"x")

    assert await reply.read(1) == b"x"
    reply.close()
    with pytest.raises(AssertionError):
        await reply.next()


def test_first_key(tmp_path: Path) -> None:
    """The first start makes one key and keeps it when told; with any key there, it makes none."""
    bare = settings_for(tmp_path, keys=[])
    first = serving.first_key(bare, "2026-11-01")

    assert first is not None
    assert first.secret not in repr(first)
    assert first.admitted(bare).keys[0].hash == f"sha256:{digest_of(first.secret)}"
    assert KeyFile(tmp_path).read() == []
    first.keep(bare)
    assert KeyFile(tmp_path).read() == [first.stored]
    assert serving.first_key(bare, "2026-11-01") is None
    assert serving.first_key(settings_for(tmp_path / "other"), "2026-11-01") is None


def test_listener_stays_in_its_process(tmp_path: Path) -> None:
    """Only workers are handed the listening socket; the engine's processes do not inherit it."""
    with serving.listen(settings_for(tmp_path)) as listener:
        assert not listener.get_inheritable()


async def test_a_worker_that_cannot_start_ends_the_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only a worker finds (a damaged log) ends in an error, not in silence and exit code 0."""
    monkeypatch.setenv("NEARWARD_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("NEARWARD_DEVICE__ENABLED", "false")
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "0-00000001.jsonl").write_text("")
    settings = settings_for(tmp_path, server={"port": 0, "workers": 2})
    with serving.listen(settings) as listener, pytest.raises(ConfigError, match="could not start"):
        await serving.serve_workers(settings, listener, lambda: None, None)


def test_listen_on_ipv6(tmp_path: Path) -> None:
    """An IPv6 address is bound as such."""
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        listener = serving.listen(settings_for(tmp_path, server={"host": "::1", "port": 0}))
    except ConfigError:
        pytest.skip("no IPv6 loopback here")
    with listener:
        assert listener.family is socket.AF_INET6


async def test_shutdown_closes_backends_and_audit(tmp_path: Path) -> None:
    """The lifespan's end closes what was opened: connections refuse, and the log is closed."""
    async with Cloud() as cloud:
        application = build(settings_for(tmp_path, cloud))
        messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        sent: list[str] = []

        async def receive() -> dict[str, str]:
            return messages.pop(0)

        async def send(message: dict[str, str]) -> None:
            sent.append(message["type"])

        await application.asgi({"type": "lifespan"}, receive, send)

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    # It opened, stated how far it came, and closed.
    assert verify_directory(tmp_path / "audit") == (3, 1, [])
    assert ConnectFailed.code


CONFIG = """device: {enabled: false}
server: {shutdown_grace_s: 1}
log: {level: info}
"""


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Any]:
    """Starts `nearward serve` as a process; yields (process, address) and ends it."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> tuple[subprocess.Popen[str], str]:
        config = tmp_path / "n.yaml"
        config.write_text(CONFIG)
        command = [sys.executable, "-c", "from gateway.cli import main; main()", "serve"]
        process = subprocess.Popen(
            [*command, "--config", str(config), "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "NEARWARD_STATE_DIR": str(tmp_path / "state")},
        )
        processes.append(process)
        assert process.stdout is not None
        first = process.stdout.readline()
        # Read here: communicate() would lose what the reader has buffered.
        assert process.stdout.readline().startswith("API key, shown this once: nw-")
        return process, first.split(" on ")[1].split()[0]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def get(url: str) -> int:
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310
                return int(response.status)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def text_of(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
        return str(answer.read(), "utf-8")


@pytest.mark.parametrize("workers", [1, 2])
def test_serve_and_stop(started: Any, tmp_path: Path, workers: int) -> None:
    """The command serves, with one worker or several, prints its key once, and stops cleanly."""
    process, address = started("--workers", str(workers))
    assert get(f"{address}/health/liveliness") == 200
    assert get(f"{address}/metrics") == 200
    deadline = time.monotonic() + 20
    while len(list((tmp_path / "state" / "audit").glob("*.jsonl"))) < workers:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # Whichever worker answers, it speaks for all of them.
    while "nearward_audit_healthy 1.0" not in text_of(f"{address}/metrics"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)

    assert process.returncode in {0, -signal.SIGTERM}, err
    assert "Traceback" not in err
    _, segments, faults = verify_directory(tmp_path / "state" / "audit")
    assert (segments, faults) == (workers, [])


def test_worker_with_a_bad_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A worker that cannot start says why in one line and exits with 2."""
    monkeypatch.setenv("NEARWARD_CONFIG", str(tmp_path / "none.yaml"))

    assert worker.main(["0", "0"]) == 2
    assert capsys.readouterr().err.startswith("nearward: ")
