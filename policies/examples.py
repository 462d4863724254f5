# SPDX-License-Identifier: Apache-2.0
"""The `tests:` of a pack: facts, findings and one destination, and whether it may be reached.

Recorded decisions have their facts and findings in the same words; see features.py.
"""

from __future__ import annotations

import datetime

from policies.decision import ReasonCode, Verdict
from policies.model import KINDS, Baa, DataClass, Destination, Facts, Findings, Retention, Tier
from policies.nodes import (
    Items,
    Node,
    Table,
    as_count,
    as_flag,
    as_member,
    as_table,
    as_text,
    each_text,
    shown,
)
from policies.pack import Case
from policies.residency import AGREEMENTS, ANY
from policies.terms import Obligation

_CASE_KEYS = (
    "name", "facts", "findings", "destination", "allow", "reason", "verdict", "obligations",
)  # fmt: skip
_FACT_TEXTS = ("endpoint", "purpose", "role", "tenant", "subject_region")
_FACT_FLAGS = ("has_media", "has_tools", "break_glass", "mfa", "approved")
_FACT_CLASSES = ("declared_class", "default_class")
FACT_KEYS = (
    *(*_FACT_TEXTS, *_FACT_FLAGS, *_FACT_CLASSES),
    *("may_relax", "max_tier", "uses", "today"),
)
_FINDING_KEYS = ("data_class", "kinds", "errors")
_PLACE_TEXTS = ("region", "jurisdiction", "provider", "account")
_PLACE_SETS = ("models", "features", "agreements")
_PLACE_KEYS = (
    *(*_PLACE_TEXTS, *_PLACE_SETS),
    *("tier", "baa", "zero_data", "retention_days", "trains_on_data", "encrypted"),
)
_UNKNOWN = "unknown agreement {}, expected one of: " + ", ".join(sorted(AGREEMENTS))
_MOST_DAYS = 36_500
_TODAY = datetime.date(2026, 1, 1)


def parse_case(node: Node) -> Case:
    """One entry of `tests:`. What it does not say is as in the model, on 2026-01-01."""
    table = as_table(node, "a test")
    table.allow_only(_CASE_KEYS, "a test")
    name = table.need_text("name", "a test")
    given = table.entries
    return Case(
        name=name,
        facts=parse_facts(_part(table, "facts")),
        findings=parse_findings(as_table(table.need("findings", f"test {name!r}"), "findings")),
        destination=_destination(_part(table, "destination")),
        is_allowed=as_flag(table.need("allow", f"test {name!r}")),
        reason=as_member(given["reason"], ReasonCode, "reason") if "reason" in given else None,
        verdict=as_member(given["verdict"], Verdict, "verdict") if "verdict" in given else None,
        obligations=_owed(given["obligations"]) if "obligations" in given else None,
        line=table.line,
    )


def _owed(node: Node) -> frozenset[Obligation]:
    is_none = isinstance(node, Items) and not node.items
    nodes = [] if is_none else each_text(node, "obligation")
    return frozenset(as_member(node, Obligation, "obligation") for node in nodes)


def _part(table: Table, key: str) -> Table:
    empty = Table(table.file, table.line, {}, {})
    return as_table(table.entries.get(key, empty), key)


