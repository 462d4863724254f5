# SPDX-License-Identifier: Apache-2.0
"""Requests a second and added latency of the gateway beside its peers, in one run.

    python -m tests.bench.gateway_peers --tools DIR [--litellm BIN] [--vllm-router BIN] [--rounds 3]

DIR holds the compiled `mock` and `lg` and the bodies `body_1k.json`, `body_20k.json`,
`body_1k_stream.json`. Each server is pinned to core 0, mock and load generator to core 1; the
subjects take turns within each round, and medians over the rounds are compared. nginx is used
when it is on the path. The last line is JSON. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MOCK_PORT, KEY = 9171, "bench-key"
Figures = dict[str, float]


@dataclass
class Subject:
    """A server under test."""

    name: str
    port: int
    command: list[str]
    health: str
    environment: dict[str, str] = field(default_factory=dict)
    slow: bool = False
    start_s: float = 0.0
    rss_mib: float = 0.0


@dataclass(frozen=True)
class Load:
    """One kind of load: connections, requests, body."""

    name: str
    connections: int
    requests: int
    body: str


LOADS = (
    Load("c1", 1, 2000, "body_1k.json"),
    Load("c64", 64, 12000, "body_1k.json"),
    Load("c64_20k", 64, 4000, "body_20k.json"),
    Load("sse_c1", 1, 100, "body_1k_stream.json"),
    Load("sse_c16", 16, 300, "body_1k_stream.json"),
)


def nearward(folder: Path, body: Path) -> Subject:
    """The gateway with everything on: auth, privacy, policy, audit, metrics."""
    model = json.loads(body.read_bytes())["model"]
    config = {
        "server": {"port": 8471},
        "device": {"enabled": False},
        "policy": {"packs": ["hipaa"]},
        "destinations": [
            {
                "name": "mock",
                "tier": "cloud",
                "base_url": f"http://127.0.0.1:{MOCK_PORT}/v1",
                "models": {model: model},
                "trains_on_data": False,
            }
        ],
    }
    path = folder / "nearward.yaml"
    path.write_text(json.dumps(config))
    environment = {"NEARWARD_STATE_DIR": str(folder / "state"), "NEARWARD_API_KEY": KEY}
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(path)]
    return Subject("nearward", 8471, command, "/health", environment)


def nginx(folder: Path) -> Subject | None:
    """nginx as a plain reverse proxy with keep-alive: the physical limit of a careful proxy."""
    binary = shutil.which("nginx")
    if binary is None:
        return None
    (folder / "nginx.conf").write_text(
        f"""worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{ access_log off; client_body_temp_path {folder}/c; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  keepalive_requests 1000000; client_body_buffer_size 256k;
  upstream m {{ server 127.0.0.1:{MOCK_PORT}; keepalive 128; keepalive_requests 1000000; }}
  server {{ listen 127.0.0.1:8472; location / {{ proxy_pass http://m; proxy_http_version 1.1;
    proxy_set_header Connection ""; proxy_buffering off; }} }} }}"""
    )
    return Subject("nginx", 8472, [binary, "-c", str(folder / "nginx.conf")], "/")


def litellm(folder: Path, binary: Path, body: Path) -> Subject:
    """LiteLLM's proxy, one worker, with a master key."""
    model = json.loads(body.read_bytes())["model"]
    upstream = {"model": f"openai/{model}", "api_base": f"http://127.0.0.1:{MOCK_PORT}/v1"}
    entry = {"model_name": model, "litellm_params": {**upstream, "api_key": "none"}}
    config = {"model_list": [entry], "general_settings": {"master_key": KEY}}
    path = folder / "litellm.yaml"
    path.write_text(json.dumps(config))
    command = [str(binary), "--config", str(path), "--port", "8473", "--host", "127.0.0.1"]
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    return Subject("litellm", 8473, command, "/health/liveliness", environment, slow=True)


