# SPDX-License-Identifier: Apache-2.0
"""Runs the examples that packs bring along: each against its own pack, alone."""

from __future__ import annotations

from dataclasses import dataclass

from policies.decision import ReasonCode
from policies.engine import decide
from policies.model import Destination, Tier
from policies.pack import Case, Pack
from policies.policy import Policy

_DEVICE = Destination(name="this-device", tier=Tier.DEVICE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What one example should have given, and what it gave. `line` is where it stands."""

    pack: str
    name: str
    line: int
    expected_allowed: bool
    is_allowed: bool
    expected_reason: ReasonCode | None
    reason: ReasonCode

    @property
    def passed(self) -> bool:
        """Whether the pack does what the example says."""
        reason_fits = self.expected_reason in (None, self.reason)
        return self.is_allowed is self.expected_allowed and reason_fits


def run_cases(policy: Policy) -> list[CaseResult]:
    """The result of every example of every pack, in order; the destinations are the examples'."""
    return [_run(pack, case) for pack in policy.packs for case in pack.cases]


def _run(pack: Pack, case: Case) -> CaseResult:
    alone = Policy.of([pack], [_DEVICE, case.destination])
    decision = decide(case.facts, case.findings, alone)
    return CaseResult(
        pack=pack.name,
        name=case.name,
        line=case.line,
        expected_allowed=case.is_allowed,
        is_allowed=case.destination.name in decision.allowed,
        expected_reason=case.reason,
        reason=decision.primary_reason,
    )
