# SPDX-License-Identifier: Apache-2.0
"""What of a condition can be judged by itself: the parts of a conjunction that share no field.

The space of a conjunction is the product of those of its parts. Where no field is shared, and
nothing ties the values of their fields together, each part can be looked at alone: a sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from policies.rules import All, Condition, fields_of


def conjuncts(condition: Condition) -> Iterator[Condition]:
    """The conditions that hold together exactly where it does; none when it always holds."""
    if isinstance(condition, All):
        for part in condition.parts:
            yield from conjuncts(part)
    else:
        yield condition


def independent(condition: Condition, ties: Iterable[AbstractSet[str]] = ()) -> list[All]:
    """The condition as a conjunction of parts that share no field.

    Parts that read all of the fields of one of `ties` between them are one part.
    """
    read = fields_of([condition])
    groups: list[tuple[set[str], list[Condition]]] = [(set(t), []) for t in ties if t <= read]
    for part in conjuncts(condition):
        fields, members = fields_of([part]), [part]
        for group in [group for group in groups if not fields.isdisjoint(group[0])]:
            groups.remove(group)
            fields, members = fields | group[0], group[1] + members
        groups.append((fields, members))
    return [All(tuple(members)) for _, members in groups]
