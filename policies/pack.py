# SPDX-License-Identifier: Apache-2.0
"""A pack: a named list of rules, and the examples that it brings along to show what it means."""

from __future__ import annotations

from dataclasses import dataclass, field

from policies.decision import ReasonCode, Verdict
from policies.model import Destination, Facts, Findings
from policies.rules import Condition, Rule
from policies.terms import Obligation


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Theorem:
    """A promise of the pack: no destination but the device is allowed where `never` holds.

    With `unless` it may be, under that obligation, owed because of a rule that matches the
    destination; to redact counts when every kind of identifier is to be. `says` is the same as an
    English sentence.
    """

    id: str
    says: str
    never: Condition
    unless: Obligation | None = None
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
