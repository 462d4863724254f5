# SPDX-License-Identifier: Apache-2.0
"""What all commands share: one clear line for an error, JSON lines in and out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import orjson
import typer

from gateway.limits import Json

if TYPE_CHECKING:
    from gateway.settings import Settings

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Config file. Default: $NEARWARD_CONFIG, then XDG."),
]
InputArgument = Annotated[
    Path, typer.Argument(help="A file of JSON lines, or - for standard input.", allow_dash=True)
]


def fail(message: object, code: int = 2) -> NoReturn:
    """End the command with one line on standard error."""
    sys.stderr.write(f"nearward: {message}\n")
    raise typer.Exit(code)


def read_settings(config: Path | None, code: int = 2) -> Settings:
    """The settings; ends the command with `code` when they are at fault."""
    from gateway.config_file import ConfigError
    from gateway.settings import load_settings

    try:
        return load_settings(config)
    except ConfigError as error:
        fail(error, code)


def say(text: str = "") -> None:
    """One line for the person at the terminal."""
    sys.stdout.write(text + "\n")


def write_json(value: object) -> None:
    """One JSON line on standard output."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))


def read_bytes(source: Path) -> bytes:
    """All of a file, or of standard input for `-`."""
    try:
        return sys.stdin.buffer.read() if str(source) == "-" else source.read_bytes()
    except OSError as error:
        fail(f"{source}: cannot be read ({error.strerror})")


def read_records(source: Path) -> Iterator[tuple[int, Json]]:
    """(line number, object) of each JSON line; ends the command at the first bad line."""
    stream = sys.stdin.buffer if str(source) == "-" else _open(source)
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            fail(f"{source}:{number}: not a JSON object")
        if not isinstance(record, dict):
            fail(f"{source}:{number}: not a JSON object")
        yield number, record


def _open(source: Path) -> Iterator[bytes]:
    try:
        with source.open("rb") as file:
            yield from file
    except OSError as error:
        fail(f"{source}: cannot be read ({error.strerror})")
