# SPDX-License-Identifier: Apache-2.0
"""`nearward bench`: measurements on this machine. Each prints one JSON line of figures last."""

from __future__ import annotations

import json

import typer

from gateway.cli.terminal import say

app = typer.Typer(no_args_is_help=True, help="Measure nearward on this machine.")


@app.callback()
def bench() -> None:
    """Measure nearward on this machine; the last line of each is JSON."""


@app.command()
def policy() -> None:
    """How long a decision takes: the pack `hipaa`, 20 destinations, a mix of five requests.

    Where cedarpy is installed, Cedar with the same rules is timed in the
    same run. Times are in microseconds. Takes about a second.
    """
    from gateway.cli.policy_bench import measure

    figures = measure()
    for name in ("decide", "cedar_one_destination", "cedar_all"):
        if f"{name}_p50_us" in figures:
            p50, p99 = figures[f"{name}_p50_us"], figures[f"{name}_p99_us"]
            say(f"{name:<22} p50 {p50} us, p99 {p99} us, {figures[f'{name}_calls']} calls")
    say(json.dumps(figures))
