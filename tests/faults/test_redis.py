# SPDX-License-Identifier: Apache-2.0
"""F11: sessions of several gateways over one Redis, and what happens when it is gone."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.doubles.asgi import Answer, call
from tests.doubles.canary import Canary
from tests.doubles.cloud import Cloud
from tests.doubles.house import AUTH, House, house
from tests.doubles.redis import RedisServer, redis_server
from tests.doubles.served import KEY, Served, served

PHI = "The patient has type 2 diabetes. MRN: 48213377"
SECRET = "one-secret-for-all-of-the-gateways"
_RECOVERS_S = 5.0
_STARTS_S = 30.0


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


def settings_for(redis: RedisServer) -> dict[str, Any]:
    """Two workers' settings: sessions are only in Redis."""
    return {
        "server": {"workers": 2},
        "routing": {"strong_fraction": 1.0},
        "state": {"store": redis.url, "secret": SECRET, "timeout_s": 1.0},
    }


async def ask(here: House, text: str, session: str = "") -> Answer:
    """One chat request, in a session or in none."""
    body = {"model": "auto", "messages": [{"role": "user", "content": text}]}
    headers = {**AUTH, **({"x-nearward-session": session} if session else {})}
    return await call(here.app, "/v1/chat/completions", json.dumps(body).encode(), headers)


async def test_a_session_is_tainted_in_every_gateway(redis: RedisServer) -> None:
    """PHI through one gateway keeps the session's next request at home in another."""
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(house(**settings_for(redis)))
        other = await stack.enter_async_context(house(**settings_for(redis)))
        session = Canary.new().token
        await ask(one, PHI, session)
        answer = await ask(other, "A clean text.", session)

        assert answer.headers["x-nearward-data-class"] == "phi"
        assert other.sink.sent_bytes == 0
        await ask(other, "A clean text.", "fresh")
        assert other.sink.sent_bytes > 0
        assert session not in str(redis.contents())


async def test_raises_at_the_same_time_are_all_kept(redis: RedisServer) -> None:
    """Of many requests of one session at once, clean and not, the highest class remains."""
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(house(**settings_for(redis)))
        other = await stack.enter_async_context(house(**settings_for(redis)))
        texts = ["A clean text.", PHI, "write to jane.roe@example.org", "Another clean text."]
        await asyncio.gather(*(ask(h, t, "s") for t in texts * 3 for h in (one, other)))
        sent = one.sink.sent_bytes + other.sink.sent_bytes
        for here in (one, other):
            answer = await ask(here, "A clean text.", "s")
            assert answer.headers["x-nearward-data-class"] == "phi"
        assert one.sink.sent_bytes + other.sink.sent_bytes == sent


async def test_without_redis_sessions_stay_at_home_and_others_go(redis: RedisServer) -> None:
    """While Redis is down a session is unknown; requests without one are decided as ever."""
    async with house(**settings_for(redis)) as here:
        await ask(here, PHI, "tainted")
        redis.stop()
        answer = await ask(here, "A clean text.", "fresh")
        assert (answer.status, answer.headers["x-nearward-data-class"]) == (200, "unknown")
        assert here.sink.sent_bytes == 0
        assert (await ask(here, "A clean text.")).headers["x-nearward-route"] == "cloud"
        assert (await ask(here, PHI)).headers["x-nearward-route"] == "local"

        # It comes back empty: what this gateway saw is there again.
        redis.start()
        before = here.sink.sent_bytes
        async with asyncio.timeout(_RECOVERS_S):
            while "phi" not in redis.contents().values():
                await asyncio.sleep(0.02)
        answer = await ask(here, "A clean text.", "tainted")
        assert answer.headers["x-nearward-route"] == "local"
        assert here.sink.sent_bytes == before


CONFIG = """device: {{enabled: false}}
server: {{workers: 3}}
state: {{store: "{redis}", timeout_s: 2}}
destinations:
  - {{name: c1, tier: cloud, base_url: "{cloud}", models: {{m: m}}, trains_on_data: false}}
"""


@pytest.mark.timeout(120)
def test_workers_of_one_gateway_share_sessions(redis: RedisServer, tmp_path: Path) -> None:
    """PHI that one worker saw keeps the session at home in each of them; others go out."""
    config = tmp_path / "nearward.yaml"
    with Cloud() as cloud:
        config.write_text(CONFIG.format(redis=redis.url, cloud=cloud.base_url))
        with served("--config", str(config)) as gateway:
            deadline = time.monotonic() + _STARTS_S
            while len([*(gateway.state_dir / "audit").glob("*.jsonl")]) < 3:  # one each
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert _post(gateway, PHI, "tainted") == (503, "phi")
            # A connection each: the kernel hands them to the workers in turn or at random.
            assert {_post(gateway, "A clean text.", "tainted") for _ in range(20)} == {(503, "phi")}
            assert cloud.requests == []
            assert _post(gateway, "A clean text.", "fresh") == (200, "internal")
    assert len(cloud.requests) == 1


def _post(gateway: Served, text: str, session: str) -> tuple[int, str]:
    """Status and data class of a chat request on a connection of its own."""
    body = {"model": "auto", "messages": [{"role": "user", "content": text}]}
    headers = {"authorization": f"Bearer {KEY}", "x-nearward-session": session}
    url = f"{gateway.base_url}/chat/completions"
    answer = httpx.post(url, json=body, headers=headers, trust_env=False, timeout=30)
    return answer.status_code, answer.headers["x-nearward-data-class"]
