# SPDX-License-Identifier: Apache-2.0
"""The cold routes, on FastAPI: models, health, metrics, the API document, and clear refusals."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from gateway.api.document import add_hot_paths
from gateway.errors import (
    GatewayError,
    MethodNotAllowed,
    NotFound,
    error_headers,
    openai_envelope,
)
from gateway.identity import Identity
from gateway.limits import Limits, read_headers
from gateway.records.metrics import Metrics
from gateway.routing.plan import Planner
from gateway.signals.capability import Capability
from gateway.wrong_keys import WrongKeys

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


class Web:
    """The handlers of the cold routes, and what they read."""

    def __init__(
        self,
        *,
        identity: Identity,
        limits: Limits,
        planner: Callable[[], Planner],
        capability: Capability,
        metrics: Metrics,
        audit_is_healthy: Callable[[], bool],
        device_can_serve: Callable[[], bool],
        take_stock: Callable[[], None],
    ) -> None:
        self._identity = identity
        self._limits = limits
        self._planner = planner
        self._capability = capability
        self._metrics = metrics
        self._audit_is_healthy = audit_is_healthy
        self._device_can_serve = device_can_serve
        self._take_stock = take_stock

    async def models(self, request: Request) -> dict[str, Any]:
        """Everything a client may name as `model`."""
        self._authenticate(request)
        return {"object": "list", "data": [self._model(*m) for m in self._planner().models()]}

    async def model(self, request: Request, model_id: str) -> dict[str, Any]:
        """One model."""
        self._authenticate(request)
        for known, owner in self._planner().models():
            if known == model_id:
                return self._model(known, owner)
        raise NotFound("no such model", code="model_not_found", param="model")

    def _model(self, model_id: str, owner: str) -> dict[str, Any]:
        """Models of the device also say whether they are in memory."""
        model: dict[str, Any] = {
            "id": model_id, "object": "model", "created": 0, "owned_by": owner
        }  # fmt: skip
        if model_id.startswith("local/"):
            model["loaded"] = self._capability.read().has(model_id.removeprefix("local/"))
        return model

    async def alive(self) -> dict[str, str]:
        """The process answers."""
        return {"status": "alive"}

    async def ready(self, response: Response) -> dict[str, Any]:
        """200 when requests can be answered: the audit log is written and the device is up."""
        checks = {
            "audit": self._audit_is_healthy(),
            "device": self._capability.read().is_ready or not self._device_can_serve(),
        }
        is_ready = all(checks.values())
        response.status_code = 200 if is_ready else 503
        return {"status": "ready" if is_ready else "not_ready", "checks": checks}

    async def metrics(self) -> Response:
        """Prometheus metrics."""
        self._take_stock()
        return Response(
            self._metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8"
        )

    def _authenticate(self, request: Request) -> None:
        self._identity.authenticate(read_headers(request.headers.raw, self._limits))


def make_web(web: Web, version: str, lifespan: Lifespan, wrong_keys: WrongKeys) -> FastAPI:
    """The FastAPI application over `web`."""
    app = FastAPI(
        title="nearward",
        version=version,
        docs_url=None,
        redoc_url=None,
        # A redirect would be built from the Host header that the caller wrote.
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.add_api_route("/v1/models", web.models)
    app.add_api_route("/v1/models/{model_id:path}", web.model)
    app.add_api_route("/health", web.ready)
    app.add_api_route("/health/readiness", web.ready)
    app.add_api_route("/health/liveliness", web.alive)
    app.add_api_route("/metrics", web.metrics)
    plain = app.openapi

    async def answer_error(request: Request, raised: Exception) -> Response:
        assert isinstance(raised, GatewayError)
        address = request.client.host if request.client else ""
        return _as_response(wrong_keys.weighed(raised, address))

    app.add_exception_handler(GatewayError, answer_error)
    app.add_exception_handler(HTTPException, _answer_http)

    def openapi() -> dict[str, Any]:
        document = plain()
        if "/v1/chat/completions" not in document["paths"]:
            add_hot_paths(document)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
    return app


def _as_response(error: GatewayError) -> Response:
    headers = {k.decode(): v.decode() for k, v in error_headers(error)}
    return Response(openai_envelope(error), error.status, headers, "application/json")


async def _answer_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        refusal: GatewayError = MethodNotAllowed("this path does not take this method")
    elif error.status_code == 404:
        refusal = NotFound(
            "no such path on this gateway; nothing is passed through. See /openapi.json"
        )
    else:
        refusal = GatewayError("the request failed")
        refusal.status = error.status_code
    return _as_response(refusal)
