# SPDX-License-Identifier: Apache-2.0
"""What is sent a second time: only a request on a reused connection that ended without a byte."""

from __future__ import annotations

import asyncio

import pytest

from gateway.backends.errors import ResponseTruncated, UpstreamError
from gateway.backends.http1 import Client, Timeouts
from tests.doubles.cloud import HANG, Act, Cloud, Ending
from tests.gateway.backends.conftest import expect_good, post


@pytest.mark.parametrize("ending", [Ending.CLOSE, Ending.RESET])
async def test_a_stale_connection_is_tried_again_once(
    client: Client, cloud: Cloud, ending: Ending
) -> None:
    """A reused connection that ends without a byte: once more, on a fresh one."""
    cloud.plan(Act(), Act(has_head=False, ending=ending), Act())
    await expect_good(client, cloud)

    await expect_good(client, cloud)

    assert len(cloud.requests) == 3
    assert cloud.connections == 2


async def test_the_second_try_is_on_a_fresh_connection(client: Client, cloud: Cloud) -> None:
    """Another idle connection may be just as stale, so none is used for the second try."""
    cloud.plan(*[Act(piece_bytes=300, piece_gap_s=0.005)] * 2)
    await asyncio.gather(expect_good(client, cloud), expect_good(client, cloud))
    cloud.plan(Act(has_head=False, ending=Ending.CLOSE))

    await expect_good(client, cloud)

    assert cloud.connections == 3


async def test_only_once(client: Client, cloud: Cloud) -> None:
    """When the fresh connection ends the same way that is the caller's to know."""
    dies = Act(has_head=False, ending=Ending.CLOSE)
    cloud.plan(Act(), dies, dies)
    await expect_good(client, cloud)

    with pytest.raises(ResponseTruncated) as caught:
        await post(client, cloud)

    assert caught.value.retryable
    assert len(cloud.requests) == 3


@pytest.mark.parametrize(
    "act",
    [
        Act(raw=b"H", ending=Ending.CLOSE),
        Act(raw=b"HTTP/1.1 100 Continue\r\n\r\n", ending=Ending.CLOSE),
        HANG,
        Act(raw=b"garbage"),
    ],
)
async def test_nothing_else_is_sent_twice(client: Client, cloud: Cloud, act: Act) -> None:
    """One byte of answer, a timeout or garbage: the request was read, so it is not repeated."""
    cloud.plan(Act(), act)
    await expect_good(client, cloud)

    with pytest.raises(UpstreamError):
        await post(client, cloud, timeouts=Timeouts(first_byte_s=0.03))

    assert len(cloud.requests) == 2


async def test_a_fresh_connection_is_not_tried_again(client: Client, cloud: Cloud) -> None:
    """A first connection that dies is not stale: no repetition."""
    cloud.plan(Act(has_head=False, ending=Ending.CLOSE))

    with pytest.raises(ResponseTruncated):
        await post(client, cloud)

    assert len(cloud.requests) == 1
