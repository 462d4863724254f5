# SPDX-License-Identifier: Apache-2.0
"""No cloud byte without a clearance for just this request, destination and origin (I4)."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.backends.egress import Egress, Endpoint, Origin
from gateway.backends.errors import EgressRefused, RequestRefused
from gateway.backends.http1 import Client
from policies.decision import Cleared
from tests.doubles.cloud import Cloud
from tests.gateway.backends.conftest import QUICK

KEY = "Bearer a-very-secret-key"


def mint(request_id: str, destination: str, origin: str) -> Cleared:
    """A clearance by the back door: only `policies.decide` can make one by the front."""
    cleared = object.__new__(Cleared)
    object.__setattr__(cleared, "request_id", request_id)
    object.__setattr__(cleared, "destination", destination)
    object.__setattr__(cleared, "origin", origin)
    return cleared


def endpoint_at(origin: str, destination: str = "cloud-eu") -> Endpoint:
    return Endpoint(
        destination=destination,
        origin=Origin.parse(origin),
        method="POST",
        target="/v1/chat/completions",
        headers=(("authorization", KEY),),
    )


async def send(egress: Egress, cleared: Any, endpoint: Endpoint) -> int:
    response = await egress.send(
        cleared,
        request_id="r1",
        endpoint=endpoint,
        body=b"{}",
        timeouts=QUICK,
        headers=[("x-request-id", "r1")],
    )
    await response.read(10_000)
    return response.status


async def test_sends_what_is_cleared(client: Client, cloud: Cloud) -> None:
    """With the right clearance the request goes out, with the origin's own Host."""
    egress = Egress(client)

    status = await send(egress, mint("r1", "cloud-eu", cloud.origin), endpoint_at(cloud.origin))

    headers = cloud.requests[0].raw.headers
    assert status == 200
    assert headers["host"] == f"127.0.0.1:{cloud.port}"
    assert headers["authorization"] == KEY
    assert headers["x-request-id"] == "r1"
    await egress.close()


class LookAlike:
    """Has the right fields and the wrong type."""

    def __init__(self, origin: str) -> None:
        self.request_id, self.destination, self.origin = "r1", "cloud-eu", origin


@pytest.mark.parametrize("wrong", [None, object(), True, "cleared", LookAlike])
async def test_refuses_what_is_no_clearance(client: Client, cloud: Cloud, wrong: Any) -> None:
    """Nothing but a Cleared of policies opens the road; look-alikes neither."""
    token = wrong(cloud.origin) if wrong is LookAlike else wrong

    with pytest.raises(EgressRefused) as caught:
        await send(Egress(client), token, endpoint_at(cloud.origin))

    assert not caught.value.retryable
    assert not caught.value.may_have_left
    assert cloud.connections == 0


@pytest.mark.parametrize(
    ("request_id", "destination", "swap"),
    [
        ("r2", "cloud-eu", ("", "")),
        ("", "cloud-eu", ("", "")),
        ("r1", "cloud-us", ("", "")),
        ("r1", "cloud-eu", ("127.0.0.1", "localhost")),
        ("r1", "cloud-eu", ("http:", "https:")),
        ("r1", "cloud-eu", ("http", "HTTP")),
    ],
)
async def test_refuses_the_clearance_of_another(
    client: Client, cloud: Cloud, request_id: str, destination: str, swap: tuple[str, str]
) -> None:
    """Another request, destination, host, scheme, or even spelling: refused, nothing dialled."""
    token = mint(request_id, destination, cloud.origin.replace(*swap) if swap[0] else cloud.origin)

    with pytest.raises(EgressRefused):
        await send(Egress(client), token, endpoint_at(cloud.origin))

    assert cloud.connections == 0


async def test_refuses_another_port(client: Client, cloud: Cloud) -> None:
    """The port is part of the origin."""
    async with Cloud() as other:
        with pytest.raises(EgressRefused):
            await send(
                Egress(client), mint("r1", "cloud-eu", other.origin), endpoint_at(cloud.origin)
            )

    assert cloud.connections == 0


async def test_a_device_has_no_origin_to_send_to(client: Client, cloud: Cloud) -> None:
    """The empty origin of the device never matches, and unix sockets are not reached from here."""
    with pytest.raises(EgressRefused):
        await send(Egress(client), mint("r1", "cloud-eu", ""), endpoint_at(cloud.origin))
    with pytest.raises(RequestRefused):
        await send(Egress(client), mint("r1", "cloud-eu", "unix:/s"), endpoint_at("unix:/s"))


def test_host_is_not_a_header_to_set() -> None:
    """Neither the endpoint nor a request can name another host."""
    with pytest.raises(RequestRefused):
        Endpoint(
            destination="d",
            origin=Origin.parse("https://api.example.eu"),
            method="POST",
            target="/",
            headers=(("Host", "evil.example"),),
        )


async def test_request_headers_cannot_break_out(client: Client, cloud: Cloud) -> None:
    """A header of one request is checked before anything is sent."""
    with pytest.raises(RequestRefused):
        await Egress(client).send(
            mint("r1", "cloud-eu", cloud.origin),
            request_id="r1",
            endpoint=endpoint_at(cloud.origin),
            body=b"{}",
            timeouts=QUICK,
            headers=[("x-request-id", "r1\r\nhost: evil.example")],
        )

    assert cloud.connections == 0


def test_keys_are_not_in_the_repr() -> None:
    """An endpoint in a log or traceback does not show its key."""
    endpoint = endpoint_at("https://api.example.eu")

    assert KEY.encode() in endpoint.prefix
    assert "secret" not in repr(endpoint)
