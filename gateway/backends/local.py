# SPDX-License-Identifier: Apache-2.0
"""The on-device engine behind its unix socket. Nothing here can reach the network."""

from __future__ import annotations

from pathlib import Path

import orjson

from gateway.backends.base import PATHS, Call, Reply
from gateway.backends.errors import BackendError, FirstByteTimeout, IdleTimeout, TotalTimeout
from gateway.backends.http1 import Client, Origin, Timeouts, request_head
from gateway.backends.openai_wire import outgoing_body, within
from gateway.limits import Json
from gateway.signals.capability import UNKNOWN, Snapshot, snapshot_of
from policies import Obligation

_HEALTH_TIMEOUTS = Timeouts(connect_s=0.5, first_byte_s=1.0, idle_s=1.0, total_s=2.0)
# A prefill of a full context takes tens of seconds on a small CPU, and the queue is before it.
_CHAT_TIMEOUTS = Timeouts(connect_s=1.0, first_byte_s=300.0, idle_s=60.0, total_s=1800.0)
_HEALTH_BYTES = 64 * 1024
# The engine's word for it: a request that cannot be answered by then is refused at once.
_DEADLINE = "nearward_deadline_ms"


class LocalEngine:
    """The device as a backend."""

    honours = frozenset(Obligation)

    def __init__(self, client: Client, socket: Path) -> None:
        self._client = client
        self._origin = Origin.parse(f"unix:{socket}")
        self._report: Json = {}

    async def send(self, call: Call) -> Reply:
        """Start the call; raises BackendError."""
        body = orjson.dumps(_for_engine(call))
        head = request_head(
            "POST",
            f"/v1{PATHS[call.endpoint]}",
            self._origin.authority,
            [("content-type", "application/json")],
            len(body),
        )
        timeouts = within(_CHAT_TIMEOUTS, call.deadline_s)
        return await self._client.send(self._origin, head, body, timeouts)

    async def health(self) -> Snapshot | None:
        """The engine's own report, UNKNOWN while it gives none, None when it is late.

        Late says nothing: on a busy machine a process that works well can be slow to say so. An
        engine that is gone refuses the connection or breaks it, and that is UNKNOWN at once.
        """
        head = request_head("GET", "/health", self._origin.authority, [], 0)
        try:
            reply = await self._client.send(self._origin, head, b"", _HEALTH_TIMEOUTS)
            report = orjson.loads(await reply.read(_HEALTH_BYTES))
        except (FirstByteTimeout, IdleTimeout, TotalTimeout):
            return None
        except (BackendError, orjson.JSONDecodeError):
            self._report = {}
            return UNKNOWN
        self._report = report if isinstance(report, dict) else {}
        return snapshot_of(self._report) if self._report else UNKNOWN

    def reports(self) -> dict[str, Json]:
        """The last report by model; {} while there is none."""
        model = self._report.get("model")
        return {model: self._report} if isinstance(model, str) else {}

    def describe(self) -> list[Json]:
        """For operators: the one model, as it last reported."""
        return [
            {
                "name": name,
                "state": "ready" if report.get("status") == "ready" else "loading",
                "need_bytes": report.get("memory_estimate_bytes"),
            }
            for name, report in self.reports().items()
        ]

    async def want(self, _model: str) -> tuple[int, Json]:
        """It is loaded as long as nearward runs: 200 when it is there, 202 when it will be."""
        is_ready = self._report.get("status") == "ready"
        return (200, {"state": "ready"}) if is_ready else (202, {"retry_after_s": 2})

    async def unload(self, _model: str) -> tuple[int, Json]:
        """Not with a single model."""
        return 409, {"reason": "this is the only model; device.models lists several"}

    async def close(self) -> None:
        """Close the connections to the engine."""
        await self._client.close()


def _for_engine(call: Call) -> Json:
    body = outgoing_body(call)
    for field in ("user", "metadata", "store", _DEADLINE):
        body.pop(field, None)
    if call.endpoint == "chat":
        body["tenant"] = call.tenant  # whatever the caller wrote there
        if call.deadline_s is not None:
            # What `within` does to the first byte: of a whole answer that is its end.
            body[_DEADLINE] = max(1, int(call.deadline_s * 1000))
    return body
