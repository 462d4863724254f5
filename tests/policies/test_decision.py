# SPDX-License-Identifier: Apache-2.0
"""The seal: clearances and decisions come from decide only and cannot be changed or copied."""

import copy
import dataclasses
import pickle
from typing import Any

import pytest

from policies import Cleared, DataClass, Decision, ReasonCode, builtin_pack, decide, load_policy
from policies.decision import Clearances, Outcome
from tests.policies.samples import CLEAN, CLOUD, DEVICE, facts

POLICY = load_policy([builtin_pack("open")], [DEVICE, CLOUD])
OUTCOME = Outcome((), {}, frozenset(), (), ReasonCode.NO_PERMIT)


def decision() -> Decision:
    """A decision that clears the cloud."""
    return decide(facts(), CLEAN, POLICY)


def sealed() -> list[Any]:
    """One of each sealed type."""
    made = decision()
    return [made, made.cleared, made.cleared["cloud"]]


def test_clearance_names_request_destination_and_origin() -> None:
    """A clearance is for one request and one origin."""
    cleared = decision().cleared["cloud"]

    assert ("r1", "cloud", CLOUD.origin) == (
        cleared.request_id,
        cleared.destination,
        cleared.origin,
    )


@pytest.mark.parametrize("seal", [None, object(), "seal"])
def test_nobody_else_can_make_one(seal: object) -> None:
    """Without the seal every sealed constructor raises TypeError."""
    with pytest.raises(TypeError, match=r"only policies\.decide"):
        Cleared(seal, "r1", "cloud", CLOUD.origin)
    with pytest.raises(TypeError, match=r"only policies\.decide"):
        Clearances(seal, "r1", {"cloud": CLOUD.origin})
    with pytest.raises(TypeError, match=r"only policies\.decide"):
        Decision(
            seal,
            request_id="r1",
            data_class=DataClass.PUBLIC,
            outcome=OUTCOME,
            policy_hash="",
            errors=(),
        )
    with pytest.raises(TypeError):
        Cleared(request_id="r1", destination="cloud", origin="")  # type: ignore[call-arg]


@pytest.mark.parametrize("index", range(3))
def test_it_cannot_be_copied_changed_or_pickled(index: int) -> None:
    """No standard way of copying or changing works."""
    value = sealed()[index]
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps, dataclasses.replace):
        with pytest.raises(TypeError):
            attempt(value)
    with pytest.raises(TypeError, match="cannot be changed"):
        value.request_id = "r2"
    with pytest.raises(TypeError, match="cannot be changed"):
        del value.request_id


@pytest.mark.parametrize("kind", [Cleared, Decision, Clearances])
def test_it_cannot_be_subclassed(kind: type) -> None:
    """A subclass would pass isinstance without a seal, so there is none."""
    with pytest.raises(TypeError, match="subclassed"):
        type("Fake", (kind,), {})


def test_equal_when_all_values_are() -> None:
    """The same request decided twice is equal; another request is not."""
    other = decide(facts(request_id="r2"), CLEAN, POLICY)

    assert decision() == decision()
    assert decision() != other
    assert decision().cleared["cloud"] != other.cleared["cloud"]
    assert decision() != object()


def test_clearances_are_a_mapping_of_what_is_allowed() -> None:
    """Only allowed destinations have a clearance; the device needs none."""
    cleared = decision().cleared

    assert (list(cleared), len(cleared)) == (["cloud"], 1)
    with pytest.raises(KeyError):
        cleared["device"]


def test_repr_names_every_value() -> None:
    """What a decision says can be read in a test failure or a debugger."""
    assert "Cleared(request_id='r1', destination='cloud'" in repr(decision().cleared["cloud"])
    assert "primary_reason=<ReasonCode.PERMITTED" in repr(decision())
