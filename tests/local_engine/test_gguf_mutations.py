# SPDX-License-Identifier: Apache-2.0
"""Damaged model files: the reader refuses or reads them, and none that it reads ends llama.cpp.

The default run is a sample; `pytest -m nightly` on this file takes all 5,000.
"""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local_engine import llama_api
from local_engine.errors import GgufError
from local_engine.store.gguf import read_header
from local_engine.store.hparams import check_shape, check_tokenizer
from tests.local_engine.tiny_model import mutated, odd_models, tiny_model

HAS_ENGINE = pytest.mark.skipif(
    not llama_api.is_installed(), reason="no compiled engine here; `make setup` brings it"
)
SIZES = [
    pytest.param(300, 60),
    pytest.param(5000, 5000, marks=[pytest.mark.nightly, pytest.mark.timeout(900)]),
]


def is_accepted(data: bytes) -> bool:
    """Whether the reader lets it through; any other exception than its own fails the test."""
    try:
        read_header(io.BytesIO(data), len(data))
    except GgufError:
        return False
    return True


class Loader:
    """A process that loads files, replaced when one kills it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "model.gguf"
        self._process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.local_engine.load_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "GGML_NO_BACKTRACE": "1"},
        )

    def outcome(self, data: bytes) -> str:
        """`ran`, `refused`, or how the process died."""
        self._file.write_bytes(data)
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{self._file}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        if not answer:
            answer = f"died with {self._process.wait()}"
            self.close()
            self._process = self._start()
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def loader(folder: Path) -> Iterator[Loader]:
    """A loader for a block."""
    made = Loader(folder)
    try:
        yield made
    finally:
        made.close()


def outcomes(folder: Path, files: Iterable[bytes], most: int) -> Counter[str]:
    """What llama.cpp makes of the first `most` files that the reader accepts."""
    counts: Counter[str] = Counter()
    with loader(folder) as child:
        for data in files:
            if counts.total() >= most:
                break
            if is_accepted(data):
                counts[child.outcome(data)] += 1
    return counts


@pytest.mark.parametrize(("copies", "_loads"), SIZES)
def test_mutated_files_are_read_or_refused_quickly(copies: int, _loads: int) -> None:
    """Never another exception, never long, never much memory."""
    model, dice = tiny_model(), random.Random(3)
    refused, slowest_s = 0, 0.0
    tracemalloc.start()
    for _ in range(copies):
        data = mutated(model, dice)
        started = time.process_time()
        refused += not is_accepted(data)
        slowest_s = max(slowest_s, time.process_time() - started)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert copies // 2 < refused < copies
    assert slowest_s < 1
    assert peak_bytes < 4 << 20


@pytest.mark.parametrize(("copies", "loads"), SIZES)
@pytest.mark.engine
@HAS_ENGINE
def test_no_mutated_file_that_is_read_ends_llama_cpp(
    tmp_path: Path, copies: int, loads: int
) -> None:
    """In a process of its own, all the same."""
    model, dice = tiny_model(), random.Random(4)
    files = (data for _ in range(copies) if (data := mutated(model, dice)) != model.data)
    counts = outcomes(tmp_path, files, loads)

    assert set(counts) == {"ran", "refused"}, counts


@pytest.mark.parametrize("every", [9, pytest.param(1, marks=pytest.mark.nightly)])
@pytest.mark.engine
@HAS_ENGINE
def test_no_odd_number_ends_llama_cpp(tmp_path: Path, every: int) -> None:
    """Each number at its extremes, each key missing or of another type, other architectures."""
    files = [data for _, data in odd_models()]
    counts = outcomes(tmp_path, files[::every], len(files))

    assert set(counts) == {"ran", "refused"}, counts


@pytest.mark.engine
@HAS_ENGINE
def test_the_loader_notices_a_death(tmp_path: Path) -> None:
    """What the reader is there for: without it this header ends the process."""
    layers = b"\x04\x00\x00\x00\xff\xff\x00\x00"
    aborting = tiny_model({"llama.block_count": layers}).data
    assert not is_accepted(aborting)
    with loader(tmp_path) as child:
        assert child.outcome(aborting) == "died with -6"
        assert child.outcome(tiny_model().data) == "ran"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("block_count", 513),
        ("context_length", 7),
        ("attention.head_count", 0),
        ("attention.head_count_kv", 3),
        ("attention.layer_norm_rms_epsilon", -1e-30),
        ("attention.layer_norm_epsilon", float("nan")),
    ],
)
def test_numbers_that_would_abort_are_refused(key: str, value: float) -> None:
    """With the key's name; a list per layer and an absent key are llama.cpp's business."""
    good = {"general.architecture": "llama", "llama.attention.head_count": 4}
    check_shape({**good, "llama.attention.head_count_kv": 2, "llama.block_count": object()})
    with pytest.raises(GgufError):
        check_shape({**good, f"llama.{key}": value})


def test_bytes_need_a_vocabulary_that_has_them() -> None:
    """llama.cpp ends the process over others when it writes such a token."""
    check_tokenizer({"tokenizer.ggml.model": "llama"}, has_bytes=True)
    check_tokenizer({"tokenizer.ggml.model": "gpt2"}, has_bytes=False)
    with pytest.raises(GgufError, match="kind gpt2"):
        check_tokenizer({"tokenizer.ggml.model": "gpt2"}, has_bytes=True)
