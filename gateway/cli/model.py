# SPDX-License-Identifier: Apache-2.0
"""`nearward model`: the model store, and what is loaded. The engine's own package does the work."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import typer

from gateway.cli.terminal import ConfigOption, fail, read_settings

app = typer.Typer(no_args_is_help=True, help="Models for the on-device engine.")
NameArgument = Annotated[str, typer.Argument(metavar="NAME")]


@app.command("list")
def list_models(config: ConfigOption = None) -> None:
    """The models nearward knows, which are here, and of several on the device which are loaded."""
    from gateway.reach import control_socket

    settings = read_settings(config)
    code = _run("store", "list", "--models-dir", str(settings.models_dir))
    if settings.device.is_pool and code == 0 and control_socket(settings).exists():
        code = _run("models", "list", "--control", str(control_socket(settings)))
    raise typer.Exit(code)


@app.command()
def pull(name: NameArgument, config: ConfigOption = None) -> None:
    """Bring a model into the store and check its hash."""
    folder = read_settings(config).models_dir
    raise typer.Exit(_run("store", "pull", name, "--models-dir", str(folder)))


@app.command()
def verify(name: NameArgument, config: ConfigOption = None) -> None:
    """Hash a stored model again."""
    folder = read_settings(config).models_dir
    raise typer.Exit(_run("store", "verify", name, "--models-dir", str(folder)))


@app.command()
def load(name: NameArgument, config: ConfigOption = None) -> None:
    """Have a running nearward load one of its several models, and wait until it is ready."""
    _tell_pool("load", name, config)


@app.command()
def unload(name: NameArgument, config: ConfigOption = None) -> None:
    """Have a running nearward free the memory of one of its several models."""
    _tell_pool("unload", name, config)


@app.command()
def bench(
    name: Annotated[str, typer.Argument(metavar="[NAME]")] = "", config: ConfigOption = None
) -> None:
    """Load a model beside everything else and measure it: threads, speed, memory.

    Without a name the default model. The last line is JSON. Takes some seconds to a minute.
    """
    from gateway.config_file import ConfigError
    from gateway.engine_program import bench_arguments

    try:
        arguments = bench_arguments(read_settings(config), name)
    except ConfigError as error:
        fail(error)
    raise typer.Exit(_run("bench.model", *arguments))


def _tell_pool(action: str, name: str, config: ConfigOption) -> None:
    from gateway.reach import control_socket

    settings = read_settings(config)
    if not settings.device.is_pool:
        fail("there is one model only, loaded as long as nearward runs; see device.models")
    raise typer.Exit(_run("models", action, name, "--control", str(control_socket(settings))))


def _run(module: str, *arguments: str) -> int:
    command = [sys.executable, "-m", f"local_engine.{module}", *arguments]
    return subprocess.run(command, check=False).returncode
