# SPDX-License-Identifier: Apache-2.0
"""The one place where parts are wired together. Opens files, no network connection."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import os
import ssl
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from fastapi import FastAPI

from gateway.api.classify import ClassifyEndpoint
from gateway.api.web import Web, make_web
from gateway.app import Gateway, Handler
from gateway.backends.anchor_post import AnchorPost
from gateway.backends.base import Backend
from gateway.backends.egress import Egress, Timeouts
from gateway.backends.errors import RequestRefused
from gateway.backends.http1 import Client, PoolLimits
from gateway.backends.litellm_cloud import LiteLLMCloud
from gateway.backends.local import LocalEngine
from gateway.backends.openai_wire import OpenAIWire, split_base_url
from gateway.break_glass import BreakGlass
from gateway.config_file import ConfigError
from gateway.errors import NotFound
from gateway.execution import Executor
from gateway.identity import Identity, Key, Principal
from gateway.judgement import Judge
from gateway.limits import Limits
from gateway.pipeline import Pipeline
from gateway.records.anchors import Anchor, FileAnchor, RedisAnchor
from gateway.records.archive import Archive
from gateway.records.audit import AuditLog
from gateway.records.journal import Journal
from gateway.records.keeping import Keeper, Pace, Shelf
from gateway.records.metrics import Metrics
from gateway.records.writer import Rotation
from gateway.reload import Reload, Rules
from gateway.routing.breaker import Breaker, State
from gateway.routing.plan import Planner, Route
from gateway.runtime import every, poll_engine
from gateway.settings import AnchorSettings, DestinationSettings, Settings
from gateway.signals.capability import Capability
from gateway.signals.complexity import score
from gateway.signals.privacy import Detector
from gateway.signals.reading import SignalReader
from gateway.state.keys import KeyFile, digest_of
from gateway.state.redis_sessions import RedisSessions
from gateway.state.secret import Secret, stored_secret
from gateway.state.sessions import MemorySessions, RefusedSessions, Sessions
from policies import (
    Baa,
    Destination,
    PackSource,
    Policy,
    PolicyError,
    Retention,
    Tier,
    builtin_pack,
    load_policy,
)

_Watch = Callable[[], Coroutine[Any, Any, None]]
DEVICE = "device"
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
    detector = Detector()
    audit, keeper = _audit(settings, worker)
    journal = Journal(
        audit, metrics, clock=time.time, syncs_every_class=settings.audit.durability == "strict"
    )
    secret = _secret(settings)
    sessions = _sessions(settings, secret, metrics)
    signals = SignalReader(scanner=detector, score=score, capability=capability)
    judge = Judge(
        identity=identity,
        signals=signals,
        sessions=sessions,
        rules=reload.rules,
        default_class=settings.policy.default_class,
        today=_today,
        break_glass=make_break_glass(settings, secret),
    )
    engine = LocalEngine(Client(reach="unix"), engine_socket(settings))
    backends, egresses = make_backends(settings)
    backends[DEVICE] = engine
    breakers = {d.name: Breaker(clock=time.monotonic) for d in settings.destinations}
    executor = Executor(backends, breakers, journal, settings.server.max_response_bytes)
    pipeline = Pipeline(judge, executor, journal)
    limits = Limits(body_bytes=settings.server.max_body_bytes)
    take_stock = partial(_take_stock, metrics, audit, keeper, capability, breakers)
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
    closables: list[_Closable] = [*backends.values(), *egresses, sessions]
    watches: list[_Watch] = [partial(every, _FLUSH_S, take_stock), reload.watch, sessions.watch]
    watches.append(keeper.run)
    if settings.device.enabled:
        watches.append(partial(poll_engine, engine.health, capability))
    lifespan = _lifespan(watches, closables, audit, keeper)
    handlers = _hot_routes(pipeline, ClassifyEndpoint(identity, detector, score))
    asgi = Gateway(handlers, make_web(web, version("nearward"), lifespan), limits, metrics)
    return Application(asgi, audit, reload)


def _hot_routes(pipeline: Pipeline, classify: ClassifyEndpoint) -> dict[str, Handler]:
    return {
        "/v1/chat/completions": pipeline.chat,
        "/v1/route/explain": pipeline.explain,
        "/v1/classify": classify.classify,
    }


def _audit(settings: Settings, worker: int) -> tuple[AuditLog, Keeper]:
    given = settings.audit
    directory = settings.state_dir / "audit"
    anchors = make_anchors(settings)  # before the log: a fault here must leave none behind
    audit = AuditLog(
        directory,
        clock=time.time,
        worker=worker,
        rotation=Rotation(int(given.rotate_mb * 1024 * 1024), given.rotate_s),
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
            Principal(k.id, k.tenant, k.roles[0], frozenset(k.may_relax), k.may_break_glass),
        )
        for k in settings.keys
    ]
    keys += [
        Key(k.sha256, Principal(k.id, k.tenant, k.role, may_break_glass=k.may_break_glass))
        for k in KeyFile(settings.state_dir).read()
    ]
    if settings.api_key is not None:
        secret = settings.api_key.get_secret_value()
        keys.append(Key(digest_of(secret), Principal("bootstrap", "default", "admin")))
    return Identity(keys)


def make_rules(settings: Settings) -> Rules:
    """Policy and planner over the same destinations; raises ConfigError."""
    return Rules(make_policy(settings), make_planner(settings))


def make_policy(settings: Settings) -> Policy:
    """The configured packs over the configured destinations; raises ConfigError."""
    packs = [_pack(settings, number) for number in range(len(settings.policy.packs))]
    packs += [_pack_file(settings, number) for number in range(len(settings.policy.files))]
    there = [_destination(settings, number) for number in range(len(settings.destinations))]
    try:
        return load_policy(packs, [_device(), *there])
    except PolicyError as error:
        if error.file in map(str, settings.policy.files):
            raise ConfigError(str(error)) from None
        section = "destinations" if error.file == "destinations" else "policy"
        raise ConfigError(f"{settings.where(section)}: {error.message}") from None


def make_planner(settings: Settings) -> Planner:
    """Routes for the device and every destination."""
    routes = [Route(DEVICE, Tier.DEVICE, {settings.device.model: settings.device.model})]
    routes += [
        Route(
            d.name,
            d.tier,
            d.models,
            d.region,
            d.cost.output_per_mtok,
            OpenAIWire.honours if d.kind == "openai" else LiteLLMCloud.honours,
        )
        for d in settings.destinations
    ]
    planner = Planner(
        routes,
        aliases=settings.aliases,
        strong_fraction=settings.routing.strong_fraction,
        device_is_on=settings.device.enabled,
    )
    for alias in settings.aliases:
        try:
            planner.read_model(alias)
        except NotFound:
            raise ConfigError(
                f"{settings.where('aliases', alias)}: alias {alias}: "
                f"{settings.aliases[alias]} is no model of this gateway"
            ) from None
    return planner


def make_backends(settings: Settings) -> tuple[dict[str, Backend], list[Egress]]:
    """One backend and one egress (own pool, own trust store) for each destination."""
    backends: dict[str, Backend] = {}
    egresses: list[Egress] = []
    for number, d in enumerate(settings.destinations):
        try:
            backends[d.name] = _backend(d, egresses, settings.server.max_response_bytes)
        except ValueError as error:
            raise _destination_fault(settings, number, "base_url", str(error)) from None
        except OSError:
            raise _destination_fault(settings, number, "ca_file", "cannot be read") from None
        except RequestRefused as error:
            field = "base_url" if "target" in str(error) else "api_key"
            raise _destination_fault(settings, number, field, str(error)) from None
    return backends, egresses


def _destination_fault(settings: Settings, number: int, field: str, problem: str) -> ConfigError:
    name = settings.destinations[number].name
    where = settings.where("destinations", number, field)
    return ConfigError(f"{where}: destination {name}: {field}: {problem}")


def _backend(d: DestinationSettings, egresses: list[Egress], response_bytes: int) -> Backend:
    timeouts = Timeouts(**d.timeouts.model_dump())
    api_key = d.api_key.get_secret_value()
    if d.kind != "openai":
        return LiteLLMCloud(
            name=d.name,
            kind=d.kind,
            base_url=d.base_url,
            api_key=api_key,
            timeouts=timeouts,
            response_bytes=response_bytes,
        )
    tls = _tls(d.base_url, d.ca_file)
    egress = Egress(Client(tls, limits=PoolLimits(max_connections=d.max_connections)))
    egresses.append(egress)
    return OpenAIWire(egress, name=d.name, base_url=d.base_url, api_key=api_key, timeouts=timeouts)


def make_anchors(settings: Settings) -> list[Anchor]:
    """Where checkpoints of the audit log go besides the log; raises ConfigError."""
    return [_anchor(number, a) for number, a in enumerate(settings.audit.anchors)]


def _anchor(number: int, a: AnchorSettings) -> Anchor:
    where = f"audit.anchors.{number}"
    try:
        if a.file is not None:
            return FileAnchor(a.file)
        if a.redis is not None:
            return RedisAnchor(a.redis.get_secret_value(), a.stream)
        url = a.url or ""
        limits = PoolLimits(max_connections=1)
        return AnchorPost(
            Client(_tls(url, a.ca_file), limits=limits), url, a.token.get_secret_value()
        )
    except OSError:
        raise ConfigError(f"{where}: ca_file cannot be read") from None
    except ImportError:
        raise ConfigError(f"{where}: redis: install nearward[redis] for this") from None
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None
    except RequestRefused:
        raise ConfigError(f"{where}: token or url: not fit for a header") from None


def engine_socket(settings: Settings) -> Path:
    """Where the engine listens. A unix socket path is limited to 107 bytes."""
    return settings.state_dir / "run" / "engine.sock"


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
) -> None:
    """Set the gauges and hand on the counts: when somebody looks, and every second."""
    metrics.audit_healthy.set(audit.is_healthy)
    metrics.anchors_failing.set(keeper.failing)
    metrics.engine_ready.set(capability.read().is_ready)
    for name, breaker in breakers.items():
        metrics.breaker_open.labels(name).set(breaker.state is not State.CLOSED)
    metrics.flush()


def make_break_glass(settings: Settings, secret: Secret) -> BreakGlass:
    """How claims of an emergency are weighed."""
    return BreakGlass(secret=secret, longest_s=settings.policy.break_glass_max_s, now=_now)


def check_store(settings: Settings) -> None:
    """Raises ConfigError when the store of sessions could not be used; connects to nothing."""
    if settings.state.store == "memory":
        return
    try:
        RedisSessions(settings.state.store, secret=Secret(b""), clock=time.monotonic)
    except ConfigError as error:
        raise ConfigError(f"{settings.where('state', 'store')}: {error}") from None


def _secret(settings: Settings) -> Secret:
    given = settings.state.secret
    return Secret(given.get_secret_value().encode()) if given else stored_secret(settings.state_dir)


def _sessions(settings: Settings, secret: Secret, metrics: Metrics) -> Sessions:
    """Session taint, where all processes see it: a taint that another missed is a leak."""
    state, untainted = settings.state, settings.policy.default_class
    if state.store != "memory":
        return RedisSessions(
            state.store,
            secret=secret,
            clock=time.monotonic,
            count=lambda outcome: metrics.session_store.add((outcome,)),
            untainted=untainted,
            ttl_s=state.session_ttl_s,
            timeout_s=state.timeout_s,
        )
    if settings.server.workers > 1:
        return RefusedSessions()
    return MemorySessions(
        secret=secret, clock=time.monotonic, untainted=untainted, ttl_s=state.session_ttl_s
    )


def _device() -> Destination:
    return Destination(name=DEVICE, tier=Tier.DEVICE)


def _destination(settings: Settings, number: int) -> Destination:
    d = settings.destinations[number]
    try:
        origin, _ = split_base_url(d.base_url)
    except ValueError as error:
        raise _destination_fault(settings, number, "base_url", str(error)) from None
    return Destination(
        name=d.name,
        tier=d.tier,
        region=d.region,
        jurisdiction=d.jurisdiction,
        baa=Baa(id=d.baa.id, expires=d.baa.expires, scope=frozenset(d.baa.scope))
        if d.baa
        else None,
        retention=Retention(zero_data=d.retention.zero_data, days=d.retention.days)
        if d.retention
        else None,
        trains_on_data=d.trains_on_data,
        origin=origin.text,
    )


def _pack(settings: Settings, number: int) -> PackSource:
    try:
        return builtin_pack(settings.policy.packs[number])
    except PolicyError as error:
        where = settings.where("policy", "packs", number)
        raise ConfigError(f"{where}: {error.file}: {error.message}") from None


def _pack_file(settings: Settings, number: int) -> PackSource:
    path = settings.policy.files[number]
    try:
        return PackSource(name=str(path), data=path.read_bytes())
    except OSError as error:
        where = settings.where("policy", "files", number)
        raise ConfigError(f"{where}: {path}: cannot be read ({error.strerror})") from None


def _tls(url: str, ca_file: Path | None) -> ssl.SSLContext | None:
    if not url.startswith("https:"):
        return None
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _today() -> datetime.date:
    return _now().date()
