# SPDX-License-Identifier: Apache-2.0
"""Evidence bundles against anchors: only what an anchor saw behind the period vouches for it."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import orjson
import pytest

from gateway.records.audit import AuditLog
from gateway.records.bundle import verify_bundle
from gateway.records.checkpoint import Checkpoint
from gateway.records.custody import signing_key
from gateway.records.evidence import Question
from gateway.records.series import Head
from gateway.records.verification import Kept, read_anchor
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
    """One that it made after the period, and that tells of nothing new, will do."""
    made = await anchored_log(tmp_path / "audit", has_left=True)
    path, _ = bundle_of(tmp_path / "audit", question(since, until))
    key = signing_key(tmp_path / "audit").public_key()

    assert verify_bundle(path, key, heads_of(*made), {0: newest}).unanchored == unanchored
    assert verify_bundle(path, key, heads_of(made[0]), {0: newest}).unanchored == (0,)
    assert verify_bundle(path, key).unanchored == (0,)


async def test_an_anchor_that_has_grown_past_a_bundle_holds_it_all_the_same(tmp_path: Path) -> None:
    """What was made later may be larger; a worker that begins elsewhere is another one's."""
    first, _, third = await anchored_log(tmp_path / "audit", has_left=True)
    key = signing_key(tmp_path / "audit").public_key()
    path, _ = bundle_of(tmp_path / "audit", question(15, 19))
    grown = dataclasses.replace(third.heads[0], size=900)
    anchored = [*heads_of(first), (grown, "the anchor")]

    with pytest.raises(ValueError, match="saw 900 records"):
        verify_bundle(path, key, anchored, seen_at={grown: 0.0})
    assert verify_bundle(path, key, anchored, seen_at={grown: 1e12}).compared == set(first.heads)
    elsewhere = dataclasses.replace(first.heads[0], base=7)
    with pytest.raises(ValueError, match="begin elsewhere"):
        verify_bundle(path, key, [(elsewhere, "the anchor")])


def test_a_head_heard_of_is_no_look_at_its_log(tmp_path: Path) -> None:
    """Another worker's later checkpoint names the head of one that may have gone on since."""
    signing = signing_key(tmp_path)
    mine, other = (Head(worker, 0, 9, bytes(32)) for worker in (0, 1))
    made = [
        Checkpoint.sign(signing, [mine, other], worker=1, t=10.0),
        Checkpoint.sign(signing, [mine, other], worker=0, t=50.0),
    ]
    anchor = tmp_path / "anchor.jsonl"
    anchor.write_bytes(b"".join(orjson.dumps(each.to_json()) + b"\n" for each in made))
    kept = Kept.joined([read_anchor(anchor, signing.public_key())] * 2)

    assert kept.newest == {0: 50.0, 1: 10.0}
    assert kept.seen_at == {mine: 10.0, other: 10.0}
    assert len(kept.heads) == 4


@pytest.mark.parametrize("change", [{"since": 50}, {"until": "nan"}, {"since": "-inf"}])
def test_a_period_that_is_none_is_no_question(change: dict[str, object]) -> None:
    """Nothing leaves in a period that ends before it begins."""
    with pytest.raises(ValueError, match="not a question"):
        Question.from_json({**question(25, 35).to_json(), **change})
