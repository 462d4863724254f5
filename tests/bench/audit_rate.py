# SPDX-License-Identifier: Apache-2.0
"""Audit records per second that several workers put on record together.

    python -m tests.bench.audit_rate [--workers 4] [--seconds 5] [--sync]

Each worker is a process with a log of its own in one directory, as in a gateway with workers.
Prints one JSON line: records per second of all of them by the wall clock, the CPU time for each
record, and whether the log verified afterwards, with the speed of that.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from gateway.records.audit import AuditLog
from gateway.records.verification import verify_log
from tests.bench.audit_cost import INTENT, OUTCOME

_CALLERS = 64


async def load(directory: Path, worker: int, seconds: float, is_synced: bool) -> dict[str, float]:
    """Write for so long; records and CPU seconds."""
    log = AuditLog(directory, clock=time.time, worker=worker, stall_s=30)
    until = time.perf_counter() + seconds
    records = 0

    async def caller(number: int) -> None:
        nonlocal records
        count = 0
        while (now := time.perf_counter()) < until:
            count += 1
            name = f"{worker:08x}{number:08x}{count:016x}"
            await log.intent({"t": now, "id": name, **INTENT}, sync=is_synced)
            log.outcome({"t": now, "id": name, **OUTCOME})
            records += 2

    cpu_s = time.process_time()
    await asyncio.gather(*map(caller, range(_CALLERS)))
    cpu_s = time.process_time() - cpu_s
    log.close()
    return {"records": records, "cpu_s": cpu_s}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--sync", action="store_true", help="every intent waits for the disk")
    parser.add_argument("--child", nargs=2, metavar=("DIRECTORY", "WORKER"), help="for itself")
    given = parser.parse_args()
    if given.child:
        place, worker = Path(given.child[0]), int(given.child[1])
        print(json.dumps(uvloop.run(load(place, worker, given.seconds, given.sync))))
        return
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "tests.bench.audit_rate", "--seconds", str(given.seconds)]
        command += ["--sync"] if given.sync else []
        children = [
            subprocess.Popen([*command, "--child", directory, str(w)], stdout=subprocess.PIPE)
            for w in range(given.workers)
        ]
        found = [json.loads(child.communicate()[0]) for child in children]
        began = time.perf_counter()
        report = verify_log(Path(directory))
        verify_s = time.perf_counter() - began
    records = sum(f["records"] for f in found)
    figures = {
        "records_per_s": round(records / given.seconds),
        "cpu_us_per_record": round(sum(f["cpu_s"] for f in found) / records * 1e6, 1),
        "is_whole": not report.faults,
        "verified_per_s": round(report.records / verify_s),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
