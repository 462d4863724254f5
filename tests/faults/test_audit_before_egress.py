# SPDX-License-Identifier: Apache-2.0
"""I5, joined with the recording sinks: nothing went out that no intent was on record for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from gateway.records.chain import Entry
from gateway.records.selection import entries
from gateway.records.verification import verify_log
from tests.doubles.cloud import HANG, Act, Cloud
from tests.doubles.sink import Canary, Sink
from tests.gateway.fakes import KEY, chat_body
from tests.gateway.serving_gateway import RunningGateway, settings_for

REQUESTS = 40


def intents(directory: Path, destination: str) -> list[Entry]:
    found = entries(directory, 0) if directory.exists() else iter(())
    return [e for e in found if e["event"] == "intent" and e["to"] == destination]


class WatchingSink(Sink):
    """Counts, when a connection comes, the intents that are on record by then."""

    def __init__(self, cloud: Cloud, name: str, directory: Path) -> None:
        super().__init__(forward=("127.0.0.1", cloud.port))
        self.name = name
        self.directory = directory
        self.intents_by_then: list[int] = []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.intents_by_then.append(len(intents(self.directory, self.name)))
        await super()._serve(reader, writer)

    @property
    def requests(self) -> int:
        """How many requests came, over all connections."""
        return sum(bytes(flow.sent).count(b"POST /v1/chat/completions ") for flow in self.flows)


class Scene:
    """A gateway, its two clouds with a sink before each, and a client."""

    def __init__(
        self, gateway: RunningGateway, clouds: list[Cloud], sinks: list[WatchingSink]
    ) -> None:
        self.gateway = gateway
        self.clouds = clouds
        self.sinks = sinks
        self.http = httpx.AsyncClient(
            base_url=gateway.url, headers={"authorization": f"Bearer {KEY}"}, trust_env=False
        )

    async def ask(self, canary: Canary, number: int) -> str:
        """One request; its decision id, "" when we left before there was one."""
        body = chat_body(f"Say {canary.token}", model="gpt-4o-mini", stream=number % 3 == 0)
        timeout_s = 0.2 if number % 10 == 9 else 8.0
        with suppress(httpx.ReadTimeout):
            answer = await self.http.post("/v1/chat/completions", json=body, timeout=timeout_s)
            return answer.headers["x-nearward-decision-id"]
        return ""


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    directory = tmp_path / "audit"
    async with (
        Cloud() as c1,
        Cloud() as c2,
        WatchingSink(c1, "c1", directory) as s1,
        WatchingSink(c2, "c2", directory) as s2,
    ):
        shown: Any = [SimpleNamespace(base_url=f"{sink.origin}/v1") for sink in (s1, s2)]
        async with RunningGateway(settings_for(tmp_path, *shown)) as gateway:
            scene = Scene(gateway, [c1, c2], [s1, s2])
            yield scene
            await scene.http.aclose()


async def test_no_connection_without_an_intent(scene: Scene, tmp_path: Path) -> None:
    """Answers, fallbacks and abandoned requests: each that left was on record before.

    No connection is reset here: such a request is written twice under one intent (http1.py).
    """
    failing = (Act(status=429), Act(status=503), HANG, Act(), Act())
    scene.clouds[0].plan(*(failing * (REQUESTS // len(failing))))
    canaries = [Canary.new() for _ in range(REQUESTS)]
    gate = asyncio.Semaphore(8)

    async def one(number: int) -> str:
        async with gate:
            return await scene.ask(canaries[number], number)

    ids = await asyncio.gather(*map(one, range(REQUESTS)))

    for sink in scene.sinks:
        on_record = intents(sink.directory, sink.name)
        by_id = Counter(e["id"] for e in on_record)
        assert sink.requests > 0
        assert sink.requests <= len(on_record)
        # Each connection found at least as many intents as there were connections so far.
        assert all(n >= number for number, n in enumerate(sink.intents_by_then, start=1))
        left = [i for i, canary in zip(ids, canaries, strict=True) if sink.finds(canary)]
        assert all(by_id[found] for found in left if found)
    await scene.gateway.__aexit__()
    report = verify_log(tmp_path / "audit")
    assert (report.faults, report.lost) == ([], 0)


async def test_nothing_leaves_when_nothing_can_be_recorded(scene: Scene) -> None:
    """With a log that fails, no sink sees a connection."""
    writer = scene.gateway.application.audit._writer
    writer._fail(OSError("no space"))
    writer._retry_s = 60.0
    await asyncio.gather(*(scene.ask(Canary.new(), number) for number in range(8)))

    assert [sink.flows for sink in scene.sinks] == [[], []]
