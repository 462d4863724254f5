# SPDX-License-Identifier: Apache-2.0
"""How urgent a request is, told over the real socket to an engine in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.backends.base import Call, Reply
from gateway.backends.http1 import Client
from gateway.backends.local import LocalEngine
from local_engine.heartbeat import Heart
from local_engine.line import LineEngine
from local_engine.listening import listen
from local_engine.llamacpp import LlamaCppBackend
from local_engine.resident import ResidentMemory
from local_engine.server import EngineServer
from tests.gateway.fakes import chat_body
from tests.local_engine.fake_runtime import FakeRuntime
from tests.local_engine.fakes import FakeEngine
from tests.local_engine.test_server import PROFILE, prepared_for


@dataclass
class Scene:
    """An engine that takes a virtual second for each step, behind its socket."""

    runtime: FakeRuntime
    engine: LineEngine
    local: LocalEngine

    async def ask(
        self,
        deadline_s: float | None = None,
        *,
        text: str = "hi",
        stream: bool = False,
        tier: str = "auto",
    ) -> Reply:
        # The caller's own word for the deadline means nothing.
        asked = chat_body(text, stream=stream, service_tier=tier, nearward_deadline_ms=1)
        return await self.local.send(
            Call("r", "device", "m", asked, stream, None, deadline_s=deadline_s)
        )

    async def held(self, deadline_s: float | None = None) -> asyncio.Task[Reply]:
        """A request that is being answered, and does not end before the gate opens."""
        self.runtime.gate.clear()
        self.runtime.is_decoding.clear()
        asking = asyncio.create_task(self.ask(deadline_s))
        assert await asyncio.to_thread(self.runtime.is_decoding.wait, 5)
        return asking


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    """With one slot, and answers of a hundred tokens."""
    runtime = FakeRuntime(answer=b"x" * 100)
    runtime.step_s, clock = 1.0, runtime.clock
    engine = LineEngine(
        lambda: LlamaCppBackend(runtime, PROFILE, clock=clock), PROFILE, clock=clock
    )
    path = folder / "run" / "e.sock"
    with listen(path) as listener:
        prepared = replace(prepared_for(folder, FakeEngine()), engine=engine)
        server = EngineServer(prepared, heart=Heart(), memory=ResidentMemory())
        running = asyncio.create_task(server.run_on(listener))
        local = LocalEngine(Client(reach="unix"), path)
        try:
            async with asyncio.timeout(5):
                while not engine.status().is_ready:
                    await asyncio.sleep(0.01)
            yield Scene(runtime, engine, local)
        finally:
            runtime.gate.set()
            await local.close()
            server.should_exit = True
            await running


async def test_who_cannot_be_answered_in_time_is_told_before_any_work(tmp_path: Path) -> None:
    """429 while the only slot is taken for longer than the budget; who has time waits."""
    async with scene(tmp_path) as device:
        assert (await device.ask()).status == 200  # now it knows how long answers take
        first = await device.held()
        late = await device.ask(deadline_s=30)
        patient = asyncio.create_task(device.ask(deadline_s=1000))
        device.runtime.gate.set()

        assert late.status == 429
        assert int(dict(late.headers)[b"retry-after"]) > 30
        assert b"engine_busy" in await late.read(1000)
        assert [(await first).status, (await patient).status] == [200, 200]


async def test_a_budget_is_for_the_first_byte(tmp_path: Path) -> None:
    """Of a whole answer that is its end; a stream that was begun in time goes on."""
    async with scene(tmp_path) as device:
        whole = await device.ask(deadline_s=30)
        assert whole.status == 504
        assert b"deadline_exceeded" in await whole.read(1000)
        begun, text = await device.ask(deadline_s=30, stream=True), b""
        while piece := await begun.next():
            text += piece
        assert text.count(b'"x"') == 100
        assert text.endswith(b"data: [DONE]\n\n")
        slow = await device.ask(deadline_s=2, text="more than two steps " * 3, stream=True)
        assert slow.status == 504


async def test_flex_waits_for_the_others_and_nothing_goes_first(tmp_path: Path) -> None:
    """Whoever came earlier; asking for more than the usual gives the usual."""
    ended: list[str] = []

    async def ask(tier: str) -> None:
        await device.ask(tier=tier)
        ended.append(tier)

    async with scene(tmp_path) as device, asyncio.TaskGroup() as tasks:
        first = await device.held()
        for waiting, tier in enumerate(("flex", "default", "priority"), start=1):
            tasks.create_task(ask(tier))
            while device.engine.status().queued < waiting:
                await asyncio.sleep(0.01)
        device.runtime.gate.set()
        assert (await first).status == 200

    assert ended == ["default", "priority", "flex"]
