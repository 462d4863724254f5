# SPDX-License-Identifier: Apache-2.0
"""Where layers go, with fake devices: no machine with a GPU was at hand."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from pathlib import Path

import pytest

from local_engine import llama_api, preparation
from local_engine.errors import LibraryMissingError
from local_engine.fit import estimate
from local_engine.gpu import Accelerator, Offload, offload, open_registry, read_accelerators
from local_engine.preparation import place
from tests.local_engine.test_fit import LOAD, MIB, SMALL

NEEDS = estimate(SMALL, LOAD)
LARGE = Accelerator("CUDA0", "gpu", 8 << 30)
SHARED = Accelerator("Vulkan0", "igpu", 8 << 30)


def chosen(*accelerators: Accelerator, wanted: int | None = None) -> Offload:
    """For the small model."""
    return offload(accelerators, SMALL, LOAD, NEEDS, wanted)


def test_all_layers_and_the_output_go_where_all_fit() -> None:
    """31 of 30: the output layer counts as one."""
    assert chosen(LARGE) == Offload(layers=31, devices=("CUDA0",), note="31 of 31 layers on CUDA0")


def test_only_what_fits_goes() -> None:
    """A tenth stays free, and the compute buffers have their room; two devices add up."""
    each = -(-int(SMALL.block_bytes + 2048 * 23_040) // 30)
    tight = replace(LARGE, free_bytes=int((10.5 * each + NEEDS.compute) / 0.9))
    assert chosen(tight).layers == 10
    assert chosen(tight, tight).layers == 20
    assert chosen(replace(LARGE, free_bytes=NEEDS.compute)).layers == 0
    no_output = replace(LARGE, free_bytes=int((30.1 * each + NEEDS.compute) / 0.9) + MIB)
    assert chosen(no_output).layers == 30


def test_a_discrete_gpu_is_preferred() -> None:
    """An integrated one only where there is no other."""
    assert chosen(SHARED, LARGE).devices == ("CUDA0",)
    assert chosen(SHARED).devices == ("Vulkan0",)


def test_the_operators_number_is_an_upper_bound() -> None:
    """0 is the CPU; without a GPU a number is answered by a note."""
    assert chosen(LARGE, wanted=7).layers == 7
    assert chosen(LARGE, wanted=0) == Offload(layers=0)
    assert chosen(wanted=7).note == "no GPU that this build of llama.cpp can use"
    assert chosen() == Offload(layers=0)


class FakeRegistry:
    """Three devices: a CPU, a GPU and an accelerator of another sort."""

    KINDS = (0, 1, 3)

    def ggml_backend_dev_count(self) -> int:
        return 3

    def ggml_backend_dev_get(self, index: int) -> int:
        return index

    def ggml_backend_dev_type(self, device: int) -> int:
        return self.KINDS[device]

    def ggml_backend_dev_name(self, device: int) -> bytes:
        return b"Metal"

    def ggml_backend_dev_memory(self, device: int, free: ctypes.c_void_p, _total: object) -> None:
        ctypes.cast(free, ctypes.POINTER(ctypes.c_size_t))[0] = 9


def test_only_gpus_are_listed() -> None:
    """With their free memory."""
    assert read_accelerators(FakeRegistry()) == [Accelerator("Metal", "gpu", 9)]


@pytest.mark.engine
def test_this_build_lists_no_gpu() -> None:
    """The real calls; it was made for the CPU."""
    folder = llama_api.library_folder()
    if folder is None:
        pytest.skip("no compiled engine here; `make setup` brings it")
    library = open_registry(folder)
    assert library.ggml_backend_dev_count() >= 1
    assert read_accelerators(library) == []


def test_a_build_with_a_backend_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CPU build is not even opened; libraries that cannot be are an error with a cure."""
    monkeypatch.setattr(preparation, "library_folder", lambda: tmp_path)
    (tmp_path / "libggml-base.so").touch()
    (tmp_path / "libggml-cpu.so").touch()
    assert place(SMALL, LOAD, NEEDS, None) == Offload(layers=0)
    (tmp_path / "libggml-cuda.so").touch()
    with pytest.raises(LibraryMissingError, match="make setup"):
        place(SMALL, LOAD, NEEDS, None)
    monkeypatch.setattr(preparation, "open_registry", lambda _: FakeRegistry())
    assert place(SMALL, LOAD, NEEDS, None).note.startswith("not one layer fits")
    assert place(SMALL, LOAD, NEEDS, 0) == Offload(layers=0)
