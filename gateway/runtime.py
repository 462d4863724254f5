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
import time
from collections.abc import Awaitable, Callable, Sequence

import structlog

from gateway.signals.capability import Capability, Snapshot

_log = structlog.get_logger()
_POLL_LOADING_S = 0.1
_POLL_READY_S = 1.0
_RESTART_S = 1.0
_LONGEST_RESTART_S = 60.0
_HEALTHY_S = 60.0
# Exit codes of local_engine's supervisor that no restart undoes: wrong arguments, given up, and
# a fault that only a person can mend.
_GAVE_UP = frozenset({2, 3, 78})
_CURE = "mend what the engine's last lines name (nearward doctor helps), then restart nearward"
_STOP_S = 8.0


async def poll_engine(
    health: Callable[[], Awaitable[Snapshot | None]], capability: Capability
) -> None:
    """Refresh the capability snapshot for ever: often while the engine loads, then each second.

    A report that is late changes nothing: the last one counts until it is stale.
    """
    was_ready = None
    while True:
        snapshot = await health()
        if snapshot is None:
            await asyncio.sleep(_POLL_LOADING_S)
            continue
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
    """Keeps `python -m COMMAND` running; that process supervises the engine, or the pool of them.

    Rules
    1. A supervisor that gave up has its reason (a damaged model, no library, five starts that came
       to nothing): it is not started again. One log line says what to do, the gateway goes on with
       its other destinations, and requests that only the device may answer get 503.
    2. After any other end it is started again: after 1, 2, 4 ... at most 60 s, and after 1 s again
       when it had run for a minute.
    """

    def __init__(self, command: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._arguments = [sys.executable, "-m", *command]
        self._clock = clock
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """Run it until cancelled, or until a restart would not help."""
        failures = 0
        try:
            while True:
                began = self._clock()
                self._process = await asyncio.create_subprocess_exec(
                    *self._arguments, stdin=asyncio.subprocess.DEVNULL, start_new_session=True
                )
                code = await self._process.wait()
                if code in _GAVE_UP:
                    _log.error("engine_gave_up", exit_code=code, what_to_do=_CURE)
                    return
                failures = 0 if self._clock() - began >= _HEALTHY_S else failures
                delay_s = min(_LONGEST_RESTART_S, _RESTART_S * 2.0 ** min(failures, 10))
                failures += 1
                _log.error("engine_supervisor_ended", exit_code=code, restart_in_s=delay_s)
                await asyncio.sleep(delay_s)
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
