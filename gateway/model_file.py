# SPDX-License-Identifier: Apache-2.0
"""The device's model file: which one it is, and whether the engine would load it.

The gateway does not read model files itself. The engine's package does, in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from gateway.config_file import ConfigError
from gateway.settings import Settings


def model_file(settings: Settings) -> Path:
    """The configured file, else the store's; raises ConfigError when it is not there."""
    device = settings.device
    path = device.model_file or settings.models_dir / f"{device.model}.gguf"
    if not path.is_file():
        raise _fault(settings, f"model file missing: {path}")
    return path


def model_arguments(settings: Settings) -> list[str]:
    """How the engine's programs are told about the file; raises ConfigError without one."""
    own = ["--own-file"] if settings.device.model_file is not None else []
    return ["--model-file", str(model_file(settings)), *own]


def check_model_file(settings: Settings) -> None:
    """Digest, or the stamp of an earlier check, or header; raises ConfigError with what to do."""
    device = settings.device
    _, *file = model_arguments(settings)
    command = [sys.executable, "-m", "local_engine.store", "admit", device.model, "--file", *file]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise _fault(settings, lines[-1] if lines else "the model file cannot be checked")


def _fault(settings: Settings, problem: str) -> ConfigError:
    """The problem with what would help: a config's own file is named in it, others are pulled."""
    device = settings.device
    if device.model_file is not None:
        where = settings.where("device", "model_file")
        return ConfigError(f"{where}: {problem}; let device.model_file name a whole GGUF file")
    cure = f"run: nearward model pull {device.model}"
    return ConfigError(problem if cure in problem else f"{problem}; {cure}")
