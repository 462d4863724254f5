# SPDX-License-Identifier: Apache-2.0
"""The offline explanation: the gateway's own judgement and plan, with no gateway running.

What a running gateway remembers is read where it keeps it, and nothing is written there: the taint
of sessions (a file, or Redis, where asking lets a taint count from now on) and approvals.
"""

from __future__ import annotations

import asyncio
import datetime
import time
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from gateway.bootstrap import (
    load_identity,
    make_approvals,
    make_break_glass,
    make_redactor,
    make_secret,
    make_sessions,
)
from gateway.channel import AsgiChannel
from gateway.config_file import ConfigError
from gateway.exchange import Exchange
from gateway.explanation import explained
from gateway.identity import Identity, Key, Principal
from gateway.judgement import Judge
from gateway.limits import Limits
from gateway.rules import known_tenants, make_rules
from gateway.settings import Settings
from gateway.signals.capability import Capability, Snapshot
from gateway.signals.complexity import score
from gateway.signals.configured import make_detector
from gateway.signals.reading import SignalReader
from gateway.state.approvals import Approval, Approvals
from gateway.state.keys import digest_of
from gateway.state.secret import Secret
from gateway.state.session_file import SessionFile
from gateway.state.sessions import Sessions
from policies import DataClass

_KEY = "explain"
Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Asker:
    """Who is taken to ask: the owner of the key `key_id`, or else somebody of `tenant`.

    `is_approved` supposes that a person approved the request.
    """

    key_id: str = ""
    tenant: str = ""
    is_approved: bool = False

    def principal(self, settings: Settings) -> Principal:
        """Raises ConfigError for a key or a tenant that is not known."""
        if self.tenant and self.tenant not in known_tenants(settings):
            raise ConfigError(f"--tenant: no key is of the tenant {self.tenant}")
        if not self.key_id:
            # An operator asks: also what an emergency would open, or a second factor.
            tenant = self.tenant or "default"
            return Principal(_KEY, tenant, "user", may_break_glass=True, mfa="header")
        found = load_identity(settings).known_as(self.key_id)
        if found is None:
            raise ConfigError(f"--key: no key has the id {self.key_id}")
        if self.tenant not in ("", found.tenant):
            raise ConfigError(f"--tenant: the key {self.key_id} is of the tenant {found.tenant}")
        return found


class _ReadFile(SessionFile):
    """The file of a gateway that may be running: only it writes there."""

    def holds(self, code: str, data_class: DataClass) -> bool:
        """So that nothing is ever appended."""
        return True


class _Asked:
    """What sessions have carried, with nothing raised."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self.watch, self.holds, self.forget = sessions.watch, sessions.holds, sessions.forget
        self.close = sessions.close

    async def raise_to(self, tenant: str, session: str, data_class: DataClass) -> DataClass:
        """The class that the session would have."""
        carried = await self._sessions.raise_to(tenant, session, DataClass.PUBLIC)
        return DataClass.join(carried, data_class)


class _Approved(Approvals):
    """Somebody said yes to everything."""

    def look(self, approval_id: str) -> Approval:
        """See Approvals."""
        return Approval(approval_id, "approved")


async def explain_offline(
    settings: Settings, body: bytes, headers: list[Header], asker: Asker | None = None
) -> bytes:
    """The explanation as JSON; raises GatewayError for a request the gateway would refuse.

    The device is taken to be ready with the configured context. Raises ConfigError.
    """
    judge = _judge(settings, asker or Asker())
    exchange = _exchange(settings, body, headers)
    try:
        return explained(await judge.judge(exchange))
    finally:
        exchange.close()
        await judge.sessions.close()


def _judge(settings: Settings, asker: Asker) -> Judge:
    capability = Capability(clock=time.monotonic)
    device = settings.device
    capability.update(Snapshot(device.enabled, device.model, "", device.context_tokens))
    secret = _secret(settings)
    rules = make_rules(settings)
    detector = make_detector(settings)
    approvals = make_approvals(settings, secret)
    if asker.is_approved:
        approvals = _Approved(settings.state_dir, secret=secret, clock=time.time, ttl_s=0)
    return Judge(
        identity=Identity([Key(digest_of(_KEY), asker.principal(settings))]),
        signals=SignalReader(scanner=detector, score=score, capability=capability),
        sessions=_Asked(make_sessions(settings, secret, stored=_ReadFile)),
        rules=lambda: rules,
        default_class=settings.policy.default_class,
        today=lambda: datetime.datetime.now(datetime.UTC).date(),
        break_glass=make_break_glass(settings, secret),
        redactor=make_redactor(settings, detector),
        approvals=approvals,
    )


def _secret(settings: Settings) -> Secret:
    """The gateway's own, under which it keeps sessions and approvals; none is made here."""
    has_run = settings.state.secret is not None or (settings.state_dir / "secret").is_file()
    return make_secret(settings) if has_run else Secret(b"offline")


def _exchange(settings: Settings, body: bytes, headers: list[Header]) -> Exchange:
    pending = [{"type": "http.request", "body": body}]

    async def receive() -> MutableMapping[str, Any]:
        if not pending:
            await asyncio.Event().wait()  # the person at the terminal does not leave
        return pending.pop()

    async def send(_: dict[str, Any]) -> None:
        raise AssertionError("an explanation answers nobody")

    own = [h for h in headers if h[0] not in (b"authorization", b"x-api-key")]
    channel = AsgiChannel([*own, (b"x-api-key", _KEY.encode())], receive, send)
    exchange = Exchange(channel, Limits(body_bytes=settings.server.max_body_bytes))
    exchange.open()
    return exchange
