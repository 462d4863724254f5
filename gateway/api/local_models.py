# SPDX-License-Identifier: Apache-2.0
"""`/v1/local/models`: what is loaded on the device, and loading and unloading by an admin."""

from __future__ import annotations

from typing import Any, Protocol

import structlog
from fastapi import FastAPI, Request, Response

from gateway.backends.errors import BackendError
from gateway.errors import Conflict, Forbidden, LocalUnavailable, NotFound
from gateway.identity import Identity
from gateway.limits import Json, Limits, read_headers

_log = structlog.get_logger()


class Device(Protocol):
    """The backend of the device, as far as its models are concerned."""

    def describe(self) -> list[Json]:
        """Every model and its state."""
        ...

    async def want(self, model: str) -> tuple[int, Json]:
        """Have it loaded: 200 when it is, 202 when it will be."""
        ...

    async def unload(self, model: str) -> tuple[int, Json]:
        """Have it unloaded: 200, or 409 with a reason."""
        ...


class LocalModelsEndpoint:
    """The handlers. Who may use the gateway may look; only an admin may load and unload."""

    def __init__(self, identity: Identity, limits: Limits, device: Device) -> None:
        self._identity = identity
        self._limits = limits
        self._device = device

    def mount(self, app: FastAPI) -> None:
        """Add the routes."""
        app.add_api_route("/v1/local/models", self.models)
        for action in (self.load, self.unload):
            path = f"/v1/local/models/{{name}}/{action.__name__}"
            app.add_api_route(path, action, methods=["POST"])

    async def models(self, request: Request) -> dict[str, Any]:
        """Every model of the device: state, memory, and how often it was loaded."""
        self._identity.authenticate(read_headers(request.headers.raw, self._limits))
        return {"object": "list", "data": self._device.describe()}

    async def load(self, request: Request, name: str, response: Response) -> Json:
        """200 when the model is loaded, 202 with `retry_after_s` while it is being loaded."""
        self._require_admin(request)
        status, body = await self._ask(self._device.want(name))
        _log.info("model_load", model=name if status != 404 else "?", status=status)
        response.status_code = status
        return body

    async def unload(self, request: Request, name: str) -> Json:
        """Free the model's memory, unless it is answering."""
        self._require_admin(request)
        status, body = await self._ask(self._device.unload(name))
        _log.info("model_unload", model=name if status != 404 else "?", status=status)
        return body

    def _require_admin(self, request: Request) -> None:
        who = self._identity.authenticate(read_headers(request.headers.raw, self._limits))
        if who.role != "admin":
            raise Forbidden("only a key with the role admin may load and unload models")

    @staticmethod
    async def _ask(question: Any) -> tuple[int, Json]:
        try:
            status, body = await question
        except BackendError:
            raise LocalUnavailable("the engine does not answer", retry_after_s=2) from None
        if status == 404:
            raise NotFound("no such model on this device", code="model_not_found", param="name")
        if status == 409:
            raise Conflict(str(body.get("reason", "the model cannot be unloaded now")))
        if status == 503:
            raise LocalUnavailable(str(body.get("reason", "the model cannot be loaded")))
        return status, body
