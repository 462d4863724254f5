# SPDX-License-Identifier: Apache-2.0
"""How fast llama.cpp multiplies a vector with weights that are already in the core's cache.

It is the product that a lone answer makes of each weight matrix (576 x 1,024, a width of SmolLM2),
over and over with one matrix of .6 MB or less, so that memory has no part in it. What that takes is
arithmetic, and no decode is faster; `roofline.py` says how the two add up.
"""

from __future__ import annotations

import ctypes
import sys
import time
from pathlib import Path
from typing import Any, Final

from local_engine.errors import LibraryMissingError
from local_engine.llama_api import library_folder, load_bindings
from local_engine.llama_log import LOAD_LOG

_COLUMNS, _ROWS = 576, 1024
_PRODUCTS: Final = 512
_ROUNDS: Final = 12
_F32: Final = 0
# ggml_type, and where such weights live on a CPU: 4-bit ones interleaved by rows, which llama.cpp
# does in C++ only, so that the function has no plainer name.
_TYPES: Final = {
    "q4_0": (2, "_Z35ggml_backend_cpu_repack_buffer_typev"),
    "q8_0": (8, "ggml_backend_cpu_buffer_type"),
}


class _Arena(ctypes.Structure):
    """`ggml_init_params`: room for what describes tensors; their bytes are in a buffer."""

    _fields_ = (
        ("mem_size", ctypes.c_size_t),
        ("mem_buffer", ctypes.c_void_p),
        ("no_alloc", ctypes.c_bool),
    )


class _Ggml:
    """Calls of ggml by name: whole numbers and pointers in, a pointer or a number out."""

    def __init__(self, folder: Path) -> None:
        """Raises LibraryMissingError where a build has them by other names."""
        suffix = ".dylib" if sys.platform == "darwin" else ".so"
        try:
            self._libraries = [
                ctypes.CDLL(str(folder / f"libggml-{part}{suffix}")) for part in ("base", "cpu")
            ]
        except OSError:
            raise LibraryMissingError("ggml's libraries are not where they were built") from None

    def __call__(self, name: str, *given: Any) -> Any:
        function = next((found[name] for found in self._libraries if hasattr(found, name)), None)
        if function is None:
            raise LibraryMissingError(f"this build of ggml has no {name}")
        function.restype = ctypes.c_void_p
        return function(
            *(ctypes.c_void_p(each) if isinstance(each, int) else each for each in given)
        )

    def place(self, arena: Any, buffer_type: str) -> None:
        """Give memory to all tensors of `arena`."""
        self("ggml_backend_alloc_ctx_tensors_from_buft", arena, self(buffer_type))


def cached_bandwidth(file_type: str, threads: int) -> float:
    """Bytes of weights a second. Raises LibraryMissingError. Memory is freed with the process."""
    LOAD_LOG.listen(load_bindings())
    folder = library_folder()
    assert folder is not None, "load_bindings has asked"
    ggml = _Ggml(folder)
    kind, layout = _TYPES[file_type]

    described = ggml("ggml_init", _Arena(1 << 20, None, True))
    weights = ggml("ggml_new_tensor_2d", described, kind, _COLUMNS, _ROWS)
    ggml.place(described, layout)
    size = ggml("ggml_nbytes", weights)
    ggml("ggml_backend_tensor_set", weights, bytes(size), 0, size)

    arena = ggml("ggml_init", _Arena(1 << 24, None, True))
    vector = ggml("ggml_new_tensor_2d", arena, _F32, _COLUMNS, 1)
    graph = ggml("ggml_new_graph_custom", arena, 2 * _PRODUCTS, ctypes.c_bool(False))
    for _ in range(_PRODUCTS):
        ggml("ggml_build_forward_expand", graph, ggml("ggml_mul_mat", arena, weights, vector))
    ggml.place(arena, "ggml_backend_cpu_buffer_type")
    ggml("ggml_backend_tensor_set", vector, bytes(4 * _COLUMNS), 0, 4 * _COLUMNS)
    read: int = _PRODUCTS * size
    return read / _seconds(ggml, graph, threads)


def _seconds(ggml: _Ggml, graph: Any, threads: int) -> float:
    """Of all products once, the best of a dozen times."""
    backend = ggml("ggml_backend_cpu_init")
    ggml("ggml_backend_cpu_set_n_threads", backend, threads)
    best = float("inf")
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        ggml("ggml_backend_graph_compute", backend, graph)
        best = min(best, time.perf_counter() - began)
    return best
