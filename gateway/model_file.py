# SPDX-License-Identifier: Apache-2.0
"""The device's model files: which they are, and whether the engine would load them.

The gateway does not read model files itself. The engine's package does, in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from gateway.config_file import ConfigError
from gateway.settings import Settings


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model and its file, which is the operator's own or the store's."""

    name: str
    path: Path
    is_own: bool


def model_files(settings: Settings) -> list[ModelFile]:
    """All configured models, the default one first; raises ConfigError for a missing file."""
    return [
        _present(
            settings,
            ModelFile(
                model.name,
                model.file or settings.models_dir / f"{model.name}.gguf",
                model.file is not None,
            ),
        )
        for model in settings.device.all_models()
    ]


def check_model_files(settings: Settings) -> None:
    """Digest, or the stamp of an earlier check, or header; raises ConfigError with what to do."""
    for model in model_files(settings):
        own = ["--own-file"] if model.is_own else []
        command = [sys.executable, "-m", "local_engine.store", "admit", model.name]
        done = subprocess.run(
            [*command, "--file", str(model.path), *own],
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            lines = (done.stderr or done.stdout).strip().splitlines()
            problem = lines[-1] if lines else "the model file cannot be checked"
            raise _fault(settings, model, problem)


def _present(settings: Settings, model: ModelFile) -> ModelFile:
    if not model.path.is_file():
        raise _fault(settings, model, f"model file missing: {model.path}")
    return model


def _fault(settings: Settings, model: ModelFile, problem: str) -> ConfigError:
    """The problem with what would help: a config's own file is named in it, others are pulled."""
    if model.is_own and not settings.device.is_pool:
        where = settings.where("device", "model_file")
        return ConfigError(f"{where}: {problem}; let device.model_file name a whole GGUF file")
    if model.is_own:
        where = settings.where("device", "models")
        return ConfigError(f"{where}: {problem}; let its `file` name a whole GGUF file")
    cure = f"run: nearward model pull {model.name}"
    return ConfigError(problem if cure in problem else f"{problem}; {cure}")
