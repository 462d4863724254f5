# SPDX-License-Identifier: Apache-2.0
"""Which engine stands behind the port."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local_engine import llama_api
from local_engine.device import ThreadPlan
from local_engine.engine import Engine
from local_engine.errors import LibraryMissingError
from local_engine.heartbeat import Cell, Heart
from local_engine.line import Backend, LineEngine
from local_engine.llama_api import LlamaRuntime, Runtime, RuntimeConfig
from local_engine.llamacpp import LlamaCppBackend
from local_engine.profile import ModelProfile
from local_engine.watched import WatchedRuntime
from local_engine.xllamacpp import XllamaCppBackend

# Prompt tokens per decode: 128, 256 and 512 are equally fast here; a larger one needs more memory.
N_BATCH: Final = 256
SLOTS: Final = 1
# A cold disk gives at least so much; loading also hashes nothing and computes little.
_LOAD_BYTES_PER_S: Final = 10 << 20
_LOAD_BOUND_S: Final = 120.0
ENGINES: Final = ("auto", "llamacpp", "xllamacpp")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """`kind` is one of `ENGINES`."""

    kind: str
    model_file: Path
    threads: ThreadPlan
    gpu_layers: int = 0


def installed_kind() -> str:
    """The better engine that is there. Raises LibraryMissingError when there is none."""
    if llama_api.is_installed():
        return "llamacpp"
    if importlib.util.find_spec("xllamacpp") is not None:
        return "xllamacpp"
    raise LibraryMissingError("the on-device engine is not installed; run: make setup")


def make_engine(
    options: EngineOptions, profile: ModelProfile, heart: Heart | None = None
) -> Engine:
    """An engine that is not started yet; `heart` is where its thread says that it gets on."""
    beats = heart or Heart()
    kind = installed_kind() if options.kind == "auto" else options.kind
    config = RuntimeConfig(
        model_file=options.model_file,
        n_ctx=profile.n_ctx,
        n_batch=N_BATCH,
        slots=SLOTS,
        decode_threads=options.threads.decode,
        prefill_threads=options.threads.prefill,
        gpu_layers=options.gpu_layers,
    )

    def load() -> Backend:
        beats.promise(Cell.STEP, _load_bound_s(options.model_file))
        try:
            if kind == "xllamacpp":
                return XllamaCppBackend.load(config)
            runtime: Runtime = WatchedRuntime(LlamaRuntime(config), beats)
            return LlamaCppBackend(runtime, profile, n_batch=N_BATCH)
        finally:
            beats.rest(Cell.STEP)

    return LineEngine(load, profile)


def _load_bound_s(model_file: Path) -> float:
    """How long loading may take before something is wrong."""
    size = model_file.stat().st_size if model_file.exists() else 0
    return _LOAD_BOUND_S + size / _LOAD_BYTES_PER_S
