# SPDX-License-Identifier: Apache-2.0
"""Rules that can never do anything: unreachable ones, and those in the shadow of another.

A rule can never do anything when no request and destination that can be (coherence.py) meet its
condition. One that permits or forbids has to match another destination than the device, which is
allowed whatever it says.

A rule is in the shadow of another one of its pack when that one holds wherever it does, and
    - the other blocks, and so closes everything; or
    - the other forbids, and it permits, delays, or owes something away from the device only; or
    - the other asks for approval, and it only queues; or
    - both have one effect, the other stands before it and owes no less: it has nothing to say.

Theory of operation. To compare each of a thousand rules with each other in full would be a
million proofs. So each rule first gives some points at which it holds, its witnesses, and all
rules are evaluated at all witnesses (a rule's answers are the bits of one integer). A rule can
only be in the shadow of one that holds at all of its witnesses: one `&` tells. What is left is
compared in full, in the space of the two. Parts of a condition that have nothing to do with each
other (parts.py) are looked at each in a space of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from policies.coherence import TIES, coherent
from policies.model import Tier
from policies.parts import conjuncts, independent
from policies.rules import (
    FIELDS,
    All,
    Any_,
    Condition,
    Effect,
    In,
    Rule,
    Value,
    Values,
    fields_of,
    is_in,
)
from policies.space import Space, TooManyPointsError, first, points_where

MOST_WITNESSES = 6
MOST_COMPARED = 4096
"""Pairs of rules that are compared in full in a pack; a bound on work, met by no sane pack."""
_AT_DEVICE: Condition = In("tier", frozenset({Tier.DEVICE}))
_OF_EGRESS = frozenset({Effect.PERMIT, Effect.FORBID})
_OVERRIDES: Mapping[Effect, frozenset[Effect]] = {
    Effect.BLOCK: frozenset(Effect) - {Effect.BLOCK},
    Effect.FORBID: frozenset({Effect.PERMIT, Effect.QUEUE, Effect.APPROVE}),
    Effect.APPROVE: frozenset({Effect.QUEUE}),
}
"""What a rule of each effect leaves without effect wherever it holds."""


@dataclass(frozen=True, slots=True)
class Idle:
    """A rule that can never do anything.

    `because_of` is None when it cannot even hold, or `is_of_device`: only where it changes nothing.
    """

    rule: Rule
    because_of: Rule | None
    is_of_device: bool = False


def first_idle(rules: Sequence[Rule]) -> Idle | None:
    """The first rule that cannot hold or is in the shadow of another; None when there is none.

    Takes rules that `monotone.first_escape` has passed: small enough to try all of their cases.
    """
    witnesses: list[Mapping[str, Values]] = []
    own: list[int] = []  # for each rule the set of its witnesses
    for rule in rules:
        found = list(_witnesses(rule))
        if not found:
            return Idle(rule, None, is_of_device=can_hold(rule.when))
        own.append(((1 << len(found)) - 1) << len(witnesses))
        witnesses += found
    pool = _Pool(witnesses)
    holding = [pool.where(rule.when) for rule in rules]
    pairs = islice(_candidates(rules, own, holding), MOST_COMPARED)
    return next((Idle(r, other) for r, other in pairs if _implies(r, other.when)), None)


def _candidates(
    rules: Sequence[Rule], own: Sequence[int], holding: Sequence[int]
) -> Iterator[tuple[Rule, Rule]]:
    """Each rule with each other one that holds at all of its witnesses and might override it."""
    for i, rule in enumerate(rules):
        is_elsewhere = _is_owed_elsewhere(rule)
        for j, other in enumerate(rules):
            if own[i] & ~holding[j] or i == j:
                continue
            is_closed = is_elsewhere and other.effect is Effect.FORBID
            if is_closed or _may_shadow(other, rule, is_before=j < i):
                yield rule, other


def _may_shadow(other: Rule, rule: Rule, *, is_before: bool) -> bool:
    if rule.effect in _OVERRIDES.get(other.effect, ()):
        return True
    return (
        is_before
        and rule.effect is other.effect
        and other.obligations >= rule.obligations
        and other.terms.asks_no_less(rule.terms)
    )


def _is_owed_elsewhere(rule: Rule) -> bool:
    """Whether it is an obligation that the device cannot owe: nothing is, where it is forbidden."""
    return rule.effect is Effect.OBLIGE and not can_hold(All((rule.when, _AT_DEVICE)))


def can_hold(condition: Condition, *, away: bool = False) -> bool:
    """Whether some request and destination meet it, one other than the device if it is `away`.

    True also when that cannot be found out.
    """
    never = _elsewhere(condition, is_meant=away)
    try:
        return all(_some(part, never) for part in independent(condition, TIES))
    except TooManyPointsError:
        return True


def _elsewhere(condition: Condition, *, is_meant: bool) -> list[Condition]:
    return [_AT_DEVICE] if is_meant and "tier" in fields_of([condition]) else []


def _implies(narrow: Rule, wide: Condition) -> bool:
    """Whether `wide` holds wherever the rule does; False when that cannot be found out."""
    if not fields_of([wide]) <= fields_of([narrow.when]):
        return False
    parts = independent(narrow.when, TIES)
    never = _elsewhere(narrow.when, is_meant=narrow.effect in _OF_EGRESS)
    try:
        return all(_imply(parts, part, never) for part in conjuncts(wide))
    except TooManyPointsError:
        return False


def _imply(parts: Sequence[Condition], wide: Condition, never: Sequence[Condition]) -> bool:
    """Whether `wide` holds wherever the parts do, each of which holds somewhere."""
    read = fields_of([wide])
    related = All(tuple(part for part in parts if not read.isdisjoint(fields_of([part]))))
    space, points = coherent([related, wide], _read_by([related], never))
    return not space.where(related) & points & ~space.where(wide)


def _read_by(conditions: Sequence[Condition], never: Sequence[Condition]) -> list[Condition]:
    read = fields_of(conditions) if never else set()
    return [condition for condition in never if fields_of([condition]) <= read]


def _witnesses(rule: Rule) -> Iterator[Mapping[str, Values]]:
    """Some points at which it holds and counts, spread over all; none when it never does."""
    never = _elsewhere(rule.when, is_meant=rule.effect in _OF_EGRESS)
    found = [_some(part, never) for part in independent(rule.when, TIES)]
    if all(found):
        for i in range(max(map(len, found), default=1)):
            chosen = (points[i % len(points)] for points in found)
            yield {field: value for point in chosen for field, value in point.items()}


def _some(part: Condition, never: Sequence[Condition]) -> list[Mapping[str, Values]]:
    """Some points at which it holds and none of `never` does, spread over all."""
    space, points = coherent([part], _read_by([part], never))
    left = space.where(part) & points
    step = max(1, space.size // MOST_WITNESSES)
    found = [space.point(first(alone)) for alone in _alone(part, space, left)]
    while left:
        index = first(left)
        found.append(space.point(index))
        left = left >> (index + step) << (index + step)
    return found


def _alone(part: Condition, space: Space, points: int) -> Iterator[int]:
    """For some alternatives, the points at which each holds alone: there rules differ most."""
    for condition in conjuncts(part):
        if isinstance(condition, Any_):
            each = [space.where(way) & points for way in condition.parts]
            once = twice = 0
            for some in each:
                once, twice = once | some, twice | once & some
            yield from islice(filter(None, (some & ~twice for some in each)), MOST_WITNESSES)


class _Pool:
    """Points of many spaces side by side. A field that a point lacks has none of any values."""

    def __init__(self, points: Sequence[Mapping[str, Values]]) -> None:
        self._every = (1 << len(points)) - 1
        self._columns: dict[str, dict[Values, int]] = {}
        for i, point in enumerate(points):
            for field, value in point.items():
                column = self._columns.setdefault(field, {})
                column[value] = column.get(value, 0) | 1 << i

    def where(self, condition: Condition) -> int:
        """The points at which the condition holds."""
        return points_where(condition, self._every, self._where_in)

    def _where_in(self, field: str, wanted: frozenset[Value]) -> int:
        column = self._columns.get(field, {})
        if FIELDS[field].is_set:
            return sum(points for value, points in column.items() if is_in(value, wanted))
        return sum(column.get(value, 0) for value in wanted)
