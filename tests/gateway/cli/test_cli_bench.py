# SPDX-License-Identifier: Apache-2.0
"""`nearward bench gateway`: real processes, few requests."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.gateway.cli.conftest import failed, run

FEW = ("bench", "gateway", "--requests", "100", "--connections", "4", "--rounds", "1")


def test_bench_gateway_measures_and_prints_json_last() -> None:
    """Every request was answered, through the gateway and without it."""
    result = run(*FEW)

    assert result.exit_code == 0, result.stderr
    figures = json.loads(result.stdout.splitlines()[-1])
    assert figures["failed"] == 0
    assert figures["requests_per_s"] > 0
    assert figures["direct_p50_us"] > 0
    assert figures["rss_mib"] > 0
    added = figures["p50_us"] - figures["direct_p50_us"]
    assert abs(figures["added_p50_us"] - added) <= 1  # each is rounded


def test_a_part_that_does_not_start_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what to try is said."""
    monkeypatch.setattr(sys, "executable", "/bin/true")
    failed(run(*FEW), 2, "gateway.cli.bench_upstream did not start; try: ")


def test_bench_engine_passes_on_what_the_engine_says() -> None:
    """Its exit code, and no figures where there are none."""
    result = run("bench", "engine", "--engine", "none")
    assert (result.exit_code, result.stdout) == (2, "")


def test_bench_engine_measures_a_peer_as_well(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Ours, theirs under `peer_`, and the quotients of what both have."""
    program = tmp_path / "python"
    program.write_text(
        "#!/bin/sh\n"
        'case "$*" in *llama-server*) echo \'{"streams_1": 40.0, "gap_s": 0}\';;\n'
        '*) echo costs; echo \'{"streams_1": 50.0, "overhead": 0.02}\';; esac\n'
    )
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    result = run("bench", "engine", "--llama-server", str(program), "--json")

    assert json.loads(result.stdout) == {
        "streams_1": 50.0,
        "overhead": 0.02,
        "peer_streams_1": 40.0,
        "peer_gap_s": 0,
        "ratio_streams_1": 1.25,
    }
    assert "costs" in run("bench", "engine").stdout
