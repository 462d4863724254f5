# SPDX-License-Identifier: Apache-2.0
"""What the audit log costs a request: CPU and delay of one intent and its outcome.

    python -m tests.bench.audit_cost [--requests 40000] [--callers 64] [--sync]

Prints one JSON line. `cpu_us` is the CPU time of all threads of the process for an intent and its
outcome, without the loop and the tasks that the same callers need with a log that does nothing;
`wait_us` is the median time until an intent returned.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from gateway.records.audit import AuditLog

INTENT = {
    "event": "intent",
    "attempt": 1,
    "tenant": "acme",
    "key": "chatbot",
    "class": "internal",
    "detected": "public",
    "kinds": [],
    "errors": [],
    "to": "cloud-eu",
    "tier": "cloud",
    "region": "eu-west-1",
    "model": "gpt-4o-mini",
    "rules": ["hipaa/clean-may-leave"],
    "policy": "f" * 16,
    "bytes": 1024,
}
OUTCOME = {
    "event": "outcome",
    "to": "cloud-eu",
    "attempts": 1,
    "status": 200,
    "result": "complete",
    "error": "",
    "tokens_in": 250,
    "tokens_out": 120,
    "ms": 812.5,
}


class NoLog:
    """Takes the same calls and does nothing."""

    async def intent(self, entry: dict[str, Any], *, sync: bool) -> None:
        await asyncio.sleep(0)

    def outcome(self, entry: dict[str, Any]) -> None:
        """Nothing."""


async def measure(
    log: AuditLog | NoLog, requests: int, callers: int, is_synced: bool
) -> tuple[float, float]:
    """(CPU microseconds for each request, median microseconds that an intent took)."""
    left, waits = requests, []

    async def caller() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            request_id = f"{left:032x}"
            began = time.perf_counter()
            await log.intent({"t": began, "id": request_id, **INTENT}, sync=is_synced)
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(0)  # the upstream
            log.outcome({"t": began, "id": request_id, **OUTCOME})

    cpu_s = time.process_time()
    await asyncio.gather(*(caller() for _ in range(callers)))
    cpu_us = (time.process_time() - cpu_s) / requests * 1e6
    return cpu_us, statistics.median(waits) * 1e6


async def compare(directory: Path, requests: int, callers: int, is_synced: bool) -> dict[str, Any]:
    """The log against none, several times in turn; medians."""
    bare, logged, waits = [], [], []
    for number in range(5):
        bare.append((await measure(NoLog(), requests, callers, is_synced))[0])
        log = AuditLog(directory / str(number), clock=time.time)
        cpu_us, wait_us = await measure(log, requests, callers, is_synced)
        log.close()
        logged.append(cpu_us)
        waits.append(wait_us)
    cpu_us = statistics.median(logged) - statistics.median(bare)
    return {"cpu_us": round(cpu_us, 1), "wait_us": round(statistics.median(waits), 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=40_000)
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--sync", action="store_true", help="every intent waits for the disk")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        figures = uvloop.run(
            compare(Path(directory), given.requests // 5, given.callers, given.sync)
        )
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
