# SPDX-License-Identifier: Apache-2.0
"""The server's end of one HTTP/1.1 connection: reads requests, notices when the client leaves."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A request as it came: the head with its blank line, and the body with chunking removed."""

    head: bytes
    body: bytes

    @property
    def method(self) -> str:
        """The first word of the request line."""
        return self.head.split(b" ", 2)[0].decode("latin-1")

    @property
    def target(self) -> str:
        """The second word of the request line."""
        return self.head.split(b" ", 2)[1].decode("latin-1")

    @property
    def headers(self) -> dict[str, str]:
        """Names in lower case; the last of repeated ones."""
        lines = self.head.decode("latin-1").split("\r\n")[1:-2]
        return {name.lower(): value.strip() for name, _, value in (s.partition(":") for s in lines)}


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with RST instead of FIN."""
    plain = writer.get_extra_info("socket")
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


class ServerWire:
    """Reads ahead while an answer is written, so that the end of input is seen at once."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._ahead = bytearray()
        self.writer = writer

    async def request(self) -> RawRequest | None:
        """The next request, or None when the client is done. Raises ConnectionError."""
        head = await self._until(b"\r\n\r\n")
        if not head:
            return None
        request = RawRequest(head, b"")
        if "chunked" in request.headers.get("transfer-encoding", ""):
            return RawRequest(head, await self._chunks())
        return RawRequest(head, await self._exactly(int(request.headers.get("content-length", 0))))

    async def until_gone(self) -> None:
        """Returns when the client has closed or reset the connection."""
        try:
            while data := await self._reader.read(65536):
                self._ahead += data
        except ConnectionError:
            pass

    async def _more(self) -> bool:
        data = await self._reader.read(65536)
        self._ahead += data
        return bool(data)

    async def _until(self, mark: bytes) -> bytes:
        while (end := self._ahead.find(mark)) < 0:
            if not await self._more():
                return b""
        return self._cut(end + len(mark))

    async def _exactly(self, count: int) -> bytes:
        while len(self._ahead) < count:
            if not await self._more():
                raise ConnectionResetError("the client left inside a body")
        return self._cut(count)

    async def _chunks(self) -> bytes:
        body = b""
        while size := int((await self._until(b"\r\n")).split(b";")[0] or b"0", 16):
            body += (await self._exactly(size + 2))[:-2]
        await self._until(b"\r\n")
        return body

    def _cut(self, count: int) -> bytes:
        piece = bytes(self._ahead[:count])
        del self._ahead[:count]
        return piece
