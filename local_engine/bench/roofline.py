# SPDX-License-Identifier: Apache-2.0
"""How near one answer comes to what the memory allows: `python -m local_engine.bench.roofline`.

Each token of a lone answer reads all weights once, so no engine is faster than bandwidth over
file size. The bandwidth is measured by NumPy's dot product of an array of 256 MB with itself, on as
many threads as decode: a sum that does nothing but read, from pages of 2 MB where the kernel gives
them. The models are the small one, written anew by llama.cpp as Q8_0 and Q4_0 in a temporary folder
(from its own Q4_1: for speed that is the same). Tokens 17 to 64 of an answer to a short prompt are
timed.

The core sets a limit of its own: `TYPE_cached_gb_s` is how many bytes of such weights llama.cpp's
product takes a second when they are in the core's cache (kernel.py). Where reading and arithmetic
do not overlap at all, an answer reads 1 / (1 / read + 1 / cached) bytes a second; `TYPE_no_overlap`
is that over the bandwidth, to be held against `TYPE_roofline`. `pages_gb_s` is the bandwidth from
pages of 4 KB, which a model file that is mapped has.

One line for each file; the last line is JSON. The machine should be idle.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from local_engine.bench.kernel import cached_bandwidth
from local_engine.errors import LibraryMissingError
from local_engine.llama_api import DecodeStatus, LlamaRuntime, Run, RuntimeConfig, load_bindings
from local_engine.llama_log import LOAD_LOG

# llama.cpp's llama_ftype.
FILE_TYPES: Final = {"f16": 1, "q4_0": 2, "q8_0": 7}
_FIRST, _LAST = 16, 64
_ROUNDS: Final = 3
_READ: Final = """
import time
import numpy as np
a = np.ones(1 << 26, dtype=np.float32)
best = 0.0
for _ in range(12):
    began = time.perf_counter()
    a.dot(a)
    best = max(best, a.nbytes / (time.perf_counter() - began))
print(best)
"""


def read_bandwidth(threads: int, *, has_large_pages: bool = True) -> float:
    """Bytes a second that so many threads read, the best of a dozen times."""
    wanted = {
        "OPENBLAS_NUM_THREADS": str(threads),
        "NUMPY_MADVISE_HUGEPAGE": str(int(has_large_pages)),
    }
    environment = {**os.environ, **wanted}
    command = [sys.executable, "-c", _READ]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return float(done.stdout)


def requantized(source: Path, file_type: str, folder: Path) -> Path:
    """`source` as a file of another type in `folder`. Raises OSError."""
    target = folder / f"{file_type}.gguf"
    if not target.exists():
        api = load_bindings()
        LOAD_LOG.listen(api)  # else llama.cpp writes a line for each tensor
        params = api.llama_model_quantize_default_params()
        params.ftype, params.allow_requantize = FILE_TYPES[file_type], True
        params.nthread = os.cpu_count() or 1
        named = (os.fsencode(source), os.fsencode(target))
        if api.llama_model_quantize(*named, ctypes.byref(params)) != 0:
            raise OSError(f"{source.name} cannot be written as {file_type}")
    return target


def tokens_a_second(model: Path, threads: int) -> float:
    """Of one sequence from its 17th token to its 64th, the best of three times."""
    runtime = LlamaRuntime(
        RuntimeConfig(
            model_file=model, n_ctx=256, n_batch=64, slots=1, decode_threads=threads,
            prefill_threads=threads,
        )
    )  # fmt: skip
    best = 0.0
    try:
        for _ in range(_ROUNDS):
            runtime.forget()
            began = 0.0
            for position in range(_LAST):
                began = time.perf_counter() if position == _FIRST else began
                code = runtime.decode([Run(0, position, [1], 1)], abort=None)
                assert code == DecodeStatus.OK, "a lone token always fits"
            best = max(best, (_LAST - _FIRST) / (time.perf_counter() - began))
    finally:
        runtime.close()
    return best


def measure(
    model: Path,
    threads: int,
    say: Callable[[str], object],
    types: tuple[str, ...] = ("q8_0", "q4_0"),
) -> dict[str, float]:
    """Bandwidths in GB/s; for each type its tokens a second, their share, and what explains it.

    What a build cannot explain is left out; `say` gets a line.
    """
    bandwidth = read_bandwidth(threads)
    figures = {"read_gb_s": bandwidth / 1e9}
    figures["pages_gb_s"] = read_bandwidth(threads, has_large_pages=False) / 1e9
    with tempfile.TemporaryDirectory(prefix="nearward-roofline-") as folder:
        for file_type in types:
            file = requantized(model, file_type, Path(folder))
            rate = tokens_a_second(file, threads)
            figures[f"{file_type}_tps"] = rate
            figures[f"{file_type}_roofline"] = rate * file.stat().st_size / bandwidth
            try:
                cached = cached_bandwidth(file_type, threads)
            except LibraryMissingError as error:
                say(f"no {file_type}_cached_gb_s: {error}")
                continue
            figures[f"{file_type}_cached_gb_s"] = cached / 1e9
            figures[f"{file_type}_no_overlap"] = cached / (cached + bandwidth)
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m local_engine.bench.roofline", description=__doc__
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    found = measure(options.model, options.threads, print)
    figures = {name: round(value, 4) for name, value in found.items()}
    sys.stdout.writelines(f"{name:<16} {figure}\n" for name, figure in figures.items())
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
