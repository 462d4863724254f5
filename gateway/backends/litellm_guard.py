# SPDX-License-Identifier: Apache-2.0
"""The host guard under litellm: httpx transports that know one origin, or none. Imported lazily."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import httpx
import litellm
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler, HTTPHandler

from gateway.backends.egress import Origin
from gateway.backends.errors import EgressRefused

# The bodies that were opened for the call of this context. litellm's stream wrappers do not all
# pass a close on to the connection, so whoever abandons a stream closes these.
OPENED: ContextVar[list[httpx.AsyncByteStream]] = ContextVar("opened")


class Nowhere(httpx.BaseTransport):
    """Refuses everything. litellm asks Ollama servers about models over a client of its own,
    on the event loop and past the guard; with this under that client it gets no further."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Always raises EgressRefused."""
        raise EgressRefused("litellm may only use the client of its call")


class OriginGuard(httpx.AsyncHTTPTransport):
    """Refuses, before a name is looked up, every request to another origin."""

    def __init__(self, origin: str) -> None:
        super().__init__(trust_env=False, retries=0)
        self._origin = origin

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send, if the URL's origin is the cleared one."""
        url = request.url
        port = f":{url.port}" if url.port else ""
        if Origin.parse(f"{url.scheme}://{url.host}{port}").text != self._origin:
            raise EgressRefused("litellm asked for another origin")
        response = await super().handle_async_request(request)
        opened = OPENED.get(None)
        if opened is not None and isinstance(response.stream, httpx.AsyncByteStream):
            opened.append(response.stream)
        return response


def guarded_client(origin: str, timeout_s: float) -> Any:
    """litellm's own client over the guard; its module-wide client is cut off on the way."""
    no_client = httpx.Client(transport=Nowhere(), trust_env=False)
    litellm.module_level_client = HTTPHandler(client=no_client)
    return AsyncHTTPHandler(
        timeout=timeout_s, transport=OriginGuard(origin), follow_redirects=False
    )
