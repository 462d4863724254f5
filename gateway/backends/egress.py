# SPDX-License-Identifier: Apache-2.0
"""The one road from the gateway to the network, and its guard (invariant I4).

A request goes out only together with the `Cleared` that `policies.decide` minted for it, and only
to the destination and origin named there. The head is written here from the same origin that is
compared and dialled, so the Host header cannot name another place. Anything that does not match
is refused before a byte is written or a name is looked up.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

from gateway.backends.errors import EgressRefused
from gateway.backends.http1 import Client, Origin, Response, Timeouts, finish_head, head_prefix
from policies.decision import Cleared

__all__ = ["Egress", "Endpoint", "Origin", "Response", "Timeouts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method and path of one destination, with the headers that never change.

    Make it once per destination and API: the head up to the headers of a single request is
    written here. Raises RequestRefused for a header or target that could break the framing.
    Keys are kept out of the repr.
    """

    destination: str
    origin: Origin
    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    prefix: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        prefix = head_prefix(self.method, self.target, self.origin.authority, self.headers)
        object.__setattr__(self, "prefix", prefix)


class Egress:
    """Sends cleared requests over a client that reaches TCP."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def send(
        self,
        cleared: Cleared,
        *,
        request_id: str,
        endpoint: Endpoint,
        body: bytes,
        timeouts: Timeouts,
        headers: Iterable[tuple[str, str]] = (),
    ) -> Coroutine[Any, Any, Response]:
        """Send to the endpoint if the clearance is for this request, destination and origin.

        `headers` are those of this one request. Raises EgressRefused (nothing was sent),
        RequestRefused, or UpstreamError.
        """
        # `is`, not isinstance: a subclass or look-alike could claim anything.
        if type(cleared) is not Cleared:
            raise EgressRefused("no clearance")
        if cleared.request_id != request_id:
            raise EgressRefused("the clearance is for another request")
        if cleared.destination != endpoint.destination:
            raise EgressRefused("the clearance is for another destination")
        origin = endpoint.origin
        # A device has no origin, so an empty one must never match.
        if not cleared.origin or cleared.origin != origin.text:
            raise EgressRefused("the clearance is for another origin")
        head = finish_head(endpoint.prefix, len(body), headers)
        return self._client.send(origin, head, body, timeouts)

    async def close(self) -> None:
        """Close the connections; requests under way fail."""
        await self._client.close()
