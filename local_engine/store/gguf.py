# SPDX-License-Identifier: Apache-2.0
"""A bounded reader of GGUF headers, run before llama.cpp sees a file.

Layout (GGUF 2 and 3, little endian): magic, version, number of tensors, number of keys; the
keys with typed values; the tensors' names, dimensions, types and offsets; padding; the data.

Invariant, tested with mutated files: whatever bytes come in, the reader returns a header or
raises GgufError, in bounded time and memory. Counts, lengths and dimensions are checked before
anything is read or made for them, and every tensor must lie inside the file.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from local_engine.errors import GgufError, ModelFileError
from local_engine.store.hparams import BYTE_TOKEN, TOKEN_TYPES, check_shape, check_tokenizer

MAX_KEYS: Final = 4_096
MAX_TENSORS: Final = 65_536
MAX_NAME_BYTES: Final = 256
MAX_STRING_BYTES: Final = 1 << 20
MAX_ARRAY_ITEMS: Final = 4_000_000
# In all arrays together: each costs a microsecond; the largest vocabularies have 0.8 million.
MAX_STRING_ITEMS: Final = 1_500_000
MAX_HEADER_BYTES: Final = 128 << 20
MAX_DIMENSIONS: Final = 4
MAX_ELEMENTS: Final = 1 << 48
MAX_ALIGNMENT: Final = 1 << 16

_MAGIC: Final = b"GGUF"
_VERSIONS: Final = (2, 3)
_DEFAULT_ALIGNMENT: Final = 32
_STRING: Final = 8
_ARRAY: Final = 9
_WORDS: Final = (4, 5)
# Value type -> struct format (gguf.md of the ggml project).
_SCALARS: Final = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?",
    10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
# Tensor type -> (elements, bytes) of a block (ggml.c, type_traits).
_BLOCKS: Final = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 36), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176),
    14: (256, 210), 15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98),
    19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1),
    25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
    34: (256, 54), 35: (256, 66), 39: (32, 17), 40: (64, 36), 41: (128, 18), 42: (64, 18),
}  # fmt: skip

Scalar = int | float | bool | str


@dataclass(frozen=True, slots=True)
class ArraySummary:
    """An array that was checked and skipped.

    `has_byte_tokens` is told of the list of token types only.
    """

    item_type: int
    items: int
    has_byte_tokens: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorInfo:
    """Where a tensor lies; `offset_bytes` counts from the start of the data."""

    name: str
    dimensions: tuple[int, ...]
    type_id: int
    offset_bytes: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufHeader:
    """What a file says of itself."""

    version: int
    metadata: dict[str, Scalar | ArraySummary]
    tensors: tuple[TensorInfo, ...]
    data_offset_bytes: int

    def text(self, key: str) -> str:
        """A string of the metadata, "" when absent or of another type."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else ""


def read_file(path: Path) -> GgufHeader:
    """The header of a file. Raises ModelFileError when it cannot be read, GgufError when bad."""
    try:
        with path.open("rb") as stream:
            return read_header(stream, path.stat().st_size)
    except GgufError as error:
        raise GgufError(f"model file not usable: {path}: {error.message}") from None
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ModelFileError(f"model file cannot be read: {path}: {why}") from error


