# SPDX-License-Identifier: Apache-2.0
"""The supervisor on a virtual clock, and its hands on real processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_engine import supervisor
from local_engine.errors import EXIT_RECYCLE, EXIT_SETUP
from local_engine.supervisor import EXIT_GAVE_UP, System, socket_argument, supervise


class FakeChild:
    """Ends with `exit_code` at `ends_at` on the world's clock."""

    pid = 1

    def __init__(self, world: FakeWorld, runs_s: float, exit_code: int) -> None:
        self.world, self.ends_at, self.exit_code = world, world.clock + runs_s, exit_code
        self.signals: list[str] = []
        self.ignores_term = False

    def poll(self) -> int | None:
        return self.exit_code if self.world.clock >= self.ends_at else None

    def wait(self, timeout: float | None = None) -> int:
        if timeout is not None and self.ignores_term:
            raise subprocess.TimeoutExpired("engine", timeout)
        return 0

    def terminate(self) -> None:
        self.signals.append("TERM")

    def kill(self) -> None:
        self.signals.append("KILL")


class FakeWorld:
    """Runs are (seconds until the end, exit code, seconds until ready or None)."""

    def __init__(self, runs: list[tuple[float, int, float | None]], stops_at: float = 1e9) -> None:
        self.runs, self.stops_at = runs, stops_at
        self.clock = 0.0
        self.children: list[FakeChild] = []
        self.starts: list[float] = []
        self.lines: list[str] = []
        self.stuck_at = 1e9

    def start(self) -> FakeChild:
        runs_s, code, _ = self.runs[len(self.children)]
        self.starts.append(self.clock)
        self.children.append(FakeChild(self, runs_s, code))
        return self.children[-1]

    def is_ready(self, child: supervisor.Child) -> bool:
        ready_s = self.runs[len(self.children) - 1][2]
        return ready_s is not None and self.clock >= self.starts[-1] + ready_s

    def wait(self, timeout_s: float) -> bool:
        """A child's end wakes up, as SIGCHLD does."""
        wake = self.clock + timeout_s
        if self.children[-1].ends_at > self.clock:
            wake = min(wake, self.children[-1].ends_at)
        self.clock = min(wake, self.stops_at)
        return self.clock >= self.stops_at

    def overdue(self) -> str:
        if self.clock < self.stuck_at:
            return ""
        self.children[-1].ends_at, self.stuck_at = self.clock, 1e9
        return "step"

    def now(self) -> float:
        return self.clock

    def say(self, line: str) -> None:
        self.lines.append(line)


def test_a_crashed_engine_is_started_again() -> None:
    """After .2 s the first time, .4 s the second."""
    world = FakeWorld([(10, -9, 1), (10, -6, 1), (1e8, 0, 1)], stops_at=100)

    assert supervise(world) == 0
    assert world.starts == pytest.approx([0, 10.2, 20.6])
    assert world.children[-1].signals == ["TERM"]
    assert "exited with -9" in world.lines[0]


def test_a_child_that_does_not_get_on_is_killed_and_started_again() -> None:
    """As after a crash."""
    world = FakeWorld([(1e8, -9, 1), (1e8, 0, 1)], stops_at=100)
    world.stuck_at = 50

    assert supervise(world) == 0
    assert world.children[0].signals == ["KILL"]
    assert 50 < world.starts[1] < 56
    assert world.lines[0] == "local engine does not get on (step); killing it"


def test_a_child_that_asks_for_a_fresh_start_gets_it_at_once() -> None:
    """Exit code 75 is no crash, unless it comes right after the start."""
    runs: list[tuple[float, int, float | None]] = [(50, EXIT_RECYCLE, 1), (5, EXIT_RECYCLE, 1)]
    world = FakeWorld([*runs, (1e8, 0, 1)], stops_at=100)

    assert supervise(world) == 0
    assert world.starts == pytest.approx([0, 50, 55.2])


def test_it_gives_up_with_one_line() -> None:
    """Five crashes that never became ready."""
    world = FakeWorld([(0.5, 1, None)] * 5)

    assert supervise(world) == EXIT_GAVE_UP
    assert len(world.children) == 5
    assert world.lines[-1].startswith("local engine gave up: the engine crashed 5 times")


def test_a_fault_for_a_person_is_not_retried() -> None:
    """A damaged model file does not mend itself."""
    world = FakeWorld([(0.5, EXIT_SETUP, None)])

    assert supervise(world) == EXIT_GAVE_UP
    assert len(world.children) == 1


def test_a_signal_during_the_pause_ends_it() -> None:
    """No further start."""
    world = FakeWorld([(1, 1, None), (1, 1, None)], stops_at=1.1)

    assert supervise(world) == 0
    assert len(world.children) == 1


def test_a_child_that_does_not_listen_is_killed() -> None:
    """SIGTERM, five seconds, SIGKILL."""
    world = FakeWorld([(1e8, 0, None)], stops_at=1)
    original = world.start

    def stubborn() -> FakeChild:
        child = original()
        child.ignores_term = True
        return child

    world.start = stubborn  # type: ignore[method-assign]
    assert supervise(world) == 0
    assert world.children[0].signals == ["TERM", "KILL"]


@pytest.fixture
def unblocked() -> Iterator[None]:
    """System blocks signals; give them back."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.mark.usefixtures("unblocked")
def test_real_children_and_signals(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A child's end wakes the wait, SIGTERM asks to stop, nobody listening is not ready."""
    code = "import os; raise SystemExit(int(os.environ['NEARWARD_ENGINE_PARENT']) != os.getppid())"
    world = System([sys.executable, "-c", code], tmp_path / "none.sock")
    child = world.start()
    assert not world.is_ready(child)
    while child.poll() is None:
        assert not world.wait(0.1)
    assert child.poll() == 0

    # To this thread: other tests may have left threads that do not block it.
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    while not world.wait(0.1):
        pass
    assert world.now() > 0
    world.say("one line")
    assert capfd.readouterr().err == "one line\n"


def test_the_socket_is_found_among_the_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    """In both spellings; its absence is a usage error."""
    assert socket_argument(["--ctx", "1", "--socket", "/a"]) == Path("/a")
    assert socket_argument(["--socket=/b"]) == Path("/b")
    with pytest.raises(SystemExit) as caught:
        socket_argument(["--socket"])

    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_main_hands_the_arguments_to_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """And hardens the process first."""
    steps: list[object] = []
    monkeypatch.setattr(supervisor, "die_with_parent", steps.append)
    monkeypatch.setattr(supervisor, "forbid_core_dumps", lambda: steps.append("cores"))
    world = FakeWorld([(1e8, 0, 1)], stops_at=1)
    seen: list[str] = []

    def make_world(command: object, path: Path) -> FakeWorld:
        assert isinstance(command, list)
        seen.extend([*command[1:], str(path)])
        return world

    assert supervisor.main(["--socket", "/s", "--ctx", "9"], make_world) == 0
    assert seen == ["-m", "local_engine.server", "--socket", "/s", "--ctx", "9", "/s"]
    assert steps == [signal.SIGTERM, "cores"]
