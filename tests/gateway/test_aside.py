# SPDX-License-Identifier: Apache-2.0
"""Work in a process of its own: its value, its failures, one at a time, and an end to it."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from gateway.aside import Aside, WorkFailed
from gateway.errors import Unavailable


def where(word: str) -> tuple[str, int]:
    return word, os.getpid()


def fail() -> None:
    raise ValueError("a reason")


def die() -> None:
    os._exit(7)


def linger(path: Path) -> None:
    path.write_text(str(os.getpid()))
    time.sleep(60)


async def test_it_runs_elsewhere() -> None:
    """Values go and come as copies."""
    word, pid = await Aside().run(where, "x")

    assert (word, pid == os.getpid()) == ("x", False)


async def test_failures_are_told() -> None:
    """By the exception's type and words; a death is one, too, and the next call works."""
    aside = Aside()
    with pytest.raises(WorkFailed) as failed:
        await aside.run(fail)
    with pytest.raises(WorkFailed) as died:
        await aside.run(die)

    assert (failed.value.kind, failed.value.text) == ("ValueError", "a reason")
    assert died.value.kind == "died"
    assert (await aside.run(where, "y"))[0] == "y"


async def test_one_at_a_time_though_the_caller_left(tmp_path: Path) -> None:
    """A second one hears when to return; what runs too long is ended, and its process with it."""
    aside, pid_file = Aside(timeout_s=3.0), tmp_path / "pid"
    first = asyncio.create_task(aside.run(linger, pid_file))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as busy:
        await aside.run(where, "x")
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    with pytest.raises(Unavailable, match="somebody else"):
        await aside.run(where, "x")
    while aside._is_busy:
        await asyncio.sleep(0.02)

    assert (busy.value.code, busy.value.retry_after_s) == ("busy", 5)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


async def test_too_slow_is_said(tmp_path: Path) -> None:
    """A 503 with a code of its own."""
    with pytest.raises(Unavailable) as slow:
        await Aside(timeout_s=0.01).run(linger, tmp_path / "pid")

    assert slow.value.code == "took_too_long"
