# SPDX-License-Identifier: Apache-2.0
"""The ASGI application: OpenAI's chat and embeddings, health and tokens over any `Engine`.

No framework: eight routes, one body reader and one stream do not pay for one, and every
megabyte here is resident on the device.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import replace
from typing import Any

import orjson

from local_engine.chat_answer import ChatAnswer
from local_engine.chat_request import ChatCall, invalid, parse_chat, parse_json_object
from local_engine.choice import Choice
from local_engine.engine import Engine, EngineStatus, GenerationRequest
from local_engine.errors import (
    BodyTooLargeError,
    EndpointNotFoundError,
    GenerationCancelledError,
    LocalEngineError,
    MethodNotAllowedError,
    UnsupportedByEngineError,
)
from local_engine.features import has_grammars, served
from local_engine.generation import Generation
from local_engine.profile import ModelProfile
from local_engine.structured import GrammarBuilder
from local_engine.template import TEMPLATES, Control
from local_engine.vector_calls import VectorCalls
from local_engine.vectors import embeddings_body, parse_embeddings, text_of

MAX_BODY_BYTES = 8 * 1024 * 1024
# To be tokenized at once: about a second, and 100 bytes of memory for each.
MAX_COUNTED_CHARACTERS = 1 << 20

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
        self._grammars = GrammarBuilder(engine)
        self._vectors = VectorCalls(engine)
        self._started_at = time.monotonic()
        self._created_s = int(time.time())
        self._routes: dict[str, tuple[str, Handler]] = {
            "/health": ("GET", self._health),
            "/v1/models": ("GET", self._models),
            "/v1/chat/completions": ("POST", self._chat),
            "/v1/chat/completions/input_tokens": ("POST", self._input_tokens),
            "/v1/embeddings": ("POST", self._embeddings),
            "/v1/tokenize": ("POST", self._tokenize),
            "/v1/detokenize": ("POST", self._detokenize),
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
            "features": sorted(served(status, self._profile)),
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
        if not isinstance(text, str) or len(text) > MAX_COUNTED_CHARACTERS:
            raise invalid("text", f"a string of at most {MAX_COUNTED_CHARACTERS} characters")
        tokens = await asyncio.to_thread(self._engine.tokenize, text)
        await _respond(send, 200, orjson.dumps({"count": len(tokens), "tokens": tokens}))

    async def _detokenize(self, receive: Receive, send: Send) -> None:
        tokens = parse_json_object(await _read_body(receive)).get("tokens")
        vocabulary = await asyncio.to_thread(self._engine.vocabulary)
        text = text_of(tokens, vocabulary)
        await _respond(send, 200, orjson.dumps({"text": text}))

    async def _embeddings(self, receive: Receive, send: Send) -> None:
        call = parse_embeddings(parse_json_object(await _read_body(receive)), self._profile)
        vectors, tokens = await self._vectors.answer(call, lambda: _until_gone(receive))
        await _respond(send, 200, embeddings_body(call, vectors, tokens, self._profile.name))

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

    async def _input_tokens(self, receive: Receive, send: Send) -> None:
        """How long the prompt of a chat request is, with template and tools."""
        call = parse_chat(parse_json_object(await _read_body(receive)), self._profile, "count")
        if sum(len(turn.content) for turn in call.requests[0].messages) > MAX_COUNTED_CHARACTERS:
            raise invalid("messages", f"of at most {MAX_COUNTED_CHARACTERS} characters together")
        count = await asyncio.to_thread(self._prompt_tokens, call.requests[0])
        body = {"object": "response.input_tokens", "input_tokens": count}
        await _respond(send, 200, orjson.dumps(body))

    def _prompt_tokens(self, request: GenerationRequest) -> int:
        render = TEMPLATES[self._profile.template]
        segments = render(request.messages, self._profile.default_system)
        return sum(
            1 if isinstance(segment, Control) else self._engine.count_tokens(segment.text)
            for segment in segments
        )

    async def _requests(self, call: ChatCall) -> list[GenerationRequest]:
        """The requests of a call, each bound by its grammar; refused where they cannot be."""
        requests, status = list(call.requests), self._engine.status()
        self._refuse_unserved(requests[0], status)
        if requests[0].sampling.logit_bias:
            vocabulary = await asyncio.to_thread(self._engine.vocabulary)
            if max(token for token, _ in requests[0].sampling.logit_bias) >= len(vocabulary.pieces):
                raise invalid("logit_bias", "an object whose keys are tokens of this model")
        if call.grammar is None:
            return requests
        if not has_grammars(status):
            raise UnsupportedByEngineError(call.grammar.param)
        bound = await self._grammars.build(call.grammar, len(requests))
        return [
            replace(request, constraint=constraint)
            for request, constraint in zip(requests, bound, strict=True)
        ]

    @staticmethod
    def _refuse_unserved(request: GenerationRequest, status: EngineStatus) -> None:
        if request.logprobs is not None and "logprobs" not in status.features:
            raise UnsupportedByEngineError("logprobs")
        if request.sampling.logit_bias and "logit_bias" not in status.features:
            raise UnsupportedByEngineError("logit_bias")

    async def _generate(
        self, call: ChatCall, answer: ChatAnswer, receive: Receive, send: Send
    ) -> None:
        """Run one call; whatever ends this coroutine, the engine stops working on it."""
        generation = Generation(self._engine, await self._requests(call))
        await generation.start()
        watcher = asyncio.create_task(_cancel_on_disconnect(receive, generation.cancel))
        must_call = call.tools is not None and call.tools.must_call
        choices = [
            Choice(index, reads_calls=call.tools is not None, must_call=must_call)
            for index in range(len(call.requests))
        ]
        try:
            if call.streams:
                writer = EventWriter(send)
                await generation.stream(answer, choices, writer.write)
                await writer.close()
            else:
                await _respond(send, 200, await generation.collect(answer, choices))
        except GenerationCancelledError:
            # Nobody listens; a server that sees no response would log an error of ours.
            await _respond(send, GenerationCancelledError.status, b"")
        finally:
            generation.cancel()
            watcher.cancel()


class EventWriter:
    """A stream of server-sent events; its head leaves with the first of them."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._has_begun = False

    async def write(self, body: bytes) -> None:
        """Some more of the body."""
        if not self._has_begun:
            self._has_begun = True
            headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def close(self) -> None:
        """The end of the body."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancel_on_disconnect(receive: Receive, cancel: Callable[[], None]) -> None:
    await _until_gone(receive)
    cancel()


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
