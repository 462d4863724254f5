# SPDX-License-Identifier: Apache-2.0
"""The whole gateway over a real socket, with OpenAI's own client and a scripted cloud."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from gateway.records.audit import verify_directory
from tests.doubles.cloud import HANG, Act, Cloud, Ending
from tests.gateway.fakes import KEY, chat_body
from tests.gateway.serving_gateway import RunningGateway, settings_for

CANARY = "Zebrafink-7731"
MESSAGES: Any = [{"role": "user", "content": "What is the capital of France?"}]


class World:
    """A gateway, its two clouds, and clients."""

    def __init__(self, gateway: RunningGateway, c1: Cloud, c2: Cloud) -> None:
        self.gateway = gateway
        self.c1 = c1
        self.c2 = c2
        self.http = httpx.AsyncClient(
            base_url=gateway.url, headers={"authorization": f"Bearer {KEY}"}, trust_env=False
        )
        self.openai = openai.AsyncOpenAI(
            base_url=f"{gateway.url}/v1",
            api_key=KEY,
            max_retries=0,
            http_client=httpx.AsyncClient(trust_env=False),
        )

    def audit(self) -> list[dict[str, Any]]:
        data = b"".join(p.read_bytes() for p in self.gateway.audit_directory.glob("*.jsonl"))
        return [json.loads(line) for line in data.splitlines()]

    async def close(self) -> None:
        await self.http.aclose()
        await self.openai.close()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with (
        Cloud() as c1,
        Cloud() as c2,
        RunningGateway(settings_for(tmp_path, c1, c2)) as gateway,
    ):
        world = World(gateway, c1, c2)
        yield world
        await world.close()
    assert verify_directory(tmp_path / "audit")[2] == []


async def test_plain_chat(world: World) -> None:
    """OpenAI's client gets an answer, from the upstream's own model name, with our headers."""
    response = await world.openai.chat.completions.with_raw_response.create(
        model="gpt-4o-mini", messages=MESSAGES
    )

    answer = response.parse()
    assert answer.choices[0].message.content == "A short answer from the cloud."
    headers = response.headers
    assert (headers["x-nearward-route"], headers["x-nearward-region"]) == ("cloud", "eu-west-1")
    assert headers["x-nearward-model"] == "up-mini"
    assert headers["x-nearward-attempts"] == "1"
    assert headers["x-nearward-data-class"] == "internal"
    assert headers["x-nearward-policy"].startswith("sha256:")
    assert int(headers["x-nearward-overhead-us"]) > 0
    (received,) = world.c1.requests
    assert received.json["model"] == "up-mini"
    assert received.json["messages"] == MESSAGES
    assert received.raw.headers["authorization"] == "Bearer sk-upstream"
    assert KEY.encode() not in received.raw.head
    assert headers["x-nearward-decision-id"] in {e.get("id") for e in world.audit()}


@pytest.mark.parametrize("model", ["auto", "gpt-4o", "cloud/gpt-4o-mini", "gpt-4o-mini"])
async def test_every_way_to_name_a_model(world: World, model: str) -> None:
    """auto, an alias, cloud/<name> and the plain name reach the same upstream."""
    await world.openai.chat.completions.create(model=model, messages=MESSAGES)

    assert world.c1.requests[0].json["model"] == "up-mini"


async def test_streamed_chat(world: World) -> None:
    """A stream arrives piece by piece and complete, with its usage."""
    stream = await world.openai.chat.completions.create(
        model="auto", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]

    said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert said == "A short answer from the cloud."
    assert chunks[-1].usage is not None
    assert world.c1.requests[0].json["stream"] is True


async def test_intent_is_on_record_before_a_byte_leaves(world: World) -> None:
    """When the upstream sees the request its intent can be read from the log (I5)."""
    world.c1.plan(HANG)
    task = asyncio.create_task(world.http.post("/v1/chat/completions", json=chat_body()))
    await world.c1.until(lambda: world.c1.requests)

    (intent,) = [e for e in world.audit() if e["event"] == "intent"]
    caller = world.gateway.application.audit.pseudonym("key", "ada")
    assert (intent["to"], intent["key"]) == ("c1", caller)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    "act", [Act(status=429), Act(status=503), Act(has_head=False, ending=Ending.RESET)]
)
@pytest.mark.parametrize("stream", [True, False])
async def test_fallback_to_the_next_cloud(world: World, act: Act, stream: bool) -> None:
    """Before the first byte the next allowed destination is asked, and the headers say so."""
    world.c1.otherwise = act
    response = await world.http.post("/v1/chat/completions", json=chat_body(stream=stream))

    assert response.status_code == 200
    assert response.headers["x-nearward-attempts"] == "2"
    assert response.headers["x-nearward-reason"] == "fallback"
    assert len(world.c2.requests) == 1


async def test_broken_stream(world: World) -> None:
    """A stream cut midway ends with an error event, without [DONE], and no second attempt."""
    world.c1.plan(Act(events=3, ending=Ending.RESET))
    with pytest.raises(openai.APIError):
        stream = await world.openai.chat.completions.create(
            model="auto", messages=MESSAGES, stream=True
        )
        async for _ in stream:
            pass

    assert len(world.c2.requests) == 0


async def test_client_that_leaves_ends_the_upstream(world: World) -> None:
    """A caller that closes midway closes the upstream's connection, and it is on record (F9)."""
    world.c1.plan(Act(events=2, ending=Ending.SILENCE))
    async with world.http.stream(
        "POST", "/v1/chat/completions", json=chat_body(stream=True)
    ) as response:
        await anext(response.aiter_bytes())

    await world.c1.until(lambda: world.c1.requests[0].has_client_left, 2)
    async with asyncio.timeout(3):
        while not any(e.get("result") == "client_gone" for e in world.audit()):
            await asyncio.sleep(0.01)


