# SPDX-License-Identifier: Apache-2.0
"""First token, tokens a second, memory and start-up of `nearward serve` with the real model.

    python -m tests.bench.device_answers [--rounds 5]

Each round asks for 128 tokens after a prompt of about 380 tokens that differs from round to
round. Rates are the engine's own counts over wall time at the client. The last line is JSON. Run
it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import openai

from tests.doubles.served import KEY, Served, served

_FILLER = "The clinic opens at eight and the team meets before the first visit. "


def main() -> None:
    """Measure and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    began = time.perf_counter()
    with served() as gateway:
        gateway.until_ready()
        start_s = time.perf_counter() - began
        with openai.OpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0) as client:
            runs = [_ask(client, number) for number in range(rounds)]
        figures = {
            "start_s": round(start_s, 2),
            "gateway_rss_mib": round(_rss_mib(gateway.process.pid), 1),
            "engine_rss_mib": round(_engine_rss_mib(gateway), 1),
            **{name: round(statistics.median(r[name] for r in runs), 3) for name in runs[0]},
        }
    print(json.dumps(figures))


def _ask(client: openai.OpenAI, number: int) -> dict[str, float]:
    prompt = f"Note {number}. " + _FILLER * 25 + "Tell a long story about this clinic."
    began = time.perf_counter()
    stream = client.chat.completions.create(
        model="auto",
        messages=[{"role": "user", "content": prompt}],
        max_tokens=128,
        stream=True,
        stream_options={"include_usage": True},
    )
    first, usage = 0.0, None
    for chunk in stream:
        if not first and chunk.choices and chunk.choices[0].delta.content:
            first = time.perf_counter()
        usage = chunk.usage or usage
    ended = time.perf_counter()
    assert usage is not None
    return {
        "prompt_tokens": usage.prompt_tokens,
        "first_token_s": first - began,
        "prompt_tokens_per_s": usage.prompt_tokens / (first - began),
        "tokens_per_s": (usage.completion_tokens - 1) / (ended - first),
    }


def _engine_rss_mib(gateway: Served) -> float:
    return float(gateway.engine_health()["rss_bytes"]) / 2**20


def _rss_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
