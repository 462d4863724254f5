# SPDX-License-Identifier: Apache-2.0
"""Proof by trying: every request of a domain through the real `decide`, to every destination.

Nothing is assumed about the engine: the compiled plan, the seal, caches and agreements are all
in the way of each point. What a theorem forbids is evaluated by the plain meaning of conditions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from policies.decision import Decision
from policies.domain import Domain, Request
from policies.engine import decide
from policies.meaning import place_values, request_values
from policies.model import DataClass, Destination, Facts
from policies.pack import Claim, Pack, Theorem
from policies.policy import Policy
from policies.rules import FIELDS, Effect, Values, fields_of, holds
from policies.space import first
from policies.theorems import BREAK_GLASS, DEVICE_ANSWERS, MONOTONE, Counterexample, owing

MOST_REQUESTS = 400_000
"""More decisions than this, over all lists of destinations, are not tried."""
_RISING = ("detected", "default", "declared", "errors", "has_media")


class TooManyRequestsError(ValueError):
    """The domain is too large to be tried."""


@dataclass(slots=True)
class Trial:
    """The number of points tried, and a counterexample for each theorem that has one."""

    points: int
    found: dict[str, Counterexample] = field(default_factory=dict)


def try_all(pack: Pack, theorems: Sequence[Theorem], domain: Domain) -> Trial:
    """Tries every point; raises TooManyRequestsError."""
    if domain.request_count * len(domain.places) > MOST_REQUESTS:
        raise TooManyRequestsError
    trial = Trial(domain.size)
    requests = list(domain.requests())
    values = [request_values(r.facts, r.findings) for r in requests]
    for places in domain.places:
        policy = Policy.of([pack], places)
        decisions = [decide(r.facts, r.findings, policy) for r in requests]
        tried = _Tried(requests, values, decisions, places)
        for theorem in theorems:
            _note(trial, theorem.id, tried.violations(theorem, pack))
        _note(trial, DEVICE_ANSWERS, tried.device_faults(pack))
        _note(trial, MONOTONE, tried.rises(domain))
        _note(trial, BREAK_GLASS, tried.openings(domain))
    return trial


def _note(trial: Trial, name: str, found: Iterator[Counterexample]) -> None:
    counterexample = next(found, None)
    if counterexample is not None:
        trial.found.setdefault(name, counterexample)


class _Tried:
    """All requests against one list of destinations, the device first, and what was decided."""

    def __init__(
        self,
        requests: Sequence[Request],
        values: Sequence[Mapping[str, Values]],
        decisions: Sequence[Decision],
        places: Sequence[Destination],
    ) -> None:
        self._requests, self._values, self._decisions = requests, values, decisions
        self._places = {there.name: there for there in places}
        bits = {there.name: 1 << i for i, there in enumerate(places)}
        masks = {
            allowed: sum(bits[name] for name in allowed)
            for allowed in {decision.allowed for decision in decisions}
        }
        self._masks = [masks[decision.allowed] for decision in decisions]
        self._outcomes = list(_numbered(decisions))
        self._names = list(bits)
        self._kept: dict[object, dict[str, Values]] = {}

    def violations(self, theorem: Theorem, pack: Pack) -> Iterator[Counterexample]:
        """Requests and destinations for which the condition holds, and the claim does not.

        Requests that are alike in what the theorem reads, with the same outcome, are one.
        """
        fields = fields_of([theorem.when])
        if "baa" in fields:
            fields |= {"endpoint", "has_tools", "has_media"}
        read = sorted(name for name in fields if not FIELDS[name].is_of_destination)
        failing: dict[int, Sequence[str]] = {}
        seen: set[object] = set()
        for request, values, decision, outcome in zip(
            self._requests, self._values, self._decisions, self._outcomes, strict=True
        ):
            key = (outcome, *(values[name] for name in read))
            if key in seen:
                continue
            seen.add(key)
            if outcome not in failing:
                failing[outcome] = self._failing(theorem, pack, decision)
            for name in failing[outcome]:
                there = self._places[name]
                if holds(theorem.when, {**values, **self._place_values(request.facts, there)}):
                    yield Counterexample(request, there)

    def _failing(self, theorem: Theorem, pack: Pack, decision: Decision) -> Sequence[str]:
        """The destinations at which the claim is not so."""
        if theorem.claim is Claim.OPENS:
            return [name for name in self._names[1:] if name not in decision.cleared]
        if theorem.claim is Claim.BLOCKS:
            return decision.allowed
        reached = decision.cleared if theorem.claim is Claim.NEVER else decision.allowed
        owed_at = _owed_at(theorem, pack, decision)
        return [name for name in reached if name not in owed_at]

    def _place_values(self, facts: Facts, there: Destination) -> dict[str, Values]:
        """The same for all requests that are alike in what agreements are about."""
        key = (there.name, facts.endpoint, facts.has_tools, facts.has_media)
        if key not in self._kept:
            self._kept[key] = place_values(facts, there)
        return self._kept[key]

    def device_faults(self, pack: Pack) -> Iterator[Counterexample]:
        """Requests that the device may not answer though no rule blocks them, or the reverse."""
        device = self._places[self._names[0]]
        blocks = [rule.when for rule in pack.rules if rule.effect is Effect.BLOCK]
        for request, values, mask in zip(self._requests, self._values, self._masks, strict=True):
            all_values = {**values, **place_values(request.facts, device)} if blocks else {}
            is_blocked = any(holds(when, all_values) for when in blocks)
            if (mask & 1 == 1) is is_blocked:
                yield Counterexample(request, device)

    def rises(self, domain: Domain) -> Iterator[Counterexample]:
        """Steps to a more sensitive request, by one who may not relax, that reach more."""
        kinds = domain.axes["kinds"]
        larger = [
            (i, j)
            for i, small in enumerate(kinds)
            for j, large in enumerate(kinds)
            if small < large and len(large) == len(small) + 1
        ]
        for axis in (*_RISING, "kinds"):
            stride, length = domain.stride(axis), len(domain.axes[axis])
            start = 1 if axis == "declared" else 0  # to declare is no rise by itself
            steps = larger if axis == "kinds" else [(i, i + 1) for i in range(start, length - 1)]
            for i, j in steps:
                for before in self._with(domain, axis, i):
                    after = before + (j - i) * stride
                    if not _hides(self._requests[after], axis):
                        yield from self._gained(before, after)

    def openings(self, domain: Domain) -> Iterator[Counterexample]:
        """Destinations without a BAA that emergency access opens."""
        for before in self._with(domain, "break_glass", 0):
            for found in self._gained(before, before + domain.stride("break_glass")):
                values = place_values(found.request.facts, found.destination)
                if not values["baa"]:
                    yield found

    def _with(self, domain: Domain, axis: str, position: int) -> Iterator[int]:
        """The requests of an ordinary caller at one position of an axis."""
        stride, length = domain.stride(axis), len(domain.axes[axis])
        relaxing = domain.stride("may_relax")  # the first axis: who may not relax comes first
        for start in range(position * stride, relaxing, stride * length):
            yield from range(start, start + stride)

    def _gained(self, before: int, after: int) -> Iterator[Counterexample]:
        gained = self._masks[after] & ~self._masks[before] & ~1
        while gained:
            i = first(gained)
            gained ^= 1 << i
            there = self._places[self._names[i]]
            yield Counterexample(self._requests[after], there, self._requests[before])


def _numbered(decisions: Sequence[Decision]) -> Iterator[int]:
    """For each decision the number of its outcome; those that share their reasons have one.

    Where there are thousands of places, to compare the reasons themselves would take minutes.
    """
    kept: dict[object, list[tuple[object, int]]] = {}
    count = 0
    for decision in decisions:
        alike = kept.setdefault((decision.primary_reason, decision.obligations), [])
        number = next((n for reasons, n in alike if reasons is decision.reasons), None)
        if number is None or not decision.reasons:  # no reasons are shared by many
            number, count = count, count + 1
            alike.append((decision.reasons, number))
        yield number


def _owed_at(theorem: Theorem, pack: Pack, decision: Decision) -> frozenset[str]:
    """Destinations at which the decision itself says that all is owed; none when nothing is."""
    is_owed = decision.obligations >= theorem.owed and decision.terms.asks_no_less(theorem.terms)
    if not theorem.owed or not is_owed:
        return frozenset()
    ids = [{f"{pack.name}/{rule.id}" for rule in rules} for rules in owing(pack, theorem)]
    at = [frozenset(r.destination for r in decision.reasons if r.rule_id in some) for some in ids]
    return frozenset.intersection(*at)


def _hides(risen: Request, axis: str) -> bool:
    """Whether the step is that a failed detector says less, in an emergency; see design.md."""
    says_nothing = bool(risen.findings.errors) and risen.findings.data_class is DataClass.UNKNOWN
    return axis in ("detected", "errors") and says_nothing and risen.facts.break_glass
