# SPDX-License-Identifier: Apache-2.0
"""The connection's state machine without a network: bytes in, responses out."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.backends.errors import BackendError, ResponseTooLarge
from gateway.backends.http1_protocol import HEAD_LIMIT_BYTES, Connection
from gateway.backends.http1_request import Timeouts
from gateway.backends.http1_response import Response

Outcome = tuple[int, list[tuple[bytes, bytes]], bytes, str]


class FakeTransport(asyncio.Transport):
    """Takes what is written and remembers what was asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.unsent_bytes = 0

    def write(self, data: Any) -> None:
        self.calls.append("write")

    def abort(self) -> None:
        self.calls.append("abort")

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")

    def get_write_buffer_size(self) -> int:
        return self.unsent_bytes


class Rig:
    """A connection between a fake transport and a pool that only remembers."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.freed: list[Connection] = []
        self.closed: list[Connection] = []
        self.transport = FakeTransport()
        self.connection = Connection(self.loop, self.freed.append, self.closed.append)
        self.connection.connection_made(self.transport)

    async def outcome(self, pieces: list[bytes]) -> Outcome:
        """What a caller sees of a response that comes in these pieces, and then FIN."""
        total_at = self.loop.time() + 60
        sending = asyncio.ensure_future(self.connection.exchange(b"request", Timeouts(), total_at))
        await asyncio.sleep(0)
        for piece in pieces:
            self.connection.data_received(piece)
        self.connection.eof_received()
        self.connection.connection_lost(None)
        try:
            response = await sending
        except BackendError as fault:
            return 0, [], b"", f"{fault.code} {fault.retryable}"
        body = b""
        try:
            while piece := await response.next():
                body += piece
        except BackendError as fault:
            return response.status, response.headers, body, f"{fault.code} {fault.retryable}"
        return response.status, response.headers, body, ""


def outcome_of(pieces: list[bytes]) -> Outcome:
    async def run() -> Outcome:
        rig = Rig()
        result = await rig.outcome(pieces)
        assert rig.closed == [rig.connection]
        return result

    return asyncio.run(run())


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges) if a < b]


tokens = st.text("abcXYZ-09", min_size=1, max_size=8).map(str.encode)
values = st.text(" abc\t,;=\xe4", max_size=12).map(lambda text: text.strip().encode("latin-1"))
bodies = st.binary(max_size=60)
SURPLUS = [b"", b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", b"junk"]


@st.composite
def chunked_bodies(draw: st.DrawFn) -> bytes:
    pieces = draw(st.lists(st.binary(min_size=1, max_size=20), max_size=4))
    mark = draw(st.sampled_from([b"", b";ext=1"]))
    trailer = draw(st.sampled_from([b"", b"X-Trailer: 1\r\n"]))
    chunks = b"".join(b"%x%b\r\n%b\r\n" % (len(p), mark, p) for p in pieces)
    return chunks + b"0\r\n" + trailer + b"\r\n"


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    """Bytes of a response: mostly sound, of each framing; some with a byte changed or cut off."""
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n"]))
    fields = draw(st.lists(st.tuples(tokens, values), max_size=4))
    lines = b"".join(b"x-%b: %b\r\n" % field for field in fields)
    version, status = draw(st.sampled_from(["1.1", "1.0"])), draw(st.sampled_from([200, 204, 503]))
    framing = draw(st.sampled_from(["length", "chunked", "close"]))
    if framing == "chunked":
        lines, body = lines + b"Transfer-Encoding: chunked\r\n", draw(chunked_bodies())
    else:
        body = draw(bodies)
        lines += b"Content-Length: %d\r\n" % len(body) if framing == "length" else b""
    data = interim + f"HTTP/{version} {status} X\r\n".encode() + lines + b"\r\n" + body
    data += draw(st.sampled_from(SURPLUS))
    kind = draw(st.sampled_from(["sound", "sound", "changed", "short"]))
    place = draw(st.integers(0, len(data)))
    if kind == "changed":
        data = data[:place] + draw(st.binary(max_size=2)) + data[place + 1 :]
    return data[:place] if kind == "short" else data


BIG_HEAD = b"HTTP/1.1 200 OK\r\nX: " + b"a" * (HEAD_LIMIT_BYTES - 24) + b"\r\n\r\n"
TOO_BIG_HEAD = BIG_HEAD.replace(b"\r\n\r\n", b"a\r\n\r\n")


@settings(max_examples=300, deadline=None)
@given(data=responses(), places=st.lists(st.integers(0, 400), max_size=12))
@example(data=BIG_HEAD + b"body", places=[7, 30_000])
@example(data=TOO_BIG_HEAD + b"body", places=[HEAD_LIMIT_BYTES])
def test_packets_do_not_matter(data: bytes, places: list[int]) -> None:
    """Invariant: the same bytes, cut anywhere, give the same response or the same error."""
    whole = outcome_of([data])

    assert outcome_of(cut(data, places)) == whole
    if len(data) < 2000:
        assert outcome_of([data[i : i + 1] for i in range(len(data))]) == whole


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=200), lead=st.sampled_from([b"", b"HTTP/1.1 ", BIG_HEAD[:60]]))
def test_no_bytes_raise_anything_else(data: bytes, lead: bytes) -> None:
    """Invariant: whatever comes, the caller gets a response or a BackendError, nothing else."""
    outcome_of([lead + data])


def test_the_head_limit_is_exact() -> None:
    """A head of 64 KiB is read, one byte more is refused."""
    assert len(BIG_HEAD) == HEAD_LIMIT_BYTES
    assert outcome_of([BIG_HEAD + b"body"])[2] == b"body"
    assert outcome_of([TOO_BIG_HEAD + b"body"])[3] == "upstream_response_too_large False"


def test_trailers_and_chunk_extensions_are_dropped() -> None:
    """What comes in a chunk's head or behind the last chunk is no part of the response."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    outcome = outcome_of([head + b"2;a=b\r\nhi\r\n0\r\nX-Trailer: 1\r\nX-More: 2\r\n\r\n"])

    assert outcome == (200, [(b"transfer-encoding", b"chunked")], b"hi", "")


