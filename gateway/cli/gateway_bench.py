# SPDX-License-Identifier: Apache-2.0
"""What the gateway costs a request: the same load through it and straight to its upstream.

Upstream, gateway and load generator are processes of their own, over loopback. Gateway and bare
upstream take turns within each round, so that whatever else the machine does falls on both, and
medians over the rounds are compared. Every request has a word of its own, so that no memory of
earlier ones can flatter a figure. The gateway runs with all it has: keys, the privacy cascade,
the pack `hipaa`, the audit log, metrics.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

Figures = dict[str, float]
_KEY = "bench-key"
_MODEL = "bench"
_START_S = 60.0
_SENTENCE = (
    "Please explain in plain words what the committee decided about the new bridge, why it took "
    "so long, and what the three proposals had in common. Topic WORDHERE. "
)
_CHARS = 1024


@dataclass(frozen=True, slots=True)
class Load:
    """So many requests over so many connections."""

    name: str
    connections: int
    requests: int
    streams: bool = False


@dataclass(slots=True)
class Run:
    """What one load met. Times in microseconds, one per request."""

    took_us: list[float] = field(default_factory=list)
    first_us: list[float] = field(default_factory=list)
    failed: int = 0
    seconds: float = 0.0


def loads(requests: int, connections: int) -> tuple[Load, ...]:
    """One connection for latency, many for throughput, and streams for the first token."""
    few = max(100, requests // 10)
    return (
        Load("one", 1, few),
        Load("many", connections, requests),
        Load("stream", 1, max(50, few // 4), streams=True),
    )


def measure(requests: int, connections: int, rounds: int) -> Figures:
    """Run all; the figures by name. Raises RuntimeError when a part does not start."""
    found: dict[str, list[Run]] = {}
    with _upstream() as upstream, _gateway(upstream) as (gateway, start_s, pid):
        targets = {"gateway": gateway, "direct": upstream}
        for load in loads(min(requests, 500), connections):
            asyncio.run(_run(gateway, load))  # warm
        for _ in range(rounds):
            for load in loads(requests, connections):
                for name, port in targets.items():
                    run = asyncio.run(_run(port, load))
                    found.setdefault(f"{name}_{load.name}", []).append(run)
        return _figures(found, start_s, _rss_mib(pid))


def _figures(found: dict[str, list[Run]], start_s: float, rss_mib: float) -> Figures:
    def median(name: str, share: float = 0.5, *, first: bool = False) -> float:
        per_run = (sorted(run.first_us if first else run.took_us) for run in found[name])
        return statistics.median(times[int(len(times) * share)] for times in per_run)

    def rate(name: str) -> float:
        return statistics.median(len(run.took_us) / run.seconds for run in found[name])

    one, bare = median("gateway_one"), median("direct_one")
    token = median("gateway_stream", first=True)
    bare_token = median("direct_stream", first=True)
    return {
        "requests_per_s": round(rate("gateway_many")),
        "direct_requests_per_s": round(rate("direct_many")),
        "p50_us": round(one),
        "p99_us": round(median("gateway_one", 0.99)),
        "direct_p50_us": round(bare),
        "added_p50_us": round(one - bare),
        "first_token_p50_us": round(token),
        "direct_first_token_p50_us": round(bare_token),
        "added_first_token_us": round(token - bare_token),
        "failed": sum(run.failed for runs in found.values() for run in runs),
        "start_s": round(start_s, 2),
        "rss_mib": round(rss_mib, 1),
    }


class _Caller(asyncio.Protocol):
    """One connection of the load generator: the next request when the last is answered."""

    def __init__(self, load: Load, left: list[int], run: Run) -> None:
        self._load, self._left, self._result = load, left, run
        self._held = b""
        self._began = self._first = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self._result.failed += 1
            self.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self._held += data
        if not self._first and b"\r\n\r\n" in self._held:
            self._first = now
        if _is_whole(self._held):
            self._result.took_us.append((now - self._began) * 1e6)
            self._result.first_us.append((self._first - self._began) * 1e6)
            self._result.failed += not self._held.startswith(b"HTTP/1.1 200")
            self._ask()

    def _ask(self) -> None:
        if not self._left:
            self.done.set_result(None)
            self._transport.close()
            return
        self._left.pop()
        self._held, self._first = b"", 0.0
        self._began = time.perf_counter()
        self._transport.write(_request(self._load.streams))


def _is_whole(answer: bytes) -> bool:
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator:
        return False
    if b"chunked" in head:
        return body.endswith(b"\r\n0\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return len(body) >= int(length or 0)


def _request(streams: bool) -> bytes:
    word = "".join(chr(97 + each % 26) for each in secrets.token_bytes(8))
    text = (_SENTENCE * (_CHARS // len(_SENTENCE) + 1))[:_CHARS].replace("WORDHERE", word)
    content = {"model": _MODEL, "messages": [{"role": "user", "content": text}], "stream": streams}
    body = json.dumps(content, separators=(",", ":")).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {_KEY}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _run(port: int, load: Load) -> Run:
    run, left = Run(), [0] * load.requests
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    callers = [
        (await loop.create_connection(lambda: _Caller(load, left, run), "127.0.0.1", port))[1]
        for _ in range(load.connections)
    ]
    await asyncio.gather(*(caller.done for caller in callers))
    run.seconds = time.perf_counter() - began
    if not run.took_us:
        raise RuntimeError("a part of the bench answered nothing")
    return run


@contextlib.contextmanager
def _upstream() -> Iterator[int]:
    with _process("gateway.cli.bench_upstream") as (_, line):
        yield int(line)


@contextlib.contextmanager
def _gateway(upstream: int) -> Iterator[tuple[int, float, int]]:
    """Port, seconds until it is ready, and process id."""
    destination = {
        "name": "bench",
        "tier": "cloud",
        "base_url": f"http://127.0.0.1:{upstream}/v1",
        "models": {_MODEL: _MODEL},
        "trains_on_data": False,
    }
    config = {
        "device": {"enabled": False},
        "policy": {"packs": ["hipaa"]},
        "destinations": [destination],
    }
    with tempfile.TemporaryDirectory(prefix="nearward-bench-") as name:
        path = Path(name) / "nearward.yaml"
        path.write_text(json.dumps(config))
        environment = {"NEARWARD_STATE_DIR": f"{name}/state", "NEARWARD_API_KEY": _KEY}
        began = time.perf_counter()
        serve = ("gateway", "serve", "--config", str(path), "--port", "0")
        with _process(*serve, **environment) as (process, line):
            port = int(line.partition("http://127.0.0.1:")[2].split()[0])
            _until_ready(port)
            yield port, time.perf_counter() - began, process.pid


@contextlib.contextmanager
def _process(*module: str, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A Python module that runs around a block, and its first line. Raises RuntimeError."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NEARWARD_")}
    process = subprocess.Popen(
        [sys.executable, "-m", *module],
        env={**environment, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line.strip():
            raise RuntimeError(f"{module[0]} did not start; try: python -m {' '.join(module)}")
        yield process, line
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def _until_ready(port: int) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            url = f"http://127.0.0.1:{port}/health"
            urllib.request.urlopen(url, timeout=1).close()
            return
        time.sleep(0.02)
    raise RuntimeError("the gateway did not become ready")


def _rss_mib(pid: int) -> float:
    """Resident memory; 0 where the kernel does not tell."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return 0.0