async def test_errors_of_upstreams(world: World) -> None:
    """All fail: 502 in OpenAI's shape. A bad request is passed back. Our key's fault is not."""
    world.c1.otherwise = world.c2.otherwise = Act(status=401)
    with pytest.raises(openai.InternalServerError) as caught:
        await world.openai.chat.completions.create(model="auto", messages=MESSAGES)
    assert caught.value.status_code == 502

    world.c1.otherwise = Act(status=400)
    with pytest.raises(openai.BadRequestError):
        await world.openai.chat.completions.create(model="auto", messages=MESSAGES)


async def test_errors_of_callers(world: World) -> None:
    """No key, an unknown model, and the device when there is none."""
    other = world.openai.with_options(api_key="nw-wrong")
    with pytest.raises(openai.AuthenticationError):
        await other.chat.completions.create(model="auto", messages=MESSAGES)
    with pytest.raises(openai.NotFoundError) as missing:
        await world.openai.chat.completions.create(model="gpt-9", messages=MESSAGES)
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.InternalServerError) as down:
        await world.openai.chat.completions.create(
            model="local/smollm2-135m-instruct-q4_1", messages=MESSAGES
        )
    assert down.value.code == "local_unavailable"
    assert down.value.response.headers["retry-after"] == "2"
    assert world.c1.connections == 0


async def test_secrets_do_not_leave(world: World) -> None:
    """A declared secret stays: blocked for cloud/<name>, 503 where only the device may answer."""
    headers = {"x-nearward-data-class": "secret"}
    blocked = await world.http.post(
        "/v1/chat/completions", json=chat_body(model="cloud/gpt-4o-mini"), headers=headers
    )
    assert (blocked.status_code, blocked.json()["error"]["code"]) == (403, "policy_blocked")
    assert blocked.headers["x-nearward-route"] == "blocked"
    waiting = await world.http.post("/v1/chat/completions", json=chat_body(), headers=headers)
    assert (waiting.status_code, waiting.json()["error"]["code"]) == (503, "local_unavailable")

    assert (world.c1.connections, world.c2.connections) == (0, 0)
    async with asyncio.timeout(3):
        while sum(e["event"] == "refused" for e in world.audit()) < 2:
            await asyncio.sleep(0.01)


async def test_session_taint_holds(world: World) -> None:
    """Once a session carried a secret its clean requests stay too; other sessions go on."""
    headers = {"x-nearward-session": "s1", "x-nearward-data-class": "secret"}
    await world.http.post("/v1/chat/completions", json=chat_body(), headers=headers)
    del headers["x-nearward-data-class"]
    after = await world.http.post("/v1/chat/completions", json=chat_body(), headers=headers)
    assert after.status_code == 503

    headers["x-nearward-session"] = "s2"
    other = await world.http.post("/v1/chat/completions", json=chat_body(), headers=headers)
    assert other.status_code == 200


async def test_explain_and_dry_run_send_nothing(world: World) -> None:
    """Both tell the plan; no upstream hears of it; the answers agree."""
    explained = await world.http.post("/v1/route/explain", json=chat_body())
    dry = await world.http.post(
        "/v1/chat/completions", json=chat_body(), headers={"x-nearward-dry-run": "true"}
    )

    one, two = explained.json(), dry.json()
    assert one["allowed"] == ["device", "c1", "c2"]
    assert [a["destination"] for a in one["plan"]] == ["c1", "c2"]
    assert {k: v for k, v in one.items() if k != "decision_id"} == {
        k: v for k, v in two.items() if k != "decision_id"
    }
    assert world.c1.connections == 0
    refused = await world.http.post("/v1/route/explain", json=chat_body(model="nobody"))
    assert (refused.json()["refusal"], refused.json()["plan"]) == ("model_not_found", [])


