# SPDX-License-Identifier: Apache-2.0
"""What is proved of a pack: the theorems that it states, and four that hold of every good pack.

What a theorem of a pack means for a policy with that pack in it: see pack.Claim.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from policies import axioms
from policies.domain import DEVICE, Request
from policies.engine import decide
from policies.meaning import values_of
from policies.model import Destination
from policies.pack import Pack, Theorem
from policies.policy import Policy
from policies.rules import Condition, Rule, Values, fields_of

UNKNOWN_STAYS = Theorem(
    id="unknown-stays",
    says=(
        "What could not be classified, or a detector failed on, stays on the device, unless "
        "emergency access was invoked and a BAA covers the destination."
    ),
    when=axioms.UNKNOWN_STAYS.when,
)
DEVICE_ANSWERS = "device-answers"
MONOTONE = "monotone"
BREAK_GLASS = "break-glass"
RELATIONS = {
    DEVICE_ANSWERS: "The device may always answer, unless a rule blocks the request.",
    MONOTONE: (
        "A request that is more sensitive (a higher class, one more finding, media, a failed "
        "detector) never reaches a destination that it did not reach before, but for what a "
        "detector that failed in an emergency would have found."
    ),
    BREAK_GLASS: "Emergency access never opens a destination that no BAA covers.",
}
"""The theorems that compare two requests, or are about the device."""
BUILT_IN = frozenset({UNKNOWN_STAYS.id, *RELATIONS})
"""What no theorem of a pack may be called: a proof of it would look like one of these."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A request and a destination for which the theorem is false.

    `before` is the request that does not reach it, where the theorem compares two.
    """

    request: Request
    destination: Destination
    before: Request | None = None


def conditions_of(pack: Pack) -> list[Condition]:
    """Every condition that a proof about the pack has to tell values apart for."""
    own = [rule.when for rule in pack.rules] + [theorem.when for theorem in pack.theorems]
    return [*own, UNKNOWN_STAYS.when]


def owing(pack: Pack, theorem: Theorem) -> list[list[Rule]]:
    """For each obligation of the theorem the rules that owe it, in its measure at least."""
    return [
        [
            rule
            for rule in pack.rules
            if obligation in rule.obligations
            and rule.terms.asks_no_less(theorem.terms.about(obligation))
        ]
        for obligation in sorted(theorem.owed)
    ]


def in_words(found: Counterexample, pack: Pack) -> Iterator[str]:
    """The counterexample, a few lines for a reader."""
    fields = sorted(fields_of(conditions_of(pack)))
    request, there = found.request, found.destination
    if found.before is not None:
        yield f"stays     {_facts(found.before)}"
    yield f"request   {_facts(request)}"
    values = values_of(request.facts, request.findings, there)
    yield "rules see " + ", ".join(f"{name} {_shown(values[name])}" for name in fields)
    places = [DEVICE] if there == DEVICE else [DEVICE, there]
    decision = decide(request.facts, request.findings, Policy.of([pack], places))
    reasons = [r.rule_id for r in decision.reasons if r.destination == there.name]
    word = "let by" if there.name in decision.allowed else "stopped by"
    yield f"{word:<9} {', '.join(reasons) or 'nothing'}"
    if there.name in decision.allowed:
        yield f"owed      {', '.join(sorted(decision.obligations)) or 'nothing'}"


def _facts(request: Request) -> str:
    facts, findings = request.facts, request.findings
    said = [
        f"detected {findings.data_class}",
        f"declared {facts.declared_class or 'nothing'}",
        f"default {facts.default_class}",
        f"kinds {_shown(findings.kinds)}",
    ]
    flags = {
        "a detector failed": bool(findings.errors),
        "media": facts.has_media,
        "tools": facts.has_tools,
        "emergency access": facts.break_glass,
        "more than one factor": facts.mfa,
        "approved by a person": facts.approved,
        "the caller may relax classes": bool(facts.may_relax),
    }
    return "; ".join([*said, *(name for name, is_so in flags.items() if is_so)])


def _shown(value: Values) -> str:
    if isinstance(value, frozenset):
        return " ".join(sorted(value)) or "none"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "(any other)" if text.startswith("\0") else text or "(empty)"
