# SPDX-License-Identifier: Apache-2.0
"""Numbers of a model's shape that llama.cpp would abort the process over, instead of refusing them.

Each rule stands for an assertion that mutated files have run into (tests/local_engine/
test_gguf_mutations.py), or for a division or an allocation that has no check. What llama.cpp
refuses by itself, in words, is left to it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from local_engine.errors import GgufError

# llama-hparams.h: LLAMA_MAX_LAYERS.
MAX_LAYERS: Final = 512
MAX_HEADS: Final = 65_536
# A batch is never longer than the context, and needs a token of prompt and one of answer.
LEAST_CONTEXT: Final = 8
TOKEN_TYPES: Final = "tokenizer.ggml.token_type"  # noqa: S105 - a key of the format
BYTE_TOKEN: Final = 6  # llama.h: LLAMA_TOKEN_TYPE_BYTE
# The kinds whose tokens for bytes llama.cpp can turn into text (llama-vocab.cpp, token_to_byte).
_WITH_BYTES: Final = ("llama", "t5", "gemma4")
_LARGEST: Final = (1 << 31) - 1
# Key of the architecture -> least and largest value. Signed 32 bits are what it computes in.
_BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
    "block_count": (1, MAX_LAYERS),
    "context_length": (LEAST_CONTEXT, _LARGEST),
    "embedding_length": (1, 1 << 24),
    "feed_forward_length": (1, 1 << 26),
    "attention.head_count": (1, MAX_HEADS),
    "attention.head_count_kv": (1, MAX_HEADS),
    "attention.key_length": (1, 1 << 20),
    "attention.value_length": (1, 1 << 20),
    "rope.dimension_count": (0, 1 << 20),
    "expert_count": (0, 1024),
    "expert_used_count": (0, 1024),
}
_EPSILONS: Final = (
    "attention.layer_norm_rms_epsilon",
    "attention.layer_norm_epsilon",
    "attention.group_norm_epsilon",
)


def check_shape(metadata: Mapping[str, object]) -> None:
    """Raises GgufError over a number that is out of its bounds. Lists per layer are not judged."""
    architecture = metadata.get("general.architecture")
    for key, (least, largest) in _BOUNDS.items():
        value = metadata.get(f"{architecture}.{key}")
        if isinstance(value, int) and not least <= value <= largest:
            raise GgufError(f"{key} is {value}, outside {least} to {largest}")
    for key in _EPSILONS:
        value = metadata.get(f"{architecture}.{key}")
        if isinstance(value, int | float) and not (math.isfinite(value) and 0 <= value <= 1):
            raise GgufError(f"{key} is {value}, outside 0 to 1")
    _check_heads(metadata, f"{architecture}.")


def check_tokenizer(metadata: Mapping[str, object], *, has_bytes: bool) -> None:
    """Raises GgufError when tokens stand for bytes in a vocabulary that writes bytes otherwise."""
    kind = metadata.get("tokenizer.ggml.model")
    if has_bytes and kind not in _WITH_BYTES:
        raise GgufError(f"a vocabulary of kind {str(kind)[:32]} cannot have tokens for bytes")


def _check_heads(metadata: Mapping[str, object], prefix: str) -> None:
    """Heads share keys and values evenly, and turn no more of a head than there is."""
    heads = metadata.get(f"{prefix}attention.head_count")
    shared = metadata.get(f"{prefix}attention.head_count_kv")
    if isinstance(heads, int) and isinstance(shared, int) and heads % shared:
        raise GgufError(f"{heads} heads cannot share {shared}")
