# SPDX-License-Identifier: Apache-2.0
"""A cloud to test against: OpenAI-shaped answers over a real socket, with a script of faults.

    async with Cloud() as cloud:                  # or `with`, for a server in a thread
        cloud.plan(Act(status=429, retry_after_s=2), Act(events=3, ending=Ending.SILENCE))
        ... requests to cloud.base_url ...
        assert cloud.requests[0].json["model"] == "gpt-4o-mini"

Each request takes the next act of the plan; when the plan is empty, `cloud.otherwise`.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.doubles.serving import Serving
from tests.doubles.wire import RawRequest, ServerWire, reset


class Ending(StrEnum):
    """What happens where an answer ends or is cut off."""

    COMPLETE = "complete"
    SILENCE = "silence"  # stays open and says nothing more
    RESET = "reset"  # RST
    CLOSE = "close"  # FIN before the promised end
    GARBAGE = "garbage"  # bytes that are not HTTP


class Framing(StrEnum):
    """How the end of a body is marked."""

    LENGTH = "length"
    CHUNKED = "chunked"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What the cloud does with one request; the default is a good answer.

    `events` and `body_bytes` cut the answer off after so many events (stream) or bytes (plain),
    and `ending` says how. `ending` alone, other than COMPLETE, with `has_head` false happens before
    a byte is sent. `raw` replaces the whole answer. `piece_bytes` cuts all that is sent into
    writes of that size, `piece_gap_s` apart; `event_gap_s` waits between events.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    retry_after_s: int | None = None
    content: str = "A short answer from the cloud."
    echoes: bool = False  # says the caller's last message instead
    has_head: bool = True
    raw: bytes | None = None
    events: int | None = None
    body_bytes: int | None = None
    ending: Ending = Ending.COMPLETE
    event_gap_s: float = 0.0
    event_pad_bytes: int = 0
    piece_bytes: int = 0
    piece_gap_s: float = 0.0
    length_error_bytes: int = 0
    framing: Framing | None = None  # None: LENGTH for plain answers, CHUNKED for streams
    version: str = "1.1"
    interim: int = 0  # so many 103 responses first
    leaves_after: bool = False  # closes the connection after the answer without saying so


HANG = Act(has_head=False, ending=Ending.SILENCE)
"""Reads the request and never answers."""


@dataclass(slots=True)
class Received:
    """A request that came, and how it went on. Times are of `time.monotonic`."""

    raw: RawRequest
    connection: int
    server_name: str | None
    at_s: float
    gone_at_s: float | None = None
    is_answered: bool = False
    sent_bytes: int = 0

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.raw.body)

    @property
    def has_client_left(self) -> bool:
        """The client closed before the answer was complete."""
        return self.gone_at_s is not None and not self.is_answered


@dataclass(slots=True, eq=False)
class _Link:
    wire: ServerWire
    number: int
    server_name: str | None
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class Cloud(Serving):
    """The server. `tls` is a server context; its clients' server names (SNI) are recorded."""

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        unix_path: str = "",
    ) -> None:
        super().__init__()
        self.requests: list[Received] = []
        self.connections = 0
        self.otherwise = Act()
        self.port = port
        self._plan: deque[Act] = deque()
        self._tls = tls
        self._host = host
        self._unix_path = unix_path
        self._links: set[_Link] = set()

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        if self._unix_path:
            return f"unix:{self._unix_path}"
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}"

    @property
    def base_url(self) -> str:
        """What a client of OpenAI's API calls its base URL."""
        return f"{self.origin}/v1"

    @property
    def open_connections(self) -> int:
        """Connections that neither side has closed."""
        return len(self._links)

    def plan(self, *acts: Act) -> None:
        """Append acts for the next requests."""
        self._plan.extend(acts)

    def hang_up(self) -> None:
        """Close all connections now, with FIN; in-loop use only."""
        for link in list(self._links):
            link.wire.writer.close()

    async def start(self) -> None:
        """Listen on the port (a free one for 0), or on the unix socket."""
        if self._tls is not None:
            self._tls.sni_callback = self._note_server_name
        if self._unix_path:
            self._server = await asyncio.start_unix_server(self._serve, self._unix_path)
            return
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self._tls
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the listener and cut all connections."""
        self._server.close()
        tasks = [link.task for link in self._links if link.task is not None]
        for link in list(self._links):
            link.wire.writer.transport.abort()
        if tasks:
            await asyncio.wait(tasks)
        await self._server.wait_closed()

    def _note_server_name(self, tls: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        tls.server_name = name  # type: ignore[attr-defined]  # carried to the connection below

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        name = getattr(writer.get_extra_info("ssl_object"), "server_name", None)
        link = _Link(ServerWire(reader, writer), self.connections, name, asyncio.current_task())
        self._links.add(link)
        try:
            while (raw := await link.wire.request()) is not None:
                received = Received(raw, link.number, link.server_name, time.monotonic())
                self.requests.append(received)
                act = self._plan.popleft() if self._plan else self.otherwise
                if not await self._play(act, received, link.wire):
                    break
        except ConnectionError:
            pass
        finally:
            self._links.discard(link)
            writer.close()

    async def _play(self, act: Act, received: Received, wire: ServerWire) -> bool:
        """Answer; true if the connection goes on. The client may leave at any moment."""
        answer = asyncio.ensure_future(_Answer(act, received, wire).give())
        gone = asyncio.ensure_future(wire.until_gone())
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        has_left = gone.done() and not answer.done()
        answer.cancel()
        gone.cancel()
        results = await asyncio.gather(answer, gone, return_exceptions=True)
        if has_left or isinstance(results[0], ConnectionError):
            received.gone_at_s = time.monotonic()
        return results[0] is True


class _Answer:
    """Plays one act."""

    def __init__(self, act: Act, received: Received, wire: ServerWire) -> None:
        self._act = act
        self._received = received
        self._wire = wire

    async def give(self) -> bool:
        """True if the connection can carry another request."""
        act = self._act
        if act.raw is not None:
            await self._send(act.raw)
            return await self._end(act.ending)
        if act.has_head:
            await self._send_answer()
        return await self._end(act.ending)

    async def _end(self, ending: Ending) -> bool:
        if ending is Ending.SILENCE:
            await asyncio.Event().wait()
        elif ending is Ending.RESET:
            await asyncio.sleep(0.005)  # what was sent must not be lost to the reset
            reset(self._wire.writer)
        elif ending is Ending.GARBAGE:
            await self._send(b"\x00\xffgarbage\r\n\x00" * 4)
        elif ending is Ending.COMPLETE:
            self._received.is_answered = True
            act = self._act
            return not (
                act.leaves_after
                or act.framing is Framing.CLOSE
                or act.version == "1.0"
                or act.raw is not None
            )
        return False

    async def _send_answer(self) -> None:
        act = self._act
        request = self._request()
        is_stream = bool(request.get("stream")) and act.status < 400
        framing = act.framing or (Framing.CHUNKED if is_stream else Framing.LENGTH)
        kind = "text/event-stream" if is_stream else "application/json"
        if is_stream:
            content = self._content(request)
            events = list(chat_events(request, content, act.event_pad_bytes))[: act.events]
            is_cut = act.events is not None
            await self._send(self._head(kind, framing, sum(map(len, events))))
            for event in events:
                await self._send(_framed(event, framing))
                if act.event_gap_s:
                    await asyncio.sleep(act.event_gap_s)
        else:
            body = self._plain_body(request)
            await self._send(self._head(kind, framing, len(body)))
            is_cut = act.body_bytes is not None
            await self._send(_framed(body[: act.body_bytes], framing))
        if framing is Framing.CHUNKED and not (is_cut or act.ending is not Ending.COMPLETE):
            await self._send(b"0\r\n\r\n")

    def _request(self) -> dict[str, Any]:
        try:
            parsed = self._received.json
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}

    def _plain_body(self, request: dict[str, Any]) -> bytes:
        act, target = self._act, self._received.raw.target
        if act.status >= 400:
            return _dump({"error": {"message": "scripted", "type": "cloud", "code": act.status}})
        if target.endswith("/models"):
            return _dump({"object": "list", "data": [{"id": "cloud-model", "object": "model"}]})
        if target.endswith("/embeddings"):
            vector = {"object": "embedding", "index": 0, "embedding": [0.25, -0.5, 0.75]}
            usage = {"prompt_tokens": 1, "total_tokens": 1}
            return _dump({"object": "list", "data": [vector], "model": "cloud", "usage": usage})
        return _dump(chat_answer(request, self._content(request)))

    def _content(self, request: dict[str, Any]) -> str:
        messages = request.get("messages") if self._act.echoes else None
        return str(messages[-1]["content"]) if messages else self._act.content

    def _head(self, kind: str, framing: Framing, length_bytes: int) -> bytes:
        act = self._act
        lines = ["HTTP/1.1 103 Early Hints\r\nlink: </>"] * act.interim
        lines = [f"{line}\r\n\r\n" for line in lines]
        lines.append(f"HTTP/{act.version} {act.status} Scripted\r\nContent-Type: {kind}\r\n")
        if framing is Framing.LENGTH:
            lines.append(f"Content-Length: {length_bytes + act.length_error_bytes}\r\n")
        elif framing is Framing.CHUNKED:
            lines.append("Transfer-Encoding: chunked\r\n")
        if act.retry_after_s is not None:
            lines.append(f"Retry-After: {act.retry_after_s}\r\n")
        lines += [f"{name}: {value}\r\n" for name, value in act.headers]
        return ("".join(lines) + "\r\n").encode("latin-1")

    async def _send(self, data: bytes) -> None:
        size = self._act.piece_bytes or len(data) or 1
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            self._wire.writer.write(piece)
            await self._wire.writer.drain()
            self._received.sent_bytes += len(piece)
            if self._act.piece_bytes:
                await asyncio.sleep(self._act.piece_gap_s)


def _dump(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _framed(data: bytes, framing: Framing) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data) if framing is Framing.CHUNKED and data else data


def _usage(request: dict[str, Any], content: str) -> dict[str, int]:
    asked = len(json.dumps(request.get("messages", [])).split())
    said = len(content.split())
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def chat_answer(request: dict[str, Any], content: str) -> dict[str, Any]:
    """A whole chat completion in OpenAI's shape. Token counts are counts of words."""
    message = {"role": "assistant", "content": content, "refusal": None}
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 1790000000,
        "model": request.get("model", "cloud-model"),
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": _usage(request, content),
    }


def chat_events(request: dict[str, Any], content: str, pad_bytes: int = 0) -> Iterator[bytes]:
    """The same as server-sent events: role, one per word, finish, usage if asked for, [DONE].

    `pad_bytes` makes each event that much longer.
    """
    wants_usage = bool((request.get("stream_options") or {}).get("include_usage"))
    base: dict[str, Any] = {
        "id": "chatcmpl-scripted",
        "object": "chat.completion.chunk",
        "created": 1790000000,
        "model": request.get("model", "cloud-model"),
    }
    if pad_bytes:
        base["padding"] = "x" * pad_bytes
    if wants_usage:
        base["usage"] = None
    words = [word + " " for word in content.split(" ")]
    words[-1] = words[-1][:-1]
    deltas: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": word} for word in words] + [{}]
    for place, delta in enumerate(deltas):
        reason = "stop" if place == len(deltas) - 1 else None
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        yield b"data: %b\n\n" % _dump(base | {"choices": [choice]})
    if wants_usage:
        yield b"data: %b\n\n" % _dump(base | {"choices": [], "usage": _usage(request, content)})
    yield b"data: [DONE]\n\n"
