# SPDX-License-Identifier: Apache-2.0
"""Every way to let a rule give a little more: one key, one alternative, one value at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from policies.rules import FIELDS, All, Any_, Condition, Effect, In, Not, Rule, Value, describe

ANOTHER = "another"
"""A text that no pack names."""


def loosened(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """The rule with one thing less that it asks for, each with what was changed."""
    for words, when in _changed(rule.when, wider=rule.effect is Effect.PERMIT):
        yield words, replace(rule, when=when)
    if len(rule.obligations) > 1:
        for duty in sorted(rule.obligations):
            yield f"without {duty}", replace(rule, obligations=rule.obligations - {duty})
    for kind in sorted(rule.terms.redact):
        terms = replace(rule.terms, redact=rule.terms.redact - {kind})
        yield f"redacts no {kind}", replace(rule, terms=terms)


def _changed(condition: Condition, *, wider: bool) -> Iterator[tuple[str, Condition]]:
    """Conditions that hold more often, or less often, by one step."""
    match condition:
        case In(field, values):
            yield from _one_value(field, values, wider=wider)
        case Not(part):
            for words, other in _changed(part, wider=not wider):
                yield f"not {words}", Not(other)
        case _:
            yield from _one_part(condition, condition.parts, wider=wider)


def _one_value(field: str, values: frozenset[Value], *, wider: bool) -> Iterator[tuple[str, In]]:
    if wider:
        for value in set(FIELDS[field].domain or (ANOTHER,)) - values:
            yield f"{field} also {value}", In(field, values | {value})
    elif len(values) > 1:
        for value in values:
            yield f"{field} not {value}", In(field, values - {value})


def _one_part(
    whole: All | Any_, parts: Sequence[Condition], *, wider: bool
) -> Iterator[tuple[str, Condition]]:
    for i, part in enumerate(parts):
        before, after = tuple(parts[:i]), tuple(parts[i + 1 :])
        if isinstance(whole, All) is wider:
            yield f"without: {describe(part)[:60]}", type(whole)((*before, *after))
        for words, other in _changed(part, wider=wider):
            yield words, type(whole)((*before, other, *after))
