# SPDX-License-Identifier: Apache-2.0
"""What another policy would have decided about the same requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from policies.decision import Decision, ReasonCode, Verdict
from policies.engine import decide
from policies.features import Recorded
from policies.model import DataClass, Obligation
from policies.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How a decision would differ; the same for many requests. `reasons` are before and after."""

    data_class: DataClass
    opened: tuple[str, ...]
    closed: tuple[str, ...]
    added: tuple[Obligation, ...]
    dropped: tuple[Obligation, ...]
    verdicts: tuple[Verdict, Verdict]
    reasons: tuple[ReasonCode, ReasonCode]


@dataclass(slots=True)
class Difference:
    """Over all requests: how many there were, how often each change, what records lack."""

    requests: int = 0
    changes: Counter[Change] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)

    @property
    def opened(self) -> int:
        """How many requests would reach a destination that they did not reach."""
        return sum(count for change, count in self.changes.items() if change.opened)


def compare(
    current: Policy,
    candidate: Policy,
    requests: Iterable[Recorded],
    tenants: Mapping[str, tuple[Policy, Policy]] = MappingProxyType({}),
) -> Difference:
    """Decides each request under both policies, or both of its tenant's."""
    difference = Difference()
    for request in requests:
        difference.requests += 1
        difference.missing.update(request.missing)
        facts, findings = request.facts, request.findings
        before, after = tenants.get(facts.tenant, (current, candidate))
        change = _change(decide(facts, findings, before), decide(facts, findings, after))
        if change is not None:
            difference.changes[change] += 1
    return difference


def _change(before: Decision, after: Decision) -> Change | None:
    change = Change(
        data_class=after.data_class,
        opened=_without(after.allowed, before.allowed),
        closed=_without(before.allowed, after.allowed),
        added=tuple(sorted(after.obligations - before.obligations)),
        dropped=tuple(sorted(before.obligations - after.obligations)),
        verdicts=(before.verdict, after.verdict),
        reasons=(before.primary_reason, after.primary_reason),
    )
    is_same = before.terms == after.terms and before.verdict == after.verdict
    moved = (change.opened, change.closed, change.added, change.dropped)
    return None if is_same and not any(moved) else change


def _without(names: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in others)
