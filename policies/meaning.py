# SPDX-License-Identifier: Apache-2.0
"""What a request and a destination are, field by field, as plainly as it can be said.

The reference engine and the proofs read this; the engine proper has its own way to the same.
"""

from __future__ import annotations

from policies.model import DataClass, Destination, Facts, Findings
from policies.rules import FIELDS, NOT_DECLARED, Values, attribute


def values_of(facts: Facts, findings: Findings, there: Destination) -> dict[str, Values]:
    """What each field has for this request and this destination."""
    known = _known_class(facts, findings)
    uses = {"tools": facts.has_tools, "media": facts.has_media}
    used = frozenset(name for name, is_used in uses.items() if is_used)
    values: dict[str, Values] = {
        "data_class": DataClass.UNKNOWN if findings.errors else known,
        "known_class": known,
        "declared_class": facts.declared_class or NOT_DECLARED,
        "kinds": findings.kinds,
        "errors": bool(findings.errors),
        "baa": there.is_covered(facts.endpoint, facts.today, used),
    }
    for name in FIELDS.keys() - values.keys():
        is_there = FIELDS[name].is_of_destination
        values[name] = attribute(there, name) if is_there else getattr(facts, name)
    return values


def _known_class(facts: Facts, findings: Findings) -> DataClass:
    says_nothing = findings.errors and findings.data_class is DataClass.UNKNOWN
    found = DataClass.PUBLIC if says_nothing else findings.data_class
    media = [DataClass.PHI] if facts.has_media else []
    floor = DataClass.join(facts.default_class, found, *media)
    declared = facts.declared_class or floor
    may_relax = floor in facts.may_relax and not findings.errors
    return declared if declared.rank >= floor.rank or may_relax else floor
