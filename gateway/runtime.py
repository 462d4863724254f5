# SPDX-License-Identifier: Apache-2.0
"""What runs beside the requests: the poll of the engine's health, and the engine's process.

The engine is a process of its own that the gateway starts and never imports: whatever a prompt or
a model file does to it, the gateway stays up.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence

import structlog

from gateway.signals.capability import Capability, Snapshot

_log = structlog.get_logger()
_POLL_LOADING_S = 0.1
_POLL_READY_S = 1.0
_RESTART_S = 1.0
_STOP_S = 8.0


async def poll_engine(health: Callable[[], Awaitable[Snapshot]], capability: Capability) -> None:
    """Refresh the capability snapshot for ever: often while the engine loads, then each second."""
    was_ready = None
    while True:
        snapshot = await health()
        capability.update(snapshot)
        if snapshot.is_ready != was_ready:
            was_ready = snapshot.is_ready
            _log.info("engine", is_ready=was_ready, model=snapshot.model)
        await asyncio.sleep(_POLL_READY_S if snapshot.is_ready else _POLL_LOADING_S)


async def every(seconds: float, action: Callable[[], None]) -> None:
    """Run a short action again and again, until cancelled."""
    while True:
        await asyncio.sleep(seconds)
        action()


class EngineProcess:
    """Keeps `python -m local_engine` running; that process supervises the engine itself."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._arguments = [sys.executable, "-m", "local_engine", *arguments]
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """Start it, and start it again when it ends, until cancelled."""
        try:
            while True:
                self._process = await asyncio.create_subprocess_exec(
                    *self._arguments, stdin=asyncio.subprocess.DEVNULL, start_new_session=True
                )
                code = await self._process.wait()
                _log.error("engine_supervisor_ended", exit_code=code)
                await asyncio.sleep(_RESTART_S)
        finally:
            await self._stop()

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
