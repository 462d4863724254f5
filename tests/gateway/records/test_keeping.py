# SPDX-License-Identifier: Apache-2.0
"""When checkpoints are made, and who gets them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import orjson
import pytest

from gateway.records.anchors import Anchor, AnchorFailed
from gateway.records.archive import Archive
from gateway.records.audit import AuditLog, segments, verify_directory
from gateway.records.checkpoint import Checkpoint
from gateway.records.custody import read_public_key
from gateway.records.keeping import Keeper, Pace, Shelf
from tests.gateway.fakes import FakeClock


class Memory:
    """An anchor that remembers, fails on demand, and may hang."""

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.got: list[Checkpoint] = []
        self.is_failing = False
        self.hangs = False
        self.is_closed = False

    async def put(self, checkpoint: Checkpoint) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.is_failing:
            raise AnchorFailed("no")
        self.got.append(checkpoint)

    async def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def timer() -> FakeClock:
    return FakeClock(100.0)


@pytest.fixture
async def log(tmp_path: Path, timer: FakeClock) -> AsyncIterator[AuditLog]:
    log = AuditLog(tmp_path, clock=FakeClock(), timer=timer, stall_s=10)
    yield log
    log.close()


def keeper_of(
    log: AuditLog, timer: FakeClock, anchors: Sequence[Anchor] = (), *, records: int = 1000
) -> Keeper:
    """A keeper that makes a checkpoint after a minute or so many records, and retains a day."""
    directory = log._writer._directory
    return Keeper(
        log,
        anchors,
        Pace(60.0, records),
        Shelf(Archive(directory, 0), retention_s=86_400.0),
        clock=log._clock,
        timer=timer,
    )


async def write(log: AuditLog, records: int) -> None:
    for number in range(records):
        await log.intent({"event": "intent", "id": f"r{number}", "to": "c1"}, sync=False)


async def test_a_checkpoint_is_due_after_records_or_seconds(
    log: AuditLog, timer: FakeClock
) -> None:
    """Whichever comes first; and none without anything new."""
    anchor = Memory()
    keeper = keeper_of(log, timer, [anchor], records=5)
    await write(log, 3)
    await keeper.tick()
    assert anchor.got == []

    await write(log, 1)
    await keeper.tick()
    assert [c.heads[0].size for c in anchor.got] == [5]  # with the `open` record

    timer.now += 120
    await keeper.tick()
    assert len(anchor.got) == 1

    await write(log, 1)
    await keeper.tick()
    timer.now += 60
    await keeper.tick()
    assert [c.heads[0].size for c in anchor.got] == [5, 7]  # the checkpoint's own record counts


async def test_a_checkpoint_is_signed_and_in_the_log(
    log: AuditLog, timer: FakeClock, tmp_path: Path
) -> None:
    """What the anchor gets stands in the log too, and the public key fits."""
    anchor = Memory()
    keeper = keeper_of(log, timer, [anchor], records=1)
    await keeper.tick()

    (made,) = anchor.got
    assert made.is_signed_by(read_public_key(tmp_path / "signing.pub"))
    record = orjson.loads((tmp_path / "0-00000001.jsonl").read_bytes().splitlines()[1])
    assert record["event"] == "checkpoint"
    assert Checkpoint.from_json(record) == made


async def test_a_checkpoint_that_is_not_on_the_disk_is_shown_to_nobody(
    log: AuditLog, timer: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut it would look like a deletion."""

    def failing(*_: object) -> None:
        raise OSError("I/O error")

    monkeypatch.setattr(log._writer, "sync", failing)
    anchor = Memory()
    await keeper_of(log, timer, [anchor], records=1).tick()

    assert anchor.got == []
    assert not (tmp_path / "0.checkpoint").exists()


async def test_workers_name_each_other(log: AuditLog, timer: FakeClock, tmp_path: Path) -> None:
    """A checkpoint holds the head that every other worker last published."""
    other = AuditLog(tmp_path, clock=FakeClock(), worker=3, stall_s=10)
    assert await other.checkpoint() is not None
    await write(log, 2)
    made = await log.checkpoint()
    other.close()

    assert made is not None
    assert [(head.worker, head.size) for head in made.heads] == [(0, 3), (3, 1)]


async def test_records_that_come_while_a_checkpoint_is_made_are_news(
    log: AuditLog, timer: FakeClock
) -> None:
    """Only what a checkpoint covers is counted as covered."""
    await asyncio.gather(log.checkpoint(), write(log, 20))

    assert log.records_since_checkpoint == 20
    await log.checkpoint()
    assert log.records_since_checkpoint == 0


