# SPDX-License-Identifier: Apache-2.0
"""`nearward serve`: one process with the gateway in it, or a parent over several workers.

The listening socket is bound first, so a taken port is one clear line before anything starts.
With several workers the parent owns the socket and the engine, and serves nothing itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import structlog
import uvicorn
from prometheus_client.multiprocess import mark_process_dead

from gateway.app import Gateway
from gateway.bootstrap import Application, build, load_identity
from gateway.config_file import ConfigError
from gateway.engine_program import engine_command
from gateway.front import FrontProtocol
from gateway.policy_settings import KeySettings
from gateway.reach import make_backends
from gateway.records.custody import ensure_free
from gateway.rules import make_rules
from gateway.runtime import EngineProcess
from gateway.settings import Settings, find_config, load_settings
from gateway.state.keys import KeyFile, StoredKey, digest_of, new_secret

_log = structlog.get_logger()
_BACKLOG = 2048
_WORKER_RESTART_S = 1.0
CONFIG_FAULT = 2  # exit code of a worker that no restart would help


def listen(settings: Settings) -> socket.socket:
    """The bound socket; raises ConfigError when the address cannot be had."""
    host, port = settings.server.host, settings.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"cannot listen on {host}:{port} ({error.strerror}); "
            "stop what uses it or choose another with --port"
        ) from None
    return listener


@dataclass(frozen=True, slots=True)
class FirstKey:
    """The key of a first start: admitted by what is built with it, stored once that is done."""

    secret: str = field(repr=False)
    stored: StoredKey

    def admitted(self, settings: Settings) -> Settings:
        """The settings with this key among their keys."""
        stored = self.stored
        key = KeySettings(id=stored.id, hash=f"sha256:{stored.sha256}", roles=["admin"])
        return settings.model_copy(update={"keys": [*settings.keys, key]})

    def keep(self, settings: Settings) -> None:
        """Write it to the key file; raises ConfigError when that cannot be done."""
        KeyFile(settings.state_dir).add(self.stored)


def first_key(settings: Settings, today: str) -> FirstKey | None:
    """A key for the first start, stored nowhere yet; None when there are keys already."""
    if settings.api_key is not None or settings.keys or KeyFile(settings.state_dir).read():
        return None
    secret = new_secret()
    return FirstKey(secret, StoredKey("first", digest_of(secret), "default", "admin", today))


def uvicorn_config(settings: Settings, gateway: Gateway) -> uvicorn.Config:
    """How uvicorn runs the gateway: its hot routes by a short road, no logs, bounded stop."""
    return uvicorn.Config(
        gateway,
        loop="uvloop",
        http=partial(FrontProtocol, gateway.hot()),  # type: ignore[arg-type]
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(settings.server.shutdown_grace_s),
    )


def settle_memory() -> None:
    """Take what start-up made out of the collector's sight, and let it run less often.

    Requests make no cycles to speak of; at Python's default of 700 allocations the collector ran
    several times for each and took 4% of the time. What compiling the detector's patterns took
    goes back to the system: a tenth of the memory.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    with contextlib.suppress(OSError, AttributeError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)


async def serve_here(
    settings: Settings,
    listener: socket.socket,
    announce: Callable[[], None],
    config: Path | None = None,
    load: Callable[[], Settings] | None = None,
) -> None:
    """One process: the gateway, with the engine's supervisor beside it.

    `announce` is called when all is built and the address answers.
    """
    application = build(settings, config=config, load=load)
    _reload_on_hangup(application)
    settle_memory()
    server = uvicorn.Server(uvicorn_config(settings, application.asgi))
    with contextlib.closing(application.audit):
        listener.listen(_BACKLOG)
        announce()
        async with _engine(settings):
            await server.serve(sockets=[listener])


def _try_parts(settings: Settings) -> None:
    """What each worker will build; raises ConfigError or AuditBusy with one clear line."""
    for make in (load_identity, make_rules, make_backends):
        make(settings)
    for worker in range(settings.server.workers):
        ensure_free(settings.state_dir / "audit", worker)


async def serve_worker(settings: Settings, listener: socket.socket, worker: int) -> None:
    """One of several workers; the parent runs the engine."""
    application = build(settings, worker=worker, config=find_config(None), load=load_settings)
    _reload_on_hangup(application)
    settle_memory()
    server = uvicorn.Server(uvicorn_config(settings, application.asgi))
    await server.serve(sockets=[listener])


def _reload_on_hangup(application: Application) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, application.reload.request)


async def serve_workers(
    settings: Settings,
    listener: socket.socket,
    announce: Callable[[], None],
    config: Path | None,
) -> None:
    """The parent of several workers: starts them, restarts one that dies, stops all together.

    `announce` is called when their parts are known to be sound, and before they read the keys.
    """
    _try_parts(settings)
    listener.listen(_BACKLOG)
    announce()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    workers: dict[int, asyncio.subprocess.Process] = {}
    loop.add_signal_handler(signal.SIGHUP, _pass_on_hangup, workers)
    with tempfile.TemporaryDirectory(prefix="nearward-metrics-") as metrics_dir:
        environment = {
            **os.environ,
            "PROMETHEUS_MULTIPROC_DIR": metrics_dir,
            # The command line may have said so; workers read the config and the environment.
            "NEARWARD_SERVER__WORKERS": str(settings.server.workers),
        }
        if config is not None:
            environment["NEARWARD_CONFIG"] = str(config)
        async with _engine(settings), asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_keep_worker(worker, listener, environment, stop, workers))
                for worker in range(settings.server.workers)
            ]
    if not all(task.result() for task in tasks):
        raise ConfigError("a worker could not start; its line above says why")


def _pass_on_hangup(workers: Mapping[int, asyncio.subprocess.Process]) -> None:
    """All workers reload. One that is still starting ends by it, and starts with the new files."""
    for process in workers.values():
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGHUP)


async def _keep_worker(
    worker: int,
    listener: socket.socket,
    environment: dict[str, str],
    stop: asyncio.Event,
    running: dict[int, asyncio.subprocess.Process],
) -> bool:
    """Until told to stop, which is true, or until a fault that no restart helps: false."""
    command = [sys.executable, "-m", "gateway.worker", str(listener.fileno()), str(worker)]
    stopping = asyncio.create_task(stop.wait())
    while not stop.is_set():
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, pass_fds=[listener.fileno()]
        )
        running[worker] = process
        ended = asyncio.create_task(process.wait())
        await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if process.returncode is not None:
            _forget_gauges(process.pid, environment["PROMETHEUS_MULTIPROC_DIR"])
        if stop.is_set():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await ended
            return True
        _log.error("worker_ended", worker=worker, exit_code=process.returncode)
        if process.returncode == CONFIG_FAULT:
            stop.set()
            return False
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(stopping), _WORKER_RESTART_S)
    return True


def _forget_gauges(pid: int, metrics_dir: str) -> None:
    """A worker that ended has no requests in flight and no health to speak of."""
    mark_process_dead(pid, metrics_dir)  # type: ignore[no-untyped-call]


@contextlib.asynccontextmanager
async def _engine(settings: Settings) -> AsyncIterator[None]:
    if not settings.device.enabled:
        yield
        return
    task = asyncio.create_task(EngineProcess(engine_command(settings)).run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
