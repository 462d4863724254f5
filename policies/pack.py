# SPDX-License-Identifier: Apache-2.0
"""A pack: a named list of rules, and the examples that it brings along to show what it means."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from policies.decision import ReasonCode, Verdict
from policies.model import Destination, Facts, Findings
from policies.rules import Condition, Rule
from policies.terms import NO_TERMS, Obligation, Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An example: may this request reach this destination under this pack alone?

    What is None may be any: the reason, the verdict, the obligations (all of them, exactly).
    """

    name: str
    facts: Facts
    findings: Findings
    destination: Destination
    is_allowed: bool
    reason: ReasonCode | None = None
    verdict: Verdict | None = None
    obligations: frozenset[Obligation] | None = None
    line: int = field(default=0, compare=False)


class Claim(StrEnum):
    """What a theorem says of every request and destination for which its condition holds.

    never    the destination is not allowed, or only under what is `owed`; the device always may
    owes     whatever is allowed, the device included, is allowed under what is `owed`
    opens    the destination is allowed by this pack, unless it is the device
    blocks   nothing is allowed, not even the device

    Composition only tightens, so what a pack never allows, owes or blocks, no policy with it does
    otherwise. What it opens, another pack may close.
    """

    NEVER = "never"
    OWES = "owes"
    OPENS = "opens"
    BLOCKS = "blocks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Theorem:
    """A promise of the pack, and the same as an English sentence in `says`.

    Something is owed at a destination when a rule that matches it says so, in the measure of
    `terms` at least.
    """

    id: str
    says: str
    when: Condition
    claim: Claim = Claim.NEVER
    owed: frozenset[Obligation] = frozenset()
    terms: Terms = NO_TERMS
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """`otherwise` is the reason given for a destination that none of the permits matches.

    `file` is where it was read from, for messages.
    """

    name: str
    rules: tuple[Rule, ...]
    version: str = ""
    description: str = ""
    otherwise: ReasonCode = ReasonCode.NO_PERMIT
    theorems: tuple[Theorem, ...] = ()
    cases: tuple[Case, ...] = ()
    file: str = field(default="", compare=False)
