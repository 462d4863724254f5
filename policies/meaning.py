# SPDX-License-Identifier: Apache-2.0
"""What a request and a destination are, field by field, as plainly as it can be said.

The reference engine and the proofs read this; the engine proper has its own way to the same.
"""

from __future__ import annotations

from policies.model import RELAXABLE, DataClass, Destination, Facts, Findings
from policies.rules import FIELDS, NOT_DECLARED, Values, attribute

_OF_DECISION = frozenset(
    {"data_class", "known_class", "declared_class", "kinds", "errors", "may_relax"}
)
_OF_REQUEST = [n for n, f in FIELDS.items() if not f.is_of_destination and n not in _OF_DECISION]
_OF_PLACE = [n for n, f in FIELDS.items() if f.is_of_destination and n != "baa"]


def values_of(facts: Facts, findings: Findings, there: Destination) -> dict[str, Values]:
    """What each field has for this request and this destination."""
    return request_values(facts, findings) | place_values(facts, there)


def request_values(facts: Facts, findings: Findings) -> dict[str, Values]:
    """What each field of the request has."""
    values: dict[str, Values] = {
        "data_class": _class(facts, findings),
        "known_class": _known_class(facts, findings),
        "declared_class": facts.declared_class or NOT_DECLARED,
        "kinds": findings.kinds,
        "errors": bool(findings.errors),
        "may_relax": bool(facts.may_relax),
    }
    return values | {name: getattr(facts, name) for name in _OF_REQUEST}


def place_values(facts: Facts, there: Destination) -> dict[str, Values]:
    """What each field of the destination has for this request."""
    uses = {"tools": facts.has_tools, "media": facts.has_media}
    used = frozenset(name for name, is_used in uses.items() if is_used) | facts.uses
    values: dict[str, Values] = {"baa": there.is_covered(facts.endpoint, facts.today, used)}
    return values | {name: attribute(there, name) for name in _OF_PLACE}


def _class(facts: Facts, findings: Findings) -> DataClass:
    if findings.errors:
        return DataClass.UNKNOWN
    media = [DataClass.PHI] if facts.has_media else []
    floor = DataClass.join(facts.default_class, findings.data_class, *media)
    declared = facts.declared_class or floor
    is_relaxed = floor in facts.may_relax and floor in RELAXABLE
    may_declare = declared.rank >= floor.rank or is_relaxed
    return declared if may_declare else floor


def _known_class(facts: Facts, findings: Findings) -> DataClass:
    said = [facts.default_class, findings.data_class, facts.declared_class]
    if findings.errors and findings.data_class is DataClass.UNKNOWN:
        said.remove(DataClass.UNKNOWN)
    media = [DataClass.PHI] if facts.has_media else []
    return DataClass.join(*(c for c in said if c is not None), *media)