def vllm_router(binary: Path) -> Subject:
    """The Rust router: no scan, no audit."""
    worker = f"http://127.0.0.1:{MOCK_PORT}"
    command = [str(binary), "--host", "127.0.0.1", "--port", "8474", "--worker-urls", worker]
    return Subject("vllm-router", 8474, [*command, "--policy", "round_robin"], "/health")


@contextlib.contextmanager
def running(subject: Subject) -> Iterator[None]:
    """Start the subject on core 0, and stop it afterwards."""
    began = time.perf_counter()
    process = subprocess.Popen(
        ["taskset", "-c", "0", *subject.command],
        env={**os.environ, **subject.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until_up(subject, began)
        subject.start_s = time.perf_counter() - began
        subject.rss_mib = _rss_mib(process.pid)
        yield
    finally:
        process.terminate()
        process.wait(30)


def _until_up(subject: Subject, began: float) -> None:
    while time.perf_counter() - began < 90:
        try:
            urllib.request.urlopen(
                f"http://127.0.0.1:{subject.port}{subject.health}", timeout=1
            ).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"{subject.name} did not start")


def _rss_mib(pid: int) -> float:
    """Resident memory of the process and its children."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            text = status.read_text()
            fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
            if str(pid) in (fields["Pid"], fields["PPid"]):
                total += int(fields.get("VmRSS", "0 kB").split()[0])
    return total / 1024


def measure(tools: Path, port: int, load: Load, *, slow: bool) -> dict[str, Any]:
    """One run of the load generator, on core 1."""
    requests = max(load.requests // 20, 30) if slow else load.requests
    command = ["taskset", "-c", "1", str(tools / "lg"), "-p", str(port)]
    command += ["-P", "/v1/chat/completions", "-c", str(load.connections), "-n", str(requests)]
    command += ["-w", str(max(requests // 20, 5)), "-b", str(tools / load.body)]
    command += ["-H", f"Authorization: Bearer {KEY}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def main() -> None:
    """Run the rounds and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", type=Path, required=True)
    parser.add_argument("--litellm", type=Path)
    parser.add_argument("--vllm-router", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    body = chosen.tools / "body_1k.json"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subjects = [nearward(folder, body), nginx(folder)]
        subjects.append(litellm(folder, chosen.litellm, body) if chosen.litellm else None)
        subjects.append(vllm_router(chosen.vllm_router) if chosen.vllm_router else None)
        present = [s for s in subjects if s is not None]
        results = _rounds(chosen.tools, present, chosen.rounds)
    for key, figures in results.items():
        print(f"{key:24s}", json.dumps(figures))
    print(json.dumps(results))


def _rounds(tools: Path, subjects: list[Subject], rounds: int) -> dict[str, Figures]:
    runs: dict[str, list[dict[str, Any]]] = {}
    command = ["taskset", "-c", "1", str(tools / "mock"), str(MOCK_PORT)]
    mock = subprocess.Popen(command)
    try:
        _until_up(Subject("mock", MOCK_PORT, command, "/"), time.perf_counter())
        for number in range(rounds):
            for load in LOADS:
                direct = measure(tools, MOCK_PORT, load, slow=False)
                runs.setdefault(f"direct {load.name}", []).append(direct)
            for subject in subjects:
                print(f"round {number + 1} of {rounds}: {subject.name}", file=sys.stderr)
                with running(subject):
                    for load in LOADS:
                        figures = measure(tools, subject.port, load, slow=subject.slow)
                        runs.setdefault(f"{subject.name} {load.name}", []).append(figures)
    finally:
        mock.terminate()
        mock.wait(10)
    medians = {key: _median(found) for key, found in runs.items()}
    for subject in subjects:
        medians[f"{subject.name} process"] = {
            "start_s": round(subject.start_s, 2),
            "rss_mib": round(subject.rss_mib, 1),
        }
    return medians


def _median(runs: list[dict[str, Any]]) -> Figures:
    names = ("rps", "p50_us", "p99_us", "ttft_p50_us", "ev_per_s", "errs")
    return {n: statistics.median(run[n] for run in runs) for n in names}


if __name__ == "__main__":
    main()
