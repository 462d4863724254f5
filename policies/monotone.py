# SPDX-License-Identifier: Apache-2.0
"""The check behind invariant I2: a more sensitive request never gets more.

A request becomes more sensitive when its class rises, its declared class is raised, a kind is
found, a detector fails or media is added. Along each such step a permit may not begin to hold,
and a forbid or oblige rule may not cease to, unless another rule of the same pack with the same
effect takes over. Fields have few values that a condition can tell apart, so all of them are tried.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, product

from policies.rules import FIELDS, NOT_DECLARED, Effect, In, Rule, Value, atoms, holds

Point = dict[str, Value | frozenset[str]]
_CHAINS = ("data_class", "declared_class", "errors", "has_media")
_SENSITIVE = frozenset(("kinds", *_CHAINS))
_OTHER = "\0other"
MOST_ATOMS = 256
MOST_POINTS = 20_000
"""More combinations than this are refused: the rule has to be split."""


@dataclass(frozen=True, slots=True)
class Escape:
    """A step towards more sensitive at which a rule gives more: its field, from, and to."""

    field: str
    before: str
    after: str


class TooManyPointsError(ValueError):
    """The rule tells too many combinations of values apart to try them all."""


def first_escape(rule: Rule, pack: Sequence[Rule]) -> Escape | None:
    """The first step at which `rule`, one of `pack`, gives more; None when there is none.

    Raises TooManyPointsError.
    """
    own = {atom.field for atom in atoms(rule.when)} | _SENSITIVE
    heirs = [other for other in pack if _may_take_over(other, rule, own)]
    ins = list(chain.from_iterable(atoms(r.when) for r in (rule, *heirs)))
    if len(ins) > MOST_ATOMS:
        raise TooManyPointsError
    axes = _axes(ins)
    if math.prod(len(axis) for axis in axes.values()) > MOST_POINTS:
        raise TooManyPointsError
    for values in product(*axes.values()):
        before: Point = dict(zip(axes, values, strict=True))
        now = holds(rule.when, before)
        if now is (rule.effect is Effect.PERMIT):
            continue  # nothing can be gained from here
        for field, risen in _steps(before, axes):
            after = before | {field: risen}
            if holds(rule.when, after) is not now and not any(holds(h.when, after) for h in heirs):
                return Escape(field, _shown(before[field]), _shown(risen))
    return None


def _may_take_over(other: Rule, rule: Rule, fields: set[str] | frozenset[str]) -> bool:
    return (
        other is not rule
        and rule.effect is other.effect is not Effect.PERMIT
        and other.obligations >= rule.obligations
        and all(atom.field in fields for atom in atoms(other.when))
    )


def _axes(ins: Sequence[In]) -> dict[str, Sequence[Value | frozenset[str]]]:
    """For each field that is mentioned the values to try: one of each that no atom tells apart."""
    return {field: _axis(field, ins) for field in sorted({atom.field for atom in ins})}


def _axis(field: str, ins: Sequence[In]) -> Sequence[Value | frozenset[str]]:
    if field in _CHAINS:
        return FIELDS[field].domain or ()
    sets = [atom.values for atom in ins if atom.field == field]
    told_apart: dict[tuple[bool, ...], Value] = {}
    for value in sorted(frozenset().union(*sets), key=str):
        told_apart.setdefault(tuple(value in values for values in sets), value)
    if field != "kinds":
        domain = FIELDS[field].domain or (_OTHER,)
        rest = [value for value in domain if not any(value in values for values in sets)]
        return [*told_apart.values(), *rest[:1]]
    found = [str(value) for value in told_apart.values()]
    if 2 ** len(found) > MOST_POINTS:
        raise TooManyPointsError
    return [frozenset(some) for n in range(len(found) + 1) for some in combinations(found, n)]


def _steps(
    before: Point, axes: Mapping[str, Sequence[Value | frozenset[str]]]
) -> Iterator[tuple[str, Value | frozenset[str]]]:
    """Every single step that makes the request more sensitive."""
    for field in ("kinds", *_CHAINS):
        if field not in axes:
            continue
        value, axis = before[field], axes[field]
        if isinstance(value, frozenset):
            yield from ((field, v) for v in axis if _is_one_more(v, value))
        elif value != NOT_DECLARED:
            yield from ((field, v) for v in axis[axis.index(value) + 1 :][:1])


def _is_one_more(more: Value | frozenset[str], kinds: frozenset[str]) -> bool:
    return isinstance(more, frozenset) and more > kinds and len(more) == len(kinds) + 1


def _shown(value: Value | frozenset[str]) -> str:
    if isinstance(value, frozenset):
        return " ".join(sorted(value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
