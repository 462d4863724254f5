# SPDX-License-Identifier: Apache-2.0
"""The check behind invariant I2: a more sensitive request never gets more.

A request becomes more sensitive when its class rises, its declared class is raised, a kind is
found, a detector fails or media is added. Along each such step a permit may not begin to hold,
and no other rule may cease to, unless another rule of the same pack that is at least as strong
takes over. All values that conditions can tell apart are tried (space.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from policies.rules import NOT_DECLARED, Effect, Rule, Values, atoms
from policies.space import Axis, Space, first

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


@dataclass(frozen=True, slots=True)
class Escape:
    """A step towards more sensitive at which a rule gives more: its field, from, and to."""

    field: str
    before: str
    after: str


def first_escape(rule: Rule, pack: Sequence[Rule]) -> Escape | None:
    """The first step at which `rule`, one of `pack`, gives more; None when there is none.

    Raises space.TooManyPointsError.
    """
    own = {atom.field for atom in atoms(rule.when)}
    escape = _escape(rule, [])
    if escape is None:
        return None
    heirs = [other for other in pack if _may_take_over(other, rule, own | _SENSITIVE)]
    return _escape(rule, heirs) if heirs else escape


def _escape(rule: Rule, heirs: Sequence[Rule]) -> Escape | None:
    space = Space.of([r.when for r in (rule, *heirs)], whole=_CHAINS)
    holding = space.where(rule.when)
    if rule.effect is Effect.PERMIT:
        held, lost = space.every ^ holding, space.every ^ holding
    else:
        held = holding
        for heir in heirs:
            holding |= space.where(heir.when)
        lost = holding
    for axis in sorted(space.axes, key=lambda axis: (axis.field != "kinds", axis.field)):
        if axis.field not in _SENSITIVE:
            continue
        escaping = held & _can_rise(space, axis) & ~(lost >> axis.stride)
        if escaping:
            before = first(escaping)
            here, there = space.point(before), space.point(before + axis.stride)
            return Escape(axis.field, _shown(here[axis.field]), _shown(there[axis.field]))
    return None


def _can_rise(space: Space, axis: Axis) -> int:
    """The points that have a neighbour above; to declare a class is no rise by itself."""
    top = axis.values[-1]
    return space.along(axis, [value not in (top, NOT_DECLARED) for value in axis.values])


def _may_take_over(other: Rule, rule: Rule, fields: frozenset[str] | set[str]) -> bool:
    return (
        other is not rule
        and other.effect in _HEIRS[rule.effect]
        and other.obligations >= rule.obligations
        and other.terms.joined(rule.terms) == other.terms
        and all(atom.field in fields for atom in atoms(other.when))
    )


def _shown(value: Values) -> str:
    if isinstance(value, frozenset):
        return " ".join(sorted(value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
