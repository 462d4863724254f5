# SPDX-License-Identifier: Apache-2.0
"""Rules as data: a condition is a small tree over a closed table of fields.

    condition := In(field, values) | All(parts) | Any_(parts) | Not(part)

`In` holds when the field's value is one of `values`; for `kinds`, whose value is itself a set,
when the two have a member in common. All(()) always holds, Any_(()) never does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from policies.decision import ReasonCode
from policies.model import KINDS, DataClass, Destination, Obligation, Tier

Value = str | bool
NOT_DECLARED = "none"
"""The value of `declared_class` when the caller declared nothing."""


@dataclass(frozen=True, slots=True)
class In:
    """The field has one of these values."""

    field: str
    values: frozenset[Value]


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Any_:  # noqa: N801  `Any` is typing's
    """At least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition


Condition = In | All | Any_ | Not


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What a condition may look at. `domain` None means any text; `words` read as English."""

    words: str
    domain: tuple[Value, ...] | None = None
    is_of_destination: bool = False


_CLASSES: tuple[Value, ...] = tuple(DataClass)
_FLAG: tuple[Value, ...] = (False, True)

FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        "data_class": Field(words="the data class", domain=_CLASSES),
        "declared_class": Field(words="the declared class", domain=(NOT_DECLARED, *_CLASSES)),
        "kinds": Field(words="a finding", domain=tuple(sorted(KINDS))),
        "errors": Field(words="a detector failed", domain=_FLAG),
        "has_media": Field(words="the request holds an image or audio", domain=_FLAG),
        "has_tools": Field(words="the request offers tools", domain=_FLAG),
        "endpoint": Field(words="the endpoint"),
        "purpose": Field(words="the purpose"),
        "role": Field(words="the role"),
        "tenant": Field(words="the tenant"),
        "subject_region": Field(words="the region of the data subject"),
        "tier": Field(words="the tier", domain=tuple(Tier), is_of_destination=True),
        "name": Field(words="the destination", is_of_destination=True),
        "region": Field(words="the destination's region", is_of_destination=True),
        "jurisdiction": Field(words="the destination's jurisdiction", is_of_destination=True),
        "baa": Field(
            words="a BAA in force covers the endpoint", domain=_FLAG, is_of_destination=True
        ),
        "zero_data": Field(
            words="the destination keeps nothing", domain=_FLAG, is_of_destination=True
        ),
        "trains_on_data": Field(
            words="the destination trains on data", domain=_FLAG, is_of_destination=True
        ),
    }
)


class Effect(StrEnum):
    """What a rule does to the destinations that it matches."""

    PERMIT = "permit"
    FORBID = "forbid"
    OBLIGE = "oblige"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One sentence of a pack. Only an `oblige` rule has obligations. `line` is where it stood."""

    id: str
    effect: Effect
    when: Condition
    reason: ReasonCode
    description: str
    citation: str
    obligations: frozenset[Obligation] = frozenset()
    line: int = field(default=0, compare=False)


def attribute(destination: Destination, name: str) -> Value:
    """A field of a destination that depends on nothing else; KeyError for any other field."""
    retention = destination.retention
    values: dict[str, Value] = {
        "tier": destination.tier,
        "name": destination.name,
        "region": destination.region,
        "jurisdiction": destination.jurisdiction,
        "zero_data": retention is not None and retention.zero_data,
        "trains_on_data": destination.trains_on_data,
    }
    return values[name]


def atoms(condition: Condition) -> Iterator[In]:
    """Every `In` of the tree, left to right."""
    match condition:
        case In():
            yield condition
        case Not(part):
            yield from atoms(part)
        case _:
            for part in condition.parts:
                yield from atoms(part)


def holds(condition: Condition, values: Mapping[str, Value | frozenset[str]]) -> bool:
    """Whether it is true of these field values. No short cuts: an error anywhere is raised."""
    match condition:
        case In(name, wanted):
            value = values[name]
            if isinstance(value, frozenset):
                return not wanted.isdisjoint(value)
            return value in wanted
        case Not(part):
            return not holds(part, values)
        case All(parts):
            return all([holds(part, values) for part in parts])  # noqa: C419  no short cuts
        case _:
            return any([holds(part, values) for part in condition.parts])  # noqa: C419


def describe(condition: Condition) -> str:
    """The condition in English, for explanations and reports."""
    match condition:
        case In(name, wanted):
            return _describe_in(name, wanted)
        case Not(part):
            return f"not ({describe(part)})"
        case All(parts):
            return _joined(parts, " and ") or "always"
        case _:
            return _joined(condition.parts, " or ") or "never"


def _joined(parts: tuple[Condition, ...], word: str) -> str:
    if len(parts) == 1:
        return describe(parts[0])
    return word.join(
        f"({describe(p)})" if isinstance(p, All | Any_) else describe(p) for p in parts
    )


def _describe_in(name: str, wanted: frozenset[Value]) -> str:
    spec = FIELDS[name]
    if spec.domain == _FLAG and len(wanted) == 1:
        return spec.words if True in wanted else f"it is not so that {spec.words}"
    shown = [str(value) for value in spec.domain or sorted(wanted, key=str) if value in wanted]
    return f"{spec.words} is {' or '.join(shown) or 'nothing'}"


def as_data(condition: Condition) -> object:
    """The condition as JSON data, the same for equal conditions: what a policy's hash is over."""
    match condition:
        case In(name, wanted):
            return [name, sorted(wanted, key=lambda v: (isinstance(v, bool), v))]
        case Not(part):
            return {"not": as_data(part)}
        case All(parts):
            return {"all": [as_data(part) for part in parts]}
        case _:
            return {"any": [as_data(part) for part in condition.parts]}
