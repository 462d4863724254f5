# SPDX-License-Identifier: Apache-2.0
"""Approvals on disk: asked once, answered once, by somebody else, for a time; doubt is a no."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.errors import BadRequest, Conflict, Forbidden, NotFound
from gateway.state.approvals import Approvals
from gateway.state.secret import Secret
from tests.gateway.fakes import FakeClock

TTL_S = 100.0
SHOWN: dict[str, Any] = {
    "tenant": "acme",
    "asker": "ada",
    "data_class": "phi",
    "kinds": ["NAME"],
    "purpose": "",
    "rules": ["p/ask"],
    "body_bytes": 12,
    "policy": "sha256:0",
}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1000.0)


@pytest.fixture
def approvals(tmp_path: Path, clock: FakeClock) -> Approvals:
    return Approvals(
        tmp_path / "approvals", secret=Secret(b"k"), clock=clock, ttl_s=TTL_S, capacity=2
    )


@pytest.fixture
def name(approvals: Approvals) -> str:
    return approvals.id_of("a", "request")


def test_from_asking_to_expiry(approvals: Approvals, clock: FakeClock, name: str) -> None:
    """Looking asks for nothing; an approval ends, and then it is to be asked anew."""
    assert approvals.look(name).state == "not_asked"
    assert approvals.waiting() == []
    assert approvals.ask(name, SHOWN).state == "pending"
    clock.now += 60
    asked = approvals.find(name, "bob")
    assert approvals.answer(asked, "bob", "approved") == 1160.0
    assert approvals.ask(name, SHOWN).is_granted
    assert approvals.waiting() == []
    clock.now += TTL_S - 1
    assert approvals.look(name).is_granted

    clock.now += 1
    assert approvals.look(name).state == "not_asked"
    assert approvals.ask(name, SHOWN).state == "pending"
    approvals.answer(approvals.find(name, "bob"), "bob", "refused")
    assert (approvals.look(name).state, approvals.look(name).is_granted) == ("refused", False)


def test_the_first_answer_stands(approvals: Approvals, name: str) -> None:
    """Also of two at once, who both found it without an answer."""
    approvals.ask(name, SHOWN)
    one, other = approvals.find(name, "bob"), approvals.find(name, "eve")
    approvals.answer(one, "bob", "refused")

    with pytest.raises(Conflict):
        approvals.answer(other, "eve", "approved")
    with pytest.raises(Conflict):
        approvals.find(name, "eve")
    assert approvals.look(name).state == "refused"


def test_who_may_not_answer_and_what_is_no_answer(approvals: Approvals, name: str) -> None:
    """Whoever asked, and anything but the two words."""
    approvals.ask(name, SHOWN)

    with pytest.raises(Forbidden):
        approvals.find(name, "ada")
    with pytest.raises(BadRequest):
        approvals.answer(approvals.find(name, "bob"), "bob", "maybe")
    for unknown in ("0" * 32, "", "../approvals/x", name.upper()):
        with pytest.raises(NotFound):
            approvals.find(unknown, "bob")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b'"approved"',
        b'{"verdict":"approved"}',
        b'{"verdict":"approved","until":"2099"}',
        b'{"verdict":"approved","until":999.0}',
        b'{"verdict":"approved","until":true}',
        b'{"verdict":"approved","until":1e9',
    ],
)
def test_what_is_not_whole_approves_nothing(
    approvals: Approvals, tmp_path: Path, name: str, data: bytes
) -> None:
    """A torn, foreign or late file is no approval, and does not stand in the way of one."""
    approvals.ask(name, SHOWN)
    (tmp_path / "approvals" / f"{name}.verdict").write_bytes(data)
    assert not approvals.look(name).is_granted

    other = approvals.id_of("another")
    approvals.ask(other, SHOWN)  # sweeps
    approvals.answer(approvals.find(name, "bob"), "bob", "approved")
    assert approvals.look(name).is_granted


def test_an_answer_of_another_word_is_a_refusal(
    approvals: Approvals, tmp_path: Path, name: str
) -> None:
    """Only one word opens."""
    approvals.ask(name, SHOWN)
    path = tmp_path / "approvals" / f"{name}.verdict"
    path.write_bytes(orjson.dumps({"verdict": "APPROVED", "until": 1e9}))

    assert approvals.look(name).state == "refused"


def test_only_so_many_wait(approvals: Approvals, clock: FakeClock) -> None:
    """Those beyond are not written down, until the time of others is over."""
    for word in "ab":
        assert approvals.ask(approvals.id_of(word), SHOWN).state == "pending"
    assert approvals.ask(approvals.id_of("c"), SHOWN).state == "not_asked"
    clock.now += TTL_S

    assert approvals.ask(approvals.id_of("c"), SHOWN).state == "pending"
    assert [asked.id for asked in approvals.waiting()] == [approvals.id_of("c")]


def test_a_disk_that_takes_nothing(approvals: Approvals, tmp_path: Path, name: str) -> None:
    """Then nothing was asked."""
    (tmp_path / "approvals").write_text("no directory")

    assert approvals.ask(name, SHOWN).state == "not_asked"


def test_a_request_of_another_version_waits_for_nothing(
    approvals: Approvals, tmp_path: Path, name: str
) -> None:
    """Its fields are others: it can be neither shown nor answered."""
    approvals.ask(name, SHOWN)
    (tmp_path / "approvals" / f"{name}.json").write_bytes(b'{"id":"x","until":1e9}')

    assert approvals.waiting() == []
    with pytest.raises(NotFound):
        approvals.find(name, "bob")


def test_ids_are_keyed_and_apart(approvals: Approvals) -> None:
    """Of other parts, another split or another secret; a key's code is no request's id."""
    other = Approvals(Path(), secret=Secret(b"x"), clock=FakeClock(), ttl_s=1)
    ids = {approvals.id_of("a", "b"), approvals.id_of("ab"), approvals.id_of("", "ab")}

    assert len(ids | {other.id_of("a", "b"), approvals.asker_of("a", "b")[:32]}) == 5
