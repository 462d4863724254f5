# SPDX-License-Identifier: Apache-2.0
"""Rules as data: a condition is a small tree over a closed table of fields.

    condition := In(field, values) | All(parts) | Any_(parts) | Not(part)

`In` holds when the field's value is one of `values`; for a field whose value is itself a set
(`kinds`, `models`, `features`, `agreements`), when the two have a member in common. All(())
always holds, Any_(()) never does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from policies.decision import ReasonCode
from policies.model import KINDS, DataClass, Destination, Tier
from policies.residency import AGREEMENTS, RETENTIONS, retention_step
from policies.terms import NO_TERMS, Obligation, Terms

Value = str | bool
Values = Value | frozenset[str]
"""What a field can have: one value, or for some fields a set of them."""
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
    """What a condition may look at. `domain` None means any text; `words` read as English.

    The value of a field that `is_set` is a set of texts. The domain of one that `is_ordered`
    stands from least to most.
    """

    words: str
    domain: tuple[Value, ...] | None = None
    is_of_destination: bool = False
    is_set: bool = False
    is_ordered: bool = False


_CLASSES: tuple[Value, ...] = tuple(DataClass)
_FLAG: tuple[Value, ...] = (False, True)


def _of_request(words: str, domain: tuple[Value, ...] | None = None) -> Field:
    return Field(words=words, domain=domain)


def _of_place(words: str, domain: tuple[Value, ...] | None = None) -> Field:
    return Field(words=words, domain=domain, is_of_destination=True)


FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        "data_class": Field(words="the data class", domain=_CLASSES, is_ordered=True),
        "known_class": Field(
            words="the highest class that was stated or found", domain=_CLASSES, is_ordered=True
        ),
        "declared_class": Field(
            words="the declared class", domain=(NOT_DECLARED, *_CLASSES), is_ordered=True
        ),
        "kinds": Field(words="a finding", domain=tuple(sorted(KINDS)), is_set=True),
        "errors": _of_request("a detector failed", _FLAG),
        "has_media": _of_request("the request holds an image or audio", _FLAG),
        "has_tools": _of_request("the request offers tools", _FLAG),
        "break_glass": _of_request("emergency access was invoked", _FLAG),
        "mfa": _of_request("the caller was authenticated by more than one factor", _FLAG),
        "approved": _of_request("a person approved this very request", _FLAG),
        "may_relax": _of_request("the caller may relax some class", _FLAG),
        "endpoint": _of_request("the endpoint"),
        "purpose": _of_request("the purpose"),
        "role": _of_request("the role"),
        "tenant": _of_request("the tenant"),
        "subject_region": _of_request("the region of the data subject"),
        "tier": Field(
            words="the tier", domain=tuple(Tier), is_of_destination=True, is_ordered=True
        ),
        "name": _of_place("the destination"),
        "provider": _of_place("the provider"),
        "account": _of_place("the provider's account"),
        "region": _of_place("the destination's region"),
        "jurisdiction": _of_place("the destination's jurisdiction"),
        "models": Field(words="a model there", is_of_destination=True, is_set=True),
        "features": Field(words="a feature switched on there", is_of_destination=True, is_set=True),
        "agreements": Field(
            words="an agreement in force",
            domain=tuple(sorted(AGREEMENTS)),
            is_of_destination=True,
            is_set=True,
        ),
        "baa": _of_place("a BAA in force covers the endpoint", _FLAG),
        "zero_data": _of_place("the destination keeps nothing", _FLAG),
        "retention": Field(
            words="the time that the destination keeps data",
            domain=RETENTIONS,
            is_of_destination=True,
            is_ordered=True,
        ),
        "trains_on_data": _of_place("the destination trains on data", _FLAG),
        "encrypted": _of_place("the way to the destination is encrypted", _FLAG),
    }
)
"""Every field of a destination but `baa`, which depends on the request, is an `attribute`."""


class Effect(StrEnum):
    """What a rule does to the destinations that it matches; see settle.py.

    Packs may also say `allow` for permit and `local_only` for forbid; their `redact` is an
    oblige with the obligation to redact.
    """

    PERMIT = "permit"
    FORBID = "forbid"
    OBLIGE = "oblige"
    BLOCK = "block"
    QUEUE = "queue"
    APPROVE = "approve"

    @property
    def is_of_request(self) -> bool:
        """Whether it is about the request as a whole, wherever it might go."""
        return self in (Effect.BLOCK, Effect.QUEUE, Effect.APPROVE)


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
    terms: Terms = NO_TERMS
    line: int = field(default=0, compare=False)


def attribute(destination: Destination, name: str) -> Values:
    """A field of a destination that depends on nothing else; KeyError for any other field."""
    retention = destination.retention
    values: dict[str, Values] = {
        "tier": destination.tier,
        "name": destination.name,
        "provider": destination.provider,
        "account": destination.account,
        "region": destination.region,
        "jurisdiction": destination.jurisdiction,
        "models": destination.models,
        "features": destination.features,
        "agreements": destination.agreements,
        "zero_data": retention is not None and retention.zero_data,
        "retention": retention_step(retention),
        "trains_on_data": destination.trains_on_data,
        "encrypted": destination.is_encrypted,
    }
    return values[name]


def is_in(value: Values, wanted: frozenset[Value]) -> bool:
    """Whether a field with this value has one of the wanted ones."""
    return not wanted.isdisjoint(value) if isinstance(value, frozenset) else value in wanted


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


def fields_of(conditions: Iterable[Condition]) -> set[str]:
    """The names of all fields that they read."""
    return {atom.field for condition in conditions for atom in atoms(condition)}


def holds(condition: Condition, values: Mapping[str, Values]) -> bool:
    """Whether it is true of these field values. No short cuts: an error anywhere is raised."""
    match condition:
        case In(name, wanted):
            return is_in(values[name], wanted)
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
