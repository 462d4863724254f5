# SPDX-License-Identifier: Apache-2.0
"""The endpoints for operators and auditors, on a whole gateway over a real socket."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.errors import Conflict
from gateway.signals.reading import SignalReader
from gateway.state.approvals import Approvals, Asked
from gateway.state.sessions import MemorySessions
from policies import Findings
from tests.doubles.cloud import Cloud
from tests.gateway.fakes import chat_body
from tests.gateway.serving_gateway import RunningGateway, settings_for

ROLES = ("user", "admin", "auditor")
READ_BY_BOTH = (
    ("GET", "/v1/destinations"),
    ("GET", "/v1/decisions/" + "0" * 32),
    ("GET", "/v1/audit/verify"),
    ("POST", "/v1/policy/simulate"),
    ("GET", "/v1/approvals"),
)
APPROVING = """\
pack: approving
version: "1"
description: what was declared confidential needs somebody's leave
rules:
  - {id: all, effect: allow, when: {}, reason: permitted, description: d, citation: c}
  - {id: ask, effect: approve, when: {data_class: {at_least: confidential}}, description: d, citation: c}
  - {id: wait, effect: queue, when: {purpose: batch}, description: d, citation: c}
"""  # noqa: E501
SECRET_WORDS = "Zebrafink project plan"
DECLARED = {"x-nearward-data-class": "confidential"}


def key(name: str, *roles: str, **more: Any) -> dict[str, Any]:
    digest = hashlib.sha256(f"nw-{name}".encode()).hexdigest()
    return {"id": name, "hash": f"sha256:{digest}", "roles": list(roles), **more}


class Scene:
    """A gateway with a key for each role, and one cloud."""

    def __init__(self, gateway: RunningGateway, cloud: Cloud) -> None:
        self.gateway = gateway
        self.cloud = cloud
        self.http = httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=60)

    async def ask(self, method: str, path: str, who: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer nw-{who}", **more.pop("headers", {})}
        return await self.http.request(method, path, headers=headers, **more)

    async def chat(
        self, who: str = "user", words: str = SECRET_WORDS, **headers: str
    ) -> httpx.Response:
        body = chat_body(model="cloud/gpt-4o-mini", messages=[{"role": "user", "content": words}])
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.ask("POST", "/v1/chat/completions", who, json=body, headers=named)

    def records(self, event: str) -> list[dict[str, Any]]:
        lines = b"".join(p.read_bytes() for p in self.gateway.audit_directory.glob("*.jsonl"))
        return [r for r in map(json.loads, lines.splitlines()) if r["event"] == event]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    pack = tmp_path / "approving.yaml"
    pack.write_text(APPROVING)
    keys = [key(role, role) for role in ROLES] + [key("both", "user", "auditor")]
    keys += [key(name, "admin") for name in ("admin2", "admin3")]
    policy = {"packs": ["open"], "files": [pack]}
    async with Cloud() as cloud:
        settings = settings_for(tmp_path / "state", cloud, keys=keys, policy=policy)
        async with RunningGateway(settings) as gateway:
            scene = Scene(gateway, cloud)
            yield scene
            await scene.http.aclose()


def code_of(answer: httpx.Response) -> str:
    code = answer.json()["error"]["code"]
    assert isinstance(code, str)
    return code


@pytest.mark.parametrize(("method", "path"), READ_BY_BOTH)
async def test_users_and_strangers_are_refused(scene: Scene, method: str, path: str) -> None:
    """In OpenAI's error shape, before anything is read."""
    stranger = await scene.ask(method, path, "stranger")
    user = await scene.ask(method, path, "user")
    auditor = await scene.ask(method, path, "both", content=b"x" if method == "POST" else None)

    assert (stranger.status_code, code_of(stranger)) == (401, "invalid_api_key")
    assert (user.status_code, code_of(user)) == (403, "forbidden")
    assert auditor.status_code not in (401, 403), auditor.text


async def test_destinations_as_policy_sees_them(scene: Scene) -> None:
    """Attributes and what follows from them, and no key."""
    answer = await scene.ask("GET", "/v1/destinations", "auditor")

    device, cloud = answer.json()["data"]
    assert (device["name"], device["tier"]) == ("device", "device")
    assert cloud["name"] == "c1"
    assert cloud["region"] == "eu-west-1"
    assert cloud["baa"] is None
    assert cloud["is_encrypted"] is True  # a loopback address: it never leaves the machine
    assert "sk-upstream" not in answer.text
    assert answer.json()["policy"].startswith("sha256:")


