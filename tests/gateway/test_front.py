# SPDX-License-Identifier: Apache-2.0
"""The short road from the HTTP parser to a hot route, over real sockets."""

from __future__ import annotations

import asyncio
import gc

import pytest

from gateway import front
from tests.gateway.front_scene import LARGE, Scene, answer, post


async def test_requests_in_turn_on_one_connection() -> None:
    """Hot and cold requests share a connection, each answered by its own road."""
    scene = Scene()
    async with scene.served() as connect:
        reader, writer = await connect()
        for body in (b"a", b"", LARGE):
            writer.write(post("/echo", body))
            status, headers, echoed = await answer(reader)
            assert (status, headers["server"], echoed) == (200, "test", body)
            writer.write(post("/cold"))
            assert (await answer(reader))[0] == 404

    assert scene.cold == [("POST", "/cold")] * 3
    assert scene.state.total_requests == 6


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/echo", "GET", 405), ("/echo?a=1", "POST", 200), ("/%65cho", "POST", 200)],
)
async def test_other_spellings_take_the_long_road(path: str, method: str, status: int) -> None:
    """Another method or a target that is not to the letter reaches the same handlers by ASGI."""
    scene = Scene()
    async with scene.served() as connect:
        reader, writer = await connect()
        writer.write(post(path, method=method))
        assert (await answer(reader))[0] == status


async def test_http_1_0_is_answered_and_closed() -> None:
    """An old client gets its answer, and the end of the connection with it."""
    async with Scene().served() as connect:
        reader, writer = await connect()
        writer.write(post("/echo", b"a", to="1.0"))
        assert (await asyncio.wait_for(reader.read(), 5)).endswith(b"\r\n\r\na")


async def test_connection_close_is_honoured() -> None:
    """Who asks for it is told, and let go after the answer."""
    async with Scene().served() as connect:
        reader, writer = await connect()
        writer.write(post("/echo", b"a", "Connection: close"))
        assert (await answer(reader))[1]["connection"] == "close"
        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_pipelined_requests_are_answered_in_order() -> None:
    """Requests sent at once come back in their order, whichever road each takes."""
    scene = Scene()
    scene.proceed.set()
    async with scene.served() as connect:
        reader, writer = await connect()
        writer.write(post("/slow") + post("/cold") + post("/echo", b"c") + post("/echo", b"d"))
        bodies = []
        for _ in range(3):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            chunked = b"chunked" in head
            bodies.append(
                await reader.readexactly(
                    14 if chunked else int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
                )
            )
        assert [b"slow" in bodies[0], b"cold" in bodies[1], bodies[2]] == [True, True, b"c"]
        assert (await answer(reader))[2] == b"d"


async def test_a_served_request_leaves_no_cycle_behind() -> None:
    """Its objects go when it ends: waiting for the collector cost a tenth of all time."""
    async with Scene().served() as connect:
        reader, writer = await connect()
        gc.collect()
        gc.disable()
        try:
            for _ in range(20):
                writer.write(post("/echo", b"a"))
                await answer(reader)
            alive = sum(isinstance(thing, front.FrontChannel) for thing in gc.get_objects())
        finally:
            gc.enable()
    assert alive <= 1  # the connection keeps its last


async def test_streamed_answer_with_a_slow_reader() -> None:
    """A stream arrives whole and in order, however late it is read."""
    async with Scene().served() as connect:
        reader, writer = await connect()
        writer.write(post("/stream"))
        status, headers, body = await answer(reader)
        assert (status, headers["content-type"]) == (200, "text/event-stream")
        assert body == b"onetwo" + LARGE


async def test_chunked_request_body() -> None:
    """A body without a declared length is read to its end."""
    async with Scene().served() as connect:
        reader, writer = await connect()
        head = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        for piece in (head, b"3\r\nabc\r\n", b"1\r\nd\r\n", b"0\r\n\r\n"):
            writer.write(piece)
            await asyncio.sleep(0.002)
        assert (await answer(reader))[2] == b"abcd"


async def test_expect_continue() -> None:
    """A client that waits for leave to send its body gets it, once."""
    async with Scene().served() as connect:
        reader, writer = await connect()
        whole = post("/echo", b"abc", "Expect: 100-continue")
        writer.write(whole[:-3])
        interim = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert interim.startswith(b"HTTP/1.1 100 ")
        writer.write(whole[-3:])
        assert (await answer(reader))[2] == b"abc"


@pytest.mark.parametrize("size", [0, 70_000, 140_000, 400_000])
async def test_client_that_leaves_cancels_the_work(size: int) -> None:
    """While an answer is worked on the connection is watched, after a large body as well."""
    scene = Scene()
    async with scene.served() as connect:
        _, writer = await connect()
        writer.write(post("/slow", bytes(size)))
        await scene.asked.wait()
        writer.close()
        async with asyncio.timeout(5):
            while not scene.is_gone:
                await asyncio.sleep(0.002)


async def test_client_that_leaves_inside_its_body() -> None:
    """No body, no request: nothing is answered and nothing breaks."""
    scene = Scene()
    async with scene.served() as connect:
        _, writer = await connect()
        writer.write(post("/echo", b"abc")[:-1])
        await asyncio.sleep(0.01)
        writer.close()
        async with asyncio.timeout(5):
            while scene.state.tasks:
                await asyncio.sleep(0.002)


async def test_unfinished_answer_closes_the_connection() -> None:
    """Half an answer is not ended as if it were whole."""
    async with Scene().served() as connect:
        reader, writer = await connect()
        writer.write(post("/half"))
        rest = await asyncio.wait_for(reader.read(), 5)
        assert rest.endswith(b"4\r\nhalf\r\n")


async def test_shutdown_lets_answers_end() -> None:
    """Told to stop, an idle connection closes at once, a busy one after its answer."""
    scene = Scene()
    async with scene.served() as connect:
        idle, _ = await connect()
        reader, writer = await connect()
        writer.write(post("/slow"))
        await scene.asked.wait()
        for protocol in list(scene.state.connections):
            assert isinstance(protocol, front.FrontProtocol)
            protocol.shutdown()
        assert await asyncio.wait_for(idle.read(), 5) == b""
        scene.proceed.set()
        assert (await answer(reader))[1]["connection"] == "close"
        assert await asyncio.wait_for(reader.read(), 5) == b""
