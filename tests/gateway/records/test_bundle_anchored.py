# SPDX-License-Identifier: Apache-2.0
"""Evidence bundles against anchors: only what an anchor saw behind the period vouches for it."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from gateway.records.audit import AuditLog
from gateway.records.bundle import verify_bundle
from gateway.records.checkpoint import Checkpoint
from gateway.records.custody import signing_key
from gateway.records.series import Head
from tests.gateway.fakes import FakeClock
from tests.gateway.records.test_bundle import REQUESTS, bundle_of, question


async def anchored_log(directory: Path, *, has_left: bool, more: int = 0) -> list[Checkpoint]:
    """A request from 25 to 35 if one left; `more` of them later. The checkpoints made."""
    clock = FakeClock(10.0)
    log = AuditLog(directory, clock=clock, stall_s=10)
    made: list[Checkpoint | None] = []
    for t in (10, 20, *[30] * has_left, *[40] * more, 45, 50, 60, 70):
        clock.now = float(t)
        if t in (20, 50, 70):
            made.append(await log.checkpoint())
            continue
        data_class, tier, region = REQUESTS[40 if t == 30 else 30]
        entry = {"t": t, "event": "intent", "id": f"r{t}", "class": data_class, "region": region}
        classes = {"detected": "public", "facts": {"default_class": "internal"}}
        await log.intent({**entry, **classes, "to": tier, "tier": tier}, sync=False)
    log.close()
    return [checkpoint for checkpoint in made if checkpoint is not None]


def heads_of(*checkpoints: Checkpoint) -> list[tuple[Head, str]]:
    return [(head, "the anchor") for checkpoint in checkpoints for head in checkpoint.heads]


async def test_the_period_is_held_against_what_anchors_saw_behind_it(tmp_path: Path) -> None:
    """A log written anew under both keys passes for none that was anchored."""
    directory, forged = tmp_path / "audit", tmp_path / "forged"
    first, second, third = made = await anchored_log(directory, has_left=True)
    forged.mkdir()
    for name in ("key", "signing.key", "signing.pub"):
        shutil.copy(directory / name, forged / name)
    await anchored_log(forged, has_left=False, more=5)
    key = signing_key(directory).public_key()

    path, _ = bundle_of(directory, question(25, 35))
    for seen in (made, [second], [third]):  # an anchor may have missed the first one behind it
        verdict = verify_bundle(path, key, heads_of(*seen))
        assert (verdict.unanchored, verdict.answer["left"]) == ((), True)
        assert verdict.compared == {head for head, _ in heads_of(*seen)}
    assert verify_bundle(path, key, heads_of(first)).unanchored == (0,)
    until_then, _ = bundle_of(directory, question(25, 46))  # more may have come before 46
    assert verify_bundle(until_then, key, heads_of(second)).unanchored == (0,)
    path, _ = bundle_of(directory, question(25, 35))
    other = dataclasses.replace(third.heads[0], root=bytes(32))
    with pytest.raises(ValueError, match="anchors saw different records"):
        verify_bundle(path, key, [(other, "another"), *heads_of(third)])
    with pytest.raises(ValueError, match=f"saw other records before number {other.size}"):
        verify_bundle(path, key, [(other, "another")])

    path, _ = bundle_of(forged, question(25, 35))
    verdict = verify_bundle(path, key, heads_of(*made), {0: 70.0})
    assert (verdict.unanchored, verdict.answer["left"]) == ((0,), False)
    assert verdict.compared == set(first.heads)


@pytest.mark.parametrize(
    ("since", "until", "newest", "unanchored"),
    [
        (72, 80, 70.0, (0,)),  # nobody looked since
        (72, 80, 81.0, ()),
        (65, 80, 81.0, ()),
        (55, 65, 81.0, ()),
    ],
)
async def test_a_period_in_which_a_worker_had_nothing_to_do(
    tmp_path: Path, since: float, until: float, newest: float, unanchored: tuple[int, ...]
) -> None:
    """No checkpoint of its own comes after it: then one of another worker that names it, does."""
    made = await anchored_log(tmp_path / "audit", has_left=True)
    path, _ = bundle_of(tmp_path / "audit", question(since, until))
    key = signing_key(tmp_path / "audit").public_key()

    assert verify_bundle(path, key, heads_of(*made), {0: newest}).unanchored == unanchored
    assert verify_bundle(path, key, heads_of(made[0]), {0: newest}).unanchored == (0,)
    assert verify_bundle(path, key).unanchored == (0,)
