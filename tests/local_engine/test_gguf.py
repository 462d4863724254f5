# SPDX-License-Identifier: Apache-2.0
"""Invariant: whatever bytes come in, a header or GgufError, in bounded time."""

from __future__ import annotations

import io
import random
import struct
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_engine.errors import GgufError, ModelFileError
from local_engine.store.gguf import ArraySummary, GgufHeader, read_file, read_header
from local_engine.store.manifest import manifests, models_folder
from tests.local_engine.fakes import a_gguf, string


def read(data: bytes) -> GgufHeader:
    """Read from memory."""
    return read_header(io.BytesIO(data), len(data))


def header(keys: bytes = b"", n_keys: int = 0, tensors: bytes = b"", n_tensors: int = 0) -> bytes:
    """A file made of raw parts."""
    return b"GGUF" + struct.pack("<IQQ", 3, n_tensors, n_keys) + keys + tensors


def tensor(
    name: str = "t", dimensions: tuple[int, ...] = (32,), type_id: int = 0, offset: int = 0
) -> bytes:
    """One tensor's entry."""
    sizes = struct.pack(f"<{len(dimensions)}Q", *dimensions)
    count = struct.pack("<I", len(dimensions))
    return string(name) + count + sizes + struct.pack("<IQ", type_id, offset)


def test_a_valid_file_is_read() -> None:
    """Metadata, arrays as summaries, tensors with their places."""
    found = read(a_gguf())

    assert found.version == 3
    assert found.text("general.architecture") == "llama"
    assert found.text("general.alignment") == ""
    assert found.metadata["tokenizer.ggml.tokens"] == ArraySummary(8, 3)
    assert found.tensors[0].dimensions == (32, 2)
    assert found.tensors[0].size_bytes == 256
    assert found.data_offset_bytes % 32 == 0


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "ends inside"),
        (b"GGML" + bytes(20), "not a GGUF"),
        (b"GGUF" + struct.pack("<IQQ", 99, 0, 0), "version"),
        (header(n_tensors=2**63), "tensors are more"),
        (header(n_keys=5000), "keys are more"),
        (header(struct.pack("<Q", 2**40), 1), "bytes of a key"),
        (header(string("k") + struct.pack("<I", 99), 1), "value type 99"),
        (header(string("k") + struct.pack("<IQ", 8, 2**21), 1), "bytes of a string"),
        (header(string("k") + struct.pack("<IIQ", 9, 0, 2**62), 1), "array items"),
        (header(string("k") + struct.pack("<IIQ", 9, 9, 1), 1), "value type 9"),
        (header(string("k") + struct.pack("<IIQ", 9, 8, 2_000_000), 1), "strings in arrays"),
        (header(string("k") + struct.pack("<IIQQ", 9, 8, 1, 2**21), 1), "longer than allowed"),
        (header(string("k") + struct.pack("<IIQQ", 9, 8, 1, 9), 1), "ends inside"),
        (header(string("") + struct.pack("<IB", 0, 1), 1), "empty or stands twice"),
        (header((string("k") + struct.pack("<IB", 0, 1)) * 2, 2), "empty or stands twice"),
        (header(struct.pack("<Q", 1) + b"\xff", 1), "not UTF-8"),
        (header(string("general.alignment") + struct.pack("<II", 4, 33), 1), "alignment"),
        (header(string("general.alignment") + struct.pack("<II", 4, 0), 1), "alignment"),
        (header(tensors=tensor(dimensions=()), n_tensors=1), "0 dimensions"),
        (header(tensors=tensor(dimensions=(1,) * 5), n_tensors=1), "5 dimensions"),
        (header(tensors=tensor(dimensions=(0,)), n_tensors=1), "dimension"),
        (header(tensors=tensor(dimensions=(2**30, 2**30)), n_tensors=1), "beyond all bounds"),
        (header(tensors=tensor(type_id=4), n_tensors=1), "tensor type 4"),
        (header(tensors=tensor(dimensions=(33,), type_id=2), n_tensors=1), "whole blocks"),
        (header(tensors=tensor(offset=5), n_tensors=1), "not aligned"),
        (header(tensors=tensor(), n_tensors=1), "truncated"),
        (header(tensors=tensor() + tensor("u"), n_tensors=2) + bytes(500), "overlap"),
        (header(tensors=tensor() + tensor(offset=128), n_tensors=2) + bytes(500), "twice"),
        (a_gguf()[:-1], "1 bytes are missing"),
        (
            header(
                string("tokenizer.ggml.tokens")
                + struct.pack("<IIQ", 9, 8, 1)
                + string("a")
                + string("tokenizer.ggml.bos_token_id")
                + struct.pack("<II", 4, 1),
                2,
            ),
            "outside the vocabulary",
        ),
    ],
)
def test_each_rule_refuses_its_breach(data: bytes, why: str) -> None:
    """The message names the rule."""
    with pytest.raises(GgufError, match=why):
        read(data)


def test_the_43_byte_file_that_hangs_others_is_refused_at_once() -> None:
    """An array of 2^40 empty nothings."""
    data = header(string("a") + struct.pack("<IIQ", 9, 0, 2**40), 1)
    started = time.perf_counter()
    with pytest.raises(GgufError):
        read(data)

    assert time.perf_counter() - started < 0.1


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_cleanly(noise: bytes) -> None:
    """Behind a valid beginning, too."""
    for data in (noise, b"GGUF" + struct.pack("<I", 3) + noise, a_gguf()[:60] + noise):
        try:
            read(data)
        except GgufError:
            continue


@given(st.integers(0, len(a_gguf()) - 1), st.integers(0, 255))
def test_one_changed_byte_is_read_or_refused(at: int, value: int) -> None:
    """Never another exception."""
    data = bytearray(a_gguf())
    data[at] = value
    try:
        read(bytes(data))
    except GgufError:
        return


def test_every_truncation_is_refused() -> None:
    """Wherever the file ends."""
    data = a_gguf()
    for end in range(len(data)):
        with pytest.raises(GgufError):
            read(data[:end])


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A model error, not an OSError."""
    with pytest.raises(ModelFileError, match=r"cannot be read.*nothing"):
        read_file(tmp_path / "nothing.gguf")


@pytest.mark.parametrize("copies", [40, pytest.param(5000, marks=pytest.mark.nightly)])
@pytest.mark.timeout(3000)
def test_mutations_of_a_real_header(copies: int) -> None:
    """Damaged copies of the small model's header: a header or GgufError, quickly."""
    path = models_folder() / manifests()["smollm2-135m-instruct-q4_1"].file
    if not path.exists():
        pytest.skip("the small model is not here; `make setup` brings it")
    whole_bytes = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(2 << 20)
    dice = random.Random(7)
    # The keys before the vocabulary and the tensor table behind it hold all that steers.
    places = [*range(1200), *range(1_760_000, 1_785_600)]
    slowest_s, refused = 0.0, 0
    for _ in range(copies):
        data = bytearray(head)
        for _ in range(dice.randint(1, 4)):
            data[dice.choice(places)] = dice.choice([0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)])
        started = time.perf_counter()
        try:
            read_header(io.BytesIO(data), whole_bytes)
        except GgufError:
            refused += 1
        slowest_s = max(slowest_s, time.perf_counter() - started)

    assert refused > copies // 10
    assert slowest_s < 5