def parse_facts(table: Table) -> Facts:
    """Facts; what is not said is as in the model, on 2026-01-01."""
    table.allow_only(FACT_KEYS, "facts")
    given = table.entries
    texts = {key: as_text(given[key]) for key in _FACT_TEXTS if key in given}
    flags = {key: as_flag(given[key]) for key in _FACT_FLAGS if key in given}
    classes = {key: _class(given[key]) for key in _FACT_CLASSES if key in given}
    relaxed = each_text(given["may_relax"], "class") if "may_relax" in given else ()
    return Facts(
        request_id="example",
        tenant=texts.get("tenant", ""),
        role=texts.get("role", ""),
        today=_date(given["today"]) if "today" in given else _TODAY,
        endpoint=texts.get("endpoint", "chat"),
        declared_class=classes.get("declared_class"),
        default_class=classes.get("default_class", DataClass.INTERNAL),
        may_relax=frozenset(_class(node) for node in relaxed),
        purpose=texts.get("purpose", ""),
        subject_region=texts.get("subject_region", ""),
        max_tier=as_member(given["max_tier"], Tier, "tier") if "max_tier" in given else None,
        has_media=flags.get("has_media", False),
        has_tools=flags.get("has_tools", False),
        break_glass=flags.get("break_glass", False),
        mfa=flags.get("mfa", False),
        approved=flags.get("approved", False),
        uses=_names(given["uses"]) if "uses" in given else frozenset(),
    )


def parse_findings(table: Table) -> Findings:
    """Findings, which have a class at least."""
    table.allow_only(_FINDING_KEYS, "findings")
    kinds = each_text(table.entries["kinds"], "kind") if "kinds" in table.entries else ()
    errors = each_text(table.entries["errors"], "error") if "errors" in table.entries else ()
    return Findings(
        _class(table.need("data_class", "findings")),
        frozenset(_kind(node) for node in kinds),
        tuple(as_text(node) for node in errors),
    )


def _destination(table: Table) -> Destination:
    table.allow_only(_PLACE_KEYS, "a destination")
    given = table.entries
    texts = {key: as_text(given[key]) for key in _PLACE_TEXTS if key in given}
    sets = {key: _names(given[key]) for key in _PLACE_SETS if key in given}
    is_encrypted = "encrypted" not in given or as_flag(given["encrypted"])
    return Destination(
        name="example",
        tier=as_member(given["tier"], Tier, "tier") if "tier" in given else Tier.CLOUD,
        baa=_baa(as_table(given["baa"], "a BAA")) if "baa" in given else None,
        retention=_retention(table),
        trains_on_data="trains_on_data" not in given or as_flag(given["trains_on_data"]),
        origin="https://example.invalid:443" if is_encrypted else "http://example.invalid:80",
        region=texts.get("region", ""),
        jurisdiction=texts.get("jurisdiction", ""),
        provider=texts.get("provider", ""),
        account=texts.get("account", ""),
        models=sets.get("models", frozenset()),
        features=sets.get("features", frozenset()),
        agreements=frozenset(
            name if name in AGREEMENTS else given["agreements"].fail(_UNKNOWN.format(shown(name)))
            for name in sets.get("agreements", ())
        ),
    )


def _retention(table: Table) -> Retention | None:
    given = table.entries
    if "zero_data" in given and as_flag(given["zero_data"]):
        if "retention_days" in given:
            table.fail_at("retention_days", "expected no days where zero_data is true")
        return Retention(zero_data=True, days=0)
    if "retention_days" in given:
        return Retention(zero_data=False, days=as_count(given["retention_days"], _MOST_DAYS))
    return None


def _baa(table: Table) -> Baa:
    table.allow_only(("expires", "scope", "models", "features"), "a BAA")
    given = table.entries
    return Baa(
        id="example",
        expires=_date(table.need("expires", "a BAA")),
        scope=_names(table.need("scope", "a BAA")),
        models=_names(given["models"]) if "models" in given else ANY,
        features=_names(given["features"]) if "features" in given else ANY,
    )


def _names(node: Node) -> frozenset[str]:
    return frozenset(as_text(item) for item in each_text(node, "name"))


def _class(node: Node) -> DataClass:
    return as_member(node, DataClass, "class")


def _kind(node: Node) -> str:
    text = as_text(node)
    return text if text in KINDS else node.fail(f"unknown kind {shown(text)}")


def _date(node: Node) -> datetime.date:
    text = as_text(node)
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        node.fail(f"expected a date such as 2027-06-30, not {shown(text)}")