async def test_a_decision_has_its_records(scene: Scene) -> None:
    """Intent and outcome of the request whose id was answered, and no word of it."""
    sent = await scene.chat()
    decision_id = sent.headers["x-nearward-decision-id"]
    other = await scene.ask("GET", f"/v1/decisions/{'f' * 32}", "admin")
    bad = await scene.ask("GET", "/v1/decisions/../../etc", "admin")
    scene.gateway.application.audit._batch()()  # what is still buffered
    found = await scene.ask("GET", f"/v1/decisions/{decision_id}", "admin")

    assert sent.status_code == 200
    assert [r["event"] for r in found.json()["records"]] == ["intent", "outcome"]
    assert {r["id"] for r in found.json()["records"]} == {decision_id}
    assert found.json()["records"][0]["owed"] == []
    assert "Zebrafink" not in found.text
    assert (other.status_code, code_of(other)) == (404, "decision_not_found")
    assert bad.status_code == 404


async def test_the_log_is_verified_and_a_change_is_named(scene: Scene) -> None:
    """Off the event loop; each fault with its segment and line."""
    await scene.chat()
    whole = (await scene.ask("GET", "/v1/audit/verify", "auditor")).json()
    path = next(scene.gateway.audit_directory.glob("*.jsonl"))
    path.write_bytes(path.read_bytes().replace(b'"to":"c1"', b'"to":"c2"', 1))
    broken = (await scene.ask("GET", "/v1/audit/verify", "auditor")).json()

    assert (whole["is_whole"], whole["faults"]) == (True, [])
    assert (whole["is_anchored"], whole["anchors"], whole["records_dropped"]) == (False, [], 0)
    assert (whole["anchors_missing"], whole["anchor_fragments"]) == ([], [])
    assert whole["limits"].startswith("no anchor outside the log was checked")
    assert whole["records"] >= 2
    assert broken["is_whole"] is False
    assert broken["faults"][0]["segment"] == path.name
    assert broken["faults"][0]["line"] > 1


async def test_a_candidate_is_simulated_over_the_log(scene: Scene) -> None:
    """What it would close is counted; a faulty one is a 400 with its line."""
    await scene.chat()
    stricter = APPROVING.replace(
        "effect: approve, when: {data_class: {at_least: confidential}}",
        "effect: block, when: {has_tools: false}",
    )
    body = {"candidate": stricter}
    found = await scene.ask("POST", "/v1/policy/simulate", "auditor", json=body)
    faulty = {"candidate": stricter.replace("effect: block", "effect: blok"), "since": "2026-01-01"}
    refused = await scene.ask("POST", "/v1/policy/simulate", "auditor", json=faulty)
    shapeless = await scene.ask("POST", "/v1/policy/simulate", "auditor", json={"candidate": 1})
    timeless = {**body, "since": "yesterday"}
    undated = await scene.ask("POST", "/v1/policy/simulate", "auditor", json=timeless)

    assert (found.json()["requests"], found.json()["changed"]) == (1, 1), found.text
    assert found.json()["is_complete"] is True
    assert found.json()["changes"][0]["closed"] == ["device", "c1"]
    assert (refused.status_code, code_of(refused)) == (400, "policy_invalid")
    assert "candidate-1:6: unknown effect 'blok'" in refused.json()["error"]["message"]
    assert (shapeless.status_code, undated.status_code) == (400, 400)


async def test_too_large_a_body(scene: Scene) -> None:
    """The cold side has the same bound as the hot one."""
    limit = scene.gateway.settings.server.max_body_bytes
    answer = await scene.ask("POST", "/v1/policy/simulate", "admin", content=b" " * (limit + 1))

    assert (answer.status_code, code_of(answer)) == (413, "body_too_large")


