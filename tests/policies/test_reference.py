# SPDX-License-Identifier: Apache-2.0
"""The oracle on cases whose answer is plain."""

from policies import Facts, Findings, Obligation, Policy, Tier, builtin_pack, load_policy
from policies.reference import decide_naively
from policies.rules import All, Effect, In, Rule
from tests.policies.samples import CLEAN, CLOUD, COVERED, DEVICE, PHI, facts, policy
from tests.policies.strategies import rule

HIPAA = load_policy([builtin_pack("hipaa")], [DEVICE, CLOUD, COVERED])


def allowed_and_owed(
    facts: Facts, findings: Findings, policy: Policy
) -> tuple[set[str], set[Obligation]]:
    """The answer of the oracle."""
    allowed, owed, _ = decide_naively(facts, findings, policy)
    return set(allowed), set(owed)


def test_hipaa() -> None:
    """PHI goes to the covered cloud, not stored; within the device tier nowhere."""
    near = facts(max_tier=Tier.DEVICE)

    assert allowed_and_owed(facts(), PHI, HIPAA) == ({"device", "covered"}, {Obligation.NO_STORE})
    assert allowed_and_owed(facts(), CLEAN, HIPAA) == ({"device", "cloud", "covered"}, set())
    assert allowed_and_owed(near, CLEAN, HIPAA) == ({"device"}, set())


def test_failing_rules() -> None:
    """A forbid that fails forbids; a permit that fails does not permit."""
    reads = In("purpose", frozenset({"x"}))
    broken, permit = facts(purpose=[]), rule(Effect.PERMIT, All(()))
    forbidding = policy(permit, rule(Effect.FORBID, reads, "bad"))
    silent = policy(rule(Effect.PERMIT, reads))

    assert allowed_and_owed(broken, CLEAN, forbidding) == ({"device"}, set())
    assert allowed_and_owed(broken, CLEAN, silent) == ({"device"}, set())


def test_verdicts() -> None:
    """Halting rules close what would be open; approval is the stronger of two delays."""
    permit = rule(Effect.PERMIT, All(()))
    queue, approve, block = (
        rule(effect, All(()), str(effect))
        for effect in (Effect.QUEUE, Effect.APPROVE, Effect.BLOCK)
    )

    def verdict(*rules: Rule) -> tuple[set[str], str]:
        allowed, _, word = decide_naively(facts(), CLEAN, policy(*rules))
        return set(allowed), word

    assert verdict(permit) == ({"device", "cloud"}, "allow")
    assert verdict(permit, queue) == ({"device"}, "queue")
    assert verdict(permit, queue, approve) == ({"device"}, "approve")
    assert verdict(queue) == ({"device"}, "local_only")
    assert verdict(permit, approve, block) == (set(), "block")
