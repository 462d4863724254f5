# SPDX-License-Identifier: Apache-2.0
"""The hash names what decide depends on, and only that."""

import re
from dataclasses import replace

import pytest

from policies import Baa, Destination, Obligation, Policy, ReasonCode, Retention, Tier
from policies.pack import Pack
from policies.rules import Effect, In, Rule
from policies.terms import CacheScope, LogLevel, Terms
from tests.policies.samples import BAA, CLOUD, COVERED, DEVICE, TODAY
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
        replace(RULE, terms=Terms(redact=frozenset({"SSN"}))),
        replace(RULE, terms=Terms(drop=frozenset({"user"}))),
        replace(RULE, terms=Terms(keep_turns=1)),
        replace(RULE, terms=Terms(cache_scope=CacheScope.KEY)),
        replace(RULE, terms=Terms(log_level=LogLevel.CODES)),
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
        replace(CLOUD, provider="p"),
        replace(CLOUD, account="a"),
        replace(CLOUD, models=frozenset({"m"})),
        replace(CLOUD, features=frozenset({"web"})),
        replace(CLOUD, agreements=frozenset({"scc"})),
    ],
)
def test_hash_changes_with_destinations(changed: Destination) -> None:
    """Every attribute of a destination is in the hash."""
    assert BASE.hash != Policy.of([PACK], [DEVICE, changed]).hash


@pytest.mark.parametrize(
    "changed",
    [
        replace(BAA, id="c"),
        replace(BAA, expires=TODAY.replace(year=2027)),
        replace(BAA, scope=frozenset({"*"})),
        replace(BAA, models=frozenset({"m"})),
        replace(BAA, features=frozenset()),
    ],
)
def test_hash_changes_with_agreements(changed: Baa) -> None:
    """So does what an agreement covers."""
    before = Policy.of([PACK], [COVERED]).hash

    assert before != Policy.of([PACK], [replace(COVERED, baa=changed)]).hash


def test_hash_leaves_prose_out() -> None:
    """Descriptions and citations can be improved without a new policy; names of packs cannot."""
    reworded = replace(PACK, description="new", rules=(replace(RULE, citation="new", line=9),))

    assert BASE.hash == Policy.of([reworded], [DEVICE, CLOUD]).hash
    assert BASE.hash != Policy.of([replace(PACK, name="q")], [DEVICE, CLOUD]).hash
    assert BASE.hash != Policy.of([PACK], [CLOUD, DEVICE]).hash
