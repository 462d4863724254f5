# SPDX-License-Identifier: Apache-2.0
"""Finite spaces of requests and destinations, in which conditions become sets of points.

Theory of operation. A condition asks of a field only whether its value is in this set or that,
so values that none of its sets tells apart are one value: every field has a few values that
matter, and "any other" is one of them. Their product is the space. A field that holds a set is
one yes-or-no axis for each member that matters.

A set of points is an integer, bit i for point i. What holds of a field is a repeating pattern of
bits, and and, or, not of conditions are &, |, ^ of integers: a condition over a hundred thousand
points costs a few operations, and a step along an axis is a shift.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from policies.rules import FIELDS, All, Condition, In, Not, Value, Values, atoms

OTHER = "\0other"
"""Any text that no condition names."""
MOST_ATOMS = 256
MOST_POINTS = 200_000


class TooManyPointsError(ValueError):
    """The conditions tell too many combinations of values apart to try them all."""


@dataclass(frozen=True, slots=True)
class Axis:
    """The values of one field, or whether one `member` is in the field's set.

    Neighbouring points along it are `stride` apart.
    """

    field: str
    member: str | None
    values: tuple[Value, ...]
    stride: int

    def value_at(self, point: int) -> Value:
        """The value that a point has on this axis."""
        return self.values[point // self.stride % len(self.values)]


@dataclass(frozen=True, slots=True)
class Space:
    """All combinations of the values that matter to some conditions."""

    axes: tuple[Axis, ...]
    size: int

    @classmethod
    def of(cls, conditions: Iterable[Condition], *, whole: frozenset[str] = frozenset()) -> Space:
        """The space of these conditions; fields in `whole` keep every value of their domain.

        Raises TooManyPointsError.
        """
        ins = list(chain.from_iterable(atoms(condition) for condition in conditions))
        if len(ins) > MOST_ATOMS:
            raise TooManyPointsError
        axes: list[Axis] = []
        size = 1
        for field in sorted({atom.field for atom in ins}):
            for member, values in _axes_of(field, ins, whole):
                axes.append(Axis(field, member, values, size))
                size *= len(values)
                if size > MOST_POINTS:
                    raise TooManyPointsError
        return cls(tuple(axes), size)

    @property
    def every(self) -> int:
        """The set of all points."""
        return (1 << self.size) - 1

    def where(self, condition: Condition) -> int:
        """The set of points at which the condition holds."""
        return points_where(condition, self.every, self.where_in)

    def where_in(self, field: str, wanted: frozenset[Value]) -> int:
        """The points at which the field has one of these values."""
        points = 0
        for axis in self.axes:
            if axis.field == field:
                is_member = axis.member in wanted
                points |= self.along(
                    axis,
                    [
                        v is True and is_member if axis.member is not None else v in wanted
                        for v in axis.values
                    ],
                )
        return points

    def along(self, axis: Axis, chosen: Sequence[object]) -> int:
        """The points whose value on `axis` is at an index that is chosen."""
        block = (1 << axis.stride) - 1
        unit = sum(block << i * axis.stride for i, is_chosen in enumerate(chosen) if is_chosen)
        return _repeated(unit, len(axis.values) * axis.stride, self.size)

    def point(self, index: int) -> Mapping[str, Values]:
        """The value of each field at one point."""
        values: dict[str, Values] = {}
        for axis in self.axes:
            value = axis.value_at(index)
            if axis.member is None:
                values[axis.field] = value
                continue
            members = values.get(axis.field, frozenset())
            assert isinstance(members, frozenset)
            values[axis.field] = members | {axis.member} if value else members
        return values


def points_where(
    condition: Condition, every: int, where_in: Callable[[str, frozenset[Value]], int]
) -> int:
    """The points of `every` at which the condition holds, given those of each field and values."""
    match condition:
        case In(field, wanted):
            return where_in(field, wanted)
        case Not(part):
            return every ^ points_where(part, every, where_in)
        case All(parts):
            points = every
            for part in parts:
                points &= points_where(part, every, where_in)
            return points
        case _:
            points = 0
            for part in condition.parts:
                points |= points_where(part, every, where_in)
            return points


def first(points: int) -> int:
    """The lowest point of a set that is not empty."""
    return (points & -points).bit_length() - 1


def _repeated(unit: int, period: int, size: int) -> int:
    """A pattern of `period` bits again and again, to `size` bits, a multiple of it.

    By doubling: to divide or multiply such long integers takes time by the square of their length.
    """
    points = unit
    while period < size:
        points |= points << period
        period *= 2
    return points & (1 << size) - 1


def told_apart(field: str, conditions: Iterable[Condition]) -> tuple[Value, ...]:
    """One of each kind of values of a field that the conditions treat alike, in order.

    For a field that holds sets: the members that matter, one of each kind.
    """
    sets = [atom.values for c in conditions for atom in atoms(c) if atom.field == field]
    return _told_apart(field, sets)


def _axes_of(
    field: str, ins: Sequence[In], whole: frozenset[str]
) -> Iterable[tuple[str | None, tuple[Value, ...]]]:
    if field in whole and not FIELDS[field].is_set:
        return [(None, FIELDS[field].domain or ())]
    values = _told_apart(field, [atom.values for atom in ins if atom.field == field])
    if FIELDS[field].is_set:
        return [(str(member), (False, True)) for member in values]
    return [(None, values)]


def _told_apart(field: str, sets: Sequence[frozenset[Value]]) -> tuple[Value, ...]:
    spec = FIELDS[field]
    named = sorted(frozenset().union(*sets), key=str)
    domain = spec.domain or (*named, *(() if spec.is_set else (OTHER,)))
    kinds: dict[tuple[bool, ...], Value] = {}
    for value in domain:
        alike = tuple(value in values for values in sets)
        if not spec.is_set or any(alike):  # a member that no set holds cannot matter
            kinds.setdefault(alike, value)
    return tuple(kinds.values())
