# SPDX-License-Identifier: Apache-2.0
"""Pass-through to an OpenAI-shaped destination: the judged body out, its bytes back untouched."""

from __future__ import annotations

import dataclasses
import urllib.parse
from collections.abc import Coroutine
from typing import Any

import orjson

from gateway.backends.base import PATHS, Call
from gateway.backends.egress import Egress, Endpoint, Origin, Response, Timeouts
from gateway.backends.errors import EgressRefused
from gateway.limits import Json
from policies import Obligation


def split_base_url(base_url: str) -> tuple[Origin, str]:
    """A configured base URL as the origin to dial and the path before `/chat/completions`.

    Raises ValueError for a URL that is more than scheme, host, port and path.
    """
    parts = urllib.parse.urlsplit(base_url)
    return Origin.parse(f"{parts.scheme}://{parts.netloc}"), parts.path.rstrip("/")


class OpenAIWire:
    """One OpenAI-shaped destination."""

    honours = frozenset({Obligation.NO_STORE, Obligation.NO_CACHE, Obligation.RECORD})

    def __init__(
        self, egress: Egress, *, name: str, base_url: str, api_key: str, timeouts: Timeouts
    ) -> None:
        origin, path = split_base_url(base_url)
        headers = [("content-type", "application/json"), ("user-agent", "nearward")]
        if api_key:
            headers.append(("authorization", f"Bearer {api_key}"))
        self._egress = egress
        self._timeouts = timeouts
        self._endpoints = {
            endpoint: Endpoint(
                destination=name,
                origin=origin,
                method="POST",
                target=f"{path}{below}",
                headers=tuple(headers),
            )
            for endpoint, below in PATHS.items()
        }

    def send(self, call: Call) -> Coroutine[Any, Any, Response]:
        """Start the call; raises BackendError, EgressRefused without a clearance."""
        if call.cleared is None:
            raise EgressRefused("no clearance")
        trace = ((("traceparent", call.traceparent.decode()),)) if call.traceparent else ()
        return self._egress.send(
            call.cleared,
            request_id=call.decision_id,
            endpoint=self._endpoints[call.endpoint],
            body=orjson.dumps(outgoing_body(call)),
            timeouts=within(self._timeouts, call.deadline_s),
            headers=trace,
        )

    async def close(self) -> None:
        """The connections belong to the egress, which bootstrap closes."""


def outgoing_body(call: Call) -> Json:
    """The judged body as the destination gets it: its own model name, nothing stored if so told.

    Only `nearward_*` metadata is left out: it is said to us, not to them.
    """
    body = {**call.body, "model": call.model}
    if call.no_store and call.endpoint == "chat":  # nothing else is ever stored
        body["store"] = False
    metadata = body.get("metadata")
    if metadata:
        kept = {k: v for k, v in metadata.items() if not k.startswith("nearward_")}
        if kept:
            body["metadata"] = kept
        else:
            del body["metadata"]
    return body


def within(timeouts: Timeouts, deadline_s: float | None) -> Timeouts:
    """`timeouts` under the caller's latency budget for the first byte."""
    if deadline_s is None or deadline_s >= timeouts.first_byte_s:
        return timeouts
    return dataclasses.replace(timeouts, first_byte_s=deadline_s)
