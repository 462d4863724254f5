# SPDX-License-Identifier: Apache-2.0
"""Four processes that write one audit log as gateways do, killed at random moments.

    python -m tests.doubles.audit_load DIRECTORY --kills 20 --seed 7

A child puts an intent on record, then "sends": it appends the request's id to a file of its own,
which stands for the recording sink. The parent kills one child with SIGKILL after a random pause
and starts it anew, so that it finds its own log as the crash left it. Prints how often it killed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sys
import time
from pathlib import Path

from gateway.records.audit import AuditLog
from gateway.records.writer import Rotation

_WORKERS = 4
_CALLERS = 16
_SLOWEST_KILL_S = 0.06


async def _write(directory: Path, worker: int, run: int) -> None:
    log = AuditLog(
        directory / "audit",
        clock=time.time,
        worker=worker,
        stall_s=30,
        flush_s=0.002,
        rotation=Rotation(size_bytes=64 * 1024),
    )
    sink = os.open(directory / f"sent-{worker}", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    async def caller(number: int) -> None:
        count = 0
        while True:
            count += 1
            name = f"{worker}.{run}.{number}.{count}"
            entry = {"t": time.time(), "event": "intent", "id": name, "to": "c1", "pad": "x" * 300}
            await log.intent(entry, sync=count % 8 == 0)
            os.write(sink, f"{name}\n".encode())
            await asyncio.sleep(0)
            log.outcome({"t": time.time(), "event": "outcome", "id": name, "to": "c1"})
            if count % 50 == 0:
                await log.checkpoint()

    await asyncio.gather(*map(caller, range(_CALLERS)))


def _start(directory: Path, worker: int, run: int) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            asyncio.run(_write(directory, worker, run))
        except BaseException as error:
            sys.stderr.write(f"worker {worker}: {type(error).__name__}: {error}\n")
        os._exit(1)  # a child ends by its parent's hand only
    return pid


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if not os.WIFSIGNALED(status):
        sys.exit("a worker ended before it was killed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    children = {worker: _start(given.directory, worker, 0) for worker in range(_WORKERS)}
    for run in range(1, given.kills + 1):
        time.sleep(chance.uniform(0, _SLOWEST_KILL_S))
        worker = chance.randrange(_WORKERS)
        _kill(children[worker])
        children[worker] = _start(given.directory, worker, run)
    for pid in children.values():
        _kill(pid)
    sys.stdout.write(f"{given.kills + _WORKERS}\n")


if __name__ == "__main__":
    main()
