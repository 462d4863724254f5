# SPDX-License-Identifier: Apache-2.0
"""Ten unknown keys a minute from one address, on every road; a right key is always answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import Forbidden, GatewayError, Unauthenticated, UnknownKey
from gateway.wrong_keys import WrongKeys
from tests.gateway.fakes import KEY
from tests.gateway.serving_gateway import RunningGateway, settings_for
from tests.gateway.test_bad_input import chat, posting, talk

WRONG = UnknownKey("?")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Iterator[Clock]:
    yield Clock()


def answers(keys: WrongKeys, address: str, count: int) -> list[int]:
    return [keys.weighed(WRONG, address).status for _ in range(count)]


def test_the_eleventh_waits_for_the_rest_of_the_minute(clock: Clock) -> None:
    """The window begins with the first try, and a new one with the next after it."""
    keys = WrongKeys(clock)

    assert answers(keys, "10.0.0.1", 12) == [401] * 10 + [429] * 2
    clock.now = 59.5
    late = keys.weighed(WRONG, "10.0.0.1")
    assert (late.status, late.retry_after_s) == (429, 1)
    clock.now = 60.0
    assert answers(keys, "10.0.0.1", 1) == [401]


def test_only_unknown_keys_of_that_address_count(clock: Clock) -> None:
    """A missing key, another refusal and another address use up nothing."""
    keys = WrongKeys(clock)
    for error in (Unauthenticated("no key"), Forbidden("no"), GatewayError("?")):
        for _ in range(20):
            assert keys.weighed(error, "10.0.0.1") is error
    answers(keys, "10.0.0.2", 20)

    assert answers(keys, "10.0.0.1", 1) == [401]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "10.0.0.2", False),
        ("", "", True),
    ],
)
def test_an_ipv6_network_is_one_address(clock: Clock, one: str, other: str, is_same: bool) -> None:
    """Its owner may use any of 2^64; a mapped address is what it maps."""
    keys = WrongKeys(clock)
    answers(keys, one, 10)

    assert answers(keys, other, 1) == [429 if is_same else 401]


def test_memory_is_bounded(clock: Clock) -> None:
    """Many addresses push out the oldest, never the one that tries now."""
    keys = WrongKeys(clock)
    for number in range(11_000):
        keys.weighed(WRONG, f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")

    assert len(keys._windows) == 10_000
    assert answers(keys, "10.0.42.247", 10)[-1] == 429


async def test_all_roads_count_together(tmp_path: Path) -> None:
    """The hot route, ASGI's and FastAPI's share the count; a right key passes all the same."""
    wrong = b"authorization: Bearer sk-wrong\r\n"
    get = b"GET /v1/models HTTP/1.1\r\nhost: x\r\n%b\r\n"
    chunked = wrong + b"transfer-encoding: chunked\r\n"
    async with RunningGateway(settings_for(tmp_path)) as gateway:
        statuses = []
        for _ in range(4):
            for request in (
                posting(chat(), wrong, key=False),
                posting(b"0\r\n\r\n", chunked, key=False),
                get % wrong,
            ):
                statuses.append((await talk(gateway.port, request))[0])
        right, _ = await talk(gateway.port, get % f"authorization: Bearer {KEY}\r\n".encode())
        shown = gateway.application.asgi._metrics.render().decode()

    assert statuses == [401] * 10 + [429] * 2
    assert right == 200
    assert 'code="too_many_wrong_keys"' in shown
