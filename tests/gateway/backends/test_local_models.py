# SPDX-License-Identifier: Apache-2.0
"""Several models on the device: which socket a request takes, and what it waits for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.backends import local_models
from gateway.backends.base import Call
from gateway.backends.errors import ConnectFailed
from gateway.backends.http1 import Client, Timeouts
from gateway.backends.local import LocalEngine
from gateway.backends.local_models import LocalModels
from gateway.signals.capability import UNKNOWN
from local_engine.control import ControlServer
from tests.doubles.cloud import HANG, Act, Cloud
from tests.doubles.pool import ScriptedPool
from tests.gateway.fakes import FakeClock, chat_body


@dataclass
class Scene:
    """A device with the models a and b, of which engine doubles answer."""

    pool: ScriptedPool
    backend: LocalModels
    engines: dict[str, Cloud]
    clock: FakeClock

    async def ask(self, model: str, deadline_s: float | None = None) -> tuple[int, dict[str, str]]:
        call = Call("r", "device", model, chat_body(), False, None, deadline_s=deadline_s)
        reply = await self.backend.send(call)
        await reply.read(100_000)
        return reply.status, {k.decode(): v.decode() for k, v in reply.headers}


@asynccontextmanager
async def scene(folder: Path, *, wait_s: float = 60, **states: str) -> AsyncIterator[Scene]:
    """The doubles' sockets are in `folder`."""
    pool, clock = ScriptedPool(**states), FakeClock()
    control = folder / "run" / "models.sock"
    async with AsyncExitStack() as stack:
        stack.enter_context(ControlServer(control, pool))
        engines = {
            name: await stack.enter_async_context(Cloud(unix_path=str(folder / f"{name}.sock")))
            for name in ("a", "b")
        }
        backend = LocalModels(
            Client(reach="unix"),
            control,
            {name: LocalEngine(Client(reach="unix"), folder / f"{name}.sock") for name in engines},
            default="a",
            wait_s=wait_s,
            clock=clock,
        )
        stack.push_async_callback(backend.close)
        yield Scene(pool, backend, engines, clock)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_models, "_AGAIN_S", 0.01)


async def test_a_request_goes_to_its_models_own_socket(tmp_path: Path) -> None:
    """The pool hears of it once a second, not of every request."""
    async with scene(tmp_path, a="ready", b="ready") as device:
        for model in ("a", "b", "b"):
            assert (await device.ask(model))[0] == 200
        assert [len(device.engines[name].requests) for name in ("a", "b")] == [1, 2]
        assert device.engines["b"].requests[0].json["model"] == "b"
        assert device.pool.wants == ["a", "b"]
        device.clock.now += 1
        await device.ask("b")
        assert device.pool.wants == ["a", "b", "b"]


async def test_a_model_that_is_not_loaded_is_waited_for(tmp_path: Path) -> None:
    """And then answers."""
    async with scene(tmp_path, a="ready", b="off") as device:
        assert (await device.ask("b"))[0] == 200
        assert device.pool.wants == ["b"] * 3


async def test_who_would_wait_too_long_is_told_when_to_come_again(tmp_path: Path) -> None:
    """429 with the pool's estimate; a caller's own deadline is shorter still."""
    async with scene(tmp_path, wait_s=0, a="ready", b="off") as device:
        device.pool.asks = 10
        status, headers = await device.ask("b")
        assert (status, headers["retry-after"]) == (429, "7")
    async with scene(tmp_path / "again", wait_s=600, a="ready", b="off") as device:
        device.pool.asks = 10
        assert (await device.ask("b", deadline_s=0))[0] == 429
        assert device.engines["b"].requests == []


async def test_what_was_waited_is_taken_off_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine hears what is left; without a budget it hears of none."""
    async with scene(tmp_path, a="ready", b="off") as device:
        nap = asyncio.sleep

        async def load(seconds: float) -> None:
            device.clock.now += 2
            await nap(0)

        monkeypatch.setattr(asyncio, "sleep", load)
        assert (await device.ask("b", deadline_s=10))[0] == 200
        assert device.engines["b"].requests[0].json["nearward_deadline_ms"] == 6000
        await device.ask("b")
        assert "nearward_deadline_ms" not in device.engines["b"].requests[1].json


async def test_what_can_never_be_loaded_is_503(tmp_path: Path) -> None:
    """With the pool's reason."""
    async with scene(tmp_path, a="off") as device:
        device.pool.refusal = "too large"
        assert (await device.ask("a"))[0] == 503
        device.pool.refusal = ""
        assert (await device.ask("b"))[0] == 503


async def test_a_model_that_was_just_stopped_is_wanted_again(tmp_path: Path) -> None:
    """Once; a pool that is gone as well is an error of the device."""
    async with scene(tmp_path, a="ready", b="ready") as device:
        await device.ask("b")
        await device.engines["b"].stop()
        (tmp_path / "b.sock").unlink(missing_ok=True)
        with pytest.raises(ConnectFailed):
            await device.ask("b")
        assert device.pool.wants == ["b", "b"]


async def test_health_is_the_default_models(tmp_path: Path) -> None:
    """With what is loaded and what can be had; {} from an engine that does not answer."""
    report = {"status": "ready", "model": "a", "n_ctx": 99, "busy": 1}
    async with scene(tmp_path, a="ready", b="off") as device:
        device.pool.health["a"] = report
        found = await device.backend.health()
        assert found
        assert (found.is_ready, found.context_tokens) == (True, 99)
        assert (sorted(found.loaded), sorted(found.can_load)) == (["a"], ["a", "b"])
        assert (found.has("a"), found.has("b")) == (True, False)
        assert device.backend.reports()["a"]["loads"] == 1
        assert device.backend.reports()["a"]["n_ctx"] == 99
        assert device.backend.describe()[1] == {
            "name": "b",
            "state": "off",
            "need_bytes": 5,
            "loads": 1,
            "load_s": 0.5,
            "is_waiting": False,
        }


async def test_a_pool_that_is_gone_is_unknown_and_a_late_one_is_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with one engine."""
    async with scene(tmp_path, a="ready") as device:
        pass
    assert await device.backend.health() == UNKNOWN
    backend = LocalModels(
        Client(reach="unix"), tmp_path / "a.sock", {}, default="a", wait_s=0, clock=FakeClock()
    )
    async with Cloud(unix_path=str(tmp_path / "a.sock")) as nonsense:
        assert await backend.health() == UNKNOWN
        monkeypatch.setattr(local_models, "_TIMEOUTS", Timeouts(first_byte_s=0.05))
        nonsense.plan(HANG)
        assert await backend.health() is None
        await backend.close()


async def test_one_model_answers_the_same_questions(tmp_path: Path) -> None:
    """It cannot be unloaded."""
    async with Cloud(unix_path=str(tmp_path / "e.sock")) as double:
        engine = LocalEngine(Client(reach="unix"), tmp_path / "e.sock")
        assert (engine.reports(), engine.describe()) == ({}, [])
        assert (await engine.want("m"))[0] == 202
        raw = json.dumps({"status": "ready", "model": "m", "memory_estimate_bytes": 7}).encode()
        head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(raw)
        double.plan(Act(raw=head + raw))
        await engine.health()
        assert engine.describe() == [{"name": "m", "state": "ready", "need_bytes": 7}]
        assert (await engine.want("m"))[0] == 200
        assert (await engine.unload("m"))[0] == 409
        await engine.close()
