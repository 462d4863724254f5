# SPDX-License-Identifier: Apache-2.0
"""An explanation says what becomes of the request: offline, and over HTTP, for random requests."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest

from gateway.errors import GatewayError
from gateway.explaining import Asker, explain_offline
from gateway.settings import Settings
from tests.doubles.cloud import Cloud
from tests.gateway.fakes import chat_body
from tests.gateway.serving_gateway import RunningGateway, _detector, settings_for

REQUESTS = 150
APPROVING = """\
pack: approving
version: "1"
description: rules that every kind of answer comes of
rules:
  - {id: all, effect: allow, when: {}, reason: permitted, description: d, citation: c}
  - {id: ask, effect: approve, when: {data_class: {at_least: confidential}}, description: d, citation: c}
  - {id: wait, effect: queue, when: {purpose: batch}, description: d, citation: c}
  - {id: no, effect: block, when: {purpose: marketing}, reason: blocked, description: d, citation: c}
  - id: least
    effect: oblige
    reason: handle_with_care
    when: {purpose: billing}
    obligations: [{minimum_necessary: {keep_turns: 1}}]
    description: d
    citation: c
"""  # noqa: E501
KEYS: dict[str, dict[str, Any]] = {
    "user": {"tenant": "acme"},
    "relaxer": {"tenant": "acme", "may_relax": ["public", "internal", "confidential", "pii"]},
    "clinic": {"tenant": "clinic", "mfa": "header"},
    "doctor": {"tenant": "clinic", "may_break_glass": True, "mfa": "always"},
}
WORDS = (
    "What is the capital of France?",
    "Summarise our internal plan.",
    "Mail it to jane.roe@example.org.",
    "John Smith, MRN 00123456, has type 2 diabetes.",
    "The card is 4111 1111 1111 1111.",
    "password = hunter2-Zebrafink",
    "Schreiben Sie an Erika Mustermann, Heidestraße 17, 51147 Köln.",
)
HEADERS: dict[str, tuple[str, ...]] = {
    "x-nearward-data-class": ("public", "internal", "confidential", "pii", "phi", "unknown"),
    "x-nearward-purpose": ("batch", "marketing", "billing", "treatment"),
    "x-nearward-subject-region": ("DE", "US-CA"),
    "x-nearward-session": ("s1", "s2", "s3"),
    "x-nearward-max-tier": ("device", "onprem", "cloud"),
    "x-nearward-mfa": ("true", "false"),
    "x-nearward-break-glass": ("the detector is down", "too short until; until=2001-01-01T00:00Z"),
    "x-nearward-latency-budget-ms": ("5000",),
}
MODELS = ("auto", "auto", "gpt-4o", "gpt-4o-mini", "cloud/gpt-4o-mini", "local/nobody")
SHOWN = ("route", "model", "region", "reason", "data-class", "policy")


def configured(directory: Path, pack: str, *clouds: Cloud) -> Settings:
    file = directory / "approving.yaml"
    file.write_text(APPROVING)
    keys = [
        {"id": name, "hash": f"sha256:{hashlib.sha256(name.encode()).hexdigest()}", **more}
        for name, more in {**KEYS, "boss": {"roles": ["admin"]}}.items()
    ]
    policy = {
        "packs": [pack],
        "files": [file] if pack == "open" else [],
        "tenants": {"clinic": ["hipaa-strict"]},
    }
    return settings_for(directory / "state", *clouds, keys=keys, policy=policy)


def drawn(rng: random.Random) -> tuple[str, dict[str, Any], dict[str, str]]:
    """A key, a body and headers."""
    roles = rng.choice((["user"], ["user"], ["user", "assistant", "user"], ["assistant"]))
    turns = [{"role": role, "content": rng.choice(WORDS)} for role in roles]
    body = chat_body(model=rng.choice(MODELS), messages=turns)
    if rng.random() < 0.2:
        body["tools"] = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    headers = {n: rng.choice(v) for n, v in HEADERS.items() if rng.random() < 0.15}
    return rng.choice(tuple(KEYS)), body, headers


async def offline(
    settings: Settings, who: str, body: dict[str, Any], headers: dict[str, str]
) -> dict[str, Any]:
    """What `nearward explain --key` says, or the status and code of its refusal."""
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    with mock.patch("gateway.explaining.make_detector", lambda _: _detector()):
        try:
            told = await explain_offline(settings, json.dumps(body).encode(), sent, Asker(who))
        except GatewayError as error:
            return {"expected": {"status": error.status}, "refusal": error.code}
    found: dict[str, Any] = json.loads(told)
    return found


def same(told: dict[str, Any], real: httpx.Response) -> None:
    """The explanation and what became of the request."""
    assert told["expected"]["status"] == real.status_code, (told, real.text)
    assert told["refusal"] == (None if real.status_code == 200 else real.json()["error"]["code"])
    if "allowed" not in told:  # a request that is refused before it is judged
        return
    expected = {**told["expected"], "data-class": told["data_class"], "policy": told["policy_hash"]}
    shown = {name: real.headers.get(f"x-nearward-{name}") for name in SHOWN}
    assert shown == {name: expected.get(name) for name in SHOWN}


@pytest.mark.parametrize("pack", ["open", "hipaa", "redact"])
async def test_what_is_explained_is_what_happens(tmp_path: Path, pack: str) -> None:
    """Every key, tenant, session, class, purpose, model; held, approved, refused, blocked."""
    rng = random.Random(f"explain {pack}")
    outcomes = set()
    async with Cloud() as c1, Cloud() as c2:
        settings = configured(tmp_path, pack, c1, c2)
        async with (
            RunningGateway(settings) as gateway,
            httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=30) as http,
        ):
            # Nothing is left to send of this one; what was held comes again when it was answered.
            said = chat_body(messages=[{"role": "assistant", "content": WORDS[0]}])
            due = [("user", said, {"x-nearward-purpose": "billing"})]
            answered = set()
            for _ in range(REQUESTS):
                who, body, headers = due.pop() if due else drawn(rng)
                told = await offline(settings, who, body, headers)
                sent = {**headers, "authorization": f"Bearer {who}"}
                over_http = await http.post("/v1/route/explain", json=body, headers=sent)
                real = await http.post("/v1/chat/completions", json=body, headers=sent)
                same(told, real)
                if over_http.status_code == 200:
                    same(over_http.json(), real)
                else:
                    assert over_http.json()["error"]["code"] == told["refusal"]
                outcomes.add(told["refusal"])
                approval = real.headers.get("x-nearward-approval", "")
                if approval and approval not in answered:
                    answered.add(approval)
                    verdict = {"verdict": rng.choice(("approved", "refused"))}
                    boss = {"authorization": "Bearer boss"}
                    await http.post(f"/v1/approvals/{approval}", json=verdict, headers=boss)
                    due.append((who, body, headers))
    assert {None, "local_unavailable"} <= outcomes
    if pack == "open":
        assert {"approval_required", "approval_refused", "queued", "policy_blocked"} <= outcomes
