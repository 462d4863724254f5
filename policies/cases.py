# SPDX-License-Identifier: Apache-2.0
"""Runs the examples that packs bring along: each against its own pack, alone."""

from __future__ import annotations

from dataclasses import dataclass

from policies.decision import ReasonCode, Verdict
from policies.engine import decide
from policies.model import Destination, Tier
from policies.pack import Case, Pack
from policies.policy import Policy
from policies.terms import Obligation

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
    expected_verdict: Verdict | None
    verdict: Verdict
    expected_obligations: frozenset[Obligation] | None
    obligations: frozenset[Obligation]

    @property
    def passed(self) -> bool:
        """Whether the pack does what the example says."""
        return (
            self.is_allowed is self.expected_allowed
            and self.expected_reason in (None, self.reason)
            and self.expected_verdict in (None, self.verdict)
            and self.expected_obligations in (None, self.obligations)
        )

    @property
    def difference(self) -> str:
        """What came out otherwise, in words; empty when it passed."""
        pairs = [
            ("allowed", self.expected_allowed, self.is_allowed),
            ("reason", self.expected_reason, self.reason),
            ("verdict", self.expected_verdict, self.verdict),
            ("obligations", self.expected_obligations, self.obligations),
        ]
        return "; ".join(
            f"expected {what} {_shown(wanted)}, got {_shown(got)}"
            for what, wanted, got in pairs
            if wanted not in (None, got)
        )


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
        expected_verdict=case.verdict,
        verdict=decision.verdict,
        expected_obligations=case.obligations,
        obligations=decision.obligations,
    )


def _shown(value: object) -> str:
    if isinstance(value, frozenset):
        return " ".join(sorted(value)) or "none"
    return str(value).lower()
