# SPDX-License-Identifier: Apache-2.0
"""A candidate over recorded requests: whose pack it takes the place of."""

from __future__ import annotations

import pytest

from gateway.simulating import InForce, simulate
from policies import PackSource
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
