# SPDX-License-Identifier: Apache-2.0
"""Generated rules, facts, findings and destinations, from vocabularies small enough to collide."""

import datetime

from hypothesis import strategies as st

from policies import Baa, DataClass, Destination, Facts, Findings, Obligation, Retention, Tier
from policies.decision import ReasonCode
from policies.pack import Pack
from policies.residency import ANY
from policies.rules import FIELDS, All, Any_, Condition, Effect, In, Not, Rule, Value

TODAY = datetime.date(2026, 7, 1)
CLASSES = st.sampled_from(DataClass)
KINDS = st.frozensets(st.sampled_from(["NAME", "SSN", "CARD", "SECRET"]), max_size=3)
WORDS = st.sampled_from(["", "a", "b"])
NAMES = st.frozensets(st.sampled_from(["a", "tools", "media"]), max_size=2)
ENDPOINTS = st.sampled_from(["chat", "embeddings"])

DESTINATIONS = st.lists(
    st.builds(
        Destination,
        name=st.sampled_from([f"d{i}" for i in range(8)]),
        tier=st.sampled_from(Tier),
        region=WORDS,
        jurisdiction=WORDS,
        baa=st.none()
        | st.builds(
            Baa,
            id=st.just("baa"),
            expires=st.sampled_from([TODAY - datetime.timedelta(days=1), TODAY]),
            scope=st.frozensets(ENDPOINTS | st.just("*"), max_size=2),
            models=NAMES | st.just(ANY),
            features=NAMES | st.just(ANY),
        ),
        retention=st.none()
        | st.builds(Retention, zero_data=st.booleans(), days=st.sampled_from([0, 30, 365])),
        trains_on_data=st.booleans(),
        origin=st.sampled_from(
            ["", "https://there.invalid:443", "http://there.invalid:80", "http://127.0.0.1:8"]
        ),
        provider=WORDS,
        account=WORDS,
        models=NAMES,
        features=NAMES,
        agreements=st.frozensets(st.sampled_from(["scc", "dpf"])),
    ),
    max_size=5,
    unique_by=lambda destination: destination.name,
)
FACTS = st.builds(
    Facts,
    request_id=st.just("r1"),
    tenant=WORDS,
    role=WORDS,
    today=st.just(TODAY),
    endpoint=ENDPOINTS,
    declared_class=st.none() | CLASSES,
    default_class=CLASSES,
    may_relax=st.frozensets(CLASSES),
    purpose=WORDS,
    subject_region=WORDS,
    max_tier=st.none() | st.sampled_from(Tier),
    has_media=st.booleans(),
    has_tools=st.booleans(),
    break_glass=st.booleans(),
    mfa=st.booleans(),
    approved=st.booleans(),
    uses=NAMES,
)
FINDINGS = st.builds(Findings, CLASSES, KINDS, st.sampled_from([(), (), (), ("timeout",)]))


def _in(field: str) -> st.SearchStrategy[Condition]:
    domain: tuple[Value, ...] = FIELDS[field].domain or ("", "a", "b", "d0", "chat")
    if field == "kinds":
        domain = ("NAME", "SSN", "CARD", "SECRET")
    return st.frozensets(st.sampled_from(domain), max_size=len(domain)).map(
        lambda values: In(field, values)
    )


def _nested(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    parts = st.lists(inner, max_size=3).map(tuple)
    return st.one_of(parts.map(All), parts.map(Any_), inner.map(Not))


CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    st.sampled_from(sorted(FIELDS)).flatmap(_in), _nested, max_leaves=5
)


def rule(effect: Effect, when: Condition, rule_id: str = "r") -> Rule:
    """A rule of which only effect and condition matter."""
    owed = frozenset({Obligation.NO_STORE}) if effect is Effect.OBLIGE else frozenset()
    return Rule(
        id=rule_id,
        effect=effect,
        when=when,
        reason=ReasonCode.PERMITTED if effect is Effect.PERMIT else ReasonCode.FORBIDDEN,
        description="d",
        citation="c",
        obligations=owed,
    )


RULES = st.builds(rule, st.sampled_from(Effect), CONDITIONS)
PACKS = st.builds(Pack, name=st.just("p"), rules=st.lists(RULES, max_size=5).map(tuple))
