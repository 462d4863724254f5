# SPDX-License-Identifier: Apache-2.0
"""The finite domain of a pack: every request and destination that its conditions can tell apart.

Theory of operation. Values that no condition tells apart are merged (space.told_apart); classes
are merged where they are neighbours that every condition treats alike, so that the highest of
several merged classes is the merged highest, and UNKNOWN stays by itself, since the engine treats
it in its own way. What remains is a product of short axes, of requests on one side and of
destinations on the other. An agreement has one way of covering and several of failing to, so that
the proof goes through the code that reads agreements, too.

`max_tier` is left out: it is no matter of rules and can only close destinations.

A pack that tells destinations apart by name has them in several lists, because within one policy
names are unique.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Any

from policies.model import RELAXABLE, Baa, DataClass, Destination, Facts, Findings, Retention, Tier
from policies.residency import RETENTIONS
from policies.rules import FIELDS, Condition, Value, atoms, fields_of
from policies.space import told_apart

DEVICE = Destination(name="device", tier=Tier.DEVICE)
TODAY = datetime.date(2026, 1, 1)
_YESTERDAY = TODAY - datetime.timedelta(days=1)
_ELSEWHERE = frozenset({"\0elsewhere"})
_EVERYTHING = frozenset({"*"})
_CLASSES = ("data_class", "known_class", "declared_class")
_DAYS = {"days_7": 7, "days_30": 30, "days_90": 90, "longer": 365}
_FLAG = (False, True)
_RELAXED = (frozenset[DataClass](), frozenset({DataClass.PUBLIC}), frozenset(DataClass))
"""No right to relax, one that comes to nothing, since nothing is below it, and every right."""
_BAAS = (
    Baa(id="covers", expires=TODAY, scope=_EVERYTHING),
    None,
    Baa(id="expired", expires=_YESTERDAY, scope=_EVERYTHING),
    Baa(id="other endpoint", expires=TODAY, scope=_ELSEWHERE),
    Baa(id="other model", expires=TODAY, scope=_EVERYTHING, models=_ELSEWHERE),
    Baa(id="no features", expires=TODAY, scope=_EVERYTHING, features=frozenset()),
)


@dataclass(frozen=True, slots=True)
class Request:
    """Facts and findings together."""

    facts: Facts
    findings: Findings


@dataclass(frozen=True, slots=True)
class Domain:
    """`axes` are the request's, least sensitive first along each; `places` lists of destinations.

    Request number i has on an axis the value number i // stride % length, as in space.py.
    """

    axes: Mapping[str, Sequence[Any]]
    places: tuple[tuple[Destination, ...], ...]

    @classmethod
    def of(cls, conditions: Sequence[Condition]) -> Domain:
        """The domain of these conditions."""
        return cls(_request_axes(conditions), tuple(_places(conditions)))

    @property
    def request_count(self) -> int:
        """How many requests there are."""
        return math.prod(len(values) for values in self.axes.values())

    @property
    def size(self) -> int:
        """How many pairs of a request and a destination other than the device there are."""
        return self.request_count * sum(len(places) - 1 for places in self.places)

    def stride(self, axis: str) -> int:
        """How far apart two requests are that are neighbours along an axis."""
        names = list(self.axes)
        return math.prod(len(self.axes[name]) for name in names[names.index(axis) + 1 :])

    def requests(self) -> Iterator[Request]:
        """All of them, in order."""
        for values in product(*self.axes.values()):
            yield _request(dict(zip(self.axes, values, strict=True)))


def runs(conditions: Sequence[Condition]) -> tuple[DataClass, ...]:
    """One class of each run of neighbours that nothing tells apart; UNKNOWN is one.

    Conditions do, and whether a class is one that a caller can have the right to relax.
    """
    sets = [atom.values for c in conditions for atom in atoms(c) if atom.field in _CLASSES]
    sets.append(frozenset(RELAXABLE))
    firsts: list[DataClass] = []
    before: tuple[bool, ...] | None = None
    for member in DataClass:
        alike = tuple(member in values for values in sets)
        if alike != before or member is DataClass.UNKNOWN:
            firsts.append(member)
        before = alike
    return tuple(firsts)


def subsets(members: Sequence[Value]) -> tuple[frozenset[str], ...]:
    """All sets of these members, smaller ones first."""
    texts = [str(member) for member in members]
    return tuple(frozenset(some) for n in range(len(texts) + 1) for some in combinations(texts, n))


def _request_axes(conditions: Sequence[Condition]) -> dict[str, Sequence[Any]]:
    mentioned = fields_of(conditions)
    classes = runs(conditions)
    axes: dict[str, Sequence[Any]] = {
        "may_relax": _RELAXED if "may_relax" in mentioned else (_RELAXED[0], _RELAXED[-1]),
        "default": classes,
        "declared": (None, *classes),
        "detected": classes,  # after the others, so that counterexamples vary it first
        "errors": _FLAG,
        "has_media": _FLAG,
        "kinds": subsets(told_apart("kinds", conditions)),
        "has_tools": _FLAG,  # an agreement may leave them out, and the axioms speak of agreements
    }
    for name, field in FIELDS.items():
        if name in mentioned and not (field.is_of_destination or field.is_ordered or name in axes):
            axes[name] = told_apart(name, conditions)
    return axes


def _request(values: dict[str, Any]) -> Request:
    findings = Findings(
        values.pop("detected"),
        values.pop("kinds"),
        ("failed",) if values.pop("errors") else (),
    )
    facts = Facts(
        request_id="proof",
        tenant=values.pop("tenant", ""),
        role=values.pop("role", ""),
        today=TODAY,
        declared_class=values.pop("declared"),
        default_class=values.pop("default"),
        **values,
    )
    return Request(facts, findings)


def _places(conditions: Sequence[Condition]) -> Iterator[tuple[Destination, ...]]:
    axes = _place_axes(conditions)
    names = [str(name) for name in told_apart("name", conditions)]
    made = [
        make_place(dict(zip(axes, values, strict=True)), f"place-{i}")
        for i, values in enumerate(product(*axes.values()))
    ]
    yield (DEVICE, *made)
    for name in (n for n in names[:-1] if n != DEVICE.name):  # the last stands for any other
        for there in made:
            yield (DEVICE, replace(there, name=name))


def _place_axes(conditions: Sequence[Condition]) -> dict[str, Sequence[Any]]:
    mentioned = fields_of(conditions)
    axes: dict[str, Sequence[Any]] = {
        "tier": _away_tiers(conditions),
        "retention": _retentions(conditions),
    }
    for name in ("provider", "account", "region", "jurisdiction", "trains_on_data", "encrypted"):
        if name in mentioned:
            axes[name] = told_apart(name, conditions)
    for name in ("models", "features", "agreements"):
        if name in mentioned:
            axes[name] = subsets(told_apart(name, conditions))
    axes["baa"] = _BAAS
    return axes


def _away_tiers(conditions: Sequence[Condition]) -> list[Tier]:
    sets = [atom.values for c in conditions for atom in atoms(c) if atom.field == "tier"]
    found: dict[tuple[bool, ...], Tier] = {}
    for tier in (Tier.CLOUD, Tier.ONPREM):
        found.setdefault(tuple(tier in values for values in sets), tier)
    return list(found.values())


def _retentions(conditions: Sequence[Condition]) -> list[str]:
    """Steps of retention that neither of the two fields about it tells apart."""
    ins = [a for c in conditions for a in atoms(c) if a.field in ("retention", "zero_data")]
    found: dict[tuple[bool, ...], str] = {}
    for step in reversed(RETENTIONS):
        values: dict[str, Value] = {"retention": step, "zero_data": step == RETENTIONS[0]}
        found.setdefault(tuple(values[atom.field] in atom.values for atom in ins), step)
    return list(found.values())


def make_place(values: dict[str, Any], name: str) -> Destination:
    """A destination with these values of fields; what is not said is as in the model."""
    step = values.pop("retention")
    is_encrypted = values.pop("encrypted", True)
    return Destination(
        name=name,
        tier=Tier(values.pop("tier")),
        retention=Retention(zero_data=step == RETENTIONS[0], days=_DAYS.get(step, 0)),
        origin="https://place.invalid:443" if is_encrypted else "http://place.invalid:80",
        **values,
    )
