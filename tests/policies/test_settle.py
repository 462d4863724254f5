# SPDX-License-Identifier: Apache-2.0
"""Outcomes: what is reported, and in which order."""

from dataclasses import replace

import pytest

from policies import Obligation, ReasonCode
from policies.decision import Outcome, Reason
from policies.pack import Pack
from policies.rules import All, Effect
from policies.settle import mask_of, settle
from policies.terms import Terms
from tests.policies.samples import CLOUD, DEVICE, ONPREM
from tests.policies.strategies import rule

THERE = (DEVICE, ONPREM, CLOUD, replace(CLOUD, name="nowhere", origin=""))
PACK = Pack(
    name="p",
    rules=(
        rule(Effect.PERMIT, All(()), "let"),
        rule(Effect.FORBID, All(()), "stop"),
        rule(Effect.OBLIGE, All(()), "owe"),
    ),
    otherwise=ReasonCode.BAA_MISSING,
)
LIMITS = {ReasonCode.MAX_TIER, ReasonCode.NO_ORIGIN}
NONE_FAILED: frozenset[int] = frozenset()


def test_mask_of_sets_one_bit_for_each() -> None:
    """Bit i stands for destination i."""
    assert mask_of(THERE, lambda d: d.tier == "cloud") == 0b1100


def test_reasons_are_ordered_and_name_rule_and_destination() -> None:
    """Forbids, default denials, limits of the engine, then permits and obligations."""
    outcome = settle((PACK,), THERE, (0b0111, 0b0100, 0b0010), 0b0111, NONE_FAILED)

    assert outcome.reasons == (
        Reason(ReasonCode.FORBIDDEN, "p/stop", "cloud"),
        Reason(ReasonCode.BAA_MISSING, "p/otherwise", "nowhere"),
        Reason(ReasonCode.MAX_TIER, "", "nowhere"),
        Reason(ReasonCode.NO_ORIGIN, "", "nowhere"),
        Reason(ReasonCode.PERMITTED, "p/let", "onprem"),
        Reason(ReasonCode.FORBIDDEN, "p/owe", "onprem"),
    )
    assert outcome.allowed == ("device", "onprem")
    assert outcome.leaving == {"onprem": ONPREM.origin}
    assert outcome.obligations == {Obligation.NO_STORE}
    assert outcome.primary_reason == ReasonCode.PERMITTED


def test_obligation_holds_on_the_device_too() -> None:
    """A rule about the device binds it although nothing leaves."""
    outcome = settle((PACK,), THERE, (0, 0, 0b0001), 0b1111, NONE_FAILED)

    assert outcome.allowed == ("device",)
    assert outcome.obligations == {Obligation.NO_STORE}


def test_obligation_for_a_stopped_destination_binds_nobody() -> None:
    """What is owed elsewhere does not matter when nothing goes there."""
    outcome = settle((PACK,), THERE, (0, 0, 0b0100), 0b1111, NONE_FAILED)

    assert frozenset() == outcome.obligations


def test_a_failed_rule_is_reported_as_such() -> None:
    """Its code is policy_error and it stops everything."""
    outcome = settle((PACK,), THERE, (0b1111, 0, 0), 0b1111, frozenset({1}))

    assert (outcome.allowed, outcome.primary_reason) == (("device",), ReasonCode.POLICY_ERROR)


def test_no_other_destination_is_a_reason_of_its_own() -> None:
    """Where only the device is configured nothing was let or stopped."""
    assert settle((PACK,), (DEVICE,), (1, 0, 0), 1, NONE_FAILED).primary_reason == "only_device"


def halted(*effects: Effect, masks: tuple[int, ...], within: int = 0b0111) -> Outcome:
    """The outcome of a permit for all and of rules with these effects and masks."""
    rules = [rule(Effect.PERMIT, All(()), "let")]
    rules += [replace(rule(e, All(()), str(e)), reason=CODES[e]) for e in effects]
    pack = Pack(name="p", rules=tuple(rules))
    return settle((pack,), THERE, (0b1111, *masks), within, NONE_FAILED)


CODES = {
    Effect.BLOCK: ReasonCode.BLOCKED,
    Effect.QUEUE: ReasonCode.QUEUED,
    Effect.APPROVE: ReasonCode.NEEDS_APPROVAL,
    Effect.FORBID: ReasonCode.FORBIDDEN,
}