async def test_what_needs_approval_waits_for_it(scene: Scene) -> None:
    """Refused and written down; after somebody else's approval the same request goes through."""
    held = await scene.chat(**DECLARED)
    approval_id = held.headers["x-nearward-approval"]
    (waiting,) = (await scene.ask("GET", "/v1/approvals", "auditor")).json()["data"]
    yes = {"verdict": "approved"}
    by_auditor = await scene.ask("POST", f"/v1/approvals/{approval_id}", "auditor", json=yes)
    assert scene.cloud.requests == []
    said = await scene.ask("POST", f"/v1/approvals/{approval_id}", "admin", json=yes)
    through = await scene.chat(**DECLARED)
    again = await scene.ask("POST", f"/v1/approvals/{approval_id}", "admin", json=yes)

    assert (held.status_code, code_of(held)) == (403, "approval_required")
    assert approval_id in held.json()["error"]["message"]
    assert (waiting["id"], waiting["data_class"]) == (approval_id, "confidential")
    assert waiting["rules"] == ["approving/ask"]
    assert "asker" not in waiting
    assert by_auditor.status_code == 403
    assert said.json()["verdict"] == "approved"
    assert (through.status_code, len(scene.cloud.requests)) == (200, 1)
    assert (again.status_code, code_of(again)) == (409, "already_answered")
    (record,) = scene.records("approval")
    assert (record["approval"], record["outcome"]) == (approval_id, "approved")
    (intent,) = scene.records("intent")
    assert intent["approval"] == approval_id
    assert intent["facts"]["approved"] is True
    state = b"".join(p.read_bytes() for p in scene.gateway.settings.state_dir.rglob("*.json*"))
    assert b"Zebrafink" not in state


async def test_an_approval_is_for_one_request_of_one_caller(scene: Scene) -> None:
    """Other words, another key, another purpose or a higher class are other requests."""
    held = await scene.chat(**DECLARED)
    path = f"/v1/approvals/{held.headers['x-nearward-approval']}"
    await scene.ask("POST", path, "admin", json={"verdict": "approved"})
    others = [
        await scene.chat(words=SECRET_WORDS + "!", **DECLARED),
        await scene.chat(who="both", **DECLARED),
        await scene.chat(**DECLARED, x_nearward_purpose="marketing"),
        await scene.chat(x_nearward_data_class="pii"),
    ]

    assert {code_of(other) for other in others} == {"approval_required"}
    assert len({other.headers["x-nearward-approval"] for other in others}) == 4
    assert scene.cloud.requests == []


async def test_nobody_approves_for_themselves_and_a_refusal_stands(scene: Scene) -> None:
    """Four eyes; and what was refused says so."""
    own = await scene.chat(who="admin", **DECLARED)
    own_path = f"/v1/approvals/{own.headers['x-nearward-approval']}"
    by_self = await scene.ask("POST", own_path, "admin", json={"verdict": "approved"})
    held = await scene.chat(**DECLARED)
    path = f"/v1/approvals/{held.headers['x-nearward-approval']}"
    maybe = await scene.ask("POST", path, "admin", json={"verdict": "maybe"})
    await scene.ask("POST", path, "admin", json={"verdict": "refused"})
    refused = await scene.chat(**DECLARED)
    unknown = await scene.ask(
        "POST", "/v1/approvals/" + "0" * 32, "admin", json={"verdict": "approved"}
    )

    assert (by_self.status_code, code_of(by_self)) == (403, "own_request")
    assert maybe.status_code == 400
    assert (refused.status_code, code_of(refused)) == (403, "approval_refused")
    assert (unknown.status_code, code_of(unknown)) == (404, "approval_not_found")
    assert scene.cloud.requests == []


