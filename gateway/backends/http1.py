# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 client for upstreams: pooled, bounded, strict, and without any policy.

It follows no redirects, reads no environment (no proxies, no netrc), keeps no cookies and
decodes no content encodings. Only `egress` (TCP) and `local` (unix socket) may import it; each
gets a client that cannot reach the other's kind of address.

What is sent twice: a request that was written to a *reused* connection which then ended without
a single byte of response is written once more, to a fresh connection. That is the signature of a
server that closed an idle connection while our request was on its way; it has then not read the
request. It is not a proof: a server may have read it and died. RFC 9110, 9.2.2 leaves that
judgement for POST to the client. The methods here make completions, whose repetition costs
tokens and changes nothing else, and the clearance and audit intent of a request cover both
writings, since the destination is the same. Nothing else is ever repeated here.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Literal

from gateway.backends.errors import ConnectFailed, RequestRefused
from gateway.backends.http1_pool import OriginPool, PoolLimits
from gateway.backends.http1_protocol import StaleConnection
from gateway.backends.http1_request import (
    Origin,
    Timeouts,
    finish_head,
    head_prefix,
    header_lines,
    request_head,
)
from gateway.backends.http1_response import Response

__all__ = [
    "Client",
    "Origin",
    "PoolLimits",
    "Response",
    "Timeouts",
    "finish_head",
    "head_prefix",
    "header_lines",
    "request_head",
]

_DEFAULT_TIMEOUTS = Timeouts()


class Client:
    """Sends requests to many origins, each with its own pool; belongs to one event loop.

    `reach` is the one kind of address it opens: "tcp" or "unix". `tls` is used for https origins
    and must verify certificates and host names; without it https fails. Raises ValueError for a
    context that does not verify.
    """

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        *,
        limits: PoolLimits | None = None,
        reach: Literal["tcp", "unix"] = "tcp",
    ) -> None:
        if tls is not None and not (tls.check_hostname and tls.verify_mode is ssl.CERT_REQUIRED):
            raise ValueError("the TLS context must verify certificates and host names")
        self._tls = tls
        self._limits = limits or PoolLimits()
        self._reach = reach
        self._pools: dict[str, OriginPool] = {}
        self._is_closed = False

    async def send(
        self, origin: Origin, head: bytes, body: bytes, timeouts: Timeouts = _DEFAULT_TIMEOUTS
    ) -> Response:
        """Send one request; the response once its head is complete.

        `head` is what `request_head` or `finish_head` made, for this body. If the caller is
        cancelled the connection is closed. Raises UpstreamError (see `errors`).
        """
        pool = self._pools.get(origin.text) or self._open_pool(origin)
        total_at = pool.loop.time() + timeouts.total_s
        request = head + body
        connection = pool.take_idle() or await pool.acquire(timeouts, total_at)
        try:
            return await connection.exchange(request, timeouts, total_at)
        except StaleConnection:
            connection = await pool.acquire(timeouts, total_at, is_fresh=True)
        return await connection.exchange(request, timeouts, total_at)

    async def close(self) -> None:
        """Close all connections; requests under way fail, later ones are refused."""
        self._is_closed = True
        lost = [future for pool in self._pools.values() for future in pool.close()]
        self._pools.clear()
        if lost:
            await asyncio.wait(lost)

    def _open_pool(self, origin: Origin) -> OriginPool:
        if self._is_closed:
            raise ConnectFailed("the client is closed")
        if (origin.scheme == "unix") is not (self._reach == "unix"):
            raise RequestRefused("this client does not reach that kind of address")
        pool = self._pools[origin.text] = OriginPool(origin, self._tls, self._limits)
        return pool
