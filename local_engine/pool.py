# SPDX-License-Identifier: Apache-2.0
"""Several models, each in a supervised process of its own: `python -m local_engine.pool`.

Whatever one model does to llama.cpp, the others go on. Which of them run is decided by
model_set.py; this is its shell: it starts and ends supervisors, asks engines how they are, and
answers on a control socket (control.py). Requests for answers go to the engines' own sockets.

The main thread alone starts processes: the kernel ends them with the thread that did.
Exit codes: 0 after a signal, 78 when a person must mend something.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

from local_engine.control import ControlServer
from local_engine.device import probe
from local_engine.errors import EXIT_SETUP, LocalEngineError
from local_engine.fit import Load, cell_type, estimate, shape_of
from local_engine.llama_api import KV_TYPES, KvType
from local_engine.model_set import Limits, Model, ModelSet, Start, State
from local_engine.process import PARENT_ENV, die_with_parent, forbid_core_dumps, unblock_signals
from local_engine.selection import CONTEXTS, N_BATCH, SLOTS, is_compiled
from local_engine.store.gguf import read_file
from local_engine.store.manifest import manifests
from local_engine.unix_http import UnixConnection

TURN_S: Final = 0.1
_ASK_READY_S: Final = 1.0
_GRACE_S: Final = 7.0
# Of free memory, when nobody says how much the models may have.
_SHARE: Final = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledModel:
    """A model of the pool, its file and its socket."""

    name: str
    file: Path
    has_own_file: bool
    socket: Path
    embeds: bool = True
    """Whether it may have a second context, for vectors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolOptions:
    """The command line, checked; `common` is handed on to every engine."""

    control: Path
    models: tuple[PooledModel, ...]
    budget_bytes: int | None
    idle_s: float | None
    min_stay_s: float
    n_ctx: int
    engine: str
    kv_type: KvType
    common: tuple[str, ...]


class Engines:
    """The running supervisors and the last report of each engine."""

    def __init__(self, common: Sequence[str]) -> None:
        self._common = list(common)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._killed_at: dict[str, float] = {}
        self.reports: dict[str, dict[str, Any]] = {}

    def start(self, model: PooledModel) -> None:
        """Start a supervisor; the engine comes up by itself."""
        own = ["--own-file"] if model.has_own_file else []
        own += [] if model.embeds else ["--no-embeddings"]
        command = [
            sys.executable, "-m", "local_engine", "--socket", str(model.socket),
            "--model-file", str(model.file), "--model-name", model.name, *own, *self._common,
        ]  # fmt: skip
        environment = {**os.environ, PARENT_ENV: str(os.getpid())}
        self._running[model.name] = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL
        )

    def stop(self, name: str, now: float) -> None:
        """Ask it to end; `ended` kills it when it does not."""
        self._running[name].terminate()
        self._killed_at[name] = now + _GRACE_S

    def ended(self, now: float) -> list[str]:
        """Who is gone since the last call."""
        for name, at in self._killed_at.items():
            if now >= at:
                self._running[name].kill()  # its engine dies with it
        gone = [name for name, process in self._running.items() if process.poll() is not None]
        for name in gone:
            del self._running[name]
            self._killed_at.pop(name, None)
            self.reports.pop(name, None)
        return gone

    def ask(self, model: PooledModel) -> dict[str, Any]:
        """Its /health, {} while there is none; kept in `reports`."""
        report: dict[str, Any] = {}
        try:
            with closing(UnixConnection(str(model.socket), timeout_s=1.0)) as connection:
                connection.request("GET", "/health")
                found = json.loads(connection.getresponse().read())
                report = found if isinstance(found, dict) else {}
        except (OSError, HTTPException, ValueError):
            report = {}
        self.reports[model.name] = report
        return report

    def close(self) -> None:
        """End all, and wait for them."""
        for process in self._running.values():
            process.terminate()
        until = time.monotonic() + _GRACE_S
        for process in self._running.values():
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Pool:
    """Turns events into calls of the model set, and its effects into processes."""

    def __init__(self, options: PoolOptions, models: ModelSet, engines: Engines) -> None:
        self._models = {model.name: model for model in options.models}
        self._set = models
        self._engines = engines
        self._lock = threading.Lock()
        self._asked_at = 0.0

    def turn(self, now: float) -> None:
        """One round: who ended, who is ready, what to do next. Main thread only."""
        gone = self._engines.ended(now)
        reports = self._ask(now)
        with self._lock:
            for name in gone:
                self._set.ended(name, now)
            for name, report in reports.items():
                self._take_in(name, report, now)
            effects = self._set.step(now)
        for effect in effects:
            if isinstance(effect, Start):
                self._engines.start(self._models[effect.name])
            else:
                self._engines.stop(effect.name, now)

    def _ask(self, now: float) -> dict[str, dict[str, Any]]:
        """Reports of those who load, each turn, and of those who are ready, each second."""
        with self._lock:
            states = {name: model.state for name, model in self._set.models.items()}
        asked = {State.LOADING}
        if now - self._asked_at >= _ASK_READY_S:
            self._asked_at = now
            asked.add(State.READY)
        return {n: self._engines.ask(self._models[n]) for n, s in states.items() if s in asked}

    def _take_in(self, name: str, report: dict[str, Any], now: float) -> None:
        if report.get("status") != "ready":
            return
        self._set.became_ready(name, now)
        in_use = sum(int(report.get(count, 0)) for count in ("busy", "queued", "embedding"))
        self._set.seen(name, in_use, float(report.get("idle_s", 0.0)), now)

    def want(self, name: str) -> tuple[int, dict[str, Any]]:
        """Status and body for who wants a model. Any thread."""
        with self._lock:
            if name not in self._set.models:
                return 404, {"reason": "no such model here"}
            answer = self._set.want(name, time.monotonic())
        if answer.is_ready:
            return 200, {"state": State.READY}
        if answer.refusal:
            return 503, {"reason": answer.refusal}
        return 202, {"state": "waiting", "retry_after_s": answer.retry_after_s}

    def unload(self, name: str) -> tuple[int, dict[str, Any]]:
        """Status and body for an operator. Any thread."""
        with self._lock:
            if name not in self._set.models:
                return 404, {"reason": "no such model here"}
            reason = self._set.unload(name)
        return (409, {"reason": reason}) if reason else (200, {"state": State.STOPPING})

    def describe(self) -> dict[str, Any]:
        """All models with their states and last reports. Any thread."""
        with self._lock:
            models = [self._description(model) for model in self._set.models.values()]
            budget, held = self._set.limits.budget_bytes, self._set.held_bytes
        return {"models": models, "budget_bytes": budget, "held_bytes": held}

    def _description(self, model: Model) -> dict[str, Any]:
        return {
            "name": model.name,
            "state": model.state,
            "need_bytes": model.need_bytes,
            "socket": str(self._models[model.name].socket),
            "loads": model.loads,
            "load_s": round(model.load_s, 3),
            "is_waiting": model.name in self._set.line,
            "health": self._engines.reports.get(model.name, {}),
        }


