# SPDX-License-Identifier: Apache-2.0
"""A pack: a named list of rules, and the examples that it brings along to show what it means."""

from __future__ import annotations

from dataclasses import dataclass, field

from policies.decision import ReasonCode
from policies.model import Destination, Facts, Findings
from policies.rules import Condition, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An example: may this request reach this destination under this pack alone?

    `reason` is None when any will do.
    """

    name: str
    facts: Facts
    findings: Findings
    destination: Destination
    is_allowed: bool
    reason: ReasonCode | None = None
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Theorem:
    """A promise of the pack: no destination but the device is allowed where `never` holds.

    `says` is the same as an English sentence.
    """

    id: str
    says: str
    never: Condition
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """`otherwise` is the reason given for a destination that none of the permits matches."""

    name: str
    rules: tuple[Rule, ...]
    version: str = ""
    description: str = ""
    otherwise: ReasonCode = ReasonCode.NO_PERMIT
    theorems: tuple[Theorem, ...] = ()
    cases: tuple[Case, ...] = ()
