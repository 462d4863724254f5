# SPDX-License-Identifier: Apache-2.0
"""decide: the class, the device by default, errors as forbids, the reason for the header."""

import datetime
from dataclasses import replace
from typing import Any

import pytest

from policies import (
    Baa,
    DataClass,
    Destination,
    Findings,
    Obligation,
    Policy,
    ReasonCode,
    Tier,
    builtin_pack,
    decide,
    load_policy,
)
from policies.engine import effective_class, known_class
from policies.pack import Pack
from policies.reference import decide_naively
from policies.rules import All, Effect, In
from tests.policies.samples import (
    BAA,
    CLEAN,
    CLOUD,
    COVERED,
    DEVICE,
    ONPREM,
    PHI,
    TODAY,
    facts,
    policy,
)
from tests.policies.strategies import rule

PERMIT = rule(Effect.PERMIT, All(()), "all")
READS_PURPOSE = In("purpose", frozenset({"x"}))
HIPAA = load_policy([builtin_pack("hipaa")], [CLOUD, DEVICE, ONPREM, COVERED])


class Raising:
    """A value that fails at every touch."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("touched")


@pytest.mark.parametrize(
    ("given", "findings", "expected"),
    [
        ({}, CLEAN, DataClass.INTERNAL),
        ({"default_class": DataClass.PUBLIC}, CLEAN, DataClass.PUBLIC),
        ({}, PHI, DataClass.PHI),
        ({"has_media": True}, CLEAN, DataClass.PHI),
        ({"has_media": True}, Findings(DataClass.SECRET), DataClass.SECRET),
        ({"declared_class": DataClass.PII}, CLEAN, DataClass.PII),
        ({"declared_class": DataClass.PUBLIC}, PHI, DataClass.PHI),
        (
            {"declared_class": DataClass.PUBLIC, "may_relax": frozenset(DataClass)},
            PHI,
            DataClass.PHI,  # above PII nobody can have the right
        ),
        (
            {"declared_class": DataClass.PUBLIC, "may_relax": frozenset({DataClass.PII})},
            Findings(DataClass.PII),
            DataClass.PUBLIC,
        ),
        (
            {"declared_class": DataClass.PUBLIC, "may_relax": frozenset({DataClass.PII})},
            PHI,
            DataClass.PHI,
        ),
        ({"declared_class": DataClass.PUBLIC, "may_relax": "phi"}, PHI, DataClass.PHI),
        (
            {"declared_class": DataClass.PUBLIC, "may_relax": frozenset({DataClass.UNKNOWN})},
            Findings.unknown("timeout"),
            DataClass.UNKNOWN,
        ),
    ],
)
def test_effective_class(given: dict[str, Any], findings: Findings, expected: DataClass) -> None:
    """Clients raise; only who may relax the class that was found lowers; errors are final."""
    assert effective_class(facts(**given), findings) is expected


def test_device_comes_first_and_the_rest_in_order() -> None:
    """A clean request reaches everything under hipaa, the device before all."""
    decision = decide(facts(), CLEAN, HIPAA)

    assert decision.allowed == ("device", "cloud", "onprem", "covered")
    assert decision.primary_reason == ReasonCode.CLEAN_MAY_LEAVE
    assert (DataClass.INTERNAL, HIPAA.hash, ()) == (
        decision.data_class,
        decision.policy_hash,
        decision.errors,
    )


def test_health_information_goes_where_an_agreement_covers_it() -> None:
    """PHI reaches the covered destination only, and is not to be stored there."""
    decision = decide(facts(), PHI, HIPAA)

    assert decision.allowed == ("device", "covered")
    assert decision.primary_reason == ReasonCode.BAA_COVERS
    assert frozenset({Obligation.NO_STORE}) == decision.obligations


def test_nothing_is_owed_where_nothing_leaves() -> None:
    """The obligation of hipaa is about destinations other than the device."""
    assert frozenset() == decide(facts(max_tier=Tier.DEVICE), PHI, HIPAA).obligations


def test_agreement_ends_with_its_day() -> None:
    """The day after the agreement expired PHI stays; caches do not remember yesterday."""
    tomorrow = facts(today=TODAY + datetime.timedelta(days=1))

    assert "covered" in decide(facts(), PHI, HIPAA).allowed
    assert decide(tomorrow, PHI, HIPAA).allowed == ("device",)


@pytest.mark.parametrize(
    ("given", "findings", "expected"),
    [
        ({"endpoint": "embeddings"}, PHI, ReasonCode.TRAINS_ON_DATA),
        ({}, Findings.unknown("timeout"), ReasonCode.DETECTOR_ERROR),
        ({}, Findings(DataClass.UNKNOWN), ReasonCode.UNKNOWN_STAYS_ON_DEVICE),
        ({}, Findings(DataClass.SECRET), ReasonCode.SECRET_STAYS_ON_DEVICE),
        ({}, Findings(DataClass.GENETIC), ReasonCode.STRICTER_LAW_STAYS_ON_DEVICE),
        ({"max_tier": Tier.DEVICE}, CLEAN, ReasonCode.MAX_TIER),
    ],
)
def test_reason_why_it_stays(
    given: dict[str, Any], findings: Findings, expected: ReasonCode
) -> None:
    """The header's code is that of the first rule that stopped the request."""
    decision = decide(facts(**given), findings, HIPAA)

    assert (("device",), expected) == (decision.allowed, decision.primary_reason)


