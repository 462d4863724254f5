# SPDX-License-Identifier: Apache-2.0
"""What a process of this package does to itself before anything else. Linux; elsewhere a no-op."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys

PARENT_ENV = "NEARWARD_ENGINE_PARENT"
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4


def die_with_parent(death_signal: signal.Signals) -> None:
    """Have the kernel send `death_signal` when the thread that started this process ends.

    The parent may have died before this call; then nobody would ever send it. The parent's id in
    the environment tells (process 1 may be a lawful parent, so the id alone does not).
    """
    _prctl(_PR_SET_PDEATHSIG, death_signal)
    expected = os.environ.get(PARENT_ENV)
    if expected is not None and expected != str(os.getppid()):
        raise SystemExit("the parent process is gone")


def forbid_core_dumps() -> None:
    """Keep prompts in memory out of files: no core file, no ptrace by other processes."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(_PR_SET_DUMPABLE, 0)


def unblock_signals() -> None:
    """A child inherits the supervisor's blocked signals."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _prctl(option: int, value: int) -> None:
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
