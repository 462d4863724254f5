# SPDX-License-Identifier: Apache-2.0
"""What decisions rested on, written down and read back."""

import datetime
import json
from typing import Any

import pytest
from hypothesis import given, settings

from policies import DataClass, Facts, Findings, PolicyError, builtin_pack, load_policy
from policies.examples import FACT_KEYS
from policies.features import OTHER, features_of, read_features, texts_named
from tests.policies import strategies as some
from tests.policies.samples import CLEAN, TODAY, facts

NAMED = frozenset({"", "a", "b"})
LATER = datetime.date(2027, 1, 1)


def read(record: dict[str, Any]) -> Any:
    """What is read from one record."""
    return read_features(record, "f.jsonl", 7, today=TODAY)


@settings(max_examples=100, deadline=None)
@given(some.FACTS, some.FINDINGS)
def test_what_is_written_is_read_back(facts: Facts, findings: Findings) -> None:
    """All of it but the id of the request, through JSON; nothing is missing."""
    data = json.loads(json.dumps(features_of(facts, findings, NAMED)))
    recorded = read_features(data, "f", 1, today=LATER)

    assert recorded is not None
    assert recorded.facts == _renamed(facts)
    assert recorded.findings == findings
    assert not recorded.missing


def _renamed(facts: Facts) -> Facts:
    import dataclasses

    return dataclasses.replace(facts, request_id="example")


def test_every_fact_is_written() -> None:
    """A fact that rules may read and that is not recorded would make simulations wrong."""
    full = facts(
        declared_class=DataClass.PHI,
        may_relax=frozenset({DataClass.PII}),
        purpose="a",
        subject_region="b",
        max_tier="cloud",
        has_media=True,
        has_tools=True,
        break_glass=True,
        uses=frozenset({"web_search"}),
        mfa=True,
        approved=True,
    )

    assert set(features_of(full, CLEAN, NAMED)["facts"]) == set(FACT_KEYS)


def test_text_that_no_rule_names_is_not_written() -> None:
    """A purpose is what somebody typed: only those that rules know are on record."""
    packs = load_policy([builtin_pack("part2"), builtin_pack("gdpr")], []).packs
    named = texts_named(packs)
    said = facts(purpose="for my patient Jane", subject_region="GB")

    assert named == {"legal_proceeding", "law_enforcement", "GB", "CH"}
    assert texts_named([]) == frozenset()
    written = features_of(said, CLEAN, named)["facts"]
    assert (written["purpose"], written["subject_region"]) == (OTHER, "GB")


def test_features_may_stand_inside_an_audit_record() -> None:
    """Then nothing is missing; a day that is not recorded is today."""
    inside = {"event": "intent", "features": {"findings": {"data_class": "phi"}}}

    assert read(inside).findings == Findings(DataClass.PHI)
    assert read(inside).facts.today == TODAY
    assert read(inside).missing == frozenset()


def test_an_audit_record_without_features_gives_what_it_has() -> None:
    """Class, kinds, errors, tenant and day; the rest is named as missing."""
    record = {
        "event": "intent",
        "attempt": 1,
        "t": 1_790_000_000.5,
        "tenant": "acme",
        "class": "confidential",
        "detected": "public",
        "kinds": ["URL"],
        "errors": ["slow"],
    }
    recorded = read(record)

    assert recorded.findings == Findings(DataClass.PUBLIC, frozenset({"URL"}), ("slow",))
    assert (recorded.facts.tenant, recorded.facts.default_class) == ("acme", DataClass.CONFIDENTIAL)
    assert recorded.facts.today == datetime.date(2026, 9, 21)
    assert recorded.missing >= {"role", "purpose", "declared_class"}
    assert not recorded.missing & {"tenant", "today", "default_class"}
    assert read({"event": "refused", "class": "phi"}).findings == Findings(DataClass.UNKNOWN)


@pytest.mark.parametrize(
    "record",
    [{"event": "outcome"}, {"event": "intent", "attempt": 2}, {}, {"features": 1}],
)
def test_records_of_something_else(record: dict[str, Any]) -> None:
    """An outcome, or a second attempt at the same request, is no decision."""
    assert read(record) is None


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"findings": {"data_class": "secrets"}}, "unknown class 'secrets'"),
        ({"findings": {}}, "findings has no 'data_class'"),
        ({"findings": [1]}, "expected a mapping for findings"),
        ({"findings": {"data_class": "phi"}, "facts": {"rol": "x"}}, "unknown key 'rol' in facts"),
        ({"findings": {"data_class": "phi"}, "x": 1}, "unknown key 'x' in a record"),
        ({"findings": {"data_class": "phi"}, "facts": {"has_media": 1}}, "expected true or false"),
        ({"findings": {"data_class": None}}, "expected text"),
        ({"event": "intent", "class": "phi", "kinds": ["NOM"]}, "unknown kind 'NOM'"),
    ],
)
def test_features_that_are_none(record: dict[str, Any], message: str) -> None:
    """Each fault is named with file and line."""
    with pytest.raises(PolicyError, match=message) as caught:
        read(record)

    assert (caught.value.file, caught.value.line) == ("f.jsonl", 7)
