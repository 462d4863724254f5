# SPDX-License-Identifier: Apache-2.0
"""`python -m local_engine.bench.model ARGUMENTS OF THE SERVER`: how fast a model is here.

Starts the server with these arguments on a socket of its own, measures the threads anew, lets it
answer a few prompts, and prints what it was loaded with and how fast it was. The last line is JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from local_engine.unix_http import UnixConnection

ROUNDS: Final = 3
ANSWER_TOKENS: Final = 64
READY_S: Final = 300.0
_PROMPT: Final = "Note {number}. The clinic opens at eight and the team meets before. " * 12
# What else the engine says of its costs, where it does.
_SHOWN: Final = (
    "engine", "n_ctx", "slots", "threads", "prefill_tps", "decode_tps", "first_token_s",
    "rss_bytes", "memory_estimate_bytes", "row_cost_s", "drafts", "drafted_tokens",
    "accepted_tokens", "notes",
)  # fmt: skip


def bench(arguments: Sequence[str], rounds: int = ROUNDS) -> dict[str, Any]:
    """The figures. Raises RuntimeError when the engine cannot be started."""
    with tempfile.TemporaryDirectory(prefix="nw") as folder:
        path = Path(folder) / "run" / "e.sock"
        command = [sys.executable, "-m", "local_engine.server", "--socket", str(path), *arguments]
        began = time.perf_counter()
        with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
            try:
                _until_ready(process, path)
                figures: dict[str, Any] = {"load_s": round(time.perf_counter() - began, 3)}
                for number in range(rounds):
                    _answer(path, number)
                told = health(path)
            finally:
                process.terminate()
        return figures | {name: told[name] for name in _SHOWN if name in told}


def _until_ready(process: subprocess.Popen[bytes], path: Path) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until and process.poll() is None:
        try:
            if health(path).get("status") == "ready":
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise RuntimeError("the engine did not become ready; its own line above says why")


def _answer(path: Path, number: int) -> None:
    prompt = f"{_PROMPT.format(number=number)} Tell a long story about this."
    body = {
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": ANSWER_TOKENS,
        "temperature": 0,
    }
    with closing(UnixConnection(str(path), timeout_s=600.0)) as connection:
        connection.request("POST", "/v1/chat/completions", json.dumps(body))
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"the engine answered {response.status}")
        response.read()


def health(path: Path) -> dict[str, Any]:
    """What the engine at this socket says of itself. Raises OSError."""
    with closing(UnixConnection(str(path), timeout_s=10.0)) as connection:
        connection.request("GET", "/health")
        return dict(json.loads(connection.getresponse().read()))


def main(arguments: list[str] | None = None) -> int:
    """Print the figures, one a line, then all as JSON."""
    try:
        figures = bench(sys.argv[1:] if arguments is None else arguments)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    for name, value in figures.items():
        print(f"{name:<22} {value}")
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