def need_of(model: PooledModel, options: PoolOptions) -> int:
    """Bytes that the model takes, with headroom, from its header. Raises ModelFileError."""
    manifest = manifests().get(model.name)
    wanted = options.n_ctx or (manifest.profile.n_ctx if manifest else 4096)
    shape = shape_of(read_file(model.file))
    is_ours = is_compiled(options.engine)
    load = Load(
        n_ctx=wanted,
        n_batch=N_BATCH,
        slots=SLOTS,
        contexts=CONTEXTS,
        kv_type=cell_type(shape, options.kv_type, is_compiled=is_ours).kv_type,
        embeds=is_ours and model.embeds,
    )
    return estimate(shape, load).wanted


def placed(model: PooledModel, options: PoolOptions, budget: int | None) -> tuple[PooledModel, int]:
    """The model and its need; without vectors where the whole budget does not hold them too."""
    need = need_of(model, options)
    if budget is None or need <= budget:
        return model, need
    without = replace(model, embeds=False)
    least = need_of(without, options)
    if least < need and least <= budget:
        more = -(-(need - budget) >> 20)
        sys.stderr.write(f"no embeddings of {model.name}: memory for all models lacks {more} MiB\n")
    return without, least


def parse_options(arguments: Sequence[str]) -> PoolOptions:
    """Read the command line; exits with 2 and a usage line when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m local_engine.pool")
    parser.add_argument("--control", type=Path, required=True, help="the control socket")
    parser.add_argument(
        "--model", nargs=4, action="append", required=True,
        metavar=("NAME", "FILE", "own|store", "SOCKET"), help="the first one is the resident",
    )  # fmt: skip
    parser.add_argument("--memory-mb", type=int, help="for all models together")
    parser.add_argument("--idle-s", type=float, help="unload what nobody used for so long")
    parser.add_argument("--min-stay-s", type=float, default=30.0)
    parser.add_argument("--ctx", type=int, default=0)
    parser.add_argument("--threads", default="auto")
    parser.add_argument("--gpu-layers", default="auto")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--kv-type", choices=KV_TYPES, default="f16")
    found = parser.parse_args(arguments)
    models = tuple(
        PooledModel(name=name, file=Path(file), has_own_file=kind == "own", socket=Path(socket))
        for name, file, kind, socket in found.model
    )
    common = (
        "--ctx", str(found.ctx), "--threads", found.threads,
        "--gpu-layers", found.gpu_layers, "--engine", found.engine, "--kv-type", found.kv_type,
    )  # fmt: skip
    return PoolOptions(
        control=found.control,
        models=models,
        budget_bytes=None if found.memory_mb is None else found.memory_mb << 20,
        idle_s=found.idle_s,
        min_stay_s=found.min_stay_s,
        n_ctx=found.ctx,
        engine=found.engine,
        kv_type=found.kv_type,
        common=common,
    )


def make_pool(options: PoolOptions, engines: Engines) -> Pool:
    """Work out the needs and the budget. Raises ModelFileError."""
    free, budget = probe().memory_free_bytes, options.budget_bytes
    if budget is None and free is not None:
        budget = int(free * _SHARE)
    found = [placed(model, options, budget) for model in options.models]
    needs = {model.name: need for model, need in found}
    if budget is None:
        budget = sum(needs.values())
    limits = Limits(budget_bytes=budget, idle_s=options.idle_s, min_stay_s=options.min_stay_s)
    options = replace(options, models=tuple(model for model, _ in found))
    return Pool(options, ModelSet(needs, limits, options.models[0].name), engines)


def run(options: PoolOptions) -> int:
    """Until a signal; the exit code."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    engines = Engines(options.common)
    try:
        pool = make_pool(options, engines)
        server = ControlServer(options.control, pool)
    except LocalEngineError as error:
        sys.stderr.write(f"local engine: {error}\n")
        return EXIT_SETUP
    with server:
        try:
            while not stop.wait(TURN_S):
                pool.turn(time.monotonic())
        finally:
            engines.close()
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Harden this process, then run the pool."""
    options = parse_options(sys.argv[1:] if arguments is None else arguments)
    die_with_parent(signal.SIGTERM)
    forbid_core_dumps()
    unblock_signals()
    return run(options)


if __name__ == "__main__":
    sys.exit(main())