def test_block_closes_the_device_too() -> None:
    """A matching block leaves nothing, says so first, and owes nothing."""
    outcome = halted(Effect.FORBID, Effect.BLOCK, masks=(0b0110, 0b1111))

    assert (outcome.allowed, dict(outcome.leaving)) == ((), {})
    assert (outcome.verdict, outcome.primary_reason) == ("block", "blocked")
    assert outcome.reasons[0] == Reason(ReasonCode.BLOCKED, "p/block", "device")


@pytest.mark.parametrize(
    ("effects", "verdict", "reason"),
    [
        ((Effect.QUEUE,), "queue", "queued"),
        ((Effect.APPROVE,), "approve", "needs_approval"),
        ((Effect.QUEUE, Effect.APPROVE), "approve", "needs_approval"),
    ],
)
def test_queue_and_approve_leave_the_device_for_now(
    effects: tuple[Effect, ...], verdict: str, reason: str
) -> None:
    """Nothing leaves yet; approval is the stronger of the two."""
    outcome = halted(*effects, masks=(0b1111,) * len(effects))

    assert (outcome.allowed, dict(outcome.leaving)) == (("device",), {})
    assert (outcome.verdict, outcome.primary_reason) == (verdict, reason)


@pytest.mark.parametrize("effect", [Effect.QUEUE, Effect.APPROVE])
def test_what_may_never_leave_is_not_kept_waiting(effect: Effect) -> None:
    """Where a forbid stops everything, approval would lead nowhere: the device answers."""
    outcome = halted(effect, Effect.FORBID, masks=(0b1111, 0b1111))

    assert (outcome.verdict, outcome.primary_reason) == ("local_only", "forbidden")
    assert {r.code for r in outcome.reasons} == {ReasonCode.FORBIDDEN, *LIMITS}


def test_rules_that_match_nothing_halt_nothing() -> None:
    """A block, queue or approve that does not match changes nothing."""
    outcome = halted(Effect.BLOCK, Effect.QUEUE, Effect.APPROVE, masks=(0, 0, 0))

    assert outcome.allowed == ("device", "onprem", "cloud")
    assert outcome.verdict == "allow"


@pytest.mark.parametrize("effect", [e for e in Effect if e is not Effect.PERMIT])
def test_a_rule_that_fails_is_a_forbid_whatever_its_effect(effect: Effect) -> None:
    """It leaves the device, and nothing else."""
    pack = Pack(name="p", rules=(PACK.rules[0], rule(effect, All(()), "bad")))
    outcome = settle((pack,), THERE, (0b1111, 0), 0b1111, frozenset({1}))

    assert (outcome.allowed, outcome.verdict) == (("device",), "local_only")
    assert outcome.primary_reason == ReasonCode.POLICY_ERROR


def test_a_failed_obligation_is_owed_all_the_same() -> None:
    """What could not be evaluated might have been owed, so it is, on the device."""
    outcome = settle((PACK,), THERE, (0b1111, 0, 0), 0b1111, frozenset({2}))

    assert outcome.obligations == {Obligation.NO_STORE}


def test_terms_of_what_is_owed_are_joined() -> None:
    """Only rules that match what is allowed have a say."""
    owe = PACK.rules[2]
    pack = Pack(
        name="p",
        rules=(
            PACK.rules[0],
            replace(owe, id="a", terms=Terms(keep_turns=3)),
            replace(owe, id="b", terms=Terms(redact=frozenset({"SSN"}))),
            replace(owe, id="c", terms=Terms(keep_turns=1)),
        ),
    )
    outcome = settle((pack,), THERE, (0b0111, 0b0100, 0b0001, 0b1000), 0b1111, NONE_FAILED)

    assert outcome.terms == Terms(keep_turns=3, redact=frozenset({"SSN"}))


def test_what_stops_others_is_no_reason_about_the_device() -> None:
    """Forbids, missing permits and limits may match the device; it is allowed all the same."""
    outcome = settle((PACK,), THERE, (0, 0b1111, 0), 0b0001, NONE_FAILED)

    assert outcome.allowed == ("device",)
    assert "device" not in {reason.destination for reason in outcome.reasons}
    assert "device" not in {r.destination for r in settle((), THERE, (), 1, NONE_FAILED).reasons}
