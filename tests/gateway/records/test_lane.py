# SPDX-License-Identifier: Apache-2.0
"""One call at a time in a thread, shared by all who wait for it, bounded in time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from gateway.records.lane import Job, Lane, Stalled


class Disk:
    """Jobs that note when they run, may be held up, and fail on demand."""

    def __init__(self) -> None:
        self.runs = 0
        self.threads: set[str] = set()
        self.problem = ""
        self.may_go = threading.Event()
        self.may_go.set()
        self.has_begun = threading.Event()

    def prepare(self) -> Job:
        return self.job

    def job(self) -> str:
        self.runs += 1
        self.threads.add(threading.current_thread().name)
        self.has_begun.set()
        self.may_go.wait(10)
        return self.problem


def lane_of(disk: Disk, *, stall_s: float = 10.0, ended: Callable[[], None] | None = None) -> Lane:
    return Lane("disk", disk.prepare, stall_s=stall_s, ended=ended or (lambda: None))


async def until(event: threading.Event) -> None:
    await asyncio.to_thread(event.wait, 10)


async def test_the_first_question_starts_a_run_and_the_others_share_one() -> None:
    """Rule 2: an idle lane begins at once; all that are asked meanwhile are served together."""
    disk = Disk()
    lane = lane_of(disk)
    await asyncio.gather(*(lane.ask() for _ in range(50)))
    lane.stop()

    assert (disk.runs, disk.threads) == (2, {"disk"})


async def test_who_comes_while_a_run_is_under_way_waits_for_the_next() -> None:
    """Rule 1: nobody is served by a run that began before the question; the late ones share one."""
    disk = Disk()
    lane = lane_of(disk)
    disk.may_go.clear()
    first = lane.ask()
    await until(disk.has_begun)
    late = [lane.ask() for _ in range(20)]
    await asyncio.sleep(0)
    assert (disk.runs, first.done()) == (1, False)

    disk.may_go.set()
    await asyncio.gather(first, *late)
    lane.stop()
    assert disk.runs == 2


async def test_a_run_that_fails_refuses_those_it_serves() -> None:
    """The problem is told to each; the next run is a new try."""
    disk = Disk()
    lane = lane_of(disk)
    disk.problem = "no space"
    results = await asyncio.gather(lane.ask(), lane.ask(), return_exceptions=True)
    assert [str(r) for r in results] == ["no space", "no space"]

    disk.problem = ""
    await lane.ask()
    lane.stop()


async def test_a_fault_of_ours_refuses_too() -> None:
    """An exception in a job hangs nobody."""

    def broken() -> str:
        raise KeyError("oops")

    lane = Lane("disk", lambda: broken, stall_s=10)
    with pytest.raises(Stalled, match="KeyError"):
        await lane.ask()
    lane.stop()


async def test_a_stalled_run_refuses_all_and_heals() -> None:
    """Rule 3: those served, those waiting, those who come; until the run returns."""
    disk, ends = Disk(), 0

    def ended() -> None:
        nonlocal ends
        ends += 1

    lane = lane_of(disk, stall_s=0.03, ended=ended)
    disk.may_go.clear()
    first = lane.ask()
    await until(disk.has_begun)
    second = lane.ask()
    results = await asyncio.gather(first, second, return_exceptions=True)
    assert all(isinstance(r, Stalled) for r in results)
    assert lane.is_stalled
    with pytest.raises(Stalled):
        await lane.ask()
    assert ends == 1

    lane._stall_s = 10  # a busy test machine is no stalled disk
    disk.may_go.set()
    async with asyncio.timeout(5):
        while lane.is_stalled:
            await asyncio.sleep(0.005)
    await lane.ask()
    lane.stop()


async def test_a_quick_run_is_not_taken_for_a_stalled_one() -> None:
    """The watch looks at the run that is under way, however long ago it was set."""
    disk = Disk()
    lane = lane_of(disk)
    await lane.ask()
    lane._look()
    assert not lane.is_stalled

    disk.may_go.clear()
    disk.has_begun.clear()
    running = lane.ask()
    await until(disk.has_begun)
    lane._look()
    assert not lane.is_stalled
    disk.may_go.set()
    await running
    lane.stop()


async def test_whoever_leaves_is_not_told() -> None:
    """A question that was cancelled is passed over."""
    disk = Disk()
    lane = lane_of(disk)
    disk.may_go.clear()
    gone, stays = lane.ask(), lane.ask()
    await until(disk.has_begun)
    gone.cancel()
    disk.may_go.set()
    await stays
    lane.stop()


async def test_other_work_in_the_same_thread() -> None:
    """A call runs between runs, and brings back its result or its error."""
    disk = Disk()
    lane = lane_of(disk)

    assert await lane.call(lambda: threading.current_thread().name) == "disk"
    with pytest.raises(ZeroDivisionError):
        await lane.call(lambda: 1 // 0)
    left = lane.call(disk.job)
    left.cancel()
    await lane.ask()
    lane.stop()


def test_the_last_job_needs_no_loop() -> None:
    """The end of a process can wait for it, for so long and no longer."""
    disk = Disk()
    lane = lane_of(disk)
    assert lane.finish(lambda: None, 10)

    def hold() -> None:
        disk.job()

    disk.may_go.clear()
    assert not lane_of(disk).finish(hold, 0.01)
    disk.may_go.set()


async def test_a_loop_that_is_closed_has_nobody_to_tell() -> None:
    """A run that ends after its loop is dropped in silence."""
    disk = Disk()
    disk.may_go.clear()
    lanes: list[Lane] = []

    async def ask() -> None:
        lanes.append(lane_of(disk))
        lanes[0].ask()
        await until(disk.has_begun)

    await asyncio.to_thread(lambda: asyncio.run(ask()))
    disk.may_go.set()

    assert lanes[0].finish(lambda: None, 10)
