# SPDX-License-Identifier: Apache-2.0
"""Invariants I2, I3, I7 and I4's seal, over generated rules and requests.

NEARWARD_EXAMPLES sets how many examples the comparison of the engines gets (500 by default); every
other property gets a quarter of them.
"""

import dataclasses
import os

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from policies import (
    DataClass,
    Destination,
    Facts,
    Findings,
    PackSource,
    Policy,
    PolicyError,
    Tier,
    builtin_pack,
    decide,
    load_policy,
)
from policies.meaning import values_of
from policies.monotone import first_escape
from policies.pack import Pack
from policies.reference import decide_naively
from policies.rules import Rule
from policies.space import TooManyPointsError
from tests.policies import strategies as some

COUNT = int(os.environ.get("NEARWARD_EXAMPLES", "500"))
MANY = settings(max_examples=COUNT, deadline=None)
EXAMPLES = settings(max_examples=max(1, COUNT // 4), deadline=None)
pytestmark = pytest.mark.timeout(max(60, COUNT // 5))
TIERS = list(Tier)


def is_monotone(pack: Pack) -> bool:
    """Whether load_policy would take these rules."""
    try:
        return all(first_escape(rule, pack.rules) is None for rule in pack.rules)
    except TooManyPointsError:
        return False


MONOTONE_PACKS = st.builds(
    lambda rules: Pack(
        name="p", rules=tuple(rule for rule in rules if is_monotone(Pack(name="p", rules=(rule,))))
    ),
    st.lists(some.RULES, min_size=1, max_size=6),
)
PACKS = [
    load_policy([builtin_pack(name)], []).packs[0]
    for name in ("finance", "gdpr", "hipaa", "hipaa-strict", "open", "part2", "redact")
]
BUILTIN = st.sampled_from(PACKS)
# `hipaa-strict` lets go only what was declared public, so that to declare it is what it asks for.
WITHOUT_DECLARATIONS = st.sampled_from([pack for pack in PACKS if pack.name != "hipaa-strict"])
LOADABLE = BUILTIN | MONOTONE_PACKS


def allowed(facts: Facts, findings: Findings, policy: Policy) -> set[str]:
    """The allowed names."""
    return set(decide(facts, findings, policy).allowed)


@MANY
@given(st.lists(some.PACKS, max_size=3), some.DESTINATIONS, some.FACTS, some.FINDINGS)
def test_engine_agrees_with_reference(
    packs: list[Pack], there: list[Destination], facts: Facts, findings: Findings
) -> None:
    """I7: both engines allow the same destinations and owe the same."""
    packs = [dataclasses.replace(pack, name=f"p{i}") for i, pack in enumerate(packs)]
    policy = Policy.of(packs, there)
    decision = decide(facts, findings, policy)

    assert (
        frozenset(decision.allowed),
        decision.obligations,
        decision.verdict,
    ) == decide_naively(facts, findings, policy)
    assert not decision.errors or findings.errors


@EXAMPLES
@given(some.PACKS, some.DESTINATIONS, some.FACTS, some.FINDINGS)
def test_engine_agrees_with_reference_when_rules_fail(
    pack: Pack, there: list[Destination], facts: Facts, findings: Findings
) -> None:
    """I7 and I3: a rule that reads an unhashable purpose fails the same way in both engines."""
    facts = dataclasses.replace(facts, purpose=["not", "text"])  # type: ignore[arg-type]
    policy = Policy.of([pack], there)
    decision = decide(facts, findings, policy)

    assert (
        frozenset(decision.allowed),
        decision.obligations,
        decision.verdict,
    ) == decide_naively(facts, findings, policy)


@EXAMPLES
@given(BUILTIN, some.DESTINATIONS, some.FACTS, some.FINDINGS)
def test_clearances_match_the_allowed_set(
    pack: Pack, there: list[Destination], facts: Facts, findings: Findings
) -> None:
    """I4: exactly the allowed destinations other than the device are cleared, for this request."""
    decision = decide(facts, findings, Policy.of([pack], there))
    far = {d.name: d.origin for d in there if d.tier is not Tier.DEVICE}

    assert set(decision.cleared) == set(decision.allowed) & far.keys()
    for name, cleared in decision.cleared.items():
        assert (cleared.request_id, cleared.destination) == (facts.request_id, name)
        assert cleared.origin == far[name] != ""


@EXAMPLES
@given(LOADABLE, some.DESTINATIONS, some.FACTS, some.FINDINGS, some.CLASSES)
def test_raising_the_declared_class_enlarges_nothing(
    pack: Pack, there: list[Destination], facts: Facts, findings: Findings, higher: DataClass
) -> None:
    """I2: a higher declared class never opens a destination."""
    assume(facts.declared_class is None or higher.rank >= facts.declared_class.rank)
    if facts.declared_class is None:  # to declare is no rise by itself: rules may ask for it
        facts = dataclasses.replace(facts, declared_class=DataClass.PUBLIC)
    raised = dataclasses.replace(facts, declared_class=higher)
    policy = Policy.of([pack], there)

    assert allowed(raised, findings, policy) <= allowed(facts, findings, policy)


@EXAMPLES
@given(WITHOUT_DECLARATIONS, some.DESTINATIONS, some.FACTS, some.FINDINGS, some.CLASSES)
def test_declaring_without_a_right_to_relax_enlarges_nothing(
    pack: Pack, there: list[Destination], facts: Facts, findings: Findings, declared: DataClass
) -> None:
    """I2: under the built-in packs any declaration by an ordinary principal only tightens."""
    silent = dataclasses.replace(facts, declared_class=None, may_relax=frozenset())
    spoken = dataclasses.replace(silent, declared_class=declared)
    policy = Policy.of([pack], there)

    assert allowed(spoken, findings, policy) <= allowed(silent, findings, policy)


@EXAMPLES
@given(LOADABLE, some.DESTINATIONS, some.FACTS, some.FINDINGS, some.FINDINGS)
def test_more_findings_enlarge_nothing(
    pack: Pack, there: list[Destination], facts: Facts, findings: Findings, more: Findings
) -> None:
    """I2: kinds, a higher class or an error more never open a destination.

    Save in an emergency, when a failed detector hides what it would have found; see below.
    """
    facts = dataclasses.replace(facts, may_relax=frozenset(), break_glass=False)
    joined = Findings(
        DataClass.join(findings.data_class, more.data_class),
        findings.kinds | more.kinds,
        findings.errors + more.errors,
    )
    policy = Policy.of([pack], there)

    assert allowed(facts, joined, policy) <= allowed(facts, findings, policy)


@EXAMPLES
@given(BUILTIN, some.DESTINATIONS, some.FACTS, some.FINDINGS)
def test_emergency_access_opens_only_what_a_baa_covers(
    pack: Pack, there: list[Destination], facts: Facts, findings: Findings
) -> None:
    """Under the built-in packs, and no class that is known to be above PHI goes there either."""
    calm = dataclasses.replace(facts, break_glass=False)
    emergency = dataclasses.replace(facts, break_glass=True)
    policy = Policy.of([pack], there)
    opened = allowed(emergency, findings, policy) - allowed(calm, findings, policy)

    for place in (d for d in there if d.name in opened):
        values = values_of(emergency, findings, place)
        assert values["baa"] is True
        assert DataClass(str(values["known_class"])).rank <= DataClass.PHI.rank


@EXAMPLES
@given(LOADABLE, some.DESTINATIONS, some.FACTS, some.FINDINGS)
def test_media_enlarges_nothing(
    pack: Pack, there: list[Destination], facts: Facts, findings: Findings
) -> None:
    """I2: an image or audio part never opens a destination."""
    facts = dataclasses.replace(facts, may_relax=frozenset())
    bare = dataclasses.replace(facts, has_media=False)
    with_media = dataclasses.replace(facts, has_media=True)
    policy = Policy.of([pack], there)

    assert allowed(with_media, findings, policy) <= allowed(bare, findings, policy)


@EXAMPLES
@given(
    some.PACKS,
    some.DESTINATIONS,
    st.tuples(some.FACTS, some.FINDINGS),
    some.RULES,
    some.PACKS,
)
def test_more_policy_enlarges_nothing(
    pack: Pack,
    there: list[Destination],
    request: tuple[Facts, Findings],
    rule: Rule,
    other: Pack,
) -> None:
    """I2: a forbid or oblige rule more, or a pack more, never opens a destination."""
    facts, findings = request
    before = allowed(facts, findings, Policy.of([pack], there))
    longer = dataclasses.replace(pack, rules=(*pack.rules, rule))

    if rule.effect != "permit":
        assert allowed(facts, findings, Policy.of([longer], there)) <= before
    assert allowed(facts, findings, Policy.of([pack, other], there)) <= before


@EXAMPLES
@given(
    st.lists(BUILTIN, min_size=2, max_size=3, unique_by=lambda pack: pack.name),
    some.DESTINATIONS,
    some.FACTS,
    some.FINDINGS,
)
def test_composed_packs_allow_no_more_than_each(
    packs: list[Pack], there: list[Destination], facts: Facts, findings: Findings
) -> None:
    """I2: any packs together allow exactly what every one of them allows alone."""
    together = allowed(facts, findings, Policy.of(packs, there))
    alone = [allowed(facts, findings, Policy.of([pack], there)) for pack in packs]

    assert together == set.intersection(*alone)


@EXAMPLES
@given(some.PACKS, some.DESTINATIONS, some.FACTS, some.FINDINGS, st.sampled_from(TIERS))
def test_lower_max_tier_enlarges_nothing(
    pack: Pack, there: list[Destination], facts: Facts, findings: Findings, limit: Tier
) -> None:
    """I2: max_tier can only restrict."""
    assume(facts.max_tier is None or TIERS.index(limit) <= TIERS.index(facts.max_tier))
    limited = dataclasses.replace(facts, max_tier=limit)
    policy = Policy.of([pack], there)
    tiers = {d.name: d.tier for d in there}

    left = allowed(limited, findings, policy)
    assert left <= allowed(facts, findings, policy)
    assert all(TIERS.index(tiers[name]) <= TIERS.index(limit) for name in left)


GARBAGE = st.one_of(
    st.none(),
    st.integers(),
    st.text(max_size=4),
    st.binary(max_size=4),
    st.lists(st.integers(), max_size=2),
    st.floats(),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)


@EXAMPLES
@given(
    LOADABLE,
    some.DESTINATIONS,
    some.FACTS,
    some.FINDINGS,
    st.data(),
)
def test_garbage_never_raises_and_opens_nothing_by_itself(
    pack: Pack, there: list[Destination], facts: Facts, findings: Findings, data: st.DataObject
) -> None:
    """I3: any value in any place gives a decision; in the findings it leaves the device only."""
    policy = Policy.of([pack], there)
    field = data.draw(st.sampled_from([f.name for f in dataclasses.fields(Facts)]))
    decide(dataclasses.replace(facts, **{field: data.draw(GARBAGE)}), findings, policy)
    spoilt = data.draw(st.sampled_from(["data_class", "kinds", "errors"]))
    broken = dataclasses.replace(findings, **{spoilt: data.draw(GARBAGE)})
    devices = {d.name for d in there if d.tier is Tier.DEVICE}

    if not (findings.errors and spoilt == "data_class"):  # then it is UNKNOWN in any case
        assert allowed(facts, broken, policy) == devices
    decision = decide(data.draw(GARBAGE), data.draw(GARBAGE), data.draw(GARBAGE))
    assert decision.allowed == ()


@EXAMPLES
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_load_or_fail_in_one_way(data: bytes) -> None:
    """B11: bytes give a policy or a PolicyError, nothing else."""
    try:
        load_policy([PackSource("f.yaml", data)], [])
    except PolicyError as error:
        assert error.file == "f.yaml"
