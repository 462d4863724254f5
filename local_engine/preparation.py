# SPDX-License-Identifier: Apache-2.0
"""From the command line to an engine that may be started: the file is checked, the memory counted.

Nothing of llama.cpp runs here, but for the list of GPUs where a build has one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from local_engine.device import Device, plan_threads, probe
from local_engine.engine import Engine
from local_engine.errors import LibraryMissingError
from local_engine.fit import Estimate, Fit, Load, Shape, cell_type, estimate, fit, shape_of
from local_engine.gpu import ON_CPU, Offload, offload, open_registry, read_accelerators
from local_engine.heartbeat import Heart
from local_engine.llama_api import KvType, library_folder
from local_engine.profile import ModelProfile
from local_engine.sandbox import Needs
from local_engine.selection import (
    CONTEXTS,
    N_BATCH,
    SLOTS,
    EngineOptions,
    Tuning,
    installed_kind,
    make_engine,
)
from local_engine.store.admission import admit
from local_engine.store.gguf import read_file
from local_engine.store.manifest import find
from local_engine.threads import Results, key_of

RESULTS_FILE: Final = "threads.json"
_MIB: Final = 1 << 20
# Above the estimate: where an idle process is replaced, and where allocations fail.
_GROWN: Final = (1.25, 256 * _MIB)
_HARD: Final = (1.5, 768 * _MIB)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """The command line, checked. `n_ctx` 0 means the default of the model; `has_own_file` that
    the file is the operator's, not the store's; `gpu_layers` None as many as fit; `draft_file` is a
    small model of the operator's that drafts, in place of the manifest's; `kv_type` is what the
    context is kept in where model and engine can do that; `embeds`: there may be vectors."""

    socket_path: Path
    model_file: Path
    model_name: str
    n_ctx: int
    threads: int | None
    engine: str
    has_own_file: bool = False
    gpu_layers: int | None = None
    draft_file: Path | None = None
    kv_type: KvType = "f16"
    embeds: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Small:
    """The model that drafts, if there is one; `estimate` is of both."""

    file: Path | None
    estimate: Estimate
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An engine that is not started, what it needs, and lines for a person."""

    engine: Engine
    profile: ModelProfile
    needs: Needs
    fit: Fit
    grown_bytes: int
    notes: tuple[str, ...]
    tuning: Tuning | None = None
    kv_type: KvType = "f16"

    def report(self) -> dict[str, object]:
        """For /health."""
        tuned = self.tuning.report() if self.tuning is not None else {}
        needed = self.fit.estimate
        return {
            "memory_estimate_bytes": needed.total - needed.vectors,
            "memory_for_vectors_bytes": needed.vectors,
            "kv_type": self.kv_type,
            "notes": list(self.notes),
            **tuned,
        }


def prepare(options: ServerOptions, heart: Heart) -> Prepared:
    """Check file and memory, choose the engine. Raises EngineSetupError."""
    profile = admit(options.model_name, options.model_file, is_own=options.has_own_file)
    kind = installed_kind() if options.engine == "auto" else options.engine
    device = probe()
    shape = shape_of(read_file(options.model_file))
    cells = cell_type(shape, options.kv_type, is_compiled=kind == "llamacpp")
    wanted = Load(
        n_ctx=options.n_ctx or profile.n_ctx,
        n_batch=N_BATCH,
        slots=SLOTS,
        contexts=CONTEXTS,
        kv_type=cells.kv_type,
        embeds=kind == "llamacpp" and options.embeds,
    )
    found = fit(options.model_name, shape, wanted, device.memory_free_bytes)
    profile = replace(profile, n_ctx=found.n_ctx)
    load = replace(wanted, n_ctx=found.n_ctx)
    placed = place(shape, load, found.estimate, options.gpu_layers)
    tuning = _tuning(options, device) if kind == "llamacpp" else None
    small = Small(file=None, estimate=found.estimate)
    if kind == "llamacpp":
        small = small_model(options, profile, load, found, device.memory_free_bytes)
        found = replace(found, estimate=small.estimate)
    chosen = EngineOptions(
        kind=kind,
        model_file=options.model_file,
        threads=plan_threads(device.usable_cpus, options.threads),
        tuning=tuning,
        gpu_layers=placed.layers,
        draft_file=small.file,
        embeds=found.embeds,
        kv_type=cells.kv_type,
    )
    return Prepared(
        engine=make_engine(chosen, profile, heart),
        profile=profile,
        needs=Needs(
            model_file=options.model_file,
            socket_folder=options.socket_path.parent,
            libraries=library_folder(),
            data_bytes=_beyond(found.estimate, _HARD),
            uses_gpu=placed.layers > 0,
            connects=kind == "xllamacpp",
            draft_file=small.file,
        ),
        fit=found,
        grown_bytes=_beyond(found.estimate, _GROWN),
        tuning=tuning,
        kv_type=cells.kv_type,
        notes=tuple(filter(None, (cells.note, found.note, placed.note, small.note))),
    )


def small_model(
    options: ServerOptions, profile: ModelProfile, load: Load, found: Fit, free_bytes: int | None
) -> Small:
    """The small model that drafts, where there is one and it fits beside the large one.

    No answer needs it, so what it lacks is a note. Raises ModelFileError for a file that may not
    be loaded.
    """
    file = options.draft_file
    if file is None:
        if not profile.draft:
            return Small(file=None, estimate=found.estimate)
        file = options.model_file.parent / find(profile.draft).file
        if not file.exists():
            note = f"no drafts: model {profile.draft} is not here; run: nearward model pull"
            return Small(file=None, estimate=found.estimate, note=f"{note} {profile.draft}")
    admit(profile.draft or file.stem, file, is_own=options.draft_file is not None)
    shape = shape_of(read_file(file))
    if cell_type(shape, load.kv_type, is_compiled=True).kv_type != load.kv_type:
        note = f"no drafts: {file.name} cannot have cells of {load.kv_type}, as the model has"
        return Small(file=None, estimate=found.estimate, note=note)
    alone = estimate(shape, replace(load, embeds=False))
    both = found.estimate.beside(alone)
    if free_bytes is not None and both.wanted > free_bytes:
        note = f"no drafts: there is no memory for {file.name} beside the model"
        return Small(file=None, estimate=found.estimate, note=note)
    return Small(file=file, estimate=both)


def _tuning(options: ServerOptions, device: Device) -> Tuning | None:
    """How threads are chosen; not at all where the operator has chosen."""
    if options.threads is not None:
        return None
    results = Results(options.socket_path.parent / RESULTS_FILE)
    return Tuning(results, key_of(device, options.model_file), device.usable_cpus)


def place(shape: Shape, load: Load, needed: Estimate, wanted: int | None) -> Offload:
    """Layers for the GPUs that the installed build can use."""
    folder = library_folder()
    if wanted == 0 or folder is None:
        return ON_CPU
    if not _has_gpu_backend(folder):
        return offload([], shape, load, needed, wanted)
    try:
        accelerators = read_accelerators(open_registry(folder))
    except (OSError, AttributeError) as error:
        raise LibraryMissingError(
            f"the engine's libraries cannot list GPUs ({type(error).__name__}); run: make setup"
        ) from error
    return offload(accelerators, shape, load, needed, wanted)


def _has_gpu_backend(folder: Path) -> bool:
    names = {path.name.split(".")[0] for path in folder.glob("libggml-*")}
    return bool(names - {"libggml-base", "libggml-cpu"})


def _beyond(needed: Estimate, bound: tuple[float, int]) -> int:
    factor, more = bound
    return int(needed.total * factor) + more
