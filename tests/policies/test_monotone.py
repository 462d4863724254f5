# SPDX-License-Identifier: Apache-2.0
"""The load-time proof that a more sensitive request never gets more."""

from dataclasses import replace

import pytest

from policies import Obligation
from policies.model import KINDS
from policies.monotone import Escape, first_escape, widens_in_emergency
from policies.rules import All, Any_, Condition, Effect, In, Not, Rule
from policies.space import MOST_ATOMS, TooManyPointsError
from policies.terms import Terms
from tests.policies.strategies import rule

SECRET = In("data_class", frozenset({"pci", "secret"}))
UNKNOWN = In("data_class", frozenset({"unknown"}))
LOW = In("data_class", frozenset({"public", "internal"}))
CARD = In("kinds", frozenset({"CARD", "SSN"}))
MEDIA = In("has_media", frozenset({True}))


def escape(effect: Effect, when: Condition, *others: Rule) -> Escape | None:
    """The first escape of a rule with this condition beside the others."""
    tested = rule(effect, when)
    return first_escape(tested, [tested, *others])


@pytest.mark.parametrize(
    ("effect", "when"),
    [
        (Effect.PERMIT, LOW),
        (Effect.PERMIT, All(())),
        (Effect.PERMIT, Not(CARD)),
        (Effect.PERMIT, Not(MEDIA)),
        (Effect.PERMIT, In("declared_class", frozenset({"public"}))),
        (Effect.PERMIT, In("tier", frozenset({"cloud"}))),
        (Effect.PERMIT, Any_((LOW, In("data_class", frozenset({"confidential"}))))),
        (Effect.FORBID, CARD),
        (Effect.FORBID, MEDIA),
        (Effect.FORBID, UNKNOWN),
        (Effect.FORBID, Not(LOW)),
        (Effect.FORBID, In("region", frozenset({"a", "b"}))),
    ],
)
def test_monotone_rules(effect: Effect, when: Condition) -> None:
    """Permits may only fall away, forbids only come in."""
    assert escape(effect, when) is None


@pytest.mark.parametrize(
    ("effect", "when", "expected"),
    [
        (Effect.PERMIT, SECRET, Escape("data_class", "genetic", "pci")),
        (Effect.PERMIT, CARD, Escape("kinds", "none", "CARD")),
        (Effect.PERMIT, MEDIA, Escape("has_media", "false", "true")),
        (Effect.PERMIT, In("errors", frozenset({True})), Escape("errors", "false", "true")),
        (Effect.PERMIT, Not(LOW), Escape("data_class", "internal", "confidential")),
        (
            Effect.PERMIT,
            In("declared_class", frozenset({"phi"})),
            Escape("declared_class", "pii", "phi"),
        ),
        (Effect.FORBID, SECRET, Escape("data_class", "secret", "unknown")),
        (
            Effect.FORBID,
            All((In("baa", frozenset({True})), SECRET)),
            Escape("data_class", "secret", "unknown"),
        ),
        (Effect.FORBID, LOW, Escape("data_class", "internal", "confidential")),
        (Effect.FORBID, Not(CARD), Escape("kinds", "none", "CARD")),
        (Effect.OBLIGE, SECRET, Escape("data_class", "secret", "unknown")),
    ],
)
def test_escapes(effect: Effect, when: Condition, expected: Escape) -> None:
    """The step at which a rule gives more is named."""
    assert escape(effect, when) == expected


def test_another_forbid_may_take_over() -> None:
    """Neighbouring forbids may share a range of classes, if the heir asks for nothing else."""
    narrower = All((UNKNOWN, In("region", frozenset({"a"}))))

    assert escape(Effect.FORBID, SECRET, rule(Effect.FORBID, UNKNOWN, "heir")) is None
    assert escape(Effect.FORBID, SECRET, rule(Effect.FORBID, narrower, "heir")) is not None
    assert escape(Effect.FORBID, SECRET, rule(Effect.OBLIGE, UNKNOWN, "heir")) is not None
    assert escape(Effect.FORBID, SECRET, rule(Effect.FORBID, LOW, "heir")) is not None


def test_an_heir_owes_no_less() -> None:
    """An oblige rule is taken over only by one with all of its obligations."""
    heir = rule(Effect.OBLIGE, UNKNOWN, "heir")
    lesser = Rule(
        id="lesser",
        effect=Effect.OBLIGE,
        when=UNKNOWN,
        reason=heir.reason,
        description="d",
        citation="c",
        obligations=frozenset({Obligation.NO_TOOLS}),
    )

    assert escape(Effect.OBLIGE, SECRET, heir) is None
    assert escape(Effect.OBLIGE, SECRET, lesser) is not None


