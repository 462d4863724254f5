# SPDX-License-Identifier: Apache-2.0
"""The hash names what decide depends on, and only that."""

import re
from dataclasses import replace

import pytest

from policies import Baa, Destination, Obligation, Policy, ReasonCode, Retention, Tier
from policies.pack import Pack
from policies.rules import Effect, In, Rule
from tests.policies.samples import CLOUD, DEVICE, TODAY
from tests.policies.strategies import rule

RULE = rule(Effect.FORBID, In("tier", frozenset({"cloud"})))
PACK = Pack(name="p", rules=(RULE,))
BASE = Policy.of([PACK], [DEVICE, CLOUD])


def test_hash_has_one_format() -> None:
    """sha256: and 64 hex digits, the same whenever the parts are equal."""
    assert re.fullmatch("sha256:[0-9a-f]{64}", BASE.hash)
    assert Policy.of([replace(PACK)], [replace(DEVICE), CLOUD]) == BASE


@pytest.mark.parametrize(
    "changed",
    [
        replace(RULE, id="other"),
        replace(RULE, effect=Effect.PERMIT),
        replace(RULE, when=In("tier", frozenset({"onprem"}))),
        replace(RULE, reason=ReasonCode.MAX_TIER),
        replace(RULE, obligations=frozenset({Obligation.REDACT})),
    ],
)
def test_hash_changes_with_rules(changed: Rule) -> None:
    """Whatever a rule does or is called is in the hash."""
    assert BASE.hash != Policy.of([replace(PACK, rules=(changed,))], [DEVICE, CLOUD]).hash


@pytest.mark.parametrize(
    "changed",
    [
        replace(CLOUD, name="other"),
        replace(CLOUD, tier=Tier.ONPREM),
        replace(CLOUD, region="r"),
        replace(CLOUD, jurisdiction="EU"),
        replace(CLOUD, baa=Baa(id="b", expires=TODAY, scope=frozenset())),
        replace(CLOUD, retention=Retention(zero_data=True, days=0)),
        replace(CLOUD, trains_on_data=False),
        replace(CLOUD, origin="https://other.invalid:443"),
    ],
)
def test_hash_changes_with_destinations(changed: Destination) -> None:
    """Every attribute of a destination is in the hash."""
    assert BASE.hash != Policy.of([PACK], [DEVICE, changed]).hash


def test_hash_leaves_prose_out() -> None:
    """Descriptions and citations can be improved without a new policy; names of packs cannot."""
    reworded = replace(PACK, description="new", rules=(replace(RULE, citation="new", line=9),))

    assert BASE.hash == Policy.of([reworded], [DEVICE, CLOUD]).hash
    assert BASE.hash != Policy.of([replace(PACK, name="q")], [DEVICE, CLOUD]).hash
    assert BASE.hash != Policy.of([PACK], [CLOUD, DEVICE]).hash
