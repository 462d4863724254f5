# SPDX-License-Identifier: Apache-2.0
"""The one place where parts are wired together. Opens files, no network connection."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from fastapi import FastAPI

from gateway.api.admin import Admin, add_admin
from gateway.api.classify import ClassifyEndpoint
from gateway.api.local_models import LocalModelsEndpoint
from gateway.api.web import Web, make_web
from gateway.app import Gateway, Handler
from gateway.backends.local import LocalEngine
from gateway.backends.local_models import LocalModels
from gateway.break_glass import BreakGlass
from gateway.config_file import ConfigError
from gateway.execution import Executor
from gateway.identity import Identity, Key, Principal
from gateway.judgement import Judge
from gateway.limits import Limits
from gateway.pipeline import Pipeline
from gateway.reach import make_anchors, make_backends, make_engine
from gateway.records.archive import Archive
from gateway.records.audit import AuditLog
from gateway.records.journal import Journal
from gateway.records.keeping import Keeper, Pace, Shelf
from gateway.records.metrics import Metrics
from gateway.records.writer import Rotation
from gateway.redaction.redactor import Redactor, Scanner
from gateway.reload import Reload
from gateway.routing.breaker import Breaker, State
from gateway.rules import DEVICE, make_rules
from gateway.runtime import every, poll_engine
from gateway.settings import Settings
from gateway.signals.capability import Capability
from gateway.signals.complexity import score
from gateway.signals.configured import make_scanners
from gateway.signals.privacy import Detector, warm_up
from gateway.signals.privacy.model import packaged
from gateway.signals.reading import SignalReader
from gateway.state.approvals import Approvals
from gateway.state.compiled import CompiledFiles
from gateway.state.keys import KeyFile, digest_of
from gateway.state.redis_sessions import RedisSessions, redis_client
from gateway.state.secret import Secret, stored_secret
from gateway.state.session_file import SessionFile
from gateway.state.sessions import MemorySessions, RefusedSessions, Sessions
from gateway.state.vaults import MemoryShelf, RedisShelf, Vaults
from gateway.wrong_keys import WrongKeys

_Watch = Callable[[], Coroutine[Any, Any, None]]
_FLUSH_S = 1.0


@dataclass(frozen=True, slots=True)
class Application:
    """A wired gateway: the ASGI callable, what must be closed after it, and its rules."""

    asgi: Gateway
    audit: AuditLog
    reload: Reload


def build(
    settings: Settings,
    *,
    worker: int = 0,
    config: Path | None = None,
    load: Callable[[], Settings] | None = None,
) -> Application:
    """Wire one gateway process; raises ConfigError or AuditBusy with one clear line.

    `config` is the file that is watched for new rules, `load` reads the settings again.
    """
    capability = Capability(clock=time.monotonic)
    identity = load_identity(settings)
    metrics = Metrics(multiprocess_dir=os.environ.get("PROMETHEUS_MULTIPROC_DIR"))
    load = load or (lambda: settings)
    reload = Reload(settings, make=make_rules, load=load, config=config, metrics=metrics)
    audit, keeper = _audit(settings, worker, metrics)
    journal = Journal(
        audit, metrics, clock=time.time, syncs_every_class=settings.audit.durability == "strict"
    )
    secret = make_secret(settings)
    count = metrics.session_store
    sessions = make_sessions(settings, secret, lambda outcome: count.add((outcome,)))
    make = partial(Detector, store=CompiledFiles(settings.state_dir / "compiled", secret))
    detector, scanner = make_scanners(settings, make, metrics.privacy_finds.add)
    waits = settings.privacy.presidio is not None
    signals = SignalReader(scanner=scanner, score=score, capability=capability, waits=waits)
    signals.warm_up()
    approvals = make_approvals(settings, secret)
    redactor = make_redactor(settings, detector.uncounted, _vaults(settings, secret))
    judge = _judge(settings, identity, signals, sessions, reload, secret, approvals, redactor)
    backends, egresses = make_backends(settings)
    engine = backends[DEVICE] = make_engine(settings)
    breakers = {d.name: Breaker(clock=time.monotonic) for d in settings.destinations}
    executor = Executor(backends, breakers, journal, settings.server.max_response_bytes)
    pipeline = Pipeline(judge, executor, journal)
    limits = Limits(body_bytes=settings.server.max_body_bytes)
    take_stock = partial(_take_stock, metrics, audit, keeper, capability, breakers, engine=engine)
    web = Web(
        identity=identity,
        limits=limits,
        planner=lambda: reload.rules().planner,
        capability=capability,
        metrics=metrics,
        audit_is_healthy=lambda: audit.is_healthy,
        device_can_serve=lambda: settings.device.enabled,
        take_stock=take_stock,
    )
    watches: list[_Watch] = [reload.watch, sessions.watch, keeper.run]
    watches.append(partial(every, _FLUSH_S, take_stock))
    watches.append(partial(asyncio.to_thread, warm_up, make))
    if settings.device.enabled:
        watches.append(partial(poll_engine, engine.health, capability))
    lifespan = _lifespan(watches, [*backends.values(), *egresses, sessions, judge], audit, keeper)
    hot = _hot_routes(pipeline, ClassifyEndpoint(identity, detector, score))
    wrong_keys = WrongKeys()
    cold = make_web(web, version("nearward"), lifespan, wrong_keys)
    LocalModelsEndpoint(identity, limits, engine).mount(cold)
    add_admin(cold, _admin(settings, identity, limits, reload, approvals, journal, sessions))
    return Application(Gateway(hot, cold, limits, metrics, wrong_keys), audit, reload)


def _judge(  # noqa: PLR0917  one for each thing that a judgement rests on
    settings: Settings,
    identity: Identity,
    signals: SignalReader,
    sessions: Sessions,
    reload: Reload,
    secret: Secret,
    approvals: Approvals,
    redactor: Redactor,
) -> Judge:
    return Judge(
        identity=identity,
        signals=signals,
        sessions=sessions,
        rules=reload.rules,
        default_class=settings.policy.default_class,
        today=_today,
        break_glass=make_break_glass(settings, secret),
        redactor=redactor,
        approvals=approvals,
    )


def _admin(  # noqa: PLR0917  one for each thing that an operator can ask about
    settings: Settings,
    identity: Identity,
    limits: Limits,
    reload: Reload,
    approvals: Approvals,
    journal: Journal,
    sessions: Sessions,
) -> Admin:
    return Admin(
        identity=identity,
        limits=limits,
        rules=reload.rules,
        audit_directory=settings.state_dir / "audit",
        anchor_files=settings.audit.anchor_files,
        approvals=approvals,
        journal=journal,
        sessions=sessions,
    )


def _hot_routes(pipeline: Pipeline, classify: ClassifyEndpoint) -> dict[str, Handler]:
    return {
        "/v1/chat/completions": pipeline.chat,
        "/v1/embeddings": pipeline.embeddings,
        "/v1/route/explain": pipeline.explain,
        "/v1/classify": classify.classify,
    }


def _audit(settings: Settings, worker: int, metrics: Metrics) -> tuple[AuditLog, Keeper]:
    given = settings.audit
    directory = settings.state_dir / "audit"
    anchors = make_anchors(settings)  # before the log: a fault here must leave none behind
    audit = AuditLog(
        directory,
        clock=time.time,
        worker=worker,
        rotation=Rotation(int(given.rotate_mb * 1024 * 1024), given.rotate_s),
        count_dropped=partial(metrics.audit_dropped.add, ()),
    )
    keeper = Keeper(
        audit,
        anchors,
        Pace(given.checkpoint_s, given.checkpoint_records),
        Shelf(Archive(directory, worker), given.retention_days * 86_400, given.compress),
        clock=time.time,
        timer=time.monotonic,
    )
    return audit, keeper


def load_identity(settings: Settings) -> Identity:
    """All keys that may call: from config, from the key file, and the bootstrap key."""
    keys = [
        Key(
            k.hash.removeprefix("sha256:"),
            Principal(
                k.id,
                k.tenant,
                k.roles[0],
                frozenset(k.may_relax),
                k.may_break_glass,
                k.mfa,
                frozenset(k.roles),
            ),
        )
        for k in settings.keys
    ]
    keys += [
        Key(
            k.sha256,
            Principal(k.id, k.tenant, k.role, may_break_glass=k.may_break_glass, mfa=k.mfa),
        )
        for k in KeyFile(settings.state_dir).read()
    ]
    if settings.api_key is not None:
        secret = settings.api_key.get_secret_value()
        keys.append(Key(digest_of(secret), Principal("bootstrap", "default", "admin")))
    return Identity(keys)


class _Closable(Protocol):
    async def close(self) -> None: ...


def _lifespan(
    watches: Sequence[_Watch],
    closables: Sequence[_Closable],
    audit: AuditLog,
    keeper: Keeper,
) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(watch()) for watch in watches]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            try:
                await asyncio.gather(
                    *tasks, *(c.close() for c in closables), return_exceptions=True
                )
                await keeper.finish()
            finally:
                audit.close()

    return lifespan


def _take_stock(
    metrics: Metrics,
    audit: AuditLog,
    keeper: Keeper,
    capability: Capability,
    breakers: Mapping[str, Breaker],
    *,
    engine: LocalEngine | LocalModels,
) -> None:
    """Set the gauges and hand on the counts: when somebody looks, and every second."""
    metrics.audit_healthy.set(audit.is_healthy)
    metrics.anchors_failing.set(keeper.failing)
    metrics.engines.update(engine.reports())
    metrics.engine_ready.set(capability.read().is_ready)
    for name, breaker in breakers.items():
        metrics.breaker_open.labels(name).set(breaker.state is not State.CLOSED)
    metrics.flush()


def make_redactor(settings: Settings, scanner: Scanner, vaults: Vaults | None = None) -> Redactor:
    """How copies without identifiers are made, with the words that the detector calls common."""

    def is_common(word: str) -> bool:
        return word.encode("ascii", "replace") in packaged().lexicon.common

    privacy = settings.privacy
    return Redactor(
        scanner,
        is_common,
        vaults,
        keeps_format=privacy.placeholders == "format_preserving",
        waits=privacy.presidio is not None,
    )


def make_break_glass(settings: Settings, secret: Secret) -> BreakGlass:
    """How claims of an emergency are weighed."""
    return BreakGlass(secret=secret, longest_s=settings.policy.break_glass_max_s, now=_now)


def make_approvals(settings: Settings, secret: Secret) -> Approvals:
    """Where requests wait for a person's approval; nothing is written before one does."""
    return Approvals(
        settings.state_dir / "approvals",
        secret=secret,
        clock=time.time,
        ttl_s=settings.policy.approval_ttl_s,
    )


