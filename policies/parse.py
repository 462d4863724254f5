# SPDX-License-Identifier: Apache-2.0
"""A document to a Pack: names, values and monotonicity are checked here, once, before use."""

from __future__ import annotations

import re
from collections.abc import Mapping

from policies.decision import ReasonCode
from policies.examples import parse_case
from policies.model import DataClass, Obligation
from policies.monotone import TooManyPointsError, first_escape
from policies.nodes import (
    Node,
    Table,
    as_flag,
    as_items,
    as_member,
    as_table,
    as_text,
    each_text,
    shown,
)
from policies.pack import Pack
from policies.rules import FIELDS, All, Any_, Condition, Effect, In, Not, Rule, Value

MAX_RULES = 256
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_PACK_KEYS = ("pack", "version", "description", "otherwise", "rules", "tests")
_RULE_KEYS = ("id", "effect", "when", "reason", "description", "citation", "obligations")
_CLASS_FIELDS = frozenset({"data_class", "declared_class"})


def parse_pack(root: Node) -> Pack:
    """The pack that the document describes. Raises PolicyError."""
    table = as_table(root, "a pack")
    table.allow_only(_PACK_KEYS, "a pack")
    name = _name(table, "pack", "a pack")
    otherwise = table.entries.get("otherwise")
    rules: list[Rule] = []
    nodes = as_items(table.need("rules", "a pack"), "rule")
    if len(nodes) > MAX_RULES:
        nodes[MAX_RULES].fail(f"expected at most {MAX_RULES} rules in a pack")
    for node in nodes:
        rule = _rule(as_table(node, "a rule"))
        if any(rule.id == other.id for other in rules):
            node.fail(f"there are two rules with the id {shown(rule.id)}")
        rules.append(rule)
    for rule in rules:
        _check_monotone(table.file, rule, rules)
    cases = as_items(table.entries["tests"], "test") if "tests" in table.entries else ()
    return Pack(
        name=name,
        version=table.need_text("version", "a pack"),
        description=table.need_text("description", "a pack"),
        otherwise=(
            as_member(otherwise, ReasonCode, "reason") if otherwise else ReasonCode.NO_PERMIT
        ),
        rules=tuple(rules),
        cases=tuple(parse_case(node) for node in cases),
    )


def parse_condition(node: Node) -> Condition:
    """A mapping whose entries must all hold: fields, and `any`, `all`, `not`."""
    table = as_table(node, "a condition")
    parts = tuple(_entry(table, key, value) for key, value in table.entries.items())
    return parts[0] if len(parts) == 1 else All(parts)


def _name(table: Table, key: str, what: str) -> str:
    text = table.need_text(key, what)
    if not _NAME.fullmatch(text):
        table.fail_at(key, f"expected lower-case letters, digits and '-', not {shown(text)}")
    return text


def _rule(table: Table) -> Rule:
    table.allow_only(_RULE_KEYS, "a rule")
    rule_id = _name(table, "id", "a rule")
    what = f"rule {rule_id!r}"
    effect = as_member(table.need("effect", what), Effect, "effect")
    if (effect is Effect.OBLIGE) is not ("obligations" in table.entries):
        table.fail(f"{what}: 'obligations' belong to the effect 'oblige', and only to it")
    owed = table.entries.get("obligations")
    duties = each_text(owed, "obligation") if owed else []
    return Rule(
        id=rule_id,
        effect=effect,
        when=parse_condition(table.need("when", what)),
        reason=as_member(table.need("reason", what), ReasonCode, "reason"),
        description=table.need_text("description", what),
        citation=table.need_text("citation", what),
        obligations=frozenset(as_member(node, Obligation, "obligation") for node in duties),
        line=table.line,
    )


def _entry(table: Table, key: str, value: Node) -> Condition:
    if key == "not":
        return Not(parse_condition(value))
    if key in ("any", "all"):
        parts = tuple(parse_condition(part) for part in as_items(value, "condition"))
        return Any_(parts) if key == "any" else All(parts)
    if key not in FIELDS:
        known = ", ".join(["any", "all", "not", *sorted(FIELDS)])
        table.fail_at(key, f"unknown field {shown(key)}, expected one of: {known}")
    if key in _CLASS_FIELDS and isinstance(value, Table):
        return In(key, _class_range(value))
    return In(key, frozenset(_value(key, node) for node in each_text(value, "value")))


def _value(field: str, node: Node) -> Value:
    domain = FIELDS[field].domain
    if domain is None:
        return as_text(node)
    if isinstance(domain[0], bool):
        return as_flag(node)
    text = as_text(node)
    if text not in domain:
        expected = ", ".join(str(value) for value in domain)
        node.fail(f"unknown {field} {shown(text)}, expected one of: {expected}")
    return text


def _class_range(table: Table) -> frozenset[Value]:
    table.allow_only(("at_least", "at_most"), "a range of classes")
    if not table.entries:
        table.fail("expected at_least, at_most or both")
    ends: Mapping[str, int] = {
        key: as_member(node, DataClass, "class").rank for key, node in table.entries.items()
    }
    lowest, highest = ends.get("at_least", 0), ends.get("at_most", len(DataClass))
    chosen = frozenset(c for c in DataClass if lowest <= c.rank <= highest)
    return frozenset(chosen) or table.fail("at_least is above at_most: no class is meant")


def _check_monotone(file: str, rule: Rule, rules: list[Rule]) -> None:
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
