# SPDX-License-Identifier: Apache-2.0
"""Posts checkpoints of the audit log to an address that the operator configured.

The only traffic besides requests that leaves over the transport. No clearance covers it, since it
belongs to no request; in its place stands its type: a Checkpoint holds counts and hashes, and
nothing but a Checkpoint is sent.
"""

from __future__ import annotations

import urllib.parse

from gateway.backends.errors import BackendError
from gateway.backends.http1 import Client, Origin, Timeouts, finish_head, head_prefix
from gateway.records.anchors import AnchorFailed
from gateway.records.checkpoint import Checkpoint

_TIMEOUTS = Timeouts(connect_s=5.0, first_byte_s=5.0, idle_s=5.0, total_s=10.0)
_ANSWER_BYTES = 64 * 1024


class AnchorPost:
    """One HTTP endpoint that takes a checkpoint as a JSON body and answers 2xx."""

    def __init__(self, client: Client, url: str, token: str = "") -> None:
        """Raises ValueError for a URL that cannot be dialled, RequestRefused for a bad token."""
        parts = urllib.parse.urlsplit(url)
        self._origin = Origin.parse(f"{parts.scheme}://{parts.netloc}")
        target = parts.path or "/"
        if parts.query:
            target += f"?{parts.query}"
        headers = [("content-type", "application/json"), ("user-agent", "nearward")]
        if token:
            headers.append(("authorization", f"Bearer {token}"))
        self._prefix = head_prefix("POST", target, self._origin.authority, headers)
        self._client = client
        self.name = f"http {self._origin.text}"

    async def put(self, checkpoint: Checkpoint) -> None:
        """POST it; raises AnchorFailed for anything but a 2xx answer."""
        if type(checkpoint) is not Checkpoint:
            raise AnchorFailed("not a checkpoint")
        body = checkpoint.to_line()
        head = finish_head(self._prefix, len(body), ())
        try:
            response = await self._client.send(self._origin, head, body, _TIMEOUTS)
            try:
                await response.read(_ANSWER_BYTES)
            finally:
                response.close()
        except BackendError as error:
            raise AnchorFailed(error.code) from None
        if not 200 <= response.status < 300:
            raise AnchorFailed(f"http_{response.status}")

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()
