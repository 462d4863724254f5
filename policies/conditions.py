# SPDX-License-Identifier: Apache-2.0
"""Conditions as they are written in packs, to the tree of rules.py.

    when: {field: value, field: [values], any: [conditions], all: [conditions], not: condition}

A field with an order takes `{at_least: x, at_most: y}` as well, and any field the name of one of
the pack's `lists`, as `$name`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from policies.nodes import (
    Node,
    Scalar,
    Table,
    as_flag,
    as_items,
    as_table,
    as_text,
    each_text,
    shown,
)
from policies.rules import FIELDS, NOT_DECLARED, All, Any_, Condition, In, Not, Value
from policies.words import wanted_instead

Lists = Mapping[str, tuple[Node, ...]]
_NO_LISTS: Lists = MappingProxyType({})
_LIST_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def parse_lists(table: Table) -> Lists:
    """The pack's `lists`, by name."""
    for name in table.entries:
        if not _LIST_NAME.fullmatch(name):
            table.fail_at(name, f"expected lower-case letters, digits and '_', not {shown(name)}")
    return {name: as_items(node, "value") for name, node in table.entries.items()}


def parse_condition(node: Node, lists: Lists = _NO_LISTS) -> Condition:
    """A mapping whose entries must all hold: fields, and `any`, `all`, `not`."""
    table = as_table(node, "a condition")
    parts = tuple(_entry(table, key, lists) for key in table.entries)
    return parts[0] if len(parts) == 1 else All(parts)


def _entry(table: Table, key: str, lists: Lists) -> Condition:
    value = table.entries[key]
    if key == "not":
        return Not(parse_condition(value, lists))
    if key in ("any", "all"):
        parts = tuple(parse_condition(part, lists) for part in as_items(value, "condition"))
        return Any_(parts) if key == "any" else All(parts)
    if key not in FIELDS:
        known = ", ".join(["any", "all", "not", *sorted(FIELDS)])
        table.fail_at(key, f"unknown field {shown(key)}, expected one of: {known}")
    if FIELDS[key].is_ordered and isinstance(value, Table):
        return In(key, _range(key, value))
    return In(key, frozenset(_value(key, node) for node in _each(value, lists)))


def _each(value: Node, lists: Lists) -> Iterator[Node]:
    """The values, with `$name` replaced by what the list of that name holds."""
    for node in each_text(value, "value"):
        if isinstance(node, Scalar) and node.text.startswith("$"):
            name = node.text[1:]
            if name not in lists:
                known = ", ".join(sorted(lists)) or "none"
                node.fail(f"there is no list {shown(name)}, expected one of: {known}")
            yield from lists[name]
        else:
            yield node


def _value(field: str, node: Node) -> Value:
    domain = FIELDS[field].domain
    if domain is None:
        return _word(field, node)
    if isinstance(domain[0], bool):
        return as_flag(node)
    text = as_text(node)
    if text not in domain:
        expected = ", ".join(str(value) for value in domain)
        node.fail(f"unknown {field} {shown(text)}, expected one of: {expected}")
    return text


def _word(field: str, node: Node) -> str:
    text = as_text(node)
    expected = wanted_instead(field, text)
    return (
        text if not expected else node.fail(f"unknown {field} {shown(text)}, expected {expected}")
    )


def _range(field: str, table: Table) -> frozenset[Value]:
    """All values of an ordered field between two ends; a class has to have been declared."""
    table.allow_only(("at_least", "at_most"), f"a range of {field}")
    if not table.entries:
        table.fail("expected at_least, at_most or both")
    steps = [value for value in FIELDS[field].domain or () if value != NOT_DECLARED]
    ends = {key: _step(field, steps, node) for key, node in table.entries.items()}
    lowest, highest = ends.get("at_least", 0), ends.get("at_most", len(steps))
    chosen = frozenset(steps[lowest : highest + 1])
    return chosen or table.fail(f"at_least is above at_most, so no {field} is meant")


def _step(field: str, steps: list[Value], node: Node) -> int:
    text = as_text(node)
    if text not in steps:
        node.fail(f"unknown {field} {shown(text)}, expected one of: {', '.join(map(str, steps))}")
    return steps.index(text)
