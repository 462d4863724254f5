# SPDX-License-Identifier: Apache-2.0
"""The ASGI application: OpenAI's chat endpoint, health and token counts over any `Engine`.

No framework: five routes, one body reader and one stream do not pay for one, and every
megabyte here is resident on the device.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import orjson

from local_engine.chat_answer import ChatAnswer, error_event
from local_engine.chat_request import FEATURES, ChatCall, parse_chat, parse_json_object
from local_engine.engine import Done, Engine, Event, Failed, Token
from local_engine.errors import (
    BodyTooLargeError,
    EndpointNotFoundError,
    GenerationCancelledError,
    InvalidRequestError,
    LocalEngineError,
    MethodNotAllowedError,
)
from local_engine.profile import ModelProfile

MAX_BODY_BYTES = 8 * 1024 * 1024

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Handler = Callable[[Receive, Send], Awaitable[None]]


class EngineApp:
    """`await app(scope, receive, send)`."""

    def __init__(
        self,
        engine: Engine,
        profile: ModelProfile,
        *,
        process: Callable[[], Mapping[str, object]] = dict,
    ) -> None:
        """`process` says in /health what is known of the process beside the engine."""
        self._process = process
        self._engine = engine
        self._profile = profile
        self._started_at = time.monotonic()
        self._created_s = int(time.time())
        self._routes: dict[str, tuple[str, Handler]] = {
            "/health": ("GET", self._health),
            "/v1/models": ("GET", self._models),
            "/v1/chat/completions": ("POST", self._chat),
            "/v1/tokenize": ("POST", self._tokenize),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"no such protocol here: {scope['type']}")
        try:
            handler = self._route(scope["method"], scope["path"])
            await handler(receive, send)
        except LocalEngineError as error:
            await _respond(send, error.status, orjson.dumps(error.envelope()), error.headers())

    def _route(self, method: str, path: str) -> Handler:
        route = self._routes.get(path)
        if route is None:
            raise EndpointNotFoundError
        allowed, handler = route
        if method != allowed:
            raise MethodNotAllowedError(allowed)
        return handler

    async def _health(self, _receive: Receive, send: Send) -> None:
        status = self._engine.status()
        if not status.is_ready:
            await _respond(send, 503, orjson.dumps({"status": "loading"}))
            return
        body = {
            "status": "ready",
            "model": self._profile.name,
            "engine": status.engine,
            "n_ctx": status.n_ctx,
            "slots": status.slots,
            "busy": status.busy,
            "queued": status.queued,
            "prefill_tps": status.prefill_tps,
            "decode_tps": status.decode_tps,
            "features": sorted(FEATURES),
            "first_token_s": status.first_token_s,
            "pid": os.getpid(),
            "uptime_s": time.monotonic() - self._started_at,
            **self._process(),
        }
        await _respond(send, 200, orjson.dumps(body))

    async def _models(self, _receive: Receive, send: Send) -> None:
        model = {
            "id": self._profile.name,
            "object": "model",
            "created": self._created_s,
            "owned_by": "nearward",
        }
        await _respond(send, 200, orjson.dumps({"object": "list", "data": [model]}))

    async def _tokenize(self, receive: Receive, send: Send) -> None:
        text = parse_json_object(await _read_body(receive)).get("text")
        if not isinstance(text, str):
            raise InvalidRequestError("'text' must be a string.", param="text")
        count = await asyncio.to_thread(self._engine.count_tokens, text)
        await _respond(send, 200, orjson.dumps({"count": count}))

    async def _chat(self, receive: Receive, send: Send) -> None:
        request_id = f"chatcmpl-{secrets.token_hex(12)}"
        body = parse_json_object(await _read_body(receive))
        call = parse_chat(body, self._profile, request_id)
        answer = ChatAnswer(
            answer_id=request_id,
            model=self._profile.name,
            created_s=int(time.time()),
            includes_usage=call.includes_usage,
        )
        await self._generate(call, answer, receive, send)

    async def _generate(
        self, call: ChatCall, answer: ChatAnswer, receive: Receive, send: Send
    ) -> None:
        """Run one request; whatever ends this coroutine, the engine stops working on it."""
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[Event] = asyncio.Queue()

        def sink(event: Event) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(events.put_nowait, event)

        ticket = await asyncio.to_thread(self._engine.submit, call.request, sink)
        watcher = asyncio.create_task(_cancel_on_disconnect(receive, ticket.cancel))
        try:
            if call.streams:
                await _stream(answer, events, send)
            else:
                await _respond(send, 200, await _collect(answer, events))
        except GenerationCancelledError:
            # Nobody listens; a server that sees no response would log an error of ours.
            await _respond(send, GenerationCancelledError.status, b"")
        finally:
            ticket.cancel()
            watcher.cancel()


async def _cancel_on_disconnect(receive: Receive, cancel: Callable[[], None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    cancel()


async def _collect(answer: ChatAnswer, events: asyncio.Queue[Event]) -> bytes:
    """The whole body. Raises the engine's error."""
    parts: list[str] = []
    while True:
        match await events.get():
            case Token(text):
                parts.append(text)
            case Done() as done:
                return answer.whole("".join(parts), done)
            case Failed(error):
                raise error


async def _stream(answer: ChatAnswer, events: asyncio.Queue[Event], send: Send) -> None:
    """Server-sent events. An error before the first event is raised: it still can be a status."""
    event = await events.get()
    if isinstance(event, Failed):
        raise event.error
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await _send_part(send, answer.opening())
    while True:
        match event:
            case Token(text):
                await _send_part(send, answer.content(text))
            case Done() as done:
                await _send_part(send, answer.closing(done), more=False)
                return
            case Failed(error):
                await _send_part(send, error_event(error), more=False)
                return
        event = await events.get()


async def _send_part(send: Send, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _respond(
    send: Send, status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    length = (b"content-length", str(len(body)).encode())
    head = [(b"content-type", b"application/json"), length, *headers]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})


async def _read_body(receive: Receive) -> bytes:
    """The whole body. Raises BodyTooLargeError as soon as it is."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise GenerationCancelledError
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLargeError(MAX_BODY_BYTES)
        if not message.get("more_body", False):
            return bytes(body)