async def test_classify(world: World) -> None:
    """Records in, classifications out, in order, without the text."""
    lines = (
        b'{"id": 1, "text": "hello"}\n\n{"id": 2, "messages": [{"role":"user","content":"a"}]}\n'
    )
    response = await world.http.post("/v1/classify", content=lines)

    answers = [json.loads(line) for line in response.text.splitlines()]
    assert [a["id"] for a in answers] == [1, 2]
    assert set(answers[0]) == {"id", "data_class", "phi", "spans", "complexity", "reasons", "us"}
    for bad in (b"[]", b'{"id": 1}', b'{"id": 1, "messages": ["x"]}', b"{"):
        assert (await world.http.post("/v1/classify", content=bad)).status_code == 400
    assert (
        await world.http.post("/v1/classify", headers={"authorization": "x"})
    ).status_code == 401


async def test_models(world: World) -> None:
    """Models are listed and found one by one, with a key only."""
    listed = [m.id async for m in world.openai.models.list()]

    assert listed == [
        "auto",
        "gpt-4o",
        "local/smollm2-135m-instruct-q4_1",
        "cloud/gpt-4o-mini",
        "gpt-4o-mini",
    ]
    for model in listed:
        assert (await world.openai.models.retrieve(model)).id == model
    with pytest.raises(openai.NotFoundError):
        await world.openai.models.retrieve("nobody")
    bare = await world.http.get("/v1/models", headers={"authorization": ""})
    assert (bare.status_code, bare.json()["error"]["code"]) == (401, "invalid_api_key")


async def test_health_and_metrics(world: World) -> None:
    """Health needs no key; readiness follows the audit log; metrics are Prometheus text."""
    assert (await world.http.get("/health/liveliness")).json() == {"status": "alive"}
    for path in ("/health", "/health/readiness"):
        assert (await world.http.get(path)).json()["status"] == "ready"
    await world.http.post("/v1/chat/completions", json=chat_body())
    metrics = await world.http.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "nearward_audit_healthy 1.0" in metrics.text
    assert 'nearward_attempts_total{destination="c1",outcome="answered"} 1.0' in metrics.text

    world.gateway.application.audit._writer.problem = "no space"
    response = await world.http.get("/health/readiness")
    assert (response.status_code, response.json()["checks"]["audit"]) == (503, False)
    assert (await world.http.get("/health/liveliness")).status_code == 200
    world.gateway.application.audit._writer.problem = ""


async def test_api_document(world: World) -> None:
    """The OpenAPI document is whole: every reference in it leads somewhere."""
    document = (await world.http.get("/openapi.json")).json()
    again = (await world.http.get("/openapi.json")).json()

    assert document == again
    assert document["openapi"].startswith("3.")
    assert {"/v1/chat/completions", "/v1/route/explain", "/v1/classify", "/v1/models"} <= set(
        document["paths"]
    )
    for reference in _references(document):
        target: Any = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [v for k, v in value.items() if k == "$ref"]
        return own + [r for child in value.values() for r in _references(child)]
    return [r for child in value for r in _references(child)] if isinstance(value, list) else []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("POST", "/v1/completions", 404),
        ("POST", "/v1/chat/completions/", 404),
        ("GET", "/v1/chat/completions", 405),
        ("DELETE", "/v1/classify", 405),
        ("POST", "/v1/models", 405),
        ("PUT", "/health", 405),
        ("GET", "/", 404),
        ("GET", "/docs", 404),
        ("GET", "/metrics/", 404),
        ("GET", "/v1/../etc/passwd", 404),
        ("OPTIONS", "/v1/chat/completions", 405),
    ],
)
async def test_unknown_paths_and_methods(world: World, method: str, path: str, status: int) -> None:
    """A clear refusal in OpenAI's shape; nothing is passed through and nothing redirects."""
    response = await world.http.request(method, path)

    assert response.status_code == status
    assert response.json()["error"]["code"] in {"not_found", "method_not_allowed"}
    assert world.c1.connections == 0


async def test_no_prompt_at_rest(world: World, tmp_path: Path) -> None:
    """After answers, errors and refusals no file of the gateway holds a word of them (I6)."""
    for more in ({}, {"stream": True}, {"model": CANARY}, {"temperature": CANARY}):
        body = chat_body(CANARY, user=CANARY, metadata={"a": CANARY}, **more)
        await world.http.post("/v1/chat/completions", json=body)
    await world.http.get(f"/v1/{CANARY}")
    metrics = await world.http.get("/metrics")
    await world.gateway.application.audit.intent({"event": "x"}, sync=False)

    assert CANARY not in metrics.text
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or CANARY.encode() not in file.read_bytes()
