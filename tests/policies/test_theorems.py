# SPDX-License-Identifier: Apache-2.0
"""What theorems can say beside "never": that something is owed, opened or blocked."""

from dataclasses import replace

import pytest

from policies.model import IDENTIFIERS, KINDS
from policies.pack import Claim, Pack, Theorem
from policies.prove import prove
from policies.rules import All, Condition, Effect, In, Not
from policies.terms import Obligation, Terms
from tests.policies.strategies import rule
from tests.policies.test_prove import BAA, CLOUD, GLASS, KNOWN, LOW, pack, permit, refuted

KNOWN_LOW = In("known_class", frozenset({"public", "internal"}))
RECORD = Obligation.RECORD


def owing(when: Condition, kinds: frozenset[str], obligation: Obligation) -> Pack:
    """A pack that permits what is low, under a duty, and says that it never does without it."""
    duty = replace(
        rule(Effect.OBLIGE, when, "owe"),
        obligations=frozenset({obligation}),
        terms=Terms(redact=kinds),
    )
    theorem = Theorem(
        id="mine",
        says="Mine.",
        when=CLOUD,
        owed=frozenset({Obligation.REDACT}),
        terms=Terms(redact=IDENTIFIERS),
    )
    return Pack(name="p", rules=(permit(LOW), duty), theorems=(theorem,))


@pytest.mark.parametrize(
    ("tested", "expected"),
    [
        (owing(CLOUD, IDENTIFIERS, Obligation.REDACT), set()),
        (owing(All(()), KINDS, Obligation.REDACT), set()),
        (owing(CLOUD, IDENTIFIERS - {"NAME"}, Obligation.REDACT), {"mine"}),
        (owing(CLOUD, IDENTIFIERS, Obligation.NO_STORE), {"mine"}),
        (owing(All((CLOUD, BAA)), IDENTIFIERS, Obligation.REDACT), {"mine"}),
        (owing(Not(CLOUD), IDENTIFIERS, Obligation.REDACT), {"mine"}),
    ],
)
def test_a_theorem_may_hold_under_a_duty_only(tested: Pack, expected: set[str]) -> None:
    """The duty must be owed at the very place, and to redact means every kind of identifier."""
    assert refuted(prove(tested)) == (expected, expected)


def owed(when: Condition, duty: Terms | Obligation, *, under: Condition = CLOUD) -> Pack:
    """A pack that permits what is low and says that wherever `when` holds, the duty is owed."""
    of = Obligation.MINIMUM_NECESSARY if isinstance(duty, Terms) else duty
    terms = duty if isinstance(duty, Terms) else Terms()
    owes = replace(
        rule(Effect.OBLIGE, under, "owe"),
        obligations=frozenset({of}),
        terms=terms,
    )
    theorem = Theorem(
        id="mine",
        says="Mine.",
        when=when,
        claim=Claim.OWES,
        owed=frozenset({Obligation.MINIMUM_NECESSARY if isinstance(duty, Terms) else RECORD}),
        terms=Terms(keep_turns=4) if isinstance(duty, Terms) else Terms(),
    )
    return Pack(name="p", rules=(permit(LOW), owes), theorems=(theorem,))


@pytest.mark.parametrize(
    ("tested", "expected"),
    [
        (owed(CLOUD, RECORD), set()),
        (owed(CLOUD, RECORD, under=All(())), set()),
        (owed(All(()), RECORD, under=All(())), set()),
        (owed(All(()), RECORD), {"mine"}),  # not on the device
        (owed(In("tier", frozenset({"device"})), RECORD), {"mine"}),
        (owed(GLASS, RECORD, under=GLASS), set()),
        (owed(GLASS, RECORD, under=All((GLASS, CLOUD))), {"mine"}),
        (owed(In("name", frozenset({"device"})), RECORD, under=Not(BAA)), set()),
        (owed(CLOUD, Obligation.NO_STORE), {"mine"}),
        (owed(CLOUD, Terms(keep_turns=4)), set()),
        (owed(CLOUD, Terms(keep_turns=2, drop=frozenset({"user"}))), set()),
        (owed(CLOUD, Terms(keep_turns=5)), {"mine"}),
    ],
)
def test_a_theorem_may_say_what_is_always_owed(tested: Pack, expected: set[str]) -> None:
    """Wherever its condition holds, the device included, and in the measure that it names."""
    assert refuted(prove(tested)) == (expected, expected)


@pytest.mark.parametrize(
    ("claim", "when", "expected"),
    [
        (Claim.OPENS, LOW, set()),
        (Claim.OPENS, KNOWN, {"mine"}),
        (Claim.OPENS, All((LOW, GLASS)), {"mine"}),  # a block closes everything
        (Claim.OPENS, In("tier", frozenset({"device"})), set()),  # it is about the others
        (Claim.BLOCKS, GLASS, set()),
        (Claim.BLOCKS, All((LOW, GLASS)), set()),
        (Claim.BLOCKS, KNOWN, {"mine"}),
    ],
)
def test_a_theorem_may_say_what_is_open_or_blocked(
    claim: Claim, when: Condition, expected: set[str]
) -> None:
    """What a pack opens, it opens to every destination; what it blocks not even the device does."""
    low = All((LOW, Not(GLASS))) if claim is Claim.OPENS and when == LOW else when
    theorem = Theorem(id="mine", says="Mine.", when=low, claim=claim)
    rules = (permit(LOW), rule(Effect.BLOCK, GLASS, "halt"))

    report = prove(Pack(name="p", rules=rules, theorems=(theorem,)))

    assert refuted(report) == (expected, expected)


def test_a_counterexample_on_the_device_says_what_is_owed_there() -> None:
    """And what is not: nothing is."""
    lines = list(prove(owed(GLASS, RECORD, under=All((GLASS, CLOUD)))).in_words())

    at = next(i for i, line in enumerate(lines) if line.startswith("  FAILED  mine"))
    assert "tier device" in lines[at + 2]
    assert lines[at + 4] == "          owed      nothing"


RELAX = In("may_relax", frozenset({True}))


@pytest.mark.parametrize(
    ("never", "expected"),
    [
        (Not(LOW), set()),  # of the class that the rules see, which a caller may have relaxed
        (Not(KNOWN_LOW), {"mine"}),
        (All((Not(KNOWN_LOW), Not(RELAX))), set()),
        (All((RELAX, Not(KNOWN_LOW), In("declared_class", frozenset({"none"})))), set()),
    ],
)
def test_what_was_found_is_more_than_what_rules_see(never: Condition, expected: set[str]) -> None:
    """A theorem on the known class fails where a caller's right to relax opens something."""
    report = prove(pack(permit(LOW), never=never))
    text = "\n".join(report.in_words())

    assert refuted(report) == (expected, expected)
    assert ("the caller may relax classes" in text) is bool(expected)
    assert ("whom the operator gave the right may have lowered it" in text) is (never == Not(LOW))
