# SPDX-License-Identifier: Apache-2.0
"""`nearward model`: the model store. The work is done by the engine's own package."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import typer

from gateway.cli.terminal import ConfigOption, read_settings

app = typer.Typer(no_args_is_help=True, help="Models for the on-device engine.")
NameArgument = Annotated[str, typer.Argument(metavar="NAME")]


@app.command("list")
def list_models(config: ConfigOption = None) -> None:
    """The models nearward knows, and which are here."""
    _store(config, "list")


@app.command()
def pull(name: NameArgument, config: ConfigOption = None) -> None:
    """Bring a model into the store and check its hash."""
    _store(config, "pull", name)


@app.command()
def verify(name: NameArgument, config: ConfigOption = None) -> None:
    """Hash a stored model again."""
    _store(config, "verify", name)


def _store(config: ConfigOption, *arguments: str) -> None:
    models_dir = read_settings(config).models_dir
    command = [sys.executable, "-m", "local_engine.store", *arguments]
    raise typer.Exit(
        subprocess.run([*command, "--models-dir", str(models_dir)], check=False).returncode
    )
