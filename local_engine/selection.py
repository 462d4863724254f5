# SPDX-License-Identifier: Apache-2.0
"""Which engine stands behind the port."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from local_engine import llama_api
from local_engine.backend import Backend
from local_engine.device import ThreadPlan
from local_engine.engine import Engine
from local_engine.errors import LibraryMissingError
from local_engine.heartbeat import Cell, Heart
from local_engine.line import LineEngine
from local_engine.llama_api import DecodeStatus, KvType, LlamaRuntime, Run, Runtime, RuntimeConfig
from local_engine.llamacpp import LlamaCppBackend
from local_engine.profile import ModelProfile
from local_engine.threads import Measured, Results, settle
from local_engine.watched import WatchedRuntime
from local_engine.xllamacpp import XllamaCppBackend

# Prompt tokens per decode: 128, 256 and 512 are equally fast here; a larger one needs more memory.
N_BATCH: Final = 256
SLOTS: Final = 8
# What all requests and the kept prefixes share, in contexts of one request.
CONTEXTS: Final = 2
# A cold disk gives at least so much; loading also hashes nothing and computes little.
_LOAD_BYTES_PER_S: Final = 10 << 20
_LOAD_BOUND_S: Final = 120.0
ENGINES: Final = ("auto", "llamacpp", "xllamacpp")


class Tuning:
    """Measures, or remembers, how many threads pay; `found` afterwards says what it is."""

    def __init__(self, results: Results, key: str, usable: int) -> None:
        self._results = results
        self._key = key
        self._usable = usable
        self.found: Measured | None = None

    def settle(self, runtime: LlamaRuntime) -> None:
        """Leave the model on the threads that pay."""
        self.found = settle(_RuntimeSteps(runtime), self._results, self._key, self._usable)

    def report(self) -> dict[str, object]:
        """For /health."""
        if self.found is None:
            return {}
        plan = self.found.plan
        return {
            "threads": {
                "decode": plan.decode,
                "prefill": plan.prefill,
                "decode_tps": {str(n): round(v, 1) for n, v in self.found.decode_tps.items()},
                "prefill_tps": {str(n): round(v, 1) for n, v in self.found.prefill_tps.items()},
                "was_kept": self.found.was_kept,
                "was_quiet": self.found.was_quiet,
            }
        }


class _RuntimeSteps:
    """A `LlamaRuntime` as threads.py times it."""

    def __init__(self, runtime: LlamaRuntime) -> None:
        self._runtime = runtime

    def use(self, plan: ThreadPlan) -> None:
        self._runtime.set_threads(plan.decode, plan.prefill)

    def run(self, tokens: int, position: int) -> bool:
        run = Run(place=0, position=position, tokens=[1] * tokens, outputs=1)
        return self._runtime.decode([run], abort=None) == DecodeStatus.OK

    def forget(self) -> None:
        self._runtime.forget()


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """`kind` is one of `ENGINES`."""

    kind: str
    model_file: Path
    threads: ThreadPlan
    tuning: Tuning | None = None
    """None: `threads` is the operator's word, or the library cannot be asked."""
    gpu_layers: int = 0
    draft_file: Path | None = None
    """Of the small model that drafts."""
    embeds: bool = True
    kv_type: KvType = "f16"


def installed_kind() -> str:
    """The better engine that is there. Raises LibraryMissingError when there is none."""
    if llama_api.is_installed():
        return "llamacpp"
    if importlib.util.find_spec("xllamacpp") is not None:
        return "xllamacpp"
    raise LibraryMissingError("the on-device engine is not installed; run: make setup")


def is_compiled(kind: str) -> bool:
    """Whether one of `ENGINES` is, or would be, the compiled one. Asks, and raises nothing."""
    return kind == "llamacpp" or (kind == "auto" and llama_api.is_installed())


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
        kv_type=options.kv_type,
        cells=CONTEXTS * profile.n_ctx,
    )

    def load() -> Backend:
        beats.promise(Cell.STEP, _load_bound_s(options.model_file))
        try:
            if kind == "xllamacpp":
                return XllamaCppBackend.load(config)
            plain = LlamaRuntime(config)
            if options.tuning is not None:
                options.tuning.settle(plain)
            runtime: Runtime = WatchedRuntime(plain, beats)
            backend = LlamaCppBackend(
                runtime, profile, small=_small(options, plain, beats), embeds=options.embeds
            )
            backend.calibrate()
            return backend
        finally:
            beats.rest(Cell.STEP)

    return LineEngine(load, profile)


def _small(options: EngineOptions, large: LlamaRuntime, beats: Heart) -> Runtime | None:
    """The model that drafts, with as many threads and cells as the one it drafts for."""
    if options.draft_file is None:
        return None
    config = replace(large.config, model_file=options.draft_file)
    small: Runtime = WatchedRuntime(LlamaRuntime(config), beats)
    return small


def _load_bound_s(model_file: Path) -> float:
    """How long loading may take before something is wrong."""
    size = model_file.stat().st_size if model_file.exists() else 0
    return _LOAD_BOUND_S + size / _LOAD_BYTES_PER_S
