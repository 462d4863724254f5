# SPDX-License-Identifier: Apache-2.0
"""`nearward bench`: measurements on this machine. Each prints one JSON line of figures last."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.terminal import fail, say

app = typer.Typer(no_args_is_help=True, help="Measure nearward on this machine.")


@app.callback()
def bench() -> None:
    """Measure nearward on this machine; the last line of each is JSON."""


def _say_figures(figures: Mapping[str, object]) -> None:
    for name, figure in figures.items():
        say(f"{name:<26} {figure!s:>10}")


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


@app.command()
def gateway(
    requests: Annotated[
        int, typer.Option(min=100, max=1_000_000, help="Requests of the throughput load.")
    ] = 5000,
    connections: Annotated[int, typer.Option(min=1, max=1024, help="Its connections.")] = 64,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Medians are over these.")] = 3,
) -> None:
    """What the gateway adds to a request: latency and requests per second, with all it has on.

    Prompts of 1 KB go through the gateway and, in turn, straight to the
    same stand-in for a cloud, over loopback. Load generator and stand-in
    are Python and share the machine: compare figures within one run, on
    an otherwise idle machine. Takes about half a minute.
    """
    from gateway.cli.gateway_bench import measure

    try:
        figures = measure(requests, connections, rounds)
    except (OSError, RuntimeError) as error:
        fail(error)
    _say_figures(figures)
    say(json.dumps(figures))


@app.command()
def privacy(
    data: Annotated[
        Path | None,
        typer.Option(help="A folder of labelled JSONL prompts; without it only speed is measured."),
    ] = None,
    all_rows: Annotated[
        bool, typer.Option("--all", help="Also prompts that training may have seen.")
    ] = False,
    only_json: Annotated[bool, typer.Option("--json", help="Print the JSON line alone.")] = False,
) -> None:
    """How fast the privacy detector is, what it weighs, and with --data how well it does.

    Quality is measured on the tenth of the prompts that training never saw. Times are of the
    processor, in microseconds. Takes about half a minute with data.
    """
    from gateway.cli.privacy_bench import measure

    if data is not None and not any(data.glob("*.jsonl")):
        fail(f"{data}: no .jsonl files there")
    say(json.dumps(measure(data, _silent if only_json else say, all_rows=all_rows)))


def _silent(_line: str) -> None:
    """Says nothing."""


@app.command()
def engine(
    *,
    threads: Annotated[
        str,
        typer.Option(
            help="For single tokens and for prompts; half of the cores, and all.", metavar="N,N"
        ),
    ] = "auto",
    rounds: Annotated[int, typer.Option(min=1, max=20, help="Medians are over these.")] = 3,
    kind: Annotated[
        str, typer.Option("--engine", help="llamacpp or xllamacpp, as installed.")
    ] = "llamacpp",
    llama_server: Annotated[
        Path | None,
        typer.Option(help="Measure llama.cpp's own server too.", exists=True, dir_okay=False),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="A folder with texts to copy.", exists=True, file_okay=False),
    ] = None,
    prompts: Annotated[
        int, typer.Option(min=0, max=200, help="Compared with drafts and without.")
    ] = 200,
    only_json: Annotated[bool, typer.Option("--json", help="Print the JSON line alone.")] = False,
) -> None:
    """The on-device engine: tokens per second of 1, 4 and 8 streams, prefix cache, gaps, drafts.

    Runs SmolLM2 in processes of its own for about eight minutes: on an
    otherwise idle machine. tests/bench/llama_server_build.py builds the peer
    for --llama-server, tests/bench/engine_peers.py compares with xllamacpp.
    """
    options = ["--threads", threads, "--rounds", str(rounds), "--prompts", str(prompts)]
    options += ["--data", str(data)] if data is not None else []
    figures = _engine_figures([*options, "--engine", kind], only_json=only_json)
    if llama_server is not None:
        peer = ["--engine", "llama-server", "--llama-server", str(llama_server)]
        theirs = _engine_figures([*options, *peer], only_json=only_json)
        both = [name for name, one in theirs.items() if isinstance(one, float) and one]
        figures |= {f"peer_{name}": figure for name, figure in theirs.items()}
        figures |= {f"ratio_{name}": round(figures[name] / theirs[name], 3) for name in both}
    if not only_json:
        _say_figures(figures)
    say(json.dumps(figures))


def _engine_figures(options: list[str], *, only_json: bool) -> dict[str, Any]:
    """What a run of the engine's own bench prints last."""
    command = [sys.executable, "-m", "local_engine.bench.engine", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        raise typer.Exit(done.returncode or 1)
    if not only_json:
        for line in lines[:-1]:
            say(line)
    return dict(json.loads(lines[-1]))
