# SPDX-License-Identifier: Apache-2.0
"""What a decision rested on, as data without any text of a prompt: written down, and read back.

    {"facts": {"tenant": ..., "role": ..., "declared_class": ..., ...},
     "findings": {"data_class": ..., "kinds": [...], "errors": [...]}}

The keys are those of the examples in packs. A purpose or region is what a caller typed: it is
written down only when a rule names it, and is `other` when none does.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from policies.examples import FACT_KEYS, parse_facts, parse_findings
from policies.model import DataClass, Facts, Findings
from policies.nodes import Table, as_table, from_data
from policies.pack import Pack
from policies.rules import atoms

OTHER: Final = "other"
_TYPED = ("purpose", "subject_region")
_GIVEN = (
    *("declared_class", "may_relax", "max_tier"),
    *("has_media", "has_tools", "uses", "break_glass", "mfa", "approved"),
)
_FROM_AUDIT = frozenset({"tenant", "default_class", "today"})
_DECIDED = ("intent", "refused")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as it was recorded. `missing` names the facts that the record does not have."""

    facts: Facts
    findings: Findings
    missing: frozenset[str]


def texts_named(packs: Iterable[Pack]) -> frozenset[str]:
    """The purposes and regions that rules name, which may be written down."""
    named = (
        atom.values
        for pack in packs
        for rule in pack.rules
        for atom in atoms(rule.when)
        if atom.field in _TYPED
    )
    return frozenset(map(str, frozenset().union(*named)))


def features_of(
    facts: Facts, findings: Findings, named: frozenset[str]
) -> dict[str, dict[str, object]]:
    """JSON-ready; `named` is `texts_named` of the policy."""
    written = {
        "tenant": facts.tenant,
        "today": facts.today.isoformat(),
        **recorded_facts(facts, named),
    }
    found: dict[str, object] = {
        "data_class": findings.data_class,
        "kinds": sorted(findings.kinds),
        "errors": list(findings.errors),
    }
    return {"facts": _given(written), "findings": _given(found)}


def recorded_facts(facts: Facts, named: frozenset[str]) -> dict[str, object]:
    """What an audit record needs besides tenant, time and findings; defaults are left out."""
    written: dict[str, object] = {
        "role": facts.role,
        "endpoint": facts.endpoint,
        "default_class": facts.default_class,
    }
    for name in _GIVEN:
        if value := getattr(facts, name):
            written[name] = sorted(value) if isinstance(value, frozenset) else value
    for name in _TYPED:
        if text := getattr(facts, name):
            written[name] = text if text in named else OTHER
    return written


def _given(values: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if value not in (None, "", [])}


def read_features(
    record: Mapping[str, object], file: str, line: int, *, today: datetime.date
) -> Recorded | None:
    """The request of one record: its features, or as much as an audit record has of them.

    None for a record of something else, such as an outcome or a second attempt. `today` stands in
    where no day is recorded. Raises PolicyError for features that are none.
    """
    if isinstance(features := record.get("features"), dict):
        record = features
    if "findings" in record:
        return _of_features(record, file, line, today)
    if record.get("event") in _DECIDED and record.get("attempt", 1) == 1:
        return _of_audit(record, file, line, today)
    return None


def _of_features(
    record: Mapping[str, object], file: str, line: int, today: datetime.date
) -> Recorded:
    root = as_table(from_data(dict(record), file, line), "a record")
    root.allow_only(("facts", "findings", "id"), "a record")
    nothing = Table(file, line, {}, {})
    table = as_table(root.entries.get("facts", nothing), "facts")
    facts = parse_facts(table)
    if "today" not in table.entries:
        facts = replace(facts, today=today)
    findings = parse_findings(as_table(root.need("findings", "a record"), "findings"))
    return Recorded(facts, findings, frozenset())


def _of_audit(record: Mapping[str, object], file: str, line: int, today: datetime.date) -> Recorded:
    """An audit record; in one without facts the class decided on stands in for the default."""
    found = {
        "data_class": record.get("detected", DataClass.UNKNOWN),
        "kinds": record.get("kinds"),
        "errors": record.get("errors"),
    }
    recorded = record.get("facts")
    is_whole = isinstance(recorded, dict)
    facts = {"default_class": record.get("class"), "tenant": record.get("tenant")}
    facts |= recorded if isinstance(recorded, dict) else {}
    moment = record.get("t")
    if isinstance(moment, int | float):
        today = datetime.datetime.fromtimestamp(moment, datetime.UTC).date()
    given = {"facts": _given(facts), "findings": _given(found)}
    read = _of_features(given, file, line, today)
    return read if is_whole else replace(read, missing=frozenset(FACT_KEYS) - _FROM_AUDIT)