@pytest.mark.parametrize(
    ("given", "findings", "code"),
    [
        ({}, Findings.unknown("timeout"), ReasonCode.DETECTOR_ERROR),
        ({}, Findings(DataClass.UNKNOWN), ReasonCode.UNKNOWN_STAYS_ON_DEVICE),
        ({"declared_class": DataClass.UNKNOWN}, CLEAN, ReasonCode.UNKNOWN_STAYS_ON_DEVICE),
        ({"break_glass": True}, Findings.unknown("timeout"), ReasonCode.DETECTOR_ERROR),
    ],
)
def test_what_is_unknown_stays_whatever_a_pack_permits(
    given: dict[str, Any], findings: Findings, code: ReasonCode
) -> None:
    """I3 does not hang on packs: one that permits everything, in an emergency too, lets out
    nothing that could not be judged, where no agreement covers it."""
    decision = decide(facts(**given), findings, policy(PERMIT))

    assert (decision.allowed, decision.primary_reason) == (("device",), code)
    assert "engine/unknown-stays" in {reason.rule_id for reason in decision.reasons}
    assert decision.errors == findings.errors


@pytest.mark.parametrize("effect", [Effect.FORBID, Effect.OBLIGE])
def test_a_rule_that_fails_forbids(effect: Effect) -> None:
    """A forbid or oblige rule that cannot be evaluated keeps everything on the device."""
    broken = facts(purpose=["unhashable"])
    decision = decide(broken, CLEAN, policy(PERMIT, rule(effect, READS_PURPOSE, "bad")))

    assert (decision.allowed, decision.primary_reason) == (("device",), ReasonCode.POLICY_ERROR)
    assert decision.errors == ("p/bad: TypeError",)


def test_a_permit_that_fails_permits_nothing() -> None:
    """Another permit still may; alone it leaves the device only."""
    broken, bad = facts(purpose=["unhashable"]), rule(Effect.PERMIT, READS_PURPOSE, "bad")

    assert decide(broken, CLEAN, policy(bad)).allowed == ("device",)
    assert decide(broken, CLEAN, policy(bad, PERMIT)).allowed == ("device", "cloud")


@pytest.mark.parametrize(
    "changed",
    [
        {"request_id": None},
        {"endpoint": []},
        {"today": "2026-07-01"},
        {"max_tier": "near"},
        {"declared_class": "phi"},
        {"default_class": None},
    ],
)
def test_faulty_facts_leave_the_device_only(changed: dict[str, Any]) -> None:
    """A value of the wrong type is a policy error, of the class UNKNOWN, and leaves no trace."""
    decision = decide(facts(**changed), CLEAN, HIPAA)

    assert (decision.allowed, decision.data_class) == (("device",), DataClass.UNKNOWN)
    assert decision.primary_reason == ReasonCode.POLICY_ERROR
    assert frozenset({Obligation.NO_STORE, Obligation.NO_CACHE}) == decision.obligations
    assert dict(decision.cleared) == {}
    assert decision.request_id == ("" if "request_id" in changed else "r1")


@pytest.mark.parametrize("kinds", [["SECRET"], "SECRET", {"SECRET"}, None])
def test_kinds_must_be_a_frozenset(kinds: Any) -> None:
    """Other collections could slip past a rule, so they are an error."""
    decision = decide(facts(), replace(CLEAN, kinds=kinds), HIPAA)

    assert (decision.allowed, decision.errors) == (("device",), ("TypeError",))


