# SPDX-License-Identifier: Apache-2.0
"""The `obligations` of a rule, as they are written in packs.

    obligations: [no_store, no_cache, no_tools, record, redact, {redact: [NAME, SSN]},
                  {minimum_necessary: {keep_turns: 4, drop: [user]}},
                  {cache_scope: session}, {log_level: codes}]

`redact` alone means every kind but HEALTH, whose words are what a prompt is about.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from policies.model import IDENTIFIERS, KINDS
from policies.nodes import (
    Items,
    Node,
    Scalar,
    Table,
    as_count,
    as_member,
    as_table,
    as_text,
    each_text,
    shown,
)
from policies.terms import (
    DROPPABLE,
    NO_TERMS,
    CacheScope,
    LogLevel,
    Obligation,
    Terms,
)

_MOST_TURNS = 10_000


def parse_duties(node: Node) -> tuple[frozenset[Obligation], Terms]:
    """What is owed, and how much of it. Raises PolicyError."""
    items = node.items if isinstance(node, Items) and node.items else (node,)
    parsed = [_duty(item) for item in items]
    terms = reduce(Terms.joined, (terms for _, terms in parsed), NO_TERMS)
    return frozenset(obligation for obligation, _ in parsed), terms


def parse_kinds(node: Node) -> Terms:
    """The kinds to redact."""
    return Terms(redact=_names(node, KINDS, "kind"))


def _duty(node: Node) -> tuple[Obligation, Terms]:
    if isinstance(node, Table):
        if len(node.entries) != 1:
            node.fail("expected one obligation, such as redact: [NAME]")
        ((name, value),) = node.entries.items()
        obligation = as_member(Scalar(node.file, node.key_lines[name], name), Obligation, _WHAT)
        if obligation not in _MEASURED:
            node.fail_at(name, f"{name} takes no value")
        return obligation, _MEASURED[obligation](value)
    obligation = as_member(node, Obligation, _WHAT)
    if obligation is Obligation.REDACT:
        return obligation, Terms(redact=IDENTIFIERS)
    if obligation in _MEASURED:
        node.fail(f"{obligation} needs a value, as {obligation}: ...")
    return obligation, NO_TERMS


def _minimum(node: Node) -> Terms:
    table = as_table(node, "minimum_necessary")
    table.allow_only(("keep_turns", "drop"), "minimum_necessary")
    if not table.entries:
        table.fail("expected keep_turns, drop or both")
    given = table.entries
    return Terms(
        keep_turns=as_count(given["keep_turns"], _MOST_TURNS) if "keep_turns" in given else None,
        drop=_names(given["drop"], DROPPABLE, "part") if "drop" in given else frozenset(),
    )


def _names(node: Node, known: frozenset[str], what: str) -> frozenset[str]:
    names = set()
    for item in each_text(node, what):
        text = as_text(item)
        if text not in known:
            item.fail(f"unknown {what} {shown(text)}, expected one of: {', '.join(sorted(known))}")
        names.add(text)
    return frozenset(names)


_WHAT = "obligation"
_MEASURED: dict[Obligation, Callable[[Node], Terms]] = {
    Obligation.REDACT: parse_kinds,
    Obligation.MINIMUM_NECESSARY: _minimum,
    Obligation.CACHE_SCOPE: lambda node: Terms(cache_scope=as_member(node, CacheScope, "scope")),
    Obligation.LOG_LEVEL: lambda node: Terms(log_level=as_member(node, LogLevel, "log level")),
}
