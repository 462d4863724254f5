# SPDX-License-Identifier: Apache-2.0
"""`nearward audit`: check the log's chain and read it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.terminal import ConfigOption, fail, say

if TYPE_CHECKING:
    from gateway.records.series import Head

app = typer.Typer(no_args_is_help=True, help="The tamper-evident record of every decision.")


AnchorOption = Annotated[
    list[Path] | None,
    typer.Option("--anchor", help="A file of anchored checkpoints to check against; repeatable."),
]
PublicKeyOption = Annotated[
    Path | None,
    typer.Option("--public-key", help="Who signs checkpoints. Default: signing.pub in the log."),
]


@app.command()
def verify(
    config: ConfigOption = None, anchor: AnchorOption = None, public_key: PublicKeyOption = None
) -> None:
    """Check every record; exit 1 and name the first bad one of each segment, if any.

    With --anchor also whether anything is missing that an anchored checkpoint has seen.
    """
    from gateway.records.verification import verify_log

    directory = _directory(config)
    anchored = _anchored(anchor or [], public_key or directory / "signing.pub")
    try:
        report = verify_log(directory, anchored, processes=os.cpu_count() or 1)
    except FileNotFoundError:
        fail(f"{directory}: no audit log here yet")
    except OSError as error:
        fail(f"{directory}: cannot be read ({error.strerror})")
    for fault in report.faults:
        at = f"{directory / fault.segment}:{fault.line}" if fault.line else fault.segment
        say(f"NOT WHOLE  {at}: {fault.problem}")
    if report.lost or report.waiting:
        say(f"intents without an outcome: {report.lost} lost, {report.waiting} still open")
    if report.faults:
        raise typer.Exit(1)
    checked = f"; {len(anchored)} anchored heads" if anchored else ""
    say(f"whole: {report.records} records in {report.segments} segments{checked}")


def _anchored(files: list[Path], public_key: Path) -> list[tuple[Head, str]]:
    from gateway.records.custody import read_public_key
    from gateway.records.verification import anchored_heads

    if not files:
        return []
    try:
        key = read_public_key(public_key)
    except (OSError, ValueError) as error:
        fail(f"{public_key}: no public key ({error})")
    heads = []
    for file in files:
        try:
            heads += anchored_heads(file, key)
        except OSError as error:
            fail(f"{file}: cannot be read ({error.strerror})")
        except ValueError as error:
            fail(f"{file.parent / str(error)}", 1)
    return heads


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
