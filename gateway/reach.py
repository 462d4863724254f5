# SPDX-License-Identifier: Apache-2.0
"""From settings to what opens connections: backends, one pool each, and anchors of the audit log.

Nothing connects before it is used.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from gateway.backends.anchor_post import AnchorPost
from gateway.backends.base import Backend
from gateway.backends.egress import Egress, Timeouts
from gateway.backends.errors import RequestRefused
from gateway.backends.http1 import Client, PoolLimits
from gateway.backends.litellm_cloud import LiteLLMCloud
from gateway.backends.local import LocalEngine
from gateway.backends.local_models import LocalModels
from gateway.backends.openai_wire import OpenAIWire
from gateway.config_file import ConfigError
from gateway.records.anchors import Anchor, FileAnchor, RedisAnchor
from gateway.settings import AnchorSettings, DestinationSettings, Settings


def make_engine(settings: Settings) -> LocalEngine | LocalModels:
    """The device, over clients that open unix sockets only."""
    device = settings.device
    if not device.is_pool:
        return LocalEngine(Client(reach="unix"), engine_socket(settings))
    return LocalModels(
        Client(reach="unix"),
        control_socket(settings),
        {
            model.name: LocalEngine(Client(reach="unix"), model_socket(settings, number))
            for number, model in enumerate(device.all_models())
        },
        default=device.model,
        wait_s=device.load_wait_s,
    )


def engine_socket(settings: Settings) -> Path:
    """Where the engine listens. A unix socket path is limited to 107 bytes."""
    return settings.state_dir / "run" / "engine.sock"


def control_socket(settings: Settings) -> Path:
    """Where the pool of several models listens."""
    return settings.state_dir / "run" / "models.sock"


def model_socket(settings: Settings, number: int) -> Path:
    """Where the engine of one of several models listens."""
    return settings.state_dir / "run" / f"model{number}.sock"


def make_backends(settings: Settings) -> tuple[dict[str, Backend], list[Egress]]:
    """One backend and one egress (own pool, own trust store) for each destination."""
    backends: dict[str, Backend] = {}
    egresses: list[Egress] = []
    for number, d in enumerate(settings.destinations):
        try:
            backends[d.name] = _backend(d, egresses, settings.server.max_response_bytes)
        except ValueError as error:
            raise settings.destination_fault(number, "base_url", str(error)) from None
        except OSError:
            raise settings.destination_fault(number, "ca_file", "cannot be read") from None
        except RequestRefused as error:
            field = "base_url" if "target" in str(error) else "api_key"
            raise settings.destination_fault(number, field, str(error)) from None
    return backends, egresses


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


def _tls(url: str, ca_file: Path | None) -> ssl.SSLContext | None:
    if not url.startswith("https:"):
        return None
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
