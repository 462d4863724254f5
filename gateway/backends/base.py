# SPDX-License-Identifier: Apache-2.0
"""The port between the pipeline and whoever answers: one call out, one reply back, as bytes.

A backend sends one request to one destination and hands back the status line, the headers and
the body as it comes. It does not retry, route, judge or log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from gateway.limits import Json
from policies import Cleared

PATHS = {"chat": "/chat/completions", "embeddings": "/embeddings"}
"""Where an OpenAI-shaped API serves each endpoint, below its base URL."""


class Call(NamedTuple):
    """One attempt. `body` is the judged request; `model` what the destination calls the model.

    `cleared` is None only for the device.
    """

    decision_id: str
    destination: str
    model: str
    body: Json
    stream: bool
    cleared: Cleared | None
    no_store: bool = False
    traceparent: bytes = b""
    deadline_s: float | None = None
    endpoint: Literal["chat", "embeddings"] = "chat"
    tenant: str = ""
    """For the device alone, whose cache tells tenants apart."""


class Reply(Protocol):
    """An answer under way."""

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Header names in lower case."""

    async def read(self, limit_bytes: int) -> bytes:
        """The whole body; raises BackendError beyond `limit_bytes` or when it breaks off."""

    async def next(self) -> bytes:
        """The next piece of the body, b"" at its end; raises BackendError when it breaks off."""

    def close(self) -> None:
        """Abandon what is left; harmless when nothing is."""


class Backend(Protocol):
    """Reaches one destination."""

    async def send(self, call: Call) -> Reply:
        """Start the call; raises BackendError when there is no answer."""

    async def close(self) -> None:
        """Release connections."""


@dataclass(frozen=True, slots=True)
class BytesReply:
    """A reply that is already complete."""

    status: int
    body: bytes
    headers: list[tuple[bytes, bytes]] = field(
        default_factory=lambda: [(b"content-type", b"application/json")]
    )

    async def read(self, limit_bytes: int) -> bytes:
        """The body; its size was bounded where it was made."""
        return self.body

    async def next(self) -> bytes:
        """Not streamed: use read."""
        raise AssertionError("a complete reply is read, not streamed")

    def close(self) -> None:
        """Nothing is open."""
