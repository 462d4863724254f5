# SPDX-License-Identifier: Apache-2.0
"""F18: SIGHUP and a changed file reload the policy in every worker of a running gateway."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.doubles.served import Served, served

CONFIG = 'device: {{enabled: false}}\npolicy: {{packs: ["{pack}"]}}\n'
_WITHIN_S = 30.0
_IN_FORCE = re.compile(r'nearward_policy_info\{hash="(sha256:[0-9a-f]{64})"\} ([0-9.]+)')
pytestmark = pytest.mark.timeout(120)


def metrics(gateway: Served) -> str:
    """The metrics' text; "" while nobody answers."""
    try:
        return httpx.get(f"http://127.0.0.1:{gateway.port}/metrics", trust_env=False).text
    except httpx.TransportError:
        return ""


def in_force(text: str) -> dict[str, float]:
    """Policy hash to the number of processes in which it is in force."""
    return {h: float(n) for h, n in _IN_FORCE.findall(text) if float(n)}


def until(gateway: Served, claim: Callable[[str], bool]) -> str:
    """Wait for the metrics to satisfy the claim; returns them."""
    deadline = time.monotonic() + _WITHIN_S
    while not claim(text := metrics(gateway)):
        assert time.monotonic() < deadline, in_force(text)
        assert gateway.process.poll() is None, "nearward serve ended"
        time.sleep(0.05)
    return text


@pytest.mark.parametrize(("workers", "by"), [(1, "file"), (2, "signal")])
def test_all_workers_reload(tmp_path: Path, workers: int, by: str) -> None:
    """One new hash is in force in each process; a bad file changes nothing; nobody ends."""
    config, pack_name = tmp_path / "nearward.yaml", tmp_path / "pack"
    pack_name.write_text("hipaa")
    config.write_text(CONFIG.format(pack=f"${{file:{pack_name}}}"))
    with served("--config", str(config), "--workers", str(workers)) as gateway:
        # Each has looked at the files once more after its start.
        looked = f'nearward_policy_reloads_total{{outcome="unchanged"}} {workers}.0'
        text = until(gateway, lambda text: looked in text)
        (first,) = in_force(text)
        assert in_force(text) == {first: workers}
        if by == "signal":  # a file that is not watched: only the signal tells of it
            pack_name.write_text("open")
            gateway.process.send_signal(signal.SIGHUP)
        else:
            config.write_text(CONFIG.format(pack="open"))
        text = until(
            gateway, lambda text: [*in_force(text)] != [first] and len(in_force(text)) == 1
        )
        second = in_force(text)
        config.write_text("policy: {packs: [none]}\n")
        text = until(gateway, lambda text: "nearward_policy_reload_failed 1.0" in text)
        assert in_force(text) == second
