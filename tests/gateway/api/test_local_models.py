# SPDX-License-Identifier: Apache-2.0
"""`/v1/local/models` and what `/v1/models` says of loaded models, over real sockets."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from gateway.reach import control_socket, model_socket
from local_engine.control import ControlServer
from tests.doubles.cloud import Cloud
from tests.doubles.pool import ScriptedPool
from tests.gateway.fakes import KEY, chat_body
from tests.gateway.serving_gateway import KEY_SETTINGS, RunningGateway, settings_for

ADMIN = "nw-admin-key"
ADMIN_SETTINGS = {
    "id": "root",
    "hash": "sha256:" + hashlib.sha256(ADMIN.encode()).hexdigest(),
    "roles": ["admin"],
}
READY = {"status": "ready", "model": "a", "n_ctx": 4096, "busy": 0, "pid": 9, "decode_tps": 40}


@dataclass
class Scene:
    """A gateway over the models a and b."""

    pool: ScriptedPool
    engines: dict[str, Cloud]
    http: httpx.AsyncClient

    async def call(self, method: str, path: str, key: str = KEY) -> httpx.Response:
        return await self.http.request(method, path, headers={"authorization": f"Bearer {key}"})

    async def loaded(self) -> dict[str, bool]:
        """What /v1/models says."""
        models = (await self.call("GET", "/v1/models")).json()["data"]
        return {model["id"]: model["loaded"] for model in models if "loaded" in model}

    async def until_loaded(self, **expected: bool) -> None:
        async with asyncio.timeout(10):
            while await self.loaded() != {f"local/{k}": v for k, v in expected.items()}:
                await asyncio.sleep(0.05)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """The default model a is loaded, b is not."""
    settings = settings_for(
        tmp_path,
        keys=[KEY_SETTINGS, ADMIN_SETTINGS],
        device={"models": ["a", "b"], "load_wait_s": 5},
    )
    pool = ScriptedPool(a="ready", b="off")
    pool.health["a"] = dict(READY)
    async with AsyncExitStack() as stack:
        stack.enter_context(ControlServer(control_socket(settings), pool))
        engines = {}
        for number, name in enumerate(("a", "b")):
            path = str(model_socket(settings, number))
            engines[name] = await stack.enter_async_context(Cloud(unix_path=path))
        gateway = await stack.enter_async_context(RunningGateway(settings))
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=20)
        )
        yield Scene(pool, engines, http)


async def test_models_say_whether_they_are_loaded(scene: Scene) -> None:
    """In OpenAI's list and, with more, in the device's own."""
    await scene.until_loaded(a=True, b=False)
    listed = (await scene.call("GET", "/v1/local/models")).json()["data"]
    assert [(m["name"], m["state"]) for m in listed] == [("a", "ready"), ("b", "off")]
    one = (await scene.call("GET", "/v1/models/local/b")).json()
    assert (one["loaded"], one["owned_by"]) == (False, "device")
    assert (await scene.http.get("/v1/local/models")).status_code == 401


async def test_only_an_admin_loads_and_unloads(scene: Scene) -> None:
    """With the pool's answers as statuses."""
    for action in ("load", "unload"):
        refused = await scene.call("POST", f"/v1/local/models/b/{action}")
        assert refused.status_code == 403
        assert refused.json()["error"]["code"] == "forbidden"
        missing = await scene.call("POST", f"/v1/local/models/c/{action}", ADMIN)
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "model_not_found")
    assert scene.pool.wants == ["c"]

    loading = await scene.call("POST", "/v1/local/models/b/load", ADMIN)
    assert (loading.status_code, loading.json()["retry_after_s"]) == (202, 7)
    scene.pool.asks = 0
    assert (await scene.call("POST", "/v1/local/models/b/load", ADMIN)).status_code == 200
    assert (await scene.call("POST", "/v1/local/models/b/unload", ADMIN)).status_code == 200
    scene.pool.health["a"]["busy"] = 1
    assert (await scene.call("POST", "/v1/local/models/a/unload", ADMIN)).status_code == 409
    scene.pool.refusal = "too large"
    large = await scene.call("POST", "/v1/local/models/b/load", ADMIN)
    assert (large.status_code, large.json()["error"]["message"]) == (503, "too large")


async def test_a_request_is_answered_by_the_model_it_names(scene: Scene) -> None:
    """`auto` by the default one; one that is not loaded is waited for."""
    await scene.until_loaded(a=True, b=False)
    headers = {"authorization": f"Bearer {KEY}"}
    for model, engine in (("auto", "a"), ("local/b", "b"), ("local/a", "a")):
        body = chat_body(model=model)
        answer = await scene.http.post("/v1/chat/completions", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-nearward-model"] == engine
        assert scene.engines[engine].requests[-1].json["model"] == engine
    assert scene.pool.wants.count("b") == 3


async def test_a_model_that_does_not_come_is_unavailable_for_a_while(scene: Scene) -> None:
    """With the pool's own estimate as Retry-After; also while the default model is away."""
    await scene.until_loaded(a=True, b=False)
    scene.pool.asks, scene.pool.health["a"] = 1000, {}
    await scene.until_loaded(a=False, b=False)
    headers = {"authorization": f"Bearer {KEY}", "x-nearward-latency-budget-ms": "100"}
    body = chat_body(model="local/b")
    answer = await scene.http.post("/v1/chat/completions", json=body, headers=headers)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "local_unavailable"
    assert answer.headers["retry-after"] == "7"


async def test_engines_are_in_the_metrics(scene: Scene) -> None:
    """By model."""
    await scene.until_loaded(a=True, b=False)
    text = (await scene.http.get("/metrics")).text
    assert 'nearward_engine_decode_tokens_per_second{model="a"} 40.0' in text
    assert 'nearward_engine_loads{model="b"} 1.0' in text