def test_values_that_raise_at_every_touch() -> None:
    """Even then there is a decision, and it names the type of the fault only."""
    broken: Any = Raising()
    decision = decide(broken, broken, broken)

    assert (decision.allowed, decision.errors, decision.policy_hash) == ((), ("RuntimeError",), "")


def test_no_pack_means_the_device_only() -> None:
    """Without any pack nothing is permitted."""
    decision = decide(facts(), CLEAN, Policy.of([], [DEVICE, CLOUD]))

    assert (decision.allowed, decision.primary_reason) == (("device",), ReasonCode.NO_PERMIT)


def test_packs_tighten_each_other() -> None:
    """What one pack does not permit stays, whatever the other says."""
    generous, strict = Pack(name="a", rules=(PERMIT,)), Pack(name="b", rules=())

    assert "cloud" in decide(facts(), CLEAN, Policy.of([generous], [CLOUD])).allowed
    assert decide(facts(), CLEAN, Policy.of([generous, strict], [CLOUD])).allowed == ()


@pytest.mark.parametrize(
    ("given", "findings", "expected"),
    [
        ({}, PHI, DataClass.PHI),
        ({"has_media": True}, CLEAN, DataClass.PHI),
        (
            {"declared_class": DataClass.PUBLIC, "may_relax": frozenset(DataClass)},
            PHI,
            DataClass.PHI,
        ),
        ({}, Findings(DataClass.UNKNOWN), DataClass.UNKNOWN),
        ({"declared_class": DataClass.UNKNOWN}, CLEAN, DataClass.UNKNOWN),
        ({}, Findings.unknown("timeout"), DataClass.INTERNAL),
        ({}, Findings(DataClass.SECRET, errors=("slow",)), DataClass.SECRET),
        ({"default_class": DataClass.UNKNOWN}, Findings.unknown("timeout"), DataClass.UNKNOWN),
        ({"declared_class": DataClass.PHI}, Findings.unknown("timeout"), DataClass.PHI),
        ({"has_media": True}, Findings.unknown("timeout"), DataClass.PHI),
        (
            {
                "declared_class": DataClass.PUBLIC,
                "may_relax": frozenset(DataClass),
                "default_class": DataClass.PII,
            },
            Findings.unknown("timeout"),
            DataClass.PII,
        ),
    ],
)
def test_known_class(given: dict[str, Any], findings: Findings, expected: DataClass) -> None:
    """The highest of what was said, which nobody relaxes; a failed detector's UNKNOWN is not."""
    assert known_class(facts(**given), findings) is expected


def test_a_failed_detector_does_not_hide_that_a_request_is_blocked() -> None:
    """Blocked stays the reason; the failure is listed."""
    halt = rule(Effect.BLOCK, All(()), "halt")
    decision = decide(facts(), Findings.unknown("x"), policy(PERMIT, halt))

    assert (decision.allowed, decision.verdict) == ((), "block")
    assert decision.primary_reason == ReasonCode.FORBIDDEN
    assert ReasonCode.DETECTOR_ERROR in {reason.code for reason in decision.reasons}


@pytest.mark.parametrize(
    ("given", "is_allowed"),
    [({}, True), ({"has_tools": True}, False), ({"has_media": True}, True)],
)
def test_features_of_the_request_must_be_within_the_agreement(
    given: dict[str, Any], is_allowed: bool
) -> None:
    """Tools or media that the agreement does not cover keep health information here."""
    baa = replace(BAA, features=frozenset({"media"}))
    there = load_policy([builtin_pack("hipaa")], [DEVICE, replace(COVERED, baa=baa)])

    assert ("covered" in decide(facts(**given), PHI, there).allowed) is is_allowed


def test_a_use_that_an_agreement_leaves_out_is_not_covered() -> None:
    """Half a scope is no scope: what the provider is asked to do besides must be within it."""
    agreement = Baa(id="b", expires=TODAY, scope=frozenset({"chat"}), features=frozenset({"tools"}))
    there = Destination(
        name="cloud", tier=Tier.CLOUD, origin="https://c.example:443", baa=agreement
    )
    permit = rule(Effect.PERMIT, In("baa", frozenset({True})), "covered")
    for uses, is_allowed in [(set(), True), ({"web_search"}, False)]:
        given = facts(uses=frozenset(uses))
        decision = decide(given, CLEAN, policy(permit, there=(there,)))
        assert ("cloud" in decision.allowed) is is_allowed
        allowed, _, _ = decide_naively(given, CLEAN, policy(permit, there=(there,)))
        assert ("cloud" in allowed) is is_allowed
