# SPDX-License-Identifier: Apache-2.0
"""What a process does to itself, seen from children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from local_engine.process import PARENT_ENV, die_with_parent

HARDEN = """
import resource, signal, sys
from local_engine.process import die_with_parent, forbid_core_dumps, unblock_signals
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
die_with_parent(signal.SIGKILL)
forbid_core_dumps()
unblock_signals()
print(resource.getrlimit(resource.RLIMIT_CORE), signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""
PARENT = """
import subprocess, sys, time
code = '''
import signal, time
from local_engine.process import die_with_parent
die_with_parent(signal.SIGKILL)
print("up", flush=True)
time.sleep(60)
'''
child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""


def test_no_core_file_and_no_blocked_signal_is_left() -> None:
    """Prompts in memory do not reach a file; SIGTERM reaches the child."""
    out = subprocess.check_output([sys.executable, "-c", HARDEN], text=True)

    assert out == "(0, 0) set()\n"


def test_the_child_dies_with_its_killed_parent() -> None:
    """Even when the parent has no time to say goodbye."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 5
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.01)

    assert not is_running(child)


def is_running(pid: int) -> bool:
    """Whether the process lives; a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stream:  # noqa: PTH123 - one line
            return stream.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_parent_that_died_before_the_call_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel would never tell."""
    monkeypatch.setenv(PARENT_ENV, str(os.getppid() + 1))
    monkeypatch.setattr("local_engine.process._prctl", lambda *_: None)
    with pytest.raises(SystemExit):
        die_with_parent(signal.SIGKILL)
    monkeypatch.setenv(PARENT_ENV, str(os.getppid()))
    die_with_parent(signal.SIGKILL)
