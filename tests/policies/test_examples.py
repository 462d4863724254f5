# SPDX-License-Identifier: Apache-2.0
"""The tests of a pack, read."""

import datetime

from policies import (
    Baa,
    DataClass,
    Destination,
    Facts,
    Findings,
    PackSource,
    ReasonCode,
    Retention,
    Tier,
    load_policy,
)
from policies.pack import Case
from tests.policies.malformed import GOOD

HEAD = GOOD[: GOOD.index("tests:")]
FULL = """tests:
  - name: full
    facts:
      {endpoint: embeddings, purpose: p, role: r, tenant: t, subject_region: s, has_media: true,
      has_tools: true, break_glass: true, declared_class: phi, default_class: public,
      may_relax: phi, max_tier: onprem, today: 2026-02-03}
    findings: {data_class: pii, kinds: [NAME], errors: timeout}
    destination:
      {tier: onprem, region: r, jurisdiction: EU, zero_data: true, trains_on_data: false,
      provider: p, account: a, models: [m], features: [f], agreements: [scc], encrypted: false,
      baa: {expires: 2027-06-30, scope: [chat], models: [m], features: [f]}}
    allow: false
    reason: baa_missing
  - name: bare
    findings: {data_class: public}
    destination: {zero_data: false, encrypted: true}
    allow: true
  - name: kept
    findings: {data_class: public}
    destination: {retention_days: 30}
    allow: true
"""


def cases() -> tuple[Case, ...]:
    """The two examples."""
    return load_policy([PackSource("f", (HEAD + FULL).encode())], []).packs[0].cases


def test_an_example_can_say_everything() -> None:
    """Each key lands in its field."""
    assert cases()[0] == Case(
        name="full",
        facts=Facts(
            request_id="example",
            tenant="t",
            role="r",
            today=datetime.date(2026, 2, 3),
            endpoint="embeddings",
            declared_class=DataClass.PHI,
            default_class=DataClass.PUBLIC,
            may_relax=frozenset({DataClass.PHI}),
            purpose="p",
            subject_region="s",
            max_tier=Tier.ONPREM,
            has_media=True,
            has_tools=True,
            break_glass=True,
        ),
        findings=Findings(DataClass.PII, frozenset({"NAME"}), ("timeout",)),
        destination=Destination(
            name="example",
            tier=Tier.ONPREM,
            region="r",
            jurisdiction="EU",
            baa=Baa(
                id="example",
                expires=datetime.date(2027, 6, 30),
                scope=frozenset({"chat"}),
                models=frozenset({"m"}),
                features=frozenset({"f"}),
            ),
            retention=Retention(zero_data=True, days=0),
            trains_on_data=False,
            origin="http://example.invalid:80",
            provider="p",
            account="a",
            models=frozenset({"m"}),
            features=frozenset({"f"}),
            agreements=frozenset({"scc"}),
        ),
        is_allowed=False,
        reason=ReasonCode.BAA_MISSING,
    )


def test_what_an_example_leaves_out_is_as_in_the_model() -> None:
    """A bare example is a clean chat request on 2026-01-01 to a cloud with nothing promised."""
    bare = cases()[1]

    assert bare.facts == Facts(
        request_id="example", tenant="", role="", today=datetime.date(2026, 1, 1)
    )
    assert bare.destination == Destination(
        name="example", tier=Tier.CLOUD, origin="https://example.invalid:443"
    )
    assert (bare.is_allowed, bare.reason, bare.line) == (True, None, 34)


def test_retention_in_days() -> None:
    """A destination that keeps things may say for how long."""
    assert cases()[2].destination.retention == Retention(zero_data=False, days=30)
