# SPDX-License-Identifier: Apache-2.0
"""The recording sink of invariant I1: the only road to "cloud", it keeps every byte that left.

    async with Cloud() as cloud, Sink(forward=("127.0.0.1", cloud.port)) as sink:
        canary = Canary.new()
        ... the gateway's destination is sink.origin; a request holds canary.token ...
        assert sink.finds(canary) == []

It sits in front of a cloud (`forward`), or takes bytes and never answers. With `tls` it ends
TLS itself and so reads what is inside; the server name that the client asked for counts as a
byte that left too. `forward_tls` encrypts again towards the cloud.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.doubles.canary import Canary
from tests.doubles.serving import Serving
from tests.doubles.wire import reset

__all__ = ["Canary", "Flow", "Sink"]


@dataclass(slots=True, eq=False)
class Flow:
    """One connection: all bytes from the gateway towards the cloud, heads and bodies alike."""

    sent: bytearray = field(default_factory=bytearray)


class Sink(Serving):
    """A TCP listener that records, forwards and searches."""

    def __init__(
        self,
        *,
        forward: tuple[str, int] | None = None,
        tls: ssl.SSLContext | None = None,
        forward_tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__()
        self.flows: list[Flow] = []
        self.server_names: list[str] = []
        self.port = 0
        self.on_data: Callable[[bytes], None] = lambda _: None  # called before data goes on
        self._forward = forward
        self._tls = tls
        self._forward_tls = forward_tls
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def origin(self) -> str:
        """Where the gateway is to send."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def sent_bytes(self) -> int:
        """How much has left so far."""
        return sum(len(flow.sent) for flow in self.flows)

    def finds(self, canary: Canary) -> list[str]:
        """Each way in which the canary can be read from what left; [] when it never did."""
        found: set[str] = set()
        for flow in list(self.flows):
            found.update(canary.found_in(bytes(flow.sent)))
        for name in self.server_names:
            found.update(f"sni: {how}" for how in canary.found_in(name.encode()))
        return sorted(found)

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        if self._tls is not None:
            self._tls.sni_callback = self._note_server_name
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the listener and all connections; the recording stays."""
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    def _note_server_name(self, _: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        # Kept apart from flows: a handshake that fails has already told the name.
        if name is not None:
            self.server_names.append(name)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        flow = Flow()
        self.flows.append(flow)
        try:
            if self._forward is None:
                await self._record(reader, None, flow)
            else:
                await self._relay(reader, writer, flow)
        finally:
            writer.close()
            self._writers.discard(writer)
            self._tasks.discard(task)

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flow: Flow
    ) -> None:
        assert self._forward is not None
        host, port = self._forward
        try:
            cloud_reader, cloud_writer = await asyncio.open_connection(
                host, port, ssl=self._forward_tls
            )
        except OSError:
            await self._record(reader, None, flow)  # what is sent here still left
            return
        self._writers.add(cloud_writer)
        out = asyncio.ensure_future(self._record(reader, cloud_writer, flow))
        back = asyncio.ensure_future(_pump(cloud_reader, writer))
        try:
            await asyncio.wait({out, back}, return_when=asyncio.FIRST_COMPLETED)
            if not out.done():
                _pass_on_the_end(writer, was_reset=back.result())
                await out  # what the gateway had under way still counts as sent
        finally:
            cloud_writer.close()
            back.cancel()
            await asyncio.gather(back, return_exceptions=True)
            self._writers.discard(cloud_writer)

    async def _record(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter | None, flow: Flow
    ) -> bool:
        def note(data: bytes) -> None:
            flow.sent += data
            self.on_data(data)

        return await _pump(reader, writer, note)


def _pass_on_the_end(writer: asyncio.StreamWriter, *, was_reset: bool) -> None:
    if was_reset:
        reset(writer)
    elif writer.can_write_eof():
        writer.write_eof()
    else:
        writer.close()


async def _pump(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter | None,
    note: Callable[[bytes], None] = lambda _: None,
) -> bool:
    """Copy until the end of input; true if that was a reset. A writer that fails is left out."""
    try:
        while data := await reader.read(65536):
            note(data)
            if writer is not None:
                writer.write(data)
                try:
                    await writer.drain()
                except ConnectionError:
                    writer = None
    except ConnectionError:
        return True
    return False
