# SPDX-License-Identifier: Apache-2.0
"""Permits that take a caller at their word.

Purpose, region of the data subject and declared class are what the caller says. A permit that
needs one of them, and bounds neither the known class nor the class, opens a destination for
whatever was found to whoever says the right word. That may be meant (a pack beside it may stop what
was found), so it is noted where the operator looks, and not refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from policies.model import DataClass
from policies.overlap import can_hold
from policies.pack import Pack
from policies.rules import NOT_DECLARED, All, Any_, Condition, Effect, In, Not, Rule, fields_of

_UNSTATED: Mapping[str, str] = MappingProxyType(
    {"declared_class": NOT_DECLARED, "purpose": "", "subject_region": ""}
)
"""What the caller says, and the value when they say nothing."""
_MOST = frozenset({DataClass.SECRET})
_NOT_BOUNDED = All((In("known_class", _MOST), In("data_class", _MOST)))
"""The highest class that can be found: where a permit holds there, it bounds nothing."""


def opened_by_word(packs: Iterable[Pack]) -> Iterator[str]:
    """A line for each permit and statement that opens it, with file and line."""
    for pack in packs:
        for rule in pack.rules:
            for field in _UNSTATED:
                if _is_opened_by(field, rule):
                    yield (
                        f"{pack.file}:{rule.line}: permit rule {rule.id!r} takes the caller's "
                        f"{field} at its word, whatever was found; to bound it, add known_class or "
                        "data_class"
                    )


def _is_opened_by(field: str, rule: Rule) -> bool:
    """Whether it permits what was found to be most sensitive, and would not, were nothing said."""
    if rule.effect is not Effect.PERMIT or field not in fields_of([rule.when]):
        return False
    unstated = _where(field, _UNSTATED[field], rule.when)
    return can_hold(All((rule.when, Not(unstated), _NOT_BOUNDED)), away=True)


def _where(field: str, value: str, condition: Condition) -> Condition:
    """The condition where the field has this value."""
    match condition:
        case In(name, values) if name == field:
            return All(()) if value in values else Any_(())
        case In():
            return condition
        case Not(part):
            return Not(_where(field, value, part))
        case _:
            parts = tuple(_where(field, value, part) for part in condition.parts)
            return type(condition)(parts)