async def test_an_anchor_that_fails_is_tried_again_with_the_newest(
    log: AuditLog, timer: FakeClock
) -> None:
    """Others are not held up; it gets what is newest when it is back, after a pause."""
    good, bad = Memory("good"), Memory("bad")
    bad.is_failing = True
    keeper = keeper_of(log, timer, [good, bad], records=1)
    await keeper.tick()
    assert (len(good.got), len(bad.got), keeper.failing) == (1, 0, 1)

    await write(log, 1)
    bad.is_failing = False
    await keeper.tick()
    assert (len(good.got), len(bad.got), keeper.failing) == (2, 0, 1)

    timer.now += 10
    await keeper.tick()
    assert (len(good.got), keeper.failing) == (2, 0)
    assert bad.got == good.got[1:]


async def test_an_anchor_that_hangs_holds_up_nothing(
    log: AuditLog, timer: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts as failing, is not asked again meanwhile, and the others get every checkpoint."""
    monkeypatch.setattr("gateway.records.keeping._PATIENCE_S", 0.01)
    good, stuck = Memory("good"), Memory("stuck")
    stuck.hangs = True
    keeper = keeper_of(log, timer, [good, stuck], records=1)
    await keeper.tick()
    await write(log, 1)
    stuck.hangs = False
    await keeper.tick()

    assert (len(good.got), stuck.got, keeper.failing) == (2, [], 1)
    await keeper.finish()


async def test_a_fault_in_a_tick_is_not_the_last(
    log: AuditLog, timer: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keeper goes on after an error that nobody thought of."""
    monkeypatch.setattr("gateway.records.keeping._TICK_S", 0.001)
    keeper, ticks = keeper_of(log, timer), 0

    async def tick() -> None:
        nonlocal ticks
        ticks += 1
        raise KeyError("oops")

    monkeypatch.setattr(keeper, "tick", tick)
    task = asyncio.create_task(keeper.run())
    async with asyncio.timeout(5):
        while ticks < 3:
            await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_no_checkpoint_while_the_log_cannot_be_written(
    log: AuditLog, timer: FakeClock
) -> None:
    """A log that is not healthy makes none, and says nothing false."""
    anchor = Memory()
    log._writer.problem = "no space"
    keeper = keeper_of(log, timer, [anchor], records=1)
    await keeper.tick()

    assert anchor.got == []


async def test_the_last_checkpoint_leaves_at_the_end(
    log: AuditLog, timer: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is new is anchored at the stop, and an anchor that hangs delays it little."""
    monkeypatch.setattr("gateway.records.keeping._FAREWELL_S", 0.02)
    good, stuck = Memory("good"), Memory("stuck")
    stuck.hangs = True
    keeper = keeper_of(log, timer, [good, stuck], records=100)
    await write(log, 2)
    await keeper.finish()

    assert [c.heads[0].size for c in good.got] == [3]
    assert good.is_closed
    assert stuck.is_closed


async def test_run_ticks_until_cancelled(
    log: AuditLog, timer: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keeper looks after the log by itself."""
    monkeypatch.setattr("gateway.records.keeping._TICK_S", 0.001)
    anchor = Memory()
    task = asyncio.create_task(keeper_of(log, timer, [anchor], records=1).run())
    async with asyncio.timeout(5):
        while not anchor.got:
            await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_closed_segments_are_tidied_once_a_minute(
    log: AuditLog, timer: FakeClock, tmp_path: Path
) -> None:
    """What was closed is compressed, and what is too old is retired, on record."""
    clock = log._clock
    assert isinstance(clock, FakeClock)
    log.close()
    clock.now += 100_000
    await asyncio.to_thread(AuditLog(tmp_path, clock=clock).close)
    newest = AuditLog(tmp_path, clock=clock, stall_s=10)
    keeper = keeper_of(newest, timer)
    await keeper.tick()
    assert names(tmp_path) == [f"0-0000000{n}.jsonl" for n in (1, 2, 3)]

    clock.now += 86_000
    timer.now += 60
    await keeper.tick()
    assert names(tmp_path) == ["0-00000001.jsonl.gz", "0-00000002.jsonl.gz", "0-00000003.jsonl"]

    clock.now += 1000
    timer.now += 60
    await keeper.tick()
    newest.close()
    assert names(tmp_path) == ["0-00000003.jsonl"]
    assert verify_directory(tmp_path)[2] == []


async def test_nothing_is_deleted_that_could_not_be_recorded(
    log: AuditLog, timer: FakeClock, tmp_path: Path
) -> None:
    """With a log that cannot be written the old segments stay."""
    clock = log._clock
    assert isinstance(clock, FakeClock)
    log.close()
    newest = AuditLog(tmp_path, clock=clock, timer=timer, stall_s=10)
    clock.now += 1e6
    newest._writer._fail(OSError("no space"))
    await keeper_of(newest, timer).tidy()
    newest.close()

    assert len(names(tmp_path)) == 2


def names(directory: Path) -> list[str]:
    return [path.name for path in segments(directory, 0)]
