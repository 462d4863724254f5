# SPDX-License-Identifier: Apache-2.0
"""A llama model of 60 kB that llama.cpp loads and decodes, and damaged copies of it."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tests.local_engine.fakes import string

EMBEDDING, FEED_FORWARD, HEADS, KV_HEADS, LAYERS, CONTEXT = 32, 64, 4, 2, 2, 128
# unknown, begin, end, and all bytes: a SentencePiece vocabulary that can write any text.
TOKENS: Final = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
_ALIGNMENT: Final = 32
_ODD_NUMBERS: Final = (
    0,
    1,
    2,
    3,
    5,
    7,
    8,
    16,
    33,
    64,
    255,
    259,
    65_536,
    2**31 - 1,
    2**31,
    2**32 - 1,
)


def _u32(value: int) -> bytes:
    return struct.pack("<II", 4, value)


def _text(value: str) -> bytes:
    return struct.pack("<I", 8) + string(value)


def _f32(value: float) -> bytes:
    return struct.pack("<If", 6, value)


def _array(type_id: int, items: list[bytes]) -> bytes:
    return struct.pack("<IIQ", 9, type_id, len(items)) + b"".join(items)


def _keys() -> dict[str, bytes]:
    kinds = [2, 3, 3] + [6] * 256  # unknown, control, control, bytes
    return {
        "general.architecture": _text("llama"),
        "general.alignment": _u32(_ALIGNMENT),
        "llama.context_length": _u32(CONTEXT),
        "llama.embedding_length": _u32(EMBEDDING),
        "llama.block_count": _u32(LAYERS),
        "llama.feed_forward_length": _u32(FEED_FORWARD),
        "llama.attention.head_count": _u32(HEADS),
        "llama.attention.head_count_kv": _u32(KV_HEADS),
        "llama.rope.dimension_count": _u32(EMBEDDING // HEADS),
        "llama.rope.freq_base": _f32(10000.0),
        "llama.attention.layer_norm_rms_epsilon": _f32(1e-5),
        "tokenizer.ggml.model": _text("llama"),
        "tokenizer.ggml.tokens": _array(8, [string(token) for token in TOKENS]),
        "tokenizer.ggml.scores": _array(6, [struct.pack("<f", 0.0)] * len(TOKENS)),
        "tokenizer.ggml.token_type": _array(5, [struct.pack("<i", kind) for kind in kinds]),
        "tokenizer.ggml.bos_token_id": _u32(1),
        "tokenizer.ggml.eos_token_id": _u32(2),
        "tokenizer.ggml.unknown_token_id": _u32(0),
        "tokenizer.chat_template": _text("<|im_start|>{{ messages }}<|im_end|>"),
    }


def _shapes() -> dict[str, tuple[int, ...]]:
    width = EMBEDDING // HEADS * KV_HEADS
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (EMBEDDING, len(TOKENS)),
        "output_norm.weight": (EMBEDDING,),
        "output.weight": (EMBEDDING, len(TOKENS)),
    }
    for layer in range(LAYERS):
        block = {
            "attn_norm": (EMBEDDING,),
            "attn_q": (EMBEDDING, EMBEDDING),
            "attn_k": (EMBEDDING, width),
            "attn_v": (EMBEDDING, width),
            "attn_output": (EMBEDDING, EMBEDDING),
            "ffn_norm": (EMBEDDING,),
            "ffn_gate": (EMBEDDING, FEED_FORWARD),
            "ffn_up": (EMBEDDING, FEED_FORWARD),
            "ffn_down": (FEED_FORWARD, EMBEDDING),
        }
        shapes |= {f"blk.{layer}.{name}.weight": shape for name, shape in block.items()}
    return shapes


@dataclass(frozen=True, slots=True)
class TinyModel:
    """A whole file, and where in it the steering bytes are: everything but lists and weights."""

    data: bytes
    places: tuple[int, ...]


def tiny_model(changes: Mapping[str, bytes | None] | None = None, seed: int = 1) -> TinyModel:
    """The model with random weights; `changes` are values of keys, None takes one away."""
    keys = {k: v for k, v in {**_keys(), **(changes or {})}.items() if v is not None}
    shapes = _shapes()
    parts = [b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(keys))]
    places = list(range(len(parts[0])))
    offset = 0
    for name, value in keys.items():
        part = string(name) + value
        at = sum(map(len, parts))
        places += range(at, at + min(len(part), len(name) + 40))
        parts.append(part)
    for name, shape in shapes.items():
        at = sum(map(len, parts))
        parts.append(
            string(name)
            + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
            + struct.pack("<IQ", 0, offset)
        )
        places += range(at, at + len(parts[-1]))
        size = 4
        for dimension in shape:
            size *= dimension
        offset += -(-size // _ALIGNMENT) * _ALIGNMENT
    head = b"".join(parts)
    dice = random.Random(seed)
    weights = struct.pack(f"<{offset // 4}f", *(dice.gauss(0, 0.1) for _ in range(offset // 4)))
    return TinyModel(head + bytes(-len(head) % _ALIGNMENT) + weights, tuple(places))


def odd_models() -> Iterator[tuple[str, bytes]]:
    """One key changed at a time: every number to its extremes, every key missing or of a type."""
    for name, value in _keys().items():
        yield f"{name} missing", tiny_model({name: None}).data
        yield f"{name} a text", tiny_model({name: _text("x")}).data
        yield f"{name} a list", tiny_model({name: _array(4, [b"\x01\0\0\0"] * 2)}).data
        if value[:4] == struct.pack("<I", 4):
            for number in _ODD_NUMBERS:
                yield f"{name} {number}", tiny_model({name: _u32(number)}).data
        if value[:4] == struct.pack("<I", 6):
            for real in (0.0, -1.0, 1e-30, 1e30, float("inf"), float("nan")):
                yield f"{name} {real}", tiny_model({name: _f32(real)}).data
    for kind in ("none", "gpt2", "bert", "t5", "rwkv", "plamo2", "no_vocab", "replit"):
        yield f"tokenizer {kind}", tiny_model({"tokenizer.ggml.model": _text(kind)}).data
    for kind in ("gpt2", "falcon", "mamba", "bert", "gemma3", "qwen2", "deepseek2", "rwkv6", "t5"):
        yield f"architecture {kind}", tiny_model({"general.architecture": _text(kind)}).data
        renamed: dict[str, bytes | None] = {k: None for k in _keys() if k.startswith("llama.")}
        moved = {k.replace("llama.", f"{kind}."): v for k, v in _keys().items() if k in renamed}
        changes = {**renamed, **moved, "general.architecture": _text(kind)}
        yield f"as {kind}", tiny_model(changes).data


def mutated(model: TinyModel, dice: random.Random) -> bytes:
    """A copy with one to four steering bytes, or a whole number, changed."""
    data = bytearray(model.data)
    for _ in range(dice.randint(1, 4)):
        at = dice.choice(model.places)
        if dice.random() < 0.3:
            value = dice.choice([0, 1, 2, 3, 7, 31, 255, 256, 65_535, 2**31 - 1, 2**31, 2**32 - 1])
            data[at : at + 4] = struct.pack("<I", value)
        else:
            data[at] = dice.choice([0, 1, 2, 0x7F, 0x80, 0xFF, dice.randrange(256)])
    if dice.random() < 0.05:
        del data[dice.randrange(len(data)) :]
    return bytes(data)