def check_store(settings: Settings) -> None:
    """Raises ConfigError when the store of sessions could not be used; connects to nothing."""
    if settings.state.store == "memory":
        return
    try:
        RedisSessions(settings.state.store, secret=Secret(b""), clock=time.monotonic)
    except ConfigError as error:
        raise ConfigError(f"{settings.where('state', 'store')}: {error}") from None


def make_secret(settings: Settings) -> Secret:
    """The key of all codes, made if there is none yet; raises ConfigError."""
    given = settings.state.secret
    return Secret(given.get_secret_value().encode()) if given else stored_secret(settings.state_dir)


def make_sessions(
    settings: Settings,
    secret: Secret,
    count: Callable[[str], None] = lambda _: None,
    *,
    stored: type[SessionFile] = SessionFile,
) -> Sessions:
    """Session taint, where all processes see it: a taint that another missed is a leak."""
    state, untainted = settings.state, settings.policy.default_class
    if state.store != "memory":
        return RedisSessions(
            state.store,
            secret=secret,
            clock=time.monotonic,
            count=count,
            untainted=untainted,
            ttl_s=state.session_ttl_s,
            timeout_s=state.timeout_s,
        )
    if settings.server.workers > 1:
        return RefusedSessions()
    file = stored(
        settings.state_dir / "sessions",
        fingerprint=secret.code("session-file"),
        clock=time.time,
        ttl_s=state.session_ttl_s,
    )
    return MemorySessions(
        secret=secret,
        clock=time.monotonic,
        untainted=untainted,
        ttl_s=state.session_ttl_s,
        file=file,
    )


def _vaults(settings: Settings, secret: Secret) -> Vaults:
    """Sealed placeholders of sessions, where their taint is kept, too."""
    state = settings.state
    if state.store == "memory":
        return Vaults(MemoryShelf(clock=time.monotonic, ttl_s=state.session_ttl_s), secret)
    client = redis_client(state.store, state.timeout_s)
    shelf = RedisShelf(client, ttl_s=state.session_ttl_s, timeout_s=state.timeout_s)
    return Vaults(shelf, secret)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _today() -> datetime.date:
    return _now().date()
