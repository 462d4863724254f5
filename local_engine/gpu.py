# SPDX-License-Identifier: Apache-2.0
"""How many of a model's layers go to a GPU.

Rules
1. Only devices that llama.cpp itself sees count: a card without a backend built for it is none.
   `make setup BACKEND=cuda|metal|vulkan` builds one.
2. A discrete GPU is preferred; an integrated one shares the machine's memory and counts only where
   there is no other.
3. Each device keeps `RESERVE` of its free memory, and room for the compute buffers.
4. As many whole layers as fit; when all do, the output layer goes too. `wanted` is an upper bound.
5. Without a device everything stays on the CPU, and a request for layers is answered by a note.

This was built and tested with fake devices: no machine with a GPU was at hand.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from local_engine.fit import VALUE_BYTES, Estimate, Load, Shape

RESERVE: Final = 0.1
# ggml-backend.h, enum ggml_backend_dev_type.
_KINDS: Final[dict[int, Literal["gpu", "igpu"]]] = {1: "gpu", 2: "igpu"}


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A device as llama.cpp sees it; the name says the backend ("CUDA0", "Vulkan0", "Metal")."""

    name: str
    kind: Literal["gpu", "igpu"]
    free_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Offload:
    """`layers` as llama.cpp counts them: one more than the model has means all of it."""

    layers: int
    devices: tuple[str, ...] = ()
    note: str = ""


ON_CPU: Final = Offload(layers=0)


def offload(
    accelerators: Sequence[Accelerator],
    shape: Shape,
    load: Load,
    estimate: Estimate,
    wanted: int | None = None,
) -> Offload:
    """Choose devices and layers (rules above); `wanted` None means as many as fit."""
    if wanted == 0:
        return ON_CPU
    chosen = _preferred(accelerators)
    if not chosen:
        note = "no GPU that this build of llama.cpp can use" if wanted else ""
        return Offload(layers=0, note=note)
    rooms = [max(0, int(a.free_bytes * (1 - RESERVE)) - estimate.compute) for a in chosen]
    each = _layer_bytes(shape, load)
    fitting = min(shape.layers, sum(room // each for room in rooms))
    output = shape.weights_bytes - shape.block_bytes
    if fitting == shape.layers and sum(rooms) >= shape.layers * each + output:
        fitting += 1
    layers = fitting if wanted is None else min(fitting, wanted)
    if layers == 0:
        return Offload(layers=0, note="not one layer fits into the free memory of the GPU")
    note = f"{layers} of {shape.layers + 1} layers on {', '.join(a.name for a in chosen)}"
    return Offload(layers=layers, devices=tuple(a.name for a in chosen), note=note)


def _preferred(accelerators: Sequence[Accelerator]) -> list[Accelerator]:
    discrete = [a for a in accelerators if a.kind == "gpu"]
    return discrete or [a for a in accelerators if a.kind == "igpu"]


def _layer_bytes(shape: Shape, load: Load) -> int:
    """A layer's weights and its share of the cells, rounded up."""
    cells = load.n_ctx * load.contexts * shape.cell_width * VALUE_BYTES[load.kv_type]
    return max(1, -(-int(shape.block_bytes + cells) // shape.layers))


def read_accelerators(library: Any) -> list[Accelerator]:
    """What ggml's registry lists beside CPUs. `library` is `open_registry`'s."""
    found = []
    for index in range(library.ggml_backend_dev_count()):
        device = library.ggml_backend_dev_get(index)
        kind = _KINDS.get(library.ggml_backend_dev_type(device))
        if kind is None:
            continue
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        library.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
        name = library.ggml_backend_dev_name(device).decode("utf-8", "replace")
        found.append(Accelerator(name, kind, free.value))
    return found


def open_registry(folder: Path) -> Any:
    """ggml's device calls, typed, from the folder of the compiled libraries; raises OSError."""
    path = next((p for p in (folder / "libggml.so", folder / "libggml.dylib") if p.exists()), None)
    if path is None:
        raise FileNotFoundError(f"no libggml in {folder}")
    library = ctypes.CDLL(str(path))
    library.ggml_backend_dev_count.restype = ctypes.c_size_t
    library.ggml_backend_dev_get.restype = ctypes.c_void_p
    library.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
    library.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
    library.ggml_backend_dev_name.argtypes = [ctypes.c_void_p]
    library.ggml_backend_dev_name.restype = ctypes.c_char_p
    size = ctypes.POINTER(ctypes.c_size_t)
    library.ggml_backend_dev_memory.argtypes = [ctypes.c_void_p, size, size]
    library.ggml_backend_dev_memory.restype = None
    return library
