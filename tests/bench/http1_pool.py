# SPDX-License-Identifier: Apache-2.0
"""CPU per request of the upstream client, against a mock server on loopback.

    python -m tests.bench.http1_pool PORT [--requests 20000] [--connections 64] [--stream]

Prints one JSON line. CPU time of this process is measured, not wall time: that figure is stable on
a machine that others use too. It holds the system calls of the client, and the caller's task.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import pstats
import sys
import time

import uvloop

from gateway.backends.http1 import Client, Origin, Timeouts, finish_head, head_prefix

_HEADERS = [("content-type", "application/json"), ("authorization", "Bearer " + "k" * 48)]
_TRACE = [("x-request-id", "0123456789abcdef0123456789abcdef")]


async def measure(port: int, requests: int, connections: int, is_stream: bool) -> dict[str, float]:
    """Send that many requests from that many tasks; CPU and wall microseconds per request."""
    client, timeouts = Client(), Timeouts()
    origin = Origin.parse(f"http://127.0.0.1:{port}")
    prefix = head_prefix("POST", "/v1/chat/completions", origin.authority, _HEADERS)
    message = {"role": "user", "content": "word " * 200}
    body = json.dumps({"model": "m", "stream": is_stream, "messages": [message]}).encode()
    left = requests

    async def caller() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            head = finish_head(prefix, len(body), _TRACE)
            response = await client.send(origin, head, body, timeouts)
            if is_stream:
                while await response.next():
                    pass
            else:
                await response.read(1_000_000)

    cpu_s, wall_s = time.process_time(), time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(connections)))
    cpu_us = (time.process_time() - cpu_s) / requests * 1e6
    wall_us = (time.perf_counter() - wall_s) / requests * 1e6
    await client.close()
    return {"cpu_us": round(cpu_us, 1), "wall_us": round(wall_us, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--profile", action="store_true", help="functions by own time, to stderr")
    given = parser.parse_args()
    profile = cProfile.Profile()
    if given.profile:
        profile.enable()
    figures = uvloop.run(measure(given.port, given.requests, given.connections, given.stream))
    if given.profile:
        profile.disable()
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(22)
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