async def begin(rig: Rig) -> asyncio.Future[Any]:
    sending = asyncio.ensure_future(
        rig.connection.exchange(b"r", Timeouts(), rig.loop.time() + 600)
    )
    await asyncio.sleep(0)
    return sending


async def test_an_answer_before_the_request_was_read_closes() -> None:
    """Request bytes that are still unsent must not meet the next response."""
    rig = Rig()
    sending = await begin(rig)
    rig.transport.unsent_bytes = 10

    rig.connection.data_received(b"HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n")

    assert (await sending).status == 413
    assert (rig.freed, rig.closed) == ([], [rig.connection])


async def begin_long(rig: Rig) -> tuple[Response, bytes]:
    """A response whose head and body came in one long read."""
    sending = await begin(rig)
    body = bytes(range(256)) * 40
    rig.connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 10240\r\n\r\n" + body)
    return await sending, body


async def test_first_bytes_do_not_wait_for_their_followers() -> None:
    """Of one long read the reader gets the first bytes at once, and the others in their turn."""
    rig = Rig()
    response, body = await begin_long(rig)

    assert 0 < response.buffered_bytes < 2048
    assert rig.transport.calls[-1] == "pause"
    first = await response.next()
    assert rig.transport.calls[-1] == "resume"
    assert first + await response.next() == body
    assert rig.freed == [rig.connection]


async def test_what_is_held_came_before_the_end() -> None:
    """A connection that ends while bytes are held has delivered them."""
    rig = Rig()
    response, body = await begin_long(rig)

    rig.connection.connection_lost(None)

    assert await response.next() == body
    assert await response.next() == b""


async def test_a_free_connection_never_stays_paused() -> None:
    """A body that ends while reading is paused resumes reading before it goes to the pool."""
    rig = Rig()
    sending = await begin(rig)
    rig.connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    await sending
    rig.connection.data_received(b"x" * 99_999)
    rig.connection.data_received(b"x")

    assert rig.transport.calls[-2:] == ["pause", "resume"]
    assert rig.freed == [rig.connection]


async def test_one_timer_for_many_events() -> None:
    """Data moves the deadline without touching the loop's timers."""
    rig = Rig()
    sending = await begin(rig)
    timer = rig.connection._timer
    rig.connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n")
    await sending
    for _ in range(49):
        rig.connection.data_received(b"x")

    assert rig.connection._timer is timer
    rig.connection.shut()


async def test_only_the_total_deadline_holds_while_paused() -> None:
    """Pausing puts the idle deadline off to the total one; resuming brings it back."""
    rig = Rig()
    sending = await begin(rig)
    rig.connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    response = await sending
    running = rig.connection._deadline
    rig.connection.data_received(b"x" * 99_999)
    paused = rig.connection._deadline
    await response.next()
    resumed = rig.connection._deadline

    assert paused == rig.connection._total_at
    assert running <= resumed < rig.loop.time() + Timeouts().idle_s + 0.01
    rig.connection.shut()


async def test_losing_a_closed_connection_is_nothing_new() -> None:
    """The pool is told once, whatever the transport reports afterwards."""
    rig = Rig()
    rig.connection.shut()
    rig.connection.shut()
    rig.connection.data_received(b"late")
    rig.connection.eof_received()
    rig.connection.connection_lost(OSError())
    rig.connection.connection_lost(None)

    assert rig.closed == [rig.connection]
    assert rig.transport.calls == ["abort"]
    assert rig.connection.lost.done()


@pytest.mark.parametrize("limit_bytes", [100_000, 5_000])
async def test_a_whole_answer_in_one_packet_is_read_at_once(limit_bytes: int) -> None:
    """What was held is all there is: the reader must not wait for more, under its limit or over."""
    rig = Rig()
    sending = await begin(rig)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n"
    rig.connection.data_received(head + b"x" * 20_000)
    reading = asyncio.wait_for((await sending).read(limit_bytes), 1)

    if limit_bytes > 20_000:
        assert len(await reading) == 20_000
        assert rig.freed == [rig.connection]
    else:
        with pytest.raises(ResponseTooLarge):
            await reading
