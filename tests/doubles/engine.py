# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the engine process: its HTTP over a unix socket, without a model.

For tests of the gateway that are not about the model; the real one is in tests/local_engine and
tests/faults.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.doubles.cloud import chat_answer, chat_events
from tests.doubles.serving import Serving
from tests.doubles.wire import RawRequest, ServerWire

CONTENT = "A short answer from the device."


_VECTORS = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.6, 0.8]}],
    "model": "engine",
    "usage": {"prompt_tokens": 1, "total_tokens": 1},
}


class Engine(Serving):
    """Answers /health and chat requests on a unix socket."""

    def __init__(self, socket: Path, *, model: str = "smollm2-135m-instruct-q4_1") -> None:
        super().__init__()
        self.requests: list[RawRequest] = []
        self._socket = socket
        self._model = model
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on the socket."""
        self._socket.parent.mkdir(parents=True, exist_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._socket)

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = ServerWire(reader, writer)
        try:
            while request := await wire.request():
                writer.write(self._answer(request))
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    def _answer(self, request: RawRequest) -> bytes:
        if request.target == "/health":
            return _http("application/json", json.dumps(self._health()).encode())
        self.requests.append(request)
        body = json.loads(request.body)
        if request.target == "/v1/embeddings":
            return _http("application/json", json.dumps(_VECTORS).encode())
        if body.get("stream"):
            return _http("text/event-stream", b"".join(chat_events(body, CONTENT)))
        return _http("application/json", json.dumps(chat_answer(body, CONTENT)).encode())

    def _health(self) -> dict[str, object]:
        return {"status": "ready", "model": self._model, "n_ctx": 2048, "slots": 1}


def _http(kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body
