# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for the gateway's neighbours: an ASGI server, backends with a script, a clock."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from gateway.backends.base import Call, Reply
from gateway.backends.errors import BackendError, IdleTimeout
from gateway.channel import AsgiChannel, HeaderList
from gateway.exchange import Exchange
from gateway.limits import Json, Limits
from gateway.wire import ChatRequest, parse_chat
from policies import Destination, Policy, Tier, builtin_pack, load_policy

KEY = "nw-test-key"
TODAY = datetime.date(2026, 11, 1)
BEARER = (b"authorization", b"Bearer " + KEY.encode())


class FakeClock:
    """A clock that stands still until it is told."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Caller:
    """The server's side of one ASGI exchange: scripted messages in, recorded messages out.

    After the script `receive` waits until `leave()` is called, as it does for a client that
    waits for its answer.
    """

    def __init__(self, *messages: MutableMapping[str, Any]) -> None:
        self._messages = list(messages)
        self._gone = asyncio.Event()
        self.sent: list[dict[str, Any]] = []

    @classmethod
    def posting(cls, body: bytes) -> Caller:
        """A caller with one complete body."""
        return cls({"type": "http.request", "body": body, "more_body": False})

    async def receive(self) -> MutableMapping[str, Any]:
        if self._messages:
            return self._messages.pop(0)
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def leave(self) -> None:
        """The client closes its connection."""
        self._gone.set()

    @property
    def status(self) -> int:
        status = self.sent[0]["status"]
        assert isinstance(status, int)
        return status

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(m.get("body", b"") for m in self.sent[1:])

    @property
    def error(self) -> dict[str, Any]:
        error = orjson.loads(self.body)["error"]
        assert isinstance(error, dict)
        return error

    @property
    def is_complete(self) -> bool:
        return bool(self.sent) and not self.sent[-1].get("more_body", False)


def scope(
    path: str = "/v1/chat/completions", headers: HeaderList | None = None, method: str = "POST"
) -> dict[str, Any]:
    """An HTTP scope."""
    return {"type": "http", "method": method, "path": path, "headers": headers or []}


def exchange_of(
    caller: Caller, headers: HeaderList | None = None, limits: Limits | None = None
) -> Exchange:
    """An opened exchange with `caller`."""
    channel = AsgiChannel(headers or [], caller.receive, caller.send)
    exchange = Exchange(channel, limits or Limits())
    exchange.open()
    return exchange


def chat_body(text: str = "Hello", **more: Any) -> Json:
    """A chat request."""
    return {"model": "auto", "messages": [{"role": "user", "content": text}], **more}


def chat_request(text: str = "Hello", **more: Any) -> ChatRequest:
    """The same, past the border."""
    body = chat_body(text, **more)
    return parse_chat(body, len(orjson.dumps(body)))


def away(name: str, tier: Tier = Tier.CLOUD, **more: Any) -> Destination:
    """A destination with an origin of its own."""
    return Destination(name=name, tier=tier, origin=f"https://{name}.example:443", **more)


def open_policy(*names: str, pack: str = "open") -> Policy:
    """A built-in pack over the device and clouds of these names."""
    device = Destination(name="device", tier=Tier.DEVICE)
    return load_policy([builtin_pack(pack)], [device, *map(away, names)])


@dataclass
class FakeReply:
    """An answer from a script: `pieces` of a body; an exception among them is raised."""

    status: int = 200
    pieces: list[bytes | BackendError] = field(default_factory=list)
    headers: list[tuple[bytes, bytes]] = field(
        default_factory=lambda: [(b"content-type", b"application/json")]
    )
    is_closed: bool = False
    hangs: bool = False

    async def read(self, limit_bytes: int) -> bytes:
        body = b""
        while piece := await self.next():
            body += piece
        assert len(body) <= limit_bytes
        return body

    async def next(self) -> bytes:
        if not self.pieces:
            if self.hangs:
                await asyncio.Event().wait()
            return b""
        piece = self.pieces.pop(0)
        if isinstance(piece, BackendError):
            raise piece
        return piece

    def close(self) -> None:
        self.is_closed = True


def stream_of(*pieces: bytes | BackendError, hangs: bool = False) -> FakeReply:
    """A stream of server-sent events."""
    return FakeReply(200, list(pieces), [(b"content-type", b"text/event-stream")], hangs=hangs)


def refusal(status: int, *headers: tuple[bytes, bytes], body: bytes = b'{"error":{}}') -> FakeReply:
    """An answer with this status."""
    return FakeReply(status, [body], [(b"content-type", b"application/json"), *headers])


class FakeBackend:
    """Gives its replies in turn and remembers the calls."""

    def __init__(self, *replies: FakeReply | BackendError) -> None:
        self._replies = list(replies)
        self.calls: list[Call] = []

    async def send(self, call: Call) -> Reply:
        self.calls.append(call)
        reply = self._replies.pop(0)
        if isinstance(reply, BackendError):
            raise reply
        return reply

    async def close(self) -> None:
        """Nothing is open."""


def silence() -> IdleTimeout:
    """What a stream that fell silent raises."""
    return IdleTimeout("silence", head_seen=True)


def events_of(body: bytes) -> list[bytes]:
    """The data of each server-sent event."""
    return [e.removeprefix(b"data: ") for e in body.split(b"\n\n") if e]


def parsed(lines: Iterable[bytes]) -> list[Json]:
    """JSON lines as objects."""
    return [orjson.loads(line) for line in lines]