def read_header(stream: BinaryIO, file_bytes: int) -> GgufHeader:
    """Read and check a header of a file that has `file_bytes` in all."""
    cursor = _Cursor(stream)
    if cursor.take(4) != _MAGIC:
        raise GgufError("not a GGUF file: the first four bytes differ")
    version = cursor.u32()
    if version not in _VERSIONS:
        raise GgufError(f"GGUF version {version} is not known here")
    tensor_count = cursor.count(MAX_TENSORS, "tensors")
    key_count = cursor.count(MAX_KEYS, "keys")
    metadata = _read_metadata(cursor, key_count)
    _check_token_ids(metadata)
    check_shape(metadata)
    types = metadata.get(TOKEN_TYPES)
    check_tokenizer(metadata, has_bytes=isinstance(types, ArraySummary) and types.has_byte_tokens)
    alignment = _alignment(metadata)
    tensors = [_read_tensor(cursor, alignment) for _ in range(tensor_count)]
    data_offset = -(-cursor.read_bytes // alignment) * alignment
    _check_places(tensors, file_bytes - data_offset)
    return GgufHeader(
        version=version,
        metadata=metadata,
        tensors=tuple(tensors),
        data_offset_bytes=data_offset,
    )


class _Cursor:
    """Reads forward, never beyond the file or the header's bound."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.read_bytes = 0
        self.string_items = 0

    def take(self, size: int) -> bytes:
        self.read_bytes += size
        if self.read_bytes > MAX_HEADER_BYTES:
            raise GgufError(f"the header is longer than {MAX_HEADER_BYTES} bytes")
        data = self._stream.read(size)
        if len(data) != size:
            raise GgufError("the file ends inside its header")
        return data

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def u64(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def count(self, most: int, what: str) -> int:
        number = self.u64()
        if number > most:
            raise GgufError(f"{number} {what} are more than the {most} allowed")
        return number

    def name(self, what: str) -> str:
        raw = self.take(self.count(MAX_NAME_BYTES, f"bytes of a {what}"))
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise GgufError(f"a {what} is not UTF-8") from None

    def string(self) -> bytes:
        return self.take(self.count(MAX_STRING_BYTES, "bytes of a string"))

    def skip_strings(self, items: int) -> None:
        """`items` times `string`, written out: a vocabulary has 100,000 of them."""
        read, skipped_bytes, room = self._stream.read, 0, MAX_HEADER_BYTES - self.read_bytes
        for _ in range(items):
            prefix = read(8)
            size = int.from_bytes(prefix, "little")
            skipped_bytes += 8 + size
            if size > MAX_STRING_BYTES or skipped_bytes > room:
                raise GgufError("a string or the header is longer than allowed")
            if len(prefix) != 8 or len(read(size)) != size:
                raise GgufError("the file ends inside its header")
        self.read_bytes += skipped_bytes

    def scalar(self, layout: str) -> int | float | bool:
        (value,) = struct.unpack(layout, self.take(struct.calcsize(layout)))
        assert isinstance(value, int | float)
        return value


def _read_metadata(cursor: _Cursor, count: int) -> dict[str, Scalar | ArraySummary]:
    metadata: dict[str, Scalar | ArraySummary] = {}
    for _ in range(count):
        key = cursor.name("key")
        if not key or key in metadata:
            raise GgufError("a key is empty or stands twice")
        metadata[key] = _read_value(cursor, cursor.u32(), is_types=key == TOKEN_TYPES)
    return metadata


def _read_value(cursor: _Cursor, type_id: int, *, is_types: bool) -> Scalar | ArraySummary:
    if type_id == _STRING:
        return cursor.string().decode("utf-8", errors="replace")
    if type_id == _ARRAY:
        return _skip_array(cursor, is_types=is_types)
    return cursor.scalar(_scalar_layout(type_id))


def _scalar_layout(type_id: int) -> str:
    layout = _SCALARS.get(type_id)
    if layout is None:
        raise GgufError(f"value type {type_id} is not known")
    return layout


def _skip_array(cursor: _Cursor, *, is_types: bool) -> ArraySummary:
    """Arrays in arrays are refused: nothing uses them, and depth is a way to exhaust a stack."""
    item_type = cursor.u32()
    items = cursor.count(MAX_ARRAY_ITEMS, "array items")
    if item_type == _STRING:
        cursor.string_items += items
        if cursor.string_items > MAX_STRING_ITEMS:
            raise GgufError(f"more than {MAX_STRING_ITEMS} strings in arrays")
        cursor.skip_strings(items)
        return ArraySummary(item_type, items)
    data = cursor.take(items * struct.calcsize(_scalar_layout(item_type)))
    is_looked_at = is_types and item_type in _WORDS
    return ArraySummary(item_type, items, is_looked_at and BYTE_TOKEN in memoryview(data).cast("i"))


def _check_token_ids(metadata: dict[str, Scalar | ArraySummary]) -> None:
    """llama.cpp loads a file whose special tokens lie outside its vocabulary, and fails later."""
    tokens = metadata.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, ArraySummary):
        return
    for key, value in metadata.items():
        is_id = key.startswith("tokenizer.ggml.") and key.endswith("_token_id")
        if is_id and not (isinstance(value, int) and 0 <= value < tokens.items):
            raise GgufError(f"{key} is outside the vocabulary")


def _alignment(metadata: dict[str, Scalar | ArraySummary]) -> int:
    value = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
    is_power = isinstance(value, int) and value > 0 and value & (value - 1) == 0
    if not isinstance(value, int) or not is_power or not 8 <= value <= MAX_ALIGNMENT:
        raise GgufError("the alignment is not a power of two from 8 to 65536")
    return value


def _read_tensor(cursor: _Cursor, alignment: int) -> TensorInfo:
    name = cursor.name("tensor name")
    n_dimensions = cursor.u32()
    if not 1 <= n_dimensions <= MAX_DIMENSIONS:
        raise GgufError(f"a tensor has {n_dimensions} dimensions")
    dimensions = tuple(cursor.u64() for _ in range(n_dimensions))
    type_id = cursor.u32()
    size = _tensor_bytes(dimensions, type_id)
    offset = cursor.u64()
    if offset % alignment:
        raise GgufError("a tensor is not aligned")
    return TensorInfo(
        name=name,
        dimensions=dimensions,
        type_id=type_id,
        offset_bytes=offset,
        size_bytes=size,
    )


def _tensor_bytes(dimensions: tuple[int, ...], type_id: int) -> int:
    block = _BLOCKS.get(type_id)
    if block is None:
        raise GgufError(f"tensor type {type_id} is not known")
    elements = 1
    for dimension in dimensions:
        elements *= dimension
        if not 0 < elements <= MAX_ELEMENTS:
            raise GgufError("a tensor has a dimension of nothing or beyond all bounds")
    block_elements, block_bytes = block
    if dimensions[0] % block_elements:
        raise GgufError("a tensor's rows are not whole blocks")
    return elements // block_elements * block_bytes


def _check_places(tensors: list[TensorInfo], data_bytes: int) -> None:
    """Names differ; no two tensors overlap; all lie inside the file."""
    if len({tensor.name for tensor in tensors}) != len(tensors):
        raise GgufError("a tensor name stands twice")
    end = 0
    for tensor in sorted(tensors, key=lambda tensor: tensor.offset_bytes):
        if tensor.offset_bytes < end:
            raise GgufError("two tensors overlap")
        end = tensor.offset_bytes + tensor.size_bytes
    if end > data_bytes:
        raise GgufError(f"the file is truncated: {end - max(data_bytes, 0)} bytes are missing")
