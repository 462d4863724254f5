# SPDX-License-Identifier: Apache-2.0
"""Promises in shared memory, and what a supervisor makes of broken ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_engine import heartbeat
from local_engine.heartbeat import HEART_ENV, Cell, Heart, inherited_heart, new_cells
from local_engine.supervisor import System, supervise
from local_engine.watched import WatchedRuntime

# Keeps Python's lock for ever in its second run of three: nothing inside it could notice.
STUCK = """
import ctypes, os, sys, time
from local_engine.heartbeat import Cell, inherited_heart
from local_engine.process import unblock_signals
unblock_signals()
heart, marks = inherited_heart(), sys.argv[1]
with open(marks, "a") as stream:
    stream.write(f"{os.getpid()} ")
heart.promise(Cell.STEP, 0.2)
if len(open(marks).read().split()) == 1:
    ctypes.PyDLL(None).pause()
heart.rest(Cell.STEP)
time.sleep(60)
"""


def test_a_promise_is_kept_or_overdue() -> None:
    """A cell at rest never is."""
    now = [100.0]
    heart = Heart(clock=lambda: now[0])
    assert heart.overdue() is None
    heart.promise(Cell.LOOP, 5)
    now[0] = 105.0
    assert heart.overdue() is None
    now[0] = 105.1
    assert heart.overdue() is Cell.LOOP
    heart.rest(Cell.LOOP)
    assert heart.overdue() is None
    heart.close()


def test_the_cells_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process's promise is seen; nonsense in the environment costs the sharing only."""
    cells = new_cells()
    mine = Heart(cells, clock=lambda: 10.0)
    monkeypatch.setenv(HEART_ENV, str(cells))
    theirs = inherited_heart()
    theirs.promise(Cell.STEP, -time.monotonic() + 1)
    assert mine.overdue() is Cell.STEP
    for nonsense in ("x", "99999", ""):
        monkeypatch.setenv(HEART_ENV, nonsense)
        inherited_heart().promise(Cell.STEP, 1)
    os.close(cells)


def test_cells_without_memfd(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without a name does it as well."""
    monkeypatch.delattr(os, "memfd_create", raising=False)
    cells = new_cells()
    heart = Heart(cells, clock=lambda: 1.0)
    heart.promise(Cell.STEP, -0.5)
    assert heart.overdue() is Cell.STEP
    os.close(cells)


def test_calls_that_run_the_model_are_written_down() -> None:
    """While they last, also when they fail; other calls are passed on as they are."""
    heart = Heart(clock=lambda: 1.0)
    seen: list[float] = []

    class Runtime:
        n_ctx = 7

        def decode(self, tokens: list[int], position: int, *, abort: object) -> int:
            seen.append(heart._cells[Cell.STEP])
            if not tokens:
                raise ValueError
            return position

        def piece(self, token: int) -> bytes:
            seen.append(heart._cells[Cell.STEP])
            return b"x"

    watched = WatchedRuntime(Runtime(), heart, bound_s=9)
    assert (watched.n_ctx, watched.decode([1], 5, abort=None), watched.piece(1)) == (7, 5, b"x")
    with pytest.raises(ValueError):
        watched.decode([], 0, abort=None)
    assert seen == [10.0, 0.0, 10.0]
    assert heart._cells[Cell.STEP] == 0
    with pytest.raises(AttributeError):
        _ = watched.nothing
    assert heartbeat.STEP_BOUND_S > 60


def test_decodes_for_vectors_have_a_promise_of_their_own() -> None:
    """They run beside the others, in another thread."""
    heart = Heart(clock=lambda: 1.0)
    seen: list[tuple[float, float]] = []

    class Context:
        def means(self, inputs: list[list[int]], position: int) -> int:
            seen.append((heart._cells[Cell.STEP], heart._cells[Cell.VECTORS]))
            return position

        def close(self) -> None:
            seen.append((0.0, heart._cells[Cell.VECTORS]))

    class Runtime:
        def decode(self) -> None: ...

        def embedding_context(self, *, n_ctx: int) -> Context:
            assert n_ctx == 5
            return Context()

    context = WatchedRuntime(Runtime(), heart, bound_s=9).embedding_context(n_ctx=5)
    assert context.means([[1]], 3) == 3
    context.close()
    assert seen == [(0.0, 10.0), (0.0, 0.0)]


@pytest.fixture
def unblocked() -> Iterator[None]:
    """System blocks signals; give them back."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.mark.usefixtures("unblocked")
def test_a_real_child_that_keeps_the_lock_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Killed when its promise is overdue; the next one lives until the stop."""
    marks = tmp_path / "marks"
    marks.touch()
    monkeypatch.setattr("local_engine.supervisor.READY_POLL_S", 0.02)
    world = System([sys.executable, "-c", STUCK, str(marks)], tmp_path / "none.sock")
    main_thread = threading.get_ident()

    def stop_at_the_second_start() -> None:
        deadline = time.monotonic() + 20
        while len(marks.read_text().split()) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        signal.pthread_kill(main_thread, signal.SIGTERM)

    stopper = threading.Thread(target=stop_at_the_second_start)
    stopper.start()
    assert supervise(world) == 0
    stopper.join()

    first, second = map(int, marks.read_text().split())
    assert first != second
    assert "does not get on (step)" in capfd.readouterr().err
    assert subprocess.run(["kill", "-0", str(second)], check=False, capture_output=True).returncode
