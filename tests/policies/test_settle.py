# SPDX-License-Identifier: Apache-2.0
"""Outcomes: what is reported, and in which order."""

from dataclasses import replace

from policies import Obligation, ReasonCode
from policies.decision import Reason
from policies.pack import Pack
from policies.rules import All, Effect
from policies.settle import mask_of, settle
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
