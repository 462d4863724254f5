# SPDX-License-Identifier: Apache-2.0
"""What a busy program on one core costs the engine, and which threads it chose.

A supervised engine generates 96 tokens again and again: alone, then beside a program that keeps one
core busy, in turns, so that other changes of the machine meet both. It also says how long the
engine took to come back after a kill, cold (threads measured) and warm (threads remembered).
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from local_engine.bench import MODEL_NAME
from local_engine.bench.model import health
from local_engine.unix_http import UnixConnection

_HOG = """
import os
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
while True: pass
"""


def measure(model: Path, rounds: int = 5) -> dict[str, Any]:
    """Medians, in tokens a second and seconds; `threads` is what the engine measured and chose."""
    with tempfile.TemporaryDirectory(prefix="nw") as folder:
        path = Path(folder) / "run" / "e.sock"
        with _engine(path, model) as cold_s:
            figures = _figures(path, rounds)
            pid = health(path)["pid"]
            os.kill(pid, signal.SIGKILL)
            figures["back_after_kill_s"] = _until_ready(path, other_than=pid)
        with _engine(path, model) as warm_s:
            return figures | {"first_start_s": cold_s, "second_start_s": warm_s}


def _figures(path: Path, rounds: int) -> dict[str, Any]:
    _generate(path, 16)
    quiet: list[float] = []
    beside: list[float] = []
    for _ in range(rounds):
        quiet.append(_generate(path, 96))
        with subprocess.Popen([sys.executable, "-c", _HOG]) as hog:
            try:
                time.sleep(0.2)
                beside.append(_generate(path, 96))
            finally:
                hog.kill()
    alone, busy = statistics.median(quiet), statistics.median(beside)
    return {
        "threads": health(path).get("threads", {}),
        "quiet_tps": alone,
        "beside_a_busy_core_tps": busy,
        "busy_core_ratio": busy / alone,
        "busy_core_ratio_least": min(beside) / alone,
    }


@contextmanager
def _engine(path: Path, model: Path) -> Iterator[float]:
    """A supervised engine; yields the seconds until it was ready."""
    command = [
        sys.executable, "-m", "local_engine", "--socket", str(path), "--model-name", MODEL_NAME,
        "--model-file", str(model), "--own-file", "--threads", "auto",
    ]  # fmt: skip
    with subprocess.Popen(command) as process:
        try:
            yield _until_ready(path)
        finally:
            process.terminate()


def _until_ready(path: Path, other_than: int = 0) -> float:
    began = time.perf_counter()
    while time.perf_counter() - began < 60:
        try:
            told = health(path)
        except OSError:
            told = {}
        if told.get("status") == "ready" and told["pid"] != other_than:
            return time.perf_counter() - began
        time.sleep(0.01)
    raise TimeoutError("the engine did not become ready")


def _generate(path: Path, tokens: int) -> float:
    """Tokens per second of one answer, by the engine's own clock of the stream."""
    body = {
        "messages": [{"role": "user", "content": "Tell a long story about a lighthouse."}],
        "max_tokens": tokens,
        "temperature": 0,
        "stream": True,
    }
    with closing(UnixConnection(str(path), timeout_s=120)) as connection:
        connection.request("POST", "/v1/chat/completions", json.dumps(body))
        stream = connection.getresponse()
        times = [time.perf_counter() for line in stream if b'"content":"' in line]
    return (len(times) - 1) / (times[-1] - times[0])
