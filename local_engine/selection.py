# SPDX-License-Identifier: Apache-2.0
"""Which engine stands behind the port."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local_engine import llama_api
from local_engine.backend import Backend
from local_engine.device import ThreadPlan
from local_engine.engine import Engine
from local_engine.errors import LibraryMissingError
from local_engine.line import LineEngine
from local_engine.llama_api import LlamaRuntime, RuntimeConfig
from local_engine.llamacpp import LlamaCppBackend
from local_engine.profile import ModelProfile
from local_engine.xllamacpp import XllamaCppBackend

# Prompt tokens per decode: 128, 256 and 512 are equally fast here; a larger one needs more memory.
N_BATCH: Final = 256
SLOTS: Final = 8
ENGINES: Final = ("auto", "llamacpp", "xllamacpp")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """`kind` is one of `ENGINES`."""

    kind: str
    model_file: Path
    threads: ThreadPlan


def installed_kind() -> str:
    """The better engine that is there. Raises LibraryMissingError when there is none."""
    if llama_api.is_installed():
        return "llamacpp"
    if importlib.util.find_spec("xllamacpp") is not None:
        return "xllamacpp"
    raise LibraryMissingError("the on-device engine is not installed; run: make setup")


def make_engine(options: EngineOptions, profile: ModelProfile) -> Engine:
    """An engine that is not started yet."""
    kind = installed_kind() if options.kind == "auto" else options.kind
    config = RuntimeConfig(
        model_file=options.model_file,
        n_ctx=profile.n_ctx,
        n_batch=N_BATCH,
        slots=SLOTS,
        decode_threads=options.threads.decode,
        prefill_threads=options.threads.prefill,
    )

    def load() -> Backend:
        if kind == "xllamacpp":
            return XllamaCppBackend.load(config)
        backend = LlamaCppBackend(LlamaRuntime(config), profile)
        backend.calibrate()
        return backend

    return LineEngine(load, profile)
