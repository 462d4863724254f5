# SPDX-License-Identifier: Apache-2.0
"""A document to a Pack: names, values and monotonicity are checked here, once, before use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from policies.conditions import Lists, parse_condition, parse_lists
from policies.decision import ReasonCode
from policies.duties import parse_duties, parse_kinds
from policies.examples import parse_case
from policies.model import IDENTIFIERS
from policies.monotone import first_escape
from policies.nodes import Node, Table, as_items, as_member, as_table, as_text, shown
from policies.overlap import can_hold, first_idle
from policies.pack import Claim, Pack, Theorem
from policies.rules import FIELDS, All, Condition, Effect, In, Not, Rule, atoms, describe
from policies.space import TooManyPointsError
from policies.terms import NO_TERMS, Obligation, Terms
from policies.theorems import BUILT_IN

MAX_RULES = 1024
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_PACK_KEYS = (
    "pack", "version", "description", "otherwise", "lists", "rules", "theorems", "tests",
)  # fmt: skip
_RULE_KEYS = ("id", "effect", "when", "reason", "description", "citation", "obligations", "kinds")
_THEOREM_KEYS = ("id", "says", *Claim, "unless", "when")
_REDACT = "redact"
_EFFECTS: Mapping[str, Effect] = MappingProxyType(
    {effect.value: effect for effect in Effect}
    | {"allow": Effect.PERMIT, "local_only": Effect.FORBID, _REDACT: Effect.OBLIGE}
)
_REASONS: Mapping[Effect, ReasonCode] = MappingProxyType(
    {
        Effect.BLOCK: ReasonCode.BLOCKED,
        Effect.QUEUE: ReasonCode.QUEUED,
        Effect.APPROVE: ReasonCode.NEEDS_APPROVAL,
    }
)
"""The reason that a rule with such an effect need not give."""
_NOT_APPROVED: Condition = Not(In("approved", frozenset({True})))
"""What a rule that asks for approval waits for: it is a part of its condition, and so of proofs."""


def parse_pack(root: Node) -> Pack:
    """The pack that the document describes. Raises PolicyError."""
    table = as_table(root, "a pack")
    table.allow_only(_PACK_KEYS, "a pack")
    name = _name(table, "pack", "a pack")
    given = table.entries
    lists = parse_lists(as_table(given["lists"], "lists")) if "lists" in given else {}
    rules = _rules(table, lists)
    cases = as_items(given["tests"], "test") if "tests" in given else ()
    return Pack(
        name=name,
        version=table.need_text("version", "a pack"),
        description=table.need_text("description", "a pack"),
        otherwise=(
            as_member(given["otherwise"], ReasonCode, "reason")
            if "otherwise" in given
            else ReasonCode.NO_PERMIT
        ),
        rules=rules,
        theorems=_theorems(given["theorems"], lists) if "theorems" in given else (),
        cases=tuple(parse_case(node) for node in cases),
        file=table.file,
    )


def _name(table: Table, key: str, what: str) -> str:
    text = table.need_text(key, what)
    if not _NAME.fullmatch(text):
        table.fail_at(key, f"expected lower-case letters, digits and '-', not {shown(text)}")
    return text


def _rules(table: Table, lists: Lists) -> tuple[Rule, ...]:
    nodes = as_items(table.need("rules", "a pack"), "rule")
    if len(nodes) > MAX_RULES:
        nodes[MAX_RULES].fail(f"expected at most {MAX_RULES} rules in a pack")
    rules: dict[str, Rule] = {}
    for node in nodes:
        rule = _rule(as_table(node, "a rule"), lists)
        if rule.id in rules:
            node.fail(f"there are two rules with the id {shown(rule.id)}")
        rules[rule.id] = rule
    found = tuple(rules.values())
    simplest_first = sorted(found, key=lambda rule: sum(1 for _ in atoms(rule.when)))
    for rule in found:
        _check_monotone(table.file, rule, simplest_first)
    _check_idle(table.file, found)
    return found


def _rule(table: Table, lists: Lists) -> Rule:
    table.allow_only(_RULE_KEYS, "a rule")
    rule_id = _name(table, "id", "a rule")
    what = f"rule {rule_id!r}"
    effect = _effect(table.need("effect", what))
    obligations, terms = _owed(table, what)
    when = parse_condition(table.need("when", what), lists)
    if effect.is_of_request:
        _check_is_of_request(table, "when", effect, when)
    if effect is Effect.APPROVE:
        when = All((when, _NOT_APPROVED))
    has_reason = "reason" in table.entries or effect not in _REASONS
    return Rule(
        id=rule_id,
        effect=effect,
        when=when,
        reason=(
            as_member(table.need("reason", what), ReasonCode, "reason")
            if has_reason
            else _REASONS[effect]
        ),
        description=table.need_text("description", what),
        citation=table.need_text("citation", what),
        obligations=obligations,
        terms=terms,
        line=table.line,
    )


def _effect(node: Node) -> Effect:
    text = as_text(node)
    if text not in _EFFECTS:
        node.fail(f"unknown effect {shown(text)}, expected one of: {', '.join(sorted(_EFFECTS))}")
    return _EFFECTS[text]


def _owed(table: Table, what: str) -> tuple[frozenset[Obligation], Terms]:
    given, word = table.entries, as_text(table.entries["effect"])
    if (word == Effect.OBLIGE) is not ("obligations" in given):
        table.fail(f"{what}: 'obligations' belong to the effect 'oblige', and only to it")
    if "kinds" in given and word != _REDACT:
        table.fail_at("kinds", f"{what}: 'kinds' beside 'effect' belong to the effect 'redact'")
    if word == _REDACT:
        terms = parse_kinds(given["kinds"]) if "kinds" in given else Terms(redact=IDENTIFIERS)
        return frozenset({Obligation.REDACT}), terms
    return parse_duties(given["obligations"]) if "obligations" in given else (frozenset(), NO_TERMS)


def _check_is_of_request(table: Table, key: str, word: str, when: Condition) -> None:
    for atom in atoms(when):
        if FIELDS[atom.field].is_of_destination:
            table.fail_at(
                key,
                f"{str(word)!r} is about the request as a whole, expected no condition on a "
                f"destination such as {atom.field!r}",
            )


def _theorems(node: Node, lists: Lists) -> tuple[Theorem, ...]:
    theorems: dict[str, Theorem] = {}
    for item in as_items(node, "theorem"):
        theorem = _theorem(as_table(item, "a theorem"), lists)
        if theorem.id in theorems:
            item.fail(f"there are two theorems with the id {shown(theorem.id)}")
        if theorem.id in BUILT_IN:
            item.fail(f"{shown(theorem.id)} is proved of every pack, expected another id")
        theorems[theorem.id] = theorem
    return tuple(theorems.values())


def _theorem(table: Table, lists: Lists) -> Theorem:
    table.allow_only(_THEOREM_KEYS, "a theorem")
    theorem_id = _name(table, "id", "a theorem")
    what = f"theorem {theorem_id!r}"
    claim = _claim(table, what)
    owed, terms = _owed_by(table, claim, what)
    key = "when" if claim is Claim.OWES else claim
    when = parse_condition(table.need(key, what), lists)
    if claim is Claim.BLOCKS:
        _check_is_of_request(table, key, claim, when)
    is_of_egress = claim in (Claim.NEVER, Claim.OPENS)
    if not can_hold(when, away=is_of_egress):
        where = " of another destination than the device" if is_of_egress else ""
        table.fail_at(
            key,
            f"{what} says nothing, expected a condition that can hold{where}: {describe(when)}",
        )
    return Theorem(
        id=theorem_id,
        says=table.need_text("says", what),
        when=when,
        claim=claim,
        owed=owed,
        terms=terms,
        line=table.line,
    )


def _claim(table: Table, what: str) -> Claim:
    claims = [claim for claim in Claim if claim in table.entries]
    if len(claims) != 1:
        table.fail(f"{what}: expected one of: {', '.join(Claim)}")
    return claims[0]


def _owed_by(table: Table, claim: Claim, what: str) -> tuple[frozenset[Obligation], Terms]:
    given = table.entries
    for key, owner in (("unless", Claim.NEVER), ("when", Claim.OWES)):
        if key in given and claim is not owner:
            table.fail_at(key, f"{what}: {key!r} belongs beside {str(owner)!r}, and only there")
    node = given.get("unless" if claim is Claim.NEVER else Claim.OWES)
    return (frozenset(), NO_TERMS) if node is None else parse_duties(node)


def _check_monotone(file: str, rule: Rule, rules: Sequence[Rule]) -> None:
    place = Node(file, rule.line)
    try:
        escape = first_escape(rule, rules)
    except TooManyPointsError:
        place.fail(f"rule {rule.id!r} has too many cases to check, split it")
    if escape is not None:
        verb = "begins" if rule.effect is Effect.PERMIT else "ceases"
        place.fail(
            f"{rule.effect} rule {rule.id!r} {verb} to hold when {escape.field} rises from "
            f"{escape.before} to {escape.after}: a more sensitive request must not get more"
        )


def _check_idle(file: str, rules: Sequence[Rule]) -> None:
    idle = first_idle(rules)
    if idle is None:
        return
    place, other = Node(file, idle.rule.line), idle.because_of
    if idle.is_of_device:
        place.fail(
            f"the {idle.rule.effect} rule {idle.rule.id!r} matches the device alone, which it can "
            "neither open nor close; expected a condition that another tier meets, or a block"
        )
    if other is None:
        place.fail(
            f"rule {idle.rule.id!r} is unreachable, expected a condition that can hold: "
            f"{describe(idle.rule.when)}"
        )
    place.fail(
        f"rule {idle.rule.id!r} is shadowed by the {other.effect} rule {other.id!r} on line "
        f"{other.line}, which holds wherever it does; expected a rule that changes something"
    )
