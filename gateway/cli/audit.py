# SPDX-License-Identifier: Apache-2.0
"""`nearward audit`: check the log's chain and read it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.terminal import ConfigOption, fail, say

app = typer.Typer(no_args_is_help=True, help="The tamper-evident record of every decision.")


@app.command()
def verify(config: ConfigOption = None) -> None:
    """Check every record of every segment; exit 1 and name the first bad one if any."""
    from gateway.records.audit import verify_directory

    directory = _directory(config)
    try:
        records, segments, faults = verify_directory(directory)
    except FileNotFoundError:
        fail(f"{directory}: no audit log here yet")
    except OSError as error:
        fail(f"{directory}: cannot be read ({error.strerror})")
    for fault in faults:
        at = f"{directory / fault.segment}:{fault.line}" if fault.line else fault.segment
        say(f"NOT WHOLE  {at}: {fault.problem}")
    if faults:
        raise typer.Exit(1)
    say(f"whole: {records} records in {segments} segments")


@app.command()
def show(
    config: ConfigOption = None,
    request: Annotated[str, typer.Option("--id", help="Only records of this decision id.")] = "",
    last: Annotated[int, typer.Option(help="At most this many, the newest.", min=1)] = 50,
) -> None:
    """Print records as JSON lines, oldest first."""
    from collections import deque

    lines: deque[bytes] = deque(maxlen=last)
    wanted = f'"id":"{request}"'.encode()
    for path in sorted(_directory(config).glob("*-*.jsonl")):
        with path.open("rb") as file:
            lines.extend(line for line in file if not request or wanted in line)
    sys.stdout.buffer.writelines(lines)


def _directory(config: Path | None) -> Path:
    from gateway.config_file import ConfigError
    from gateway.settings import load_settings

    try:
        return load_settings(config).state_dir / "audit"
    except ConfigError as error:
        fail(error)
