# SPDX-License-Identifier: Apache-2.0
"""A whole gateway for tests: real wiring, an engine double at home, a sink and a cloud outside."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.app import Gateway
from gateway.bootstrap import Application, build
from gateway.reach import engine_socket
from gateway.settings import Settings
from tests.doubles.asgi import call, started
from tests.doubles.cloud import Cloud
from tests.doubles.engine import Engine
from tests.doubles.sink import Sink

KEY = "test-key-0123456789"
AUTH = {"authorization": f"Bearer {KEY}"}
CLOUD_MODEL = "cloud-model"


@dataclass
class House:
    """The gateway and everything around it. `settings` are what a reload would read."""

    cloud: Cloud
    sink: Sink
    engine: Engine
    state_dir: Path
    settings: Settings
    application: Application = field(init=False)

    @property
    def app(self) -> Gateway:
        """The gateway as an ASGI application."""
        return self.application.asgi


def destination(origin: str, **changes: Any) -> dict[str, Any]:
    """A cloud destination without a business associate agreement, as config."""
    return {
        "name": "cloud-us",
        "tier": "cloud",
        "base_url": f"{origin}/v1",
        "models": {CLOUD_MODEL: "upstream-model"},
        "region": "us-east-1",
        "jurisdiction": "US",
        "trains_on_data": False,
        **changes,
    }


@asynccontextmanager
async def house(
    destinations: Mapping[str, Mapping[str, Any]] | None = None, **settings: Any
) -> AsyncIterator[House]:
    """A running gateway; `destinations` maps names to changes of the default destination."""
    async with AsyncExitStack() as stack:
        # Short, because the path of a unix socket is limited.
        state_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nw")))
        cloud = await stack.enter_async_context(Cloud())
        sink = await stack.enter_async_context(Sink(forward=("127.0.0.1", cloud.port)))
        chosen = destinations or {"cloud-us": {}}
        config = [destination(sink.origin, name=n, **changes) for n, changes in chosen.items()]
        built = Settings(
            **{"state_dir": state_dir, "api_key": KEY, "destinations": config, **settings}
        )
        engine = Engine(engine_socket(built))
        if built.device.enabled:
            await stack.enter_async_context(engine)
        place = House(cloud, sink, engine, state_dir, built)
        place.application = build(built, load=lambda: place.settings)
        audit = place.application.audit
        audit._writes._stall_s = audit._syncs._stall_s = 10.0  # a busy machine is no stalled disk
        await stack.enter_async_context(started(place.app))
        if built.device.enabled:
            await _until_ready(place.app)
        yield place


async def _until_ready(app: Gateway) -> None:
    for _ in range(200):
        if (await call(app, "/health", method="GET")).status == 200:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the gateway did not become ready")