async def test_an_answer_that_came_too_late_is_void_on_record(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker's administrator was first: the log says which of the two counts."""
    held = await scene.chat(**DECLARED)
    path = f"/v1/approvals/{held.headers['x-nearward-approval']}"
    answer = Approvals.answer

    def beaten(approvals: Approvals, asked: Asked, answerer: str, verdict: str) -> float:
        answer(approvals, asked, "somebody else", "refused")
        return answer(approvals, asked, answerer, verdict)

    monkeypatch.setattr(Approvals, "answer", beaten)
    late = await scene.ask("POST", path, "admin", json={"verdict": "approved"})

    assert (late.status_code, code_of(late)) == (409, "already_answered")
    assert [r["outcome"] for r in scene.records("approval")] == ["approved", "void"]
    assert code_of(await scene.chat(**DECLARED)) == "approval_refused"


async def test_what_is_queued_says_so(scene: Scene) -> None:
    """There is no queue here: a 503 that says when to come again, on record, and nothing sent."""
    held = await scene.chat(x_nearward_purpose="batch")

    assert (held.status_code, code_of(held)) == (503, "queued")
    assert held.headers["x-nearward-route"] == "queued"
    assert held.headers["retry-after"] == "60"
    assert scene.cloud.requests == []


async def test_explaining_asks_for_nothing(scene: Scene) -> None:
    """An explanation shows where approval stands and puts nothing before anybody."""
    body = chat_body(model="auto")
    told = await scene.ask("POST", "/v1/route/explain", "user", json=body, headers=DECLARED)
    waiting = await scene.ask("GET", "/v1/approvals", "admin")

    assert told.json()["approval"]["state"] == "not_asked"
    assert waiting.json()["data"] == []


async def test_a_doubt_about_a_session_is_ended_by_a_person(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A detector failed once: the session stays here until an administrator vouches, on record."""
    session = {"x_nearward_session": "mrs-roe"}
    with monkeypatch.context() as failing:
        failing.setattr(SignalReader, "_privacy", lambda *_: (Findings.unknown("detector"), 0))
        failed = await scene.chat(words="Hello.", **session)
    held = await scene.chat(words="Hello.", **session)
    named = {"tenant": "default", "session": "mrs-roe"}
    by_user = await scene.ask("POST", "/v1/sessions/judged", "user", json=named)
    slips = [
        {"session": 1},
        {**named, "tenant": "A" * 2_000_000},
        {**named, "tenant": "nobody"},
        {**named, "session": "s" * 65},
        {**named, "session": "a\0b"},
        {**named, "session": " "},
    ]
    refusals = [
        await scene.ask("POST", "/v1/sessions/judged", "admin", json=slip) for slip in slips
    ]
    ended = await scene.ask("POST", "/v1/sessions/judged", "admin", json=named)
    through = await scene.chat(words="Hello.", **session)

    assert {code_of(failed), code_of(held)} == {"policy_blocked"}
    assert by_user.status_code == 403
    assert [refused.status_code for refused in refusals] == [400] * len(slips)
    assert ended.json() == {"object": "session", "tenant": "default", "was_in_doubt": True}
    assert through.status_code == 200
    (record,) = scene.records("doubt_lifted")
    assert (record["tenant"], record["outcome"]) == ("default", "lifted")
    assert "mrs-roe" not in json.dumps(record)
    refused = [r for r in scene.records("refused") if r["errors"] == ["session_not_judged"]]
    assert len(refused) == 1


async def in_doubt(scene: Scene, monkeypatch: pytest.MonkeyPatch, who: str) -> dict[str, str]:
    """A session in which the detector failed on a request of `who`."""
    with monkeypatch.context() as failing:
        failing.setattr(SignalReader, "_privacy", lambda *_: (Findings.unknown("detector"), 0))
        await scene.chat(who=who, words="Hello.", x_nearward_session="mrs-roe")
    return {"tenant": "default", "session": "mrs-roe"}


@pytest.mark.parametrize(
    ("stumbles", "status"),
    [
        (OSError("disk"), 503),
        (Conflict("in use"), 409),
        (None, 404),
    ],
)
async def test_a_doubt_that_is_not_ended_is_void_on_record(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, stumbles: Exception | None, status: int
) -> None:
    """Nothing is on record where there is no doubt, and no lifting stands that did not happen."""
    named = await in_doubt(scene, monkeypatch, "user")
    unknown = {**named, "session": "another"}
    unseen = await scene.ask("POST", "/v1/sessions/judged", "admin", json=unknown)
    assert (unseen.status_code, code_of(unseen)) == (404, "doubt_not_found")
    assert scene.records("doubt_lifted") == []

    async def forget(*_: object) -> bool:
        if stumbles:
            raise stumbles
        return False

    with monkeypatch.context() as stumbling:
        stumbling.setattr(MemorySessions, "forget", forget)
        failed = await scene.ask("POST", "/v1/sessions/judged", "admin", json=named)
    held = await scene.chat(words="Hello.", x_nearward_session="mrs-roe")

    assert (failed.status_code, code_of(held)) == (status, "policy_blocked")
    assert [r["outcome"] for r in scene.records("doubt_lifted")] == ["lifted", "void"]


async def test_nobody_ends_a_doubt_about_a_session_of_their_own(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither who sent what was not judged, nor who went on with the session in doubt."""
    named = await in_doubt(scene, monkeypatch, "admin")
    await scene.chat(who="admin2", words="Hello.", x_nearward_session="mrs-roe")
    for own in ("admin", "admin2"):
        refused = await scene.ask("POST", "/v1/sessions/judged", own, json=named)
        assert (refused.status_code, code_of(refused)) == (403, "own_session")
    assert scene.records("doubt_lifted") == []

    ended = await scene.ask("POST", "/v1/sessions/judged", "admin3", json=named)
    assert ended.status_code == 200
    through = await scene.chat(who="admin", words="Hello.", x_nearward_session="mrs-roe")
    assert through.status_code == 200
