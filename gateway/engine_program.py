# SPDX-License-Identifier: Apache-2.0
"""The engine's command line: one supervised model, or a pool of several."""

from __future__ import annotations

import os
from pathlib import Path

from gateway.config_file import ConfigError
from gateway.model_file import ModelFile, model_files
from gateway.reach import control_socket, engine_socket, model_socket
from gateway.settings import Settings


def engine_command(settings: Settings) -> list[str]:
    """What follows `python -m`; raises ConfigError without a model file."""
    files = model_files(settings)
    device = settings.device
    common = _common(settings)
    if not device.is_pool:
        (only,) = files
        own = ["--own-file"] if only.is_own else []
        socket = _short(engine_socket(settings))
        model = ["--socket", socket, "--model-file", str(only.path), "--model-name", only.name]
        return ["local_engine", *model, *own, *common]
    words = ["--control", _short(control_socket(settings)), *common]
    for number, file in enumerate(files):
        words += _pooled(settings, number, file)
    if device.memory_mb is not None:
        words += ["--memory-mb", str(device.memory_mb)]
    if device.idle_s is not None:
        words += ["--idle-s", str(device.idle_s)]
    return ["local_engine.pool", *words, "--min-stay-s", str(device.min_stay_s)]


def bench_arguments(settings: Settings, name: str) -> list[str]:
    """What the engine's own bench is told of a model, "" for the default one.

    Raises ConfigError for a model that the config does not name.
    """
    files = model_files(settings)
    file = next((f for f in files if f.name == name), None) if name else files[0]
    if file is None:
        known = ", ".join(f.name for f in files)
        raise ConfigError(f"{name} is no model of this config; there is: {known}")
    own = ["--own-file"] if file.is_own else []
    named = ["--model-file", str(file.path), "--model-name", file.name]
    return [*named, *own, *_common(settings)]


def _common(settings: Settings) -> list[str]:
    device = settings.device
    return [
        "--ctx", str(device.context_tokens), "--threads", str(device.threads),
        "--gpu-layers", str(device.gpu_layers), "--engine", device.engine,
        "--kv-type", device.kv_type,
    ]  # fmt: skip


def _pooled(settings: Settings, number: int, file: ModelFile) -> list[str]:
    kind = "own" if file.is_own else "store"
    socket = _short(model_socket(settings, number))
    return ["--model", file.name, str(file.path), kind, socket]


def _short(socket: Path) -> str:
    """A unix socket's path is limited to 107 bytes."""
    if len(os.fsencode(socket)) > 100:
        raise ConfigError(
            f"{socket}: too long for a unix socket; set NEARWARD_STATE_DIR to a shorter path"
        )
    return str(socket)
