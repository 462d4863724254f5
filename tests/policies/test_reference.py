# SPDX-License-Identifier: Apache-2.0
"""The oracle on cases whose answer is plain."""

from policies import Obligation, Tier, builtin_pack, load_policy
from policies.reference import decide_naively
from policies.rules import All, Effect, In
from tests.policies.requests import CLEAN, CLOUD, COVERED, DEVICE, PHI, facts, policy
from tests.policies.strategies import rule

HIPAA = load_policy([builtin_pack("hipaa")], [DEVICE, CLOUD, COVERED])


def test_hipaa() -> None:
    """PHI goes to the covered cloud, not stored; within the device tier nowhere."""
    assert ({"device", "covered"}, {Obligation.NO_STORE}) == decide_naively(facts(), PHI, HIPAA)
    assert ({"device", "cloud", "covered"}, set()) == decide_naively(facts(), CLEAN, HIPAA)
    assert ({"device"}, set()) == decide_naively(facts(max_tier=Tier.DEVICE), CLEAN, HIPAA)


def test_failing_rules() -> None:
    """A forbid that fails forbids; a permit that fails does not permit."""
    reads = In("purpose", frozenset({"x"}))
    broken, permit = facts(purpose=[]), rule(Effect.PERMIT, All(()))
    only_device = ({"device"}, set[Obligation]())

    assert only_device == decide_naively(
        broken, CLEAN, policy(permit, rule(Effect.FORBID, reads, "bad"))
    )
    assert only_device == decide_naively(broken, CLEAN, policy(rule(Effect.PERMIT, reads)))
