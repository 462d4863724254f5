# SPDX-License-Identifier: Apache-2.0
"""A whole gateway on a real socket, in the test's own loop, in front of scripted clouds."""

from __future__ import annotations

import asyncio
import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Self
from unittest import mock

import uvicorn

from gateway.bootstrap import Application, build
from gateway.reach import engine_socket
from gateway.serving import listen, uvicorn_config
from gateway.settings import Settings
from gateway.signals.privacy import Detector
from tests.doubles.cloud import Cloud
from tests.gateway.fakes import KEY

# Its tables take a second to build and never change: one serves every test.
_detector = cache(Detector)
KEY_SETTINGS = {"id": "ada", "hash": "sha256:" + hashlib.sha256(KEY.encode()).hexdigest()}


def settings_for(state_dir: Path, *clouds: Cloud, **more: Any) -> Settings:
    """Settings with one key, the open pack, no engine, and clouds named c1, c2 ..."""
    destinations = [
        {
            "name": f"c{number}",
            "tier": "cloud",
            "base_url": cloud.base_url,
            "api_key": "sk-upstream",
            "models": {"gpt-4o-mini": "up-mini"},
            "region": "eu-west-1",
            "cost": {"output_per_mtok": number},
            "timeouts": {"connect_s": 2, "first_byte_s": 2, "idle_s": 2, "total_s": 5},
        }
        for number, cloud in enumerate(clouds, start=1)
    ]
    given: dict[str, Any] = {
        "server": {"port": 0, "shutdown_grace_s": 1},
        "keys": [KEY_SETTINGS],
        "device": {"enabled": False},
        "policy": {"packs": ["open"]},
        "destinations": destinations,
        "aliases": {"gpt-4o": "auto"},
        "state_dir": state_dir,
    }
    return Settings(**{**given, **more})


class RunningGateway:
    """`async with RunningGateway(settings) as gateway`: served until the block ends.

    With `engine` a double listens on the device's unix socket.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        with mock.patch("gateway.bootstrap.Detector", _detector):
            self.application: Application = build(settings)
        self.audit_may_take(5.0)  # a busy test machine must not look like a stalled disk
        self._listener = listen(settings)
        self.port = self._listener.getsockname()[1]
        self._server = uvicorn.Server(uvicorn_config(settings, self.application.asgi))
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        self._task: asyncio.Task[None] | None = None

    def audit_may_take(self, seconds: float) -> None:
        """Bound the audit log's writes and syncs."""
        audit = self.application.audit
        audit._writes._stall_s = audit._syncs._stall_s = seconds

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def audit_directory(self) -> Path:
        return self.settings.state_dir / "audit"

    @property
    def socket_path(self) -> Path:
        return engine_socket(self.settings)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._server._serve([self._listener]))
        async with asyncio.timeout(10):
            while not self._server.started:
                await asyncio.sleep(0.005)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        assert self._task is not None
        await asyncio.wait_for(self._task, 10)
        self._listener.close()
