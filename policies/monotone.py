# SPDX-License-Identifier: Apache-2.0
"""The check behind invariant I2: a more sensitive request never gets more.

A request becomes more sensitive when its class rises, its declared class is raised, a kind is
found, a detector fails or media is added. Along each such step a permit may not begin to hold,
and no other rule may cease to, unless another rule of the same pack that is at least as strong
takes over. All values that conditions can tell apart are tried (space.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from policies.model import DataClass
from policies.parts import independent
from policies.rules import (
    NOT_DECLARED,
    All,
    Condition,
    Effect,
    In,
    Rule,
    Values,
    atoms,
    fields_of,
    holds,
)
from policies.space import Axis, Space, first
from policies.terms import NO_TERMS

_CHAINS = frozenset(("data_class", "known_class", "declared_class", "errors", "has_media"))
_SENSITIVE = _CHAINS | {"kinds"}
_HEIRS: Mapping[Effect, frozenset[Effect]] = {
    Effect.PERMIT: frozenset(),
    Effect.OBLIGE: frozenset({Effect.OBLIGE}),
    Effect.BLOCK: frozenset({Effect.BLOCK}),
    Effect.FORBID: frozenset({Effect.FORBID, Effect.BLOCK}),
    Effect.APPROVE: frozenset({Effect.APPROVE, Effect.FORBID, Effect.BLOCK}),
    Effect.QUEUE: frozenset({Effect.QUEUE, Effect.APPROVE, Effect.FORBID, Effect.BLOCK}),
}
"""What may stand in for a rule of each effect."""
_COVERED: Condition = In("baa", frozenset({True}))
_LEAST: Mapping[str, Values] = {
    "data_class": DataClass.PUBLIC,
    "known_class": DataClass.PUBLIC,
    "declared_class": DataClass.PUBLIC,
    "errors": False,
    "has_media": False,
    "kinds": frozenset(),
}
"""What a point that does not say it has: a heir that holds of the least holds of all above it."""


@dataclass(frozen=True, slots=True)
class Escape:
    """A step towards more sensitive at which a rule gives more: its field, from, and to."""

    field: str
    before: str
    after: str


def first_escape(rule: Rule, pack: Sequence[Rule]) -> Escape | None:
    """The first step at which `rule`, one of `pack`, gives more; None when there is none.

    Looks for rules that take over in the order of `pack`. Raises space.TooManyPointsError.
    """
    Space.of([rule.when], whole=_CHAINS)  # raises for what could not be tried if it had to be
    if _escape(replace(rule, when=_about_sensitivity(rule.when)), ()) is None:
        return None
    heirs: list[Rule] = []
    while (found := _escape(rule, heirs)) is not None:
        escape, after = found
        heir = next((other for other in pack if _takes_over(other, rule, after)), None)
        if heir is None:
            return escape
        heirs.append(heir)
    return None


def widens_in_emergency(rule: Rule) -> bool:
    """Whether emergency access makes the rule give more where no BAA covers the destination.

    Looks at the rule alone: that another rule of its pack might stop it, or had given as much
    before, is for a proof to tell. Takes rules that `first_escape` has passed.
    """
    space = Space.of([rule.when, _COVERED])
    axis = next((axis for axis in space.axes if axis.field == "break_glass"), None)
    if axis is None or len(axis.values) == 1:
        return False
    holding = space.where(rule.when)
    giving = holding if rule.effect is Effect.PERMIT else space.every ^ holding
    calm = space.along(axis, [not value for value in axis.values]) & ~space.where(_COVERED)
    return bool(giving >> axis.stride & ~giving & calm)


def _about_sensitivity(condition: Condition) -> Condition:
    """The parts of a condition that a step can change; where they give no more, it does not."""
    parts = independent(condition)
    return All(tuple(part for part in parts if not _SENSITIVE.isdisjoint(fields_of([part]))))


def _escape(rule: Rule, heirs: Sequence[Rule]) -> tuple[Escape, Mapping[str, Values]] | None:
    """The first escape that no heir prevents, and the point that it leads to."""
    space = Space.of([r.when for r in (rule, *heirs)], whole=_CHAINS)
    holding = space.where(rule.when)
    if rule.effect is Effect.PERMIT:
        held, kept = space.every ^ holding, space.every ^ holding
    else:
        held = holding
        for heir in heirs:
            holding |= space.where(heir.when)
        kept = holding
    for axis in sorted(space.axes, key=lambda axis: (axis.field != "kinds", axis.field)):
        if axis.field not in _SENSITIVE:
            continue
        escaping = held & _can_rise(space, axis) & ~(kept >> axis.stride)
        if escaping:
            here = first(escaping)
            before, after = space.point(here), space.point(here + axis.stride)
            escape = Escape(axis.field, _shown(before[axis.field]), _shown(after[axis.field]))
            return escape, after
    return None


def _can_rise(space: Space, axis: Axis) -> int:
    """The points that have a neighbour above; to declare a class is no rise by itself."""
    top = axis.values[-1]
    return space.along(axis, [value not in (top, NOT_DECLARED) for value in axis.values])


def _takes_over(other: Rule, rule: Rule, point: Mapping[str, Values]) -> bool:
    """Whether `other` holds at this point and all above it, asking for no more than `rule` does."""
    if other is rule or other.effect not in _HEIRS[rule.effect]:
        return False
    values = {**_LEAST, **point}
    if not all(atom.field in values for atom in atoms(other.when)):
        return False
    owes_no_less = other.obligations >= rule.obligations and (
        rule.terms == NO_TERMS or other.terms.asks_no_less(rule.terms)
    )
    return owes_no_less and holds(other.when, values)


def _shown(value: Values) -> str:
    if isinstance(value, frozenset):
        return " ".join(sorted(value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
