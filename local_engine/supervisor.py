# SPDX-License-Identifier: Apache-2.0
"""Keeps one engine process alive. Standard library only, so that it stays small.

`python -m local_engine ARGUMENTS` starts `python -m local_engine.server ARGUMENTS`, watches until
it answers /health, and starts it again when it dies (rules in backoff.py). A child that does not
get on (heartbeat.py) is killed, which is a crash like any other. SIGTERM or SIGINT: the child gets
SIGTERM, five seconds, then SIGKILL. The kernel ends the child when the supervisor
dies, and the supervisor when its own parent does.

Exit codes: 0 after a signal, 3 when it gives up, with one line on stderr.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Protocol

from local_engine.backoff import CrashHistory, GiveUp
from local_engine.heartbeat import HEART_ENV, Cell, Heart, new_cells
from local_engine.process import PARENT_ENV, die_with_parent, forbid_core_dumps
from local_engine.unix_http import UnixConnection

EXIT_GAVE_UP = 3
READY_POLL_S = 0.05
# A child that is ready is only waited for; the timeout bounds how long a lost signal goes unseen.
WATCH_S = 5.0
GRACE_S = 5.0
_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})


class Child(Protocol):
    """The part of subprocess.Popen in use."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...


class Surroundings(Protocol):
    """Everything the supervisor does to the world."""

    def start(self) -> Child:
        """Start the engine."""
        ...

    def is_ready(self, child: Child) -> bool:
        """Whether this very child answers /health with 200."""
        ...

    def overdue(self) -> str:
        """What the child has promised and not done, "" when all is well."""
        ...

    def wait(self, timeout_s: float) -> bool:
        """Wait for a child's end or a signal; true when asked to stop."""
        ...

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def say(self, line: str) -> None:
        """One line for a person."""
        ...


def supervise(world: Surroundings) -> int:
    """Run until stopped or given up; the exit code."""
    history = CrashHistory()
    while True:
        child = world.start()
        history, exit_code = _watch(world, child, history)
        if exit_code is None:
            _stop(child)
            return 0
        history, verdict = history.exited(world.now(), exit_code)
        if isinstance(verdict, GiveUp):
            world.say(f"local engine gave up: {verdict.reason}")
            return EXIT_GAVE_UP
        world.say(f"local engine exited with {exit_code}; restart in {verdict.delay_s:g} s")
        if _pause(world, verdict.delay_s):
            return 0


def _watch(
    world: Surroundings, child: Child, history: CrashHistory
) -> tuple[CrashHistory, int | None]:
    """Wait for the end of a run. The exit code is None when we were asked to stop."""
    is_ready = False
    while (exit_code := child.poll()) is None:
        if not is_ready and world.is_ready(child):
            is_ready = True
            history = history.became_ready(world.now())
        if world.wait(WATCH_S if is_ready else READY_POLL_S):
            return history, None
        if missed := world.overdue():
            world.say(f"local engine does not get on ({missed}); killing it")
            child.kill()
            child.wait()
    return history, exit_code


def _pause(world: Surroundings, delay_s: float) -> bool:
    """Sit out the back-off; true when asked to stop meanwhile."""
    until = world.now() + delay_s
    while (left := until - world.now()) > 0:
        if world.wait(left):
            return True
    return False


def _stop(child: Child) -> None:
    child.terminate()
    try:
        child.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


class System:
    """`Surroundings` on a real machine; construct it in the main thread."""

    def __init__(self, command: Sequence[str], socket_path: Path) -> None:
        self._command = list(command)
        self._socket_path = socket_path
        self._cells = new_cells()
        self._heart = Heart(self._cells)
        # Blocked signals stay pending until `wait` takes them: no handler, no race.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)

    def start(self) -> Child:
        """Start the engine's process; it unblocks the signals itself."""
        for cell in Cell:
            self._heart.rest(cell)  # the last child's promises are void
        environment = {
            **os.environ,
            PARENT_ENV: str(os.getpid()),
            HEART_ENV: str(self._cells),
        }
        return subprocess.Popen(
            self._command, env=environment, stdin=subprocess.DEVNULL, pass_fds=[self._cells]
        )

    def is_ready(self, child: Child) -> bool:
        """Ask over the socket, one second at most."""
        connection = UnixConnection(str(self._socket_path), timeout_s=1.0)
        try:
            connection.request("GET", "/health")
            response = connection.getresponse()
            # A server left over from an earlier run must not count as this child.
            return response.status == 200 and json.loads(response.read())["pid"] == child.pid
        except (OSError, HTTPException, ValueError, KeyError):
            return False
        finally:
            connection.close()

    def overdue(self) -> str:
        """Read the shared cells."""
        cell = self._heart.overdue()
        return "" if cell is None else cell.name.lower()

    def wait(self, timeout_s: float) -> bool:
        """Sleep until a signal comes."""
        seen = signal.sigtimedwait(_SIGNALS, timeout_s)
        return seen is not None and seen.si_signo != signal.SIGCHLD

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def say(self, line: str) -> None:
        """To stderr."""
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def socket_argument(arguments: Sequence[str]) -> Path:
    """The value of --socket. Raises SystemExit (2) when it is missing."""
    for index, argument in enumerate(arguments):
        if argument.startswith("--socket="):
            return Path(argument.removeprefix("--socket="))
        if argument == "--socket" and index + 1 < len(arguments):
            return Path(arguments[index + 1])
    sys.stderr.write("usage: python -m local_engine --socket PATH --model-file F --model-name N\n")
    raise SystemExit(2)


def main(
    arguments: list[str] | None = None,
    make_world: Callable[[Sequence[str], Path], Surroundings] = System,
) -> int:
    """Supervise the server with the same arguments."""
    given = sys.argv[1:] if arguments is None else arguments
    path = socket_argument(given)
    die_with_parent(signal.SIGTERM)
    forbid_core_dumps()
    return supervise(make_world([sys.executable, "-m", "local_engine.server", *given], path))
