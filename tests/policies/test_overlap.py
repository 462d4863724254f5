# SPDX-License-Identifier: Apache-2.0
"""Rules that cannot do anything."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from policies import Obligation, overlap
from policies.coherence import coherent
from policies.model import DataClass
from policies.overlap import Idle, can_hold, first_idle
from policies.rules import FIELDS, All, Any_, Condition, Effect, In, Not, Rule
from policies.space import MOST_ATOMS, TooManyPointsError
from policies.terms import Terms
from tests.policies.strategies import CONDITIONS, rule

CLOUD = In("tier", frozenset({"cloud"}))
AWAY = In("tier", frozenset({"cloud", "onprem"}))
BAA = In("baa", frozenset({True}))
CARD = In("kinds", frozenset({"CARD"}))
GLASS = In("break_glass", frozenset({True}))
MEDIA = In("has_media", frozenset({True}))
NO_RIGHT = In("may_relax", frozenset({False}))
PII = In("data_class", frozenset(list(DataClass)[DataClass.PII.rank :]))
PERMIT, FORBID, OBLIGE = Effect.PERMIT, Effect.FORBID, Effect.OBLIGE


def rules(*given: tuple[Effect, Condition]) -> list[Rule]:
    """Rules r0, r1 and so on."""
    return [rule(effect, when, f"r{i}") for i, (effect, when) in enumerate(given)]


@pytest.mark.parametrize(
    "when",
    [
        Any_(()),
        All((CLOUD, Not(AWAY))),
        In("region", frozenset()),
        All((CARD, Not(In("kinds", frozenset({"CARD", "SSN"}))))),
        All((In("zero_data", frozenset({True})), In("retention", frozenset({"days_30"})))),
        All((MEDIA, In("known_class", frozenset({"pii"})))),
        All((In("errors", frozenset({True})), Not(In("data_class", frozenset({"unknown"}))))),
        All((In("declared_class", frozenset({"phi"})), In("known_class", frozenset({"pii"})))),
        All((In("data_class", frozenset({"phi"})), In("known_class", frozenset({"pii"})))),
    ],
)
def test_unreachable(when: Condition) -> None:
    """A condition that contradicts itself is found."""
    made = rules((PERMIT, CLOUD), (FORBID, when))

    assert first_idle(made) == Idle(made[1], None)


@pytest.mark.parametrize(
    ("first", "second", "idle"),
    [
        ((PERMIT, CLOUD), (FORBID, AWAY), 0),
        ((FORBID, AWAY), (PERMIT, CLOUD), 1),
        ((PERMIT, CLOUD), (Effect.BLOCK, All(())), 0),
        ((PERMIT, AWAY), (PERMIT, CLOUD), 1),
        ((PERMIT, AWAY), (PERMIT, All((CLOUD, BAA))), 1),
        ((FORBID, CLOUD), (FORBID, CLOUD), 1),
        ((FORBID, All(())), (FORBID, CARD), 1),
        ((PERMIT, AWAY), (FORBID, CLOUD), None),
        ((PERMIT, CLOUD), (PERMIT, AWAY), None),
        ((FORBID, CLOUD), (FORBID, All((AWAY, BAA))), None),
        ((FORBID, All(())), (OBLIGE, CLOUD), 1),  # nothing is sent there, so nothing is owed
        ((FORBID, All(())), (OBLIGE, All(())), None),  # the device owes it
        ((FORBID, AWAY), (OBLIGE, All((CLOUD, BAA))), 1),
        ((OBLIGE, All(())), (Effect.BLOCK, All(())), 0),
        ((Effect.BLOCK, CARD), (FORBID, All((CARD, CLOUD))), 1),
        ((FORBID, CARD), (Effect.BLOCK, CARD), 0),
        ((Effect.BLOCK, All((CARD, GLASS))), (FORBID, CARD), None),
        ((FORBID, CARD), (Effect.APPROVE, All((CARD, GLASS))), 1),
        ((Effect.QUEUE, CARD), (FORBID, CARD), 0),
        ((Effect.APPROVE, CARD), (FORBID, CARD), 0),
        ((FORBID, All((CARD, CLOUD))), (Effect.QUEUE, CARD), None),
        ((Effect.APPROVE, All(())), (Effect.QUEUE, CARD), 1),
        # Under an agreement with media the class is at least phi, so at least pii as well.
        ((PERMIT, All((BAA, PII))), (PERMIT, All((BAA, PII, MEDIA, NO_RIGHT))), 1),
        ((PERMIT, CLOUD), (Effect.QUEUE, All(())), None),
        ((Effect.QUEUE, All(())), (Effect.APPROVE, All(())), 0),
        ((FORBID, CARD), (FORBID, In("kinds", frozenset({"CARD", "SSN"}))), None),
        ((PERMIT, BAA), (PERMIT, CLOUD), None),
    ],
)
def test_shadowed(
    first: tuple[Effect, Condition], second: tuple[Effect, Condition], idle: int | None
) -> None:
    """A permit under a forbid, and a rule under an earlier one of its effect, are found."""
    made = rules(first, second)
    found = first_idle(made)

    assert found == (None if idle is None else Idle(made[idle], made[1 - idle]))


@pytest.mark.parametrize(
    ("given", "is_idle"),
    [
        ({"obligations": frozenset({Obligation.NO_STORE})}, True),
        ({"obligations": frozenset({Obligation.NO_STORE, Obligation.NO_CACHE})}, False),
        ({"terms": Terms(keep_turns=1)}, False),
    ],
)
def test_an_obligation_more_is_something_to_say(given: dict[str, object], is_idle: bool) -> None:
    """A narrower oblige rule that owes more, or in greater measure, is not idle."""
    wide, narrow = rules((OBLIGE, AWAY), (OBLIGE, CLOUD))
    narrow = replace(narrow, **given)  # type: ignore[arg-type]

    assert (first_idle([wide, narrow]) is not None) is is_idle


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([PERMIT, FORBID]), CONDITIONS, CONDITIONS)
def test_what_is_called_idle_is(effect: Effect, one: Condition, other: Condition) -> None:
    """The rule that is named holds nowhere but on the device, or only where the other one does."""
    try:
        space, points = coherent([one, other], [In("tier", frozenset({"device"}))])
    except TooManyPointsError:
        assume(False)
    idle = first_idle(rules((effect, one), (FORBID, other)))
    if idle is not None:
        shadow = space.where(idle.because_of.when) if idle.because_of else 0
        assert not space.where(idle.rule.when) & points & ~shadow


@pytest.mark.parametrize("effect", [PERMIT, FORBID])
def test_a_rule_about_the_device_alone_is_idle(effect: Effect) -> None:
    """It is allowed whatever such a rule says; what is owed there, is owed."""
    device = In("tier", frozenset({"device"}))

    assert first_idle(rules((effect, device))) == Idle(
        rules((effect, device))[0], None, is_of_device=True
    )
    assert first_idle(rules((effect, Not(CLOUD)))) is None
    assert first_idle(rules((OBLIGE, device))) is None


def test_what_is_too_large_may_hold() -> None:
    """Not finding out is no fault."""
    many = Any_(tuple(In(name, frozenset({"a"})) for name in FIELDS) * 10)

    assert can_hold(many)


def test_two_rules_too_large_to_compare_are_left_alone() -> None:
    """Not finding out is no fault of the pack."""
    half = Any_(tuple(CLOUD for _ in range(MOST_ATOMS // 2 + 1)))

    assert first_idle(rules((FORBID, half), (FORBID, Any_((half, CLOUD))))) is None


def test_the_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a number of pairs compared in full, looking ends."""
    made = rules((FORBID, AWAY), (FORBID, CLOUD))
    monkeypatch.setattr(overlap, "MOST_COMPARED", 0)

    assert first_idle(made) is None
