# SPDX-License-Identifier: Apache-2.0
"""A candidate over recorded requests: whose pack it takes the place of."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import simulating
from gateway.simulating import InForce, simulate, simulate_log
from policies import PackSource, PolicyError
from policies.load import load_packs
from tests.gateway.fakes import open_policy

PACK = """\
pack: {name}
version: "1"
description: d
rules:
  - {{id: all, effect: allow, when: {{}}, reason: permitted, description: d, citation: c}}
{more}theorems:
  - {{id: t, says: Secrets stay., never: {{data_class: secret}}}}
tests:
  - {{name: a, findings: {{data_class: public}}, allow: {allows}}}
"""
CLOSED = (
    "  - {id: no, effect: forbid, when: {tier: [cloud]}, reason: forbidden, description: d,"
    " citation: c}\n"
)


def source(name: str, more: str = "") -> PackSource:
    text = PACK.format(name=name, more=more, allows="false" if more else "true")
    return PackSource(f"{name}.yaml", text.encode())


@pytest.mark.parametrize(("name", "changed"), [("acmes", 1), ("new", 2)])
def test_a_candidate_is_for_those_who_have_a_pack_of_its_name(name: str, changed: int) -> None:
    """Of one tenant's own pack a new version closes nothing for others; a new pack is for all."""
    policy = open_policy("c1")
    there = policy.destinations
    own = load_packs([source("acmes")], there)
    current = InForce(policy.packs, {"acme": (*policy.packs, *own)}, there)
    records = [
        ("f", n, {"findings": {"data_class": "public"}, "facts": {"tenant": tenant}})
        for n, tenant in enumerate(("acme", "other"), start=1)
    ]

    assert simulate(current, [source(name, CLOSED)], records).changes.total() == changed


def audit(event: str, request_id: str, **more: object) -> tuple[str, int, object]:
    """What the audit log has of a public request of the tenant `other`."""
    facts = {"role": "user", "endpoint": "chat", "default_class": "internal"}
    record = {"event": event, "id": request_id, "tenant": "other", "detected": "public"}
    return "worker 0", 1, {**record, "facts": facts, **more}


@pytest.mark.parametrize(
    ("records", "requests"),
    [
        ([audit("intent", "a", attempt=1), audit("refused", "a")], 1),
        ([audit("intent", "a", attempt=1), audit("intent", "a", attempt=2)], 1),
        ([audit("intent", "a", attempt=2), audit("refused", "a")], 1),  # the first is too long ago
        ([audit("intent", "a", attempt=1), audit("refused", "b")], 2),
        ([audit("intent", "a", attempt=1), audit("outcome", "a"), audit("refused", "a")], 2),
        ([audit("refused", "a"), audit("refused", "a")], 2),
        ([audit("intent", "a", id=None), audit("refused", "a", id=["a"])], 2),
    ],
)
def test_a_request_counts_once(records: list[tuple[str, int, object]], requests: int) -> None:
    """One that was sent and then refused is on record twice; a closed id may come again."""
    policy = open_policy("c1")
    current = InForce(policy.packs, {}, policy.destinations)

    found = simulate(current, [source("new", CLOSED)], records)

    assert (found.requests, found.changes.total()) == (requests, requests)


WIDENING = (
    "  - {id: glass, effect: forbid, when: {break_glass: false, tier: cloud}, reason: forbidden,"
    " description: d, citation: c}\n"
)


def test_what_check_refuses_is_not_simulated() -> None:
    """In the same words, unless the operator says that this pack may."""
    policy = open_policy("c1")
    wide = source("wide", WIDENING)

    with pytest.raises(PolicyError, match="'glass' gives more in an emergency where no BAA covers"):
        simulate(InForce(policy.packs, {}, policy.destinations), [wide], [])
    lets = InForce(policy.packs, {}, policy.destinations, frozenset({"wide"}))
    assert simulate(lets, [wide], []).requests == 0


@pytest.mark.parametrize(
    ("most", "read", "is_complete"), [(2, 2, False), (3, 3, True), (9, 3, True)]
)
def test_a_log_that_is_cut_says_so(
    most: int, read: int, is_complete: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer has how many records were read, and whether there were more."""
    policy = open_policy("c1")
    records = [audit("refused", str(n)) for n in range(3)]
    monkeypatch.setattr(simulating, "recorded", lambda *_: iter(records))

    found = simulate_log(InForce(policy.packs, {}, policy.destinations), [], tmp_path, 0.0, most)

    assert (found["records"], found["is_complete"], found["requests"]) == (read, is_complete, read)
