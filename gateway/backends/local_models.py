# SPDX-License-Identifier: Apache-2.0
"""Several models on the device: a pool that loads and unloads them, and one engine for each.

Rules
1. A request goes straight to its model's own socket. Before that the pool is told that the model
   is wanted, unless it was told within `_TOLD_S`: so a model in use is known to be in use.
2. A model that is not loaded is waited for, at most `wait_s`; then the answer is 429 with the
   pool's estimate as Retry-After. One that can never be loaded is 503.
   What it waited is taken off the budget that the caller gave.
3. A model that was stopped while a request was on its way (no connection) is wanted again, once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import orjson

from gateway.backends.base import BytesReply, Call, Reply
from gateway.backends.errors import BackendError, ConnectFailed, UpstreamError
from gateway.backends.http1 import Client, Origin, Timeouts, request_head
from gateway.backends.local import LocalEngine
from gateway.limits import Json
from gateway.signals.capability import UNKNOWN, Snapshot, snapshot_of
from policies import Obligation

_TIMEOUTS = Timeouts(connect_s=0.5, first_byte_s=2.0, idle_s=2.0, total_s=5.0)
_REPLY_BYTES = 1024 * 1024
_TOLD_S = 1.0
_AGAIN_S = 0.2


class LocalModels:
    """The device as a backend, with several models; `default` is the one that routing means."""

    honours = frozenset(Obligation)

    def __init__(
        self,
        client: Client,
        control: Path,
        engines: Mapping[str, LocalEngine],
        *,
        default: str,
        wait_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._origin = Origin.parse(f"unix:{control}")
        self._engines = engines
        self._default = default
        self._wait_s = wait_s
        self._clock = clock
        self._told_at: dict[str, float] = {}
        self._models: list[Json] = []

    async def send(self, call: Call) -> Reply:
        """Have the model loaded, then start the call; raises BackendError."""
        engine, began = self._engines[call.model], self._clock()
        if not self._was_told(call.model):
            refusal = await self._until_ready(call)
            if refusal is not None:
                return refusal
        try:
            return await engine.send(self._what_is_left(call, began))
        except ConnectFailed:
            left = self._what_is_left(call, began)
            refusal = await self._until_ready(left)
            return refusal or await engine.send(self._what_is_left(call, began))

    def _what_is_left(self, call: Call, began: float) -> Call:
        """The call with the part of its budget that waiting for the model has not taken."""
        if call.deadline_s is None:
            return call
        return call._replace(deadline_s=max(0.0, call.deadline_s - (self._clock() - began)))

    def _was_told(self, model: str) -> bool:
        return self._clock() - self._told_at.get(model, float("-inf")) < _TOLD_S

    async def _until_ready(self, call: Call) -> BytesReply | None:
        """None when the model is there, else the answer for who wanted it (rule 2)."""
        wait_s = self._wait_s if call.deadline_s is None else min(self._wait_s, call.deadline_s)
        until = self._clock() + wait_s
        while True:
            status, body = await self.want(call.model)
            if status == 200:
                self._told_at[call.model] = self._clock()
                return None
            retry_after_s = body.get("retry_after_s")
            if status != 202 or not isinstance(retry_after_s, int):
                return _refusal(503, str(body.get("reason", "the model cannot be loaded")), 60)
            if self._clock() >= until:
                return _refusal(429, "the model is being loaded", retry_after_s)
            await asyncio.sleep(_AGAIN_S)

    async def want(self, model: str) -> tuple[int, Json]:
        """Tell the pool; its status and body. Raises BackendError."""
        return await self._ask("POST", f"/models/{quote(model, safe='')}/want")

    async def unload(self, model: str) -> tuple[int, Json]:
        """Have a model unloaded; the pool's status and body. Raises BackendError."""
        self._told_at.pop(model, None)
        return await self._ask("POST", f"/models/{quote(model, safe='')}/unload")

    async def health(self) -> Snapshot | None:
        """The default model's report and what else can be had, None when the pool is late."""
        try:
            status, body = await self._ask("GET", "/models")
        except ConnectFailed:
            status, body = 503, {}
        except BackendError as error:
            if not isinstance(error, UpstreamError) or error.status != 504:
                return UNKNOWN
            return None
        models = body.get("models")
        if status != 200 or not isinstance(models, list):
            self._models = []
            return UNKNOWN
        self._models = [model for model in models if isinstance(model, dict)]
        return self._snapshot()

    def _snapshot(self) -> Snapshot:
        reports = self.reports()
        return replace(
            snapshot_of(reports.get(self._default, {})),
            loaded=frozenset(n for n, report in reports.items() if report.get("status") == "ready"),
            can_load=frozenset(self._engines),
        )

    def reports(self) -> dict[str, Json]:
        """The last report of each engine, by model, with what the pool knows of it."""
        found: dict[str, Json] = {}
        for model in self._models:
            report: Json = {key: model.get(key) for key in ("loads", "load_s", "state")}
            health = model.get("health")
            report.update(health if isinstance(health, dict) else {})
            found[str(model.get("name"))] = report
        return found

    def describe(self) -> list[Json]:
        """For operators: every model as the pool last described it."""
        keys = ("name", "state", "need_bytes", "loads", "load_s", "is_waiting")
        return [{key: model.get(key) for key in keys} for model in self._models]

    async def _ask(self, method: str, target: str) -> tuple[int, Json]:
        head = request_head(method, target, self._origin.authority, [], 0)
        reply = await self._client.send(self._origin, head, b"", _TIMEOUTS)
        try:
            body = orjson.loads(await reply.read(_REPLY_BYTES))
        except orjson.JSONDecodeError:
            body = {}
        return reply.status, body if isinstance(body, dict) else {}

    async def close(self) -> None:
        """Close the connections to the pool and the engines."""
        await asyncio.gather(self._client.close(), *(e.close() for e in self._engines.values()))


def _refusal(status: int, message: str, retry_after_s: int) -> BytesReply:
    body = orjson.dumps({"error": {"message": message, "code": "model_not_loaded"}})
    headers = [
        (b"content-type", b"application/json"),
        (b"retry-after", str(retry_after_s).encode()),
    ]
    return BytesReply(status, body, headers)
