# SPDX-License-Identifier: Apache-2.0
"""Documents to packs: what each way of writing a condition means."""

import pytest

from policies import Obligation, PackSource, ReasonCode, load_policy
from policies.model import IDENTIFIERS
from policies.pack import Claim, Pack, Theorem
from policies.rules import All, Any_, Condition, Effect, In, Not
from policies.terms import Terms
from tests.policies.malformed import GOOD

LET = "{data_class: {at_most: internal}}"


def parsed(old: str = "", new: str = "") -> Pack:
    """The good pack with one replacement."""
    return load_policy([PackSource("f", GOOD.replace(old, new).encode())], []).packs[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", All(())),
        ("{data_class: public}", In("data_class", frozenset({"public"}))),
        (LET, In("data_class", frozenset({"public", "internal"}))),
        (
            "{not: {data_class: {at_least: pci}}}",
            Not(In("data_class", frozenset({"pci", "secret", "unknown"}))),
        ),
        (
            "{tier: cloud, region: [a, b]}",
            All((In("tier", frozenset({"cloud"})), In("region", frozenset({"a", "b"})))),
        ),
        (
            "{any: [{baa: true}, {zero_data: false}]}",
            Any_((In("baa", frozenset({True})), In("zero_data", frozenset({False})))),
        ),
        ("{all: [{baa: true}]}", All((In("baa", frozenset({True})),))),
        ("{retention: {at_most: days_7}}", In("retention", frozenset({"zero", "days_7"}))),
        ("{tier: {at_least: onprem}}", In("tier", frozenset({"onprem", "cloud"}))),
        (
            "{declared_class: {at_most: internal}}",
            In("declared_class", frozenset({"public", "internal"})),
        ),
        ("{declared_class: none}", In("declared_class", frozenset({"none"}))),
        ('{purpose: ""}', In("purpose", frozenset({""}))),
    ],
)
def test_conditions(text: str, expected: Condition) -> None:
    """A mapping is a conjunction; lists are alternatives; ranges of classes become sets."""
    assert expected == parsed(LET, text).rules[0].when


def test_pack_is_read_in_full() -> None:
    """Nothing of the document is lost."""
    pack = parsed("rules:\n", "otherwise: baa_missing\nrules:\n")

    assert (pack.name, pack.version, pack.description) == ("demo", "1", "a pack for tests")
    assert pack.otherwise == ReasonCode.BAA_MISSING
    assert {Obligation.NO_STORE, Obligation.NO_CACHE} == pack.rules[1].obligations
    assert (
        pack.rules[0].description,
        pack.rules[0].citation,
        pack.rules[0].line,
    ) == ("lets", "none", 6)


def test_examples_are_optional() -> None:
    """A pack without tests has no cases, and without otherwise the plain reason."""
    pack = parsed(GOOD[GOOD.index("tests:") :], "")

    assert (pack.cases, pack.otherwise) == ((), ReasonCode.NO_PERMIT)


def test_lists_are_named_once_and_used_by_name() -> None:
    """`$name` stands for the values of a list, beside others; a quoted one too."""
    text = GOOD.replace("rules:\n", "lists: {eea: [AT, BE]}\nrules:\n")
    text = text.replace(LET, "{jurisdiction: [$eea, CH], region: $eea}")
    when = load_policy([PackSource("f", text.encode())], []).packs[0].rules[0].when

    assert when == All(
        (
            In("jurisdiction", frozenset({"AT", "BE", "CH"})),
            In("region", frozenset({"AT", "BE"})),
        )
    )


@pytest.mark.parametrize(
    ("word", "effect", "reason"),
    [
        ("allow", Effect.PERMIT, None),
        ("local_only", Effect.FORBID, None),
        ("block", Effect.BLOCK, ReasonCode.BLOCKED),
        ("queue", Effect.QUEUE, ReasonCode.QUEUED),
        ("approve", Effect.APPROVE, ReasonCode.NEEDS_APPROVAL),
    ],
)
def test_effects(word: str, effect: Effect, reason: ReasonCode | None) -> None:
    """Each word has its effect; those that halt a request bring their own reason."""
    text = GOOD.replace("effect: permit", f"effect: {word}").replace(LET, "{tenant: t}")
    if reason:
        text = text.replace("    reason: permitted\n", "", 1)
    rule = load_policy([PackSource("f", text.encode())], []).packs[0].rules[0]

    assert (rule.effect, rule.reason) == (effect, reason or ReasonCode.PERMITTED)


def test_theorems() -> None:
    """A theorem has an id, a sentence and a condition that never holds for what leaves."""
    text = GOOD.replace("tests:\n", "theorems: [{id: a, says: b, never: {baa: false}}]\ntests:\n")
    (theorem,) = load_policy([PackSource("f", text.encode())], []).packs[0].theorems

    assert theorem == Theorem(id="a", says="b", when=In("baa", frozenset({False})))
    assert theorem.line == 21


def test_theorems_may_except_what_is_owed() -> None:
    """`unless` names an obligation under which the condition may hold."""
    said = "theorems: [{id: a, says: b, never: {baa: false}, unless: redact}]\ntests:\n"
    text = GOOD.replace("tests:\n", said)
    (theorem,) = load_policy([PackSource("f", text.encode())], []).packs[0].theorems

    assert theorem.owed == {Obligation.REDACT}
    assert theorem.terms == Terms(redact=IDENTIFIERS)


def test_theorems_may_say_what_is_owed_and_how_much() -> None:
    """In the words of a rule's obligations."""
    owes = "owes: [record, {minimum_necessary: {keep_turns: 4}}], when: {break_glass: true}"
    text = GOOD.replace("tests:\n", f"theorems: [{{id: a, says: b, {owes}}}]\ntests:\n")
    (theorem,) = load_policy([PackSource("f", text.encode())], []).packs[0].theorems

    assert (theorem.claim, theorem.terms) == (Claim.OWES, Terms(keep_turns=4))
    assert theorem.owed == {Obligation.RECORD, Obligation.MINIMUM_NECESSARY}
    assert theorem.when == In("break_glass", frozenset({True}))
