# SPDX-License-Identifier: Apache-2.0
"""Values that no request or destination has together, though each of them is one of its field's.

A condition that holds of such values alone can never hold: that a destination keeps nothing for
thirty days, say. Each entry below is a condition that is false of everything there is; why, stands
in the modules that make the values (engine.py for classes, residency.py for retention).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

from policies.model import RELAXABLE, DataClass
from policies.residency import RETENTIONS
from policies.rules import All, Condition, In, Not, fields_of
from policies.space import Space, TooManyPointsError, points_where

_CLASSES = tuple(DataClass)
_CERTAIN = _CLASSES[:-1]
_UNKNOWN: Condition = In("data_class", frozenset({DataClass.UNKNOWN}))
_NO_RIGHT: Condition = In("may_relax", frozenset({False}))
_MEDIA: Condition = In("has_media", frozenset({True}))
_NOTHING_KEPT: Condition = In("zero_data", frozenset({True}))
_ZERO: Condition = In("retention", frozenset({RETENTIONS[0]}))


def _below(field: str, member: DataClass) -> Condition:
    return In(field, frozenset(_CLASSES[: member.rank]))


def _is_known(member: DataClass) -> Condition:
    return In("known_class", frozenset({member}))


def _rights(member: DataClass) -> tuple[Condition, ...]:
    """Without which right a class below is impossible; what nobody may relax needs none."""
    return (_NO_RIGHT,) if member in RELAXABLE else ()


IMPOSSIBLE: Final[tuple[Condition, ...]] = (
    All((_NOTHING_KEPT, Not(_ZERO))),
    All((Not(_NOTHING_KEPT), _ZERO)),
    All((In("errors", frozenset({True})), Not(_UNKNOWN))),
    All((_MEDIA, _below("known_class", DataClass.PHI))),
    All((_MEDIA, _below("data_class", DataClass.PHI))),
    *(
        All((In("declared_class", frozenset({member})), _below("known_class", member)))
        for member in _CLASSES[1:]
    ),
    *(
        All((In("data_class", frozenset({member})), _below("known_class", member)))
        for member in _CERTAIN[1:]
    ),
    *(
        All((_below("data_class", member), _is_known(member), *_rights(member)))
        for member in _CLASSES[1:]
    ),
)
TIES: Final = tuple(frozenset(fields_of([condition])) for condition in IMPOSSIBLE)
"""The fields that each of them ties together."""


def coherent(conditions: Sequence[Condition], never: Iterable[Condition] = ()) -> tuple[Space, int]:
    """The space of the conditions, and its points that can be, and for which none of `never` holds.

    Where taking all of this apart would be too much, more points may be left. Raises
    TooManyPointsError when the conditions alone are too much.
    """
    read = fields_of(conditions)
    left_out = [
        *(c for c, fields in zip(IMPOSSIBLE, TIES, strict=True) if fields <= read),
        *never,
    ]
    try:
        space = Space.of([*conditions, *left_out])
    except TooManyPointsError:
        space, left_out = Space.of(conditions), []
    where_in = cache(space.where_in)  # the classes below one are asked for again and again
    points = space.every
    for condition in left_out:
        points &= ~points_where(condition, space.every, where_in)
    return space, points
