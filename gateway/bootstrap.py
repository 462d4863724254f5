# SPDX-License-Identifier: Apache-2.0
"""The one place where parts are wired together. Opens files, no network connection."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import os
import ssl
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from fastapi import FastAPI

from gateway.api.classify import ClassifyEndpoint
from gateway.api.web import Web, make_web
from gateway.app import Gateway
from gateway.backends.base import Backend
from gateway.backends.egress import Egress, Timeouts
from gateway.backends.errors import RequestRefused
from gateway.backends.http1 import Client, PoolLimits
from gateway.backends.litellm_cloud import LiteLLMCloud
from gateway.backends.local import LocalEngine
from gateway.backends.openai_wire import OpenAIWire, split_base_url
from gateway.config_file import ConfigError
from gateway.errors import NotFound
from gateway.execution import Executor
from gateway.identity import Identity, Key, Principal
from gateway.judgement import Judge
from gateway.limits import Limits
from gateway.pipeline import Pipeline
from gateway.records.audit import AuditLog
from gateway.records.journal import Journal
from gateway.records.metrics import Metrics
from gateway.routing.plan import Planner, Route
from gateway.runtime import every, poll_engine
from gateway.settings import BaaSettings, DestinationSettings, Settings
from gateway.signals.capability import Capability
from gateway.signals.complexity import score
from gateway.signals.privacy import Detector
from gateway.signals.reading import SignalReader
from gateway.state.keys import KeyFile, digest_of
from gateway.state.sessions import Sessions
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

DEVICE = "device"
_FLUSH_S = 1.0


@dataclass(frozen=True, slots=True)
class Application:
    """A wired gateway: the ASGI callable and what must be closed after it."""

    asgi: Gateway
    audit: AuditLog


def build(settings: Settings, *, worker: int = 0) -> Application:
    """Wire one gateway process; raises ConfigError or AuditBusy with one clear line."""
    capability = Capability(clock=time.monotonic)
    identity = load_identity(settings)
    planner = make_planner(settings)
    policy = make_policy(settings)
    detector = Detector()
    metrics = Metrics(multiprocess_dir=os.environ.get("PROMETHEUS_MULTIPROC_DIR"))
    audit = AuditLog(settings.state_dir / "audit", clock=time.time, worker=worker)
    journal = Journal(
        audit,
        metrics,
        clock=time.time,
        syncs_every_class=settings.audit.durability == "strict",
    )
    judge = Judge(
        identity=identity,
        signals=SignalReader(scanner=detector, score=score, capability=capability),
        sessions=_sessions(settings),
        policy=policy,
        default_class=settings.policy.default_class,
        today=_today,
    )
    engine = LocalEngine(Client(reach="unix"), engine_socket(settings))
    backends, egresses = make_backends(settings)
    backends[DEVICE] = engine
    executor = Executor(backends, journal, settings.server.max_response_bytes)
    pipeline = Pipeline(judge, planner, executor, journal)
    limits = Limits(body_bytes=settings.server.max_body_bytes)
    take_stock = partial(_take_stock, metrics, audit, capability)
    web = Web(
        identity=identity,
        limits=limits,
        planner=planner,
        capability=capability,
        metrics=metrics,
        audit_is_healthy=lambda: audit.is_healthy,
        device_can_serve=lambda: settings.device.enabled,
        take_stock=take_stock,
    )
    closables: list[_Closable] = [*backends.values(), *egresses]

    watches = [partial(every, _FLUSH_S, take_stock)]
    if settings.device.enabled:
        watches.append(partial(poll_engine, engine.health, capability))
    lifespan = _lifespan(watches, closables, audit)
    handlers = {
        "/v1/chat/completions": pipeline.chat,
        "/v1/route/explain": pipeline.explain,
        "/v1/classify": ClassifyEndpoint(identity, detector, score).classify,
    }
    asgi = Gateway(handlers, make_web(web, version("nearward"), lifespan), limits, metrics)
    return Application(asgi, audit)


def load_identity(settings: Settings) -> Identity:
    """All keys that may call: from config, from the key file, and the bootstrap key."""
    keys = [
        Key(
            k.hash.removeprefix("sha256:"),
            Principal(k.id, k.tenant, k.roles[0], frozenset(k.may_relax)),
        )
        for k in settings.keys
    ]
    keys += [
        Key(k.sha256, Principal(k.id, k.tenant, k.role)) for k in KeyFile(settings.state_dir).read()
    ]
    if settings.api_key is not None:
        secret = settings.api_key.get_secret_value()
        keys.append(Key(digest_of(secret), Principal("bootstrap", "default", "admin")))
    return Identity(keys)


def make_policy(settings: Settings) -> Policy:
    """The configured packs over the configured destinations; raises ConfigError."""
    try:
        packs = [builtin_pack(name) for name in settings.policy.packs]
        packs += [_pack_file(path) for path in settings.policy.files]
        return load_policy(packs, [_device(), *map(_destination, settings.destinations)])
    except PolicyError as error:
        raise ConfigError(str(error)) from None


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
        routes, aliases=settings.aliases, strong_fraction=settings.routing.strong_fraction
    )
    try:
        planner.check_aliases()
    except NotFound as error:
        raise ConfigError(error.message) from None
    return planner


def make_backends(settings: Settings) -> tuple[dict[str, Backend], list[Egress]]:
    """One backend and one egress (own pool, own trust store) for each destination."""
    backends: dict[str, Backend] = {}
    egresses: list[Egress] = []
    for d in settings.destinations:
        try:
            backends[d.name] = _backend(d, egresses)
        except ValueError as error:
            raise ConfigError(f"destination {d.name}: base_url: {error}") from None
        except RequestRefused:
            raise ConfigError(
                f"destination {d.name}: api_key or base_url: not fit for a header"
            ) from None
    return backends, egresses


def _backend(d: DestinationSettings, egresses: list[Egress]) -> Backend:
    timeouts = Timeouts(**d.timeouts.model_dump())
    api_key = d.api_key.get_secret_value()
    if d.kind != "openai":
        return LiteLLMCloud(
            name=d.name, kind=d.kind, base_url=d.base_url, api_key=api_key, timeouts=timeouts
        )
    egress = Egress(Client(_tls(d), limits=PoolLimits(max_connections=d.max_connections)))
    egresses.append(egress)
    return OpenAIWire(egress, name=d.name, base_url=d.base_url, api_key=api_key, timeouts=timeouts)


def engine_socket(settings: Settings) -> Path:
    """Where the engine listens. A unix socket path is limited to 107 bytes."""
    return settings.state_dir / "run" / "engine.sock"


class _Closable(Protocol):
    async def close(self) -> None: ...


def _lifespan(
    watches: Sequence[Callable[[], Coroutine[Any, Any, None]]],
    closables: Sequence[_Closable],
    audit: AuditLog,
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
            finally:
                audit.close()

    return lifespan


def _take_stock(metrics: Metrics, audit: AuditLog, capability: Capability) -> None:
    """Set the gauges and hand on the counts: when somebody looks, and every second."""
    metrics.audit_healthy.set(audit.is_healthy)
    metrics.engine_ready.set(capability.read().is_ready)
    metrics.flush()


def _sessions(settings: Settings) -> Sessions | None:
    """Session taint, where one process sees all requests: a taint that another missed is a leak."""
    if settings.server.workers > 1 or settings.state.store != "memory":
        return None
    return Sessions(clock=time.monotonic, untainted=settings.policy.default_class)


def _device() -> Destination:
    return Destination(name=DEVICE, tier=Tier.DEVICE)


def _destination(d: DestinationSettings) -> Destination:
    try:
        origin, _ = split_base_url(d.base_url)
    except ValueError as error:
        raise ConfigError(f"destination {d.name}: base_url: {error}") from None
    return Destination(
        name=d.name,
        tier=d.tier,
        region=d.region,
        jurisdiction=d.jurisdiction,
        baa=_baa(d.baa) if d.baa else None,
        retention=Retention(zero_data=d.retention.zero_data, days=d.retention.days)
        if d.retention
        else None,
        trains_on_data=d.trains_on_data,
        origin=origin.text,
        provider=d.provider,
        account=d.account,
        models=frozenset(d.models.values()),
        features=frozenset(d.features),
        agreements=frozenset(d.agreements),
    )


def _baa(baa: BaaSettings) -> Baa:
    return Baa(
        id=baa.id,
        expires=baa.expires,
        scope=frozenset(baa.scope),
        models=frozenset(baa.models),
        features=frozenset(baa.features),
    )


def _pack_file(path: Path) -> PackSource:
    try:
        return PackSource(name=str(path), data=path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None


def _tls(d: DestinationSettings) -> ssl.SSLContext | None:
    if not d.base_url.startswith("https:"):
        return None
    try:
        context = ssl.create_default_context(cafile=str(d.ca_file) if d.ca_file else None)
    except (OSError, ssl.SSLError):
        raise ConfigError(f"destination {d.name}: ca_file cannot be read") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()
