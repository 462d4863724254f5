# SPDX-License-Identifier: Apache-2.0
"""POST /v1/embeddings and /v1/detokenize: what they may ask, and their answers."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from local_engine.chat_request import invalid, whole
from local_engine.engine import Vocabulary
from local_engine.errors import InvalidRequestError, ModelNotFoundError
from local_engine.profile import ModelProfile

MAX_INPUTS: Final = 2_048
MAX_DETOKENIZED: Final = 100_000
Body = Mapping[str, object]
Text = str | tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingsCall:
    """Texts, or token ids, to be turned into vectors. `dimensions` None means all of them."""

    inputs: tuple[Text, ...] = field(repr=False)
    is_base64: bool
    dimensions: int | None


def parse_embeddings(body: Body, profile: ModelProfile) -> EmbeddingsCall:
    """Check a request for embeddings. Raises InvalidRequestError and its children."""
    model = body.get("model")
    if model is not None and model != profile.name:
        raise ModelNotFoundError
    encoding = body.get("encoding_format", "float")
    if encoding not in ("float", "base64"):
        raise invalid("encoding_format", "float or base64")
    dimensions = whole(body, "dimensions", (1, 1 << 20), 0)
    return EmbeddingsCall(
        inputs=_inputs(body.get("input")),
        is_base64=encoding == "base64",
        dimensions=dimensions or None,
    )


def _inputs(value: object) -> tuple[Text, ...]:
    if isinstance(value, str) or _is_ids(value):
        value = [value]
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_INPUTS:
        raise invalid("input", f"a string, tokens, or a list of 1 to {MAX_INPUTS} of them")
    return tuple(_input(item) for item in value)


def _input(item: object) -> Text:
    if isinstance(item, str) and item:
        return item
    if isinstance(item, list) and _is_ids(item):
        return tuple(item)
    raise invalid("input", "made of texts or lists of tokens, none of them empty")


def _is_ids(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(type(item) is int for item in value)


def normalised(vector: Sequence[float]) -> list[float]:
    """The vector scaled to length 1 (L2); zeros stay zeros."""
    length = math.sqrt(math.fsum(value * value for value in vector))
    return [value / length for value in vector] if length else list(vector)


def embeddings_body(
    call: EmbeddingsCall, vectors: Sequence[Sequence[float]], tokens: int, model: str
) -> bytes:
    """OpenAI's answer; base64 is of little-endian 32-bit floats."""
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": _packed(vector) if call.is_base64 else vector,
        }
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return orjson.dumps({"object": "list", "data": data, "model": model, "usage": usage})


def _packed(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def text_of(tokens: object, vocabulary: Vocabulary) -> str:
    """The text of token ids; a control token has none. Raises InvalidRequestError."""
    if not isinstance(tokens, list) or len(tokens) > MAX_DETOKENIZED:
        raise invalid("tokens", f"a list of at most {MAX_DETOKENIZED} tokens")
    known = len(vocabulary.pieces)
    if any(type(token) is not int or not 0 <= token < known for token in tokens):
        raise InvalidRequestError("'tokens' must be tokens of this model.", param="tokens")
    return b"".join(vocabulary.pieces[token] for token in tokens).decode("utf-8", "replace")
