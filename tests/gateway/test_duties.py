# SPDX-License-Identifier: Apache-2.0
"""What decisions oblige to, from the pack to the bytes: through the pipeline, to the backend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.backends.base import Call
from gateway.routing.plan import Planner, Route
from gateway.rules import Rules, make_planner
from gateway.settings import DestinationSettings, Settings
from policies import Destination, Obligation, PackSource, Tier, load_policy
from tests.gateway.fakes import FakeBackend, away
from tests.gateway.pipeline_scene import Scene, good

PACK = """\
pack: owing
version: "1"
description: owes something wherever a request goes
rules:
  - {{id: all, effect: allow, when: {{}}, reason: permitted, description: d, citation: c}}
  - {{id: owe, effect: oblige, when: {{tier: cloud}}, obligations: [{owed}],
     reason: handle_with_care, description: d, citation: c}}
"""
TOOL = {"type": "function", "function": {"name": "f"}}
OLD, NEW = "the old Zebrafink", "the new Okapi"
TALK = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": OLD},
    {"role": "assistant", "content": "so it was"},
    {"role": "user", "content": NEW, "name": "ada"},
]


def destination(**more: Any) -> DestinationSettings:
    given = {"name": "c1", "tier": "cloud", "base_url": "https://api.example", "models": {"b": "b"}}
    return DestinationSettings(**{**given, **more})


def honoured(**more: Any) -> frozenset[Obligation]:
    """What the planner believes of a configured destination."""
    planner = make_planner(Settings(destinations=[destination(**more)]))
    return planner._away[0].honours


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.audit._writes._stall_s = 10.0  # a busy test machine must not look like a stalled disk
    scene.cloud = FakeBackend(good(), good(), good())
    return scene


async def sent(scene: Scene, owed: str, **body: Any) -> tuple[list[Call], dict[bytes, bytes]]:
    """The calls that the cloud got for one request under such an obligation, and the headers."""
    backend = FakeBackend(good(), good())
    scene_executor = scene.gateway._handlers["/chat"].__self__._executor  # type: ignore[attr-defined]
    scene_executor._backends = {"device": FakeBackend(good()), "c1": backend}
    source = PackSource("owing.yaml", PACK.format(owed=owed).encode())
    policy = load_policy([source], [Destination(name="device", tier=Tier.DEVICE), away("c1")])
    routes = [
        Route("device", Tier.DEVICE, {"small": "small"}),
        Route("c1", Tier.CLOUD, {"big": "up-big"}, honours=honoured()),
    ]
    scene.rules = Rules(policy, Planner(routes, aliases={}, strong_fraction=1.0))
    caller = await scene.post(model="auto", messages=TALK, **body)
    assert caller.status == 200
    return backend.calls, caller.headers


async def test_the_minimum_is_sent_and_all_is_judged(scene: Scene) -> None:
    """The destination gets the last turn without names; the record says what was owed."""
    owed = "{minimum_necessary: {keep_turns: 1, drop: [name, metadata, user]}}"
    (call,), headers = await sent(scene, owed, user="u-1", metadata={"case": "x"})

    assert OLD.encode() not in orjson.dumps(call.body)
    assert [m["content"] for m in call.body["messages"]] == ["be brief", NEW]
    assert call.body.keys() == {"model", "messages"}
    assert "name" not in call.body["messages"][1]
    assert headers[b"x-nearward-route"] == b"cloud"
    assert OLD in scene.scanner.texts[-1]
    (intent,) = [r for r in scene.records() if r["event"] == "intent"]
    assert intent["owed"] == ["minimum_necessary"]


async def test_the_device_gets_all_of_it(scene: Scene) -> None:
    """Nothing leaves, so nothing has to stay."""
    executor = scene.gateway._handlers["/chat"].__self__._executor  # type: ignore[attr-defined]
    await sent(scene, "{minimum_necessary: {keep_turns: 1}}", tools=[TOOL])
    executor._backends["device"] = device = FakeBackend(good())
    await scene.post((b"x-nearward-max-tier", b"device"), model="auto", messages=TALK)

    assert [m["content"] for m in device.calls[0].body["messages"]] == [m["content"] for m in TALK]


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [TOOL]},
        {"functions": [{"name": "f"}]},
        {"web_search_options": {}},
        {"tools": [{"type": "web_search_preview"}]},
        {"novelty": 1},
    ],
    ids=str,
)
async def test_no_tools_keeps_requests_with_tools_here(scene: Scene, more: dict[str, Any]) -> None:
    """Tools, and features of the provider's; a field nobody knows might be one."""
    calls, headers = await sent(scene, "no_tools", **more)

    assert calls == []
    assert headers[b"x-nearward-route"] == b"local"
    assert headers[b"x-nearward-reason"] == b"obligation_not_honoured"


async def test_no_tools_lets_others_go(scene: Scene) -> None:
    """A request without them is not touched."""
    calls, _ = await sent(scene, "no_tools", temperature=0)

    assert [c.body["temperature"] for c in calls] == [0]


@pytest.mark.parametrize("owed", ["{cache_scope: session}", "no_cache", "{log_level: nothing}"])
async def test_what_holds_by_itself(
    scene: Scene, owed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No answer is kept: the same question goes out again. No log line is about a request."""
    first, _ = await sent(scene, owed)
    second, _ = await sent(scene, owed)
    printed = capsys.readouterr()

    assert (len(first), len(second)) == (1, 1)
    assert printed.out + printed.err == ""


def test_what_destinations_are_believed_to_honour() -> None:
    """Redaction and a store that is off depend on the backend; tools on what is switched on."""
    here = {"minimum_necessary", "no_cache", "cache_scope", "log_level", "record"}

    assert here | {"no_store", "no_tools"} <= honoured()
    assert here <= honoured(kind="anthropic")
    assert "no_store" not in honoured(kind="anthropic")
    assert "no_tools" not in honoured(features=["web_search"])


async def test_when_nothing_is_left_nothing_is_sent(scene: Scene) -> None:
    """A plan for the cloud alone then ends as a refusal, and nobody is told that it was tried."""
    await sent(scene, "{minimum_necessary: {drop: [system]}}")
    executor = scene.gateway._handlers["/chat"].__self__._executor  # type: ignore[attr-defined]
    executor._backends["c1"] = backend = FakeBackend(good())
    caller = await scene.post(model="cloud/big", messages=TALK[:1])

    assert backend.calls == []
    assert (caller.status, caller.headers[b"x-nearward-route"]) == (403, b"blocked")
    assert orjson.loads(caller.body)["error"]["code"] == "policy_blocked"