def test_what_cannot_be_tried_is_refused() -> None:
    """Too many combinations or conditions raise; many values in one list do not."""
    one_each = Any_(tuple(In("kinds", frozenset({kind})) for kind in sorted(KINDS)))
    tenants = Any_(tuple(In("tenant", frozenset({str(i)})) for i in range(60)))
    roles = Any_(tuple(In("role", frozenset({str(i)})) for i in range(60)))
    regions = Any_(tuple(In("region", frozenset({str(i)})) for i in range(60)))
    many = Any_(tuple(LOW for _ in range(MOST_ATOMS + 1)))

    for when in (one_each, All((tenants, roles, regions)), many):
        with pytest.raises(TooManyPointsError):
            escape(Effect.FORBID, when)
    assert escape(Effect.FORBID, In("kinds", KINDS)) is None


def test_several_rules_may_take_over_together() -> None:
    """One where there is media and one where there is none; either alone leaves a gap."""
    seen = rule(Effect.FORBID, All((UNKNOWN, MEDIA)), "seen")
    unseen = rule(Effect.BLOCK, All((UNKNOWN, Not(MEDIA))), "unseen")
    step = Escape("data_class", "secret", "unknown")

    assert escape(Effect.FORBID, All((SECRET, Not(MEDIA))), seen, unseen) == Escape(
        "has_media", "false", "true"
    )
    assert escape(Effect.FORBID, SECRET, seen, unseen) is None
    assert escape(Effect.FORBID, SECRET, unseen) == step
    assert escape(Effect.FORBID, SECRET, seen) == step


@pytest.mark.parametrize(
    ("effect", "heir", "takes_over"),
    [
        (Effect.QUEUE, Effect.APPROVE, True),
        (Effect.QUEUE, Effect.FORBID, True),
        (Effect.APPROVE, Effect.BLOCK, True),
        (Effect.APPROVE, Effect.QUEUE, False),
        (Effect.FORBID, Effect.APPROVE, False),
        (Effect.BLOCK, Effect.FORBID, False),
        (Effect.OBLIGE, Effect.FORBID, False),
        (Effect.FORBID, Effect.PERMIT, False),
    ],
)
def test_a_heir_is_at_least_as_strong(effect: Effect, heir: Effect, takes_over: bool) -> None:
    """What halts less, or halts only for now, stands in for nothing stronger."""
    assert (escape(effect, SECRET, rule(heir, UNKNOWN, "heir")) is None) is takes_over


def test_a_heir_holds_whatever_else_is_found() -> None:
    """One that waits for a finding does not take over where nothing was found."""
    waits = All((UNKNOWN, CARD))
    wide = Any_((UNKNOWN, CARD))

    assert escape(Effect.FORBID, SECRET, rule(Effect.FORBID, waits, "heir")) is not None
    assert escape(Effect.FORBID, SECRET, rule(Effect.FORBID, wide, "heir")) is None


def test_a_heir_asks_for_no_less() -> None:
    """An obligation in a lesser measure takes nothing over."""
    made = replace(rule(Effect.OBLIGE, SECRET), terms=Terms(keep_turns=2))
    stricter = replace(rule(Effect.OBLIGE, UNKNOWN, "heir"), terms=Terms(keep_turns=1))
    laxer = replace(stricter, terms=Terms(keep_turns=3))

    assert first_escape(made, [made, stricter]) is None
    assert first_escape(made, [made, laxer]) is not None


GLASS, CALM = In("break_glass", frozenset({True})), In("break_glass", frozenset({False}))
COVERED = In("baa", frozenset({True}))


@pytest.mark.parametrize(
    ("effect", "when", "widens"),
    [
        (Effect.PERMIT, LOW, False),
        (Effect.PERMIT, GLASS, True),
        (Effect.PERMIT, CALM, False),
        (Effect.PERMIT, All((GLASS, COVERED)), False),
        (Effect.PERMIT, All((GLASS, Not(COVERED))), True),
        (Effect.PERMIT, Any_((LOW, GLASS)), True),
        (Effect.PERMIT, Any_((LOW, All((GLASS, COVERED)))), False),
        (Effect.PERMIT, In("break_glass", frozenset({True, False})), False),
        (Effect.FORBID, Not(GLASS), True),
        (Effect.FORBID, GLASS, False),
        (Effect.FORBID, All((SECRET, CALM)), True),
        (Effect.FORBID, Any_((Not(COVERED), CALM)), False),
        (Effect.BLOCK, CALM, True),
        (Effect.OBLIGE, CALM, True),
        (Effect.APPROVE, CALM, True),
    ],
)
def test_rules_that_give_more_in_an_emergency(
    effect: Effect, when: Condition, widens: bool
) -> None:
    """A permit that begins there, any other that ceases; where a BAA covers, they may."""
    assert widens_in_emergency(rule(effect, when)) is widens
