# SPDX-License-Identifier: Apache-2.0
"""Whether a model fits into memory, worked out from its header before anything is loaded.

    weights   the tensors' bytes; mapped or repacked, they are wanted in memory
    cells     contexts x n_ctx x sum over layers of (key + value width) x bytes of a value
    compute   batch x (6 x embedding + 3 x feed-forward) x 4 bytes, and the rows of logits
    program   Python, the libraries, and the vocabulary at about 400 bytes a token
    vectors   the embedder's own context, once it is used: cells, attention's products (no flash
              attention there), and the logits of a whole batch, which llama.cpp keeps twice

The shape of "cells" is llama.cpp's (llama-kv-cache.cpp); what no formula of theirs gives (compute,
vocabulary, program) was fitted to the resident size of SmolLM2-135M at four context lengths and
three batch sizes, and design.md says how far off the sum is. All is multiplied by `HEADROOM`.

Rules
1. What fits with the wanted context is loaded with it.
2. Otherwise the context shrinks, in steps of `STEP_TOKENS`, to the largest that fits, and one line
   says so. It never falls below `LEAST_TOKENS` or what was wanted, if that is less.
3. Otherwise the model is refused, with what it needs and what is there.
4. Vectors are given up before the context shrinks: what is left out is said in a line too.
5. Unknown memory refuses nothing: the check is there to avoid a crash, not to cause one.
6. Quantized cells need heads of whole blocks. llama.cpp refuses others with an error that names
   its own variables, so they get f16 before it is asked, and a line says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from local_engine.embedder import BATCH_TOKENS, CONTEXT_TOKENS
from local_engine.errors import ModelFileError
from local_engine.llama_api import KvType
from local_engine.store.gguf import ArraySummary, GgufHeader

HEADROOM: Final = 1.1
LEAST_TOKENS: Final = 512
STEP_TOKENS: Final = 256
BLOCK_VALUES: Final = 32
# Bytes of a key or value by cache type; quantized blocks carry a scale.
VALUE_BYTES: Final = {"f32": 4.0, "f16": 2.0, "q8_0": 34 / BLOCK_VALUES, "q4_0": 18 / BLOCK_VALUES}

_PROGRAM_BYTES: Final = 48 << 20
_BYTES_OF_A_TOKEN: Final = 400
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What memory depends on. Widths are in values for one token and layer."""

    weights_bytes: int
    block_bytes: int
    """Of the weights, what belongs to one layer or another."""
    layers: int
    cell_width: int
    embedding: int
    feed_forward: int
    vocabulary: int
    trained_tokens: int
    heads: int = 1
    head_sizes: tuple[int, ...] = ()
    """Of keys and values, () when the header does not say them."""
    state_values: int = 0
    """Of recurrent layers, for one sequence: they keep a state instead of cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How a model is to be run."""

    n_ctx: int
    n_batch: int
    slots: int
    contexts: int = 1
    """The cells of all requests together hold so many times `n_ctx`."""
    kv_type: KvType = "f16"
    embeds: bool = False
    """There is a second context, for vectors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Bytes, without headroom."""

    weights: int
    cells: int
    compute: int
    program: int
    vectors: int = 0

    @property
    def total(self) -> int:
        """All together."""
        return self.weights + self.cells + self.compute + self.program + self.vectors

    @property
    def wanted(self) -> int:
        """With headroom: this much must be free."""
        return int(self.total * HEADROOM)

    def beside(self, other: Estimate) -> Estimate:
        """Of two models in one process; the program is there once."""
        return Estimate(
            weights=self.weights + other.weights,
            cells=self.cells + other.cells,
            compute=self.compute + other.compute,
            program=self.program + other.program - _PROGRAM_BYTES,
            vectors=self.vectors + other.vectors,
        )


class CellType(NamedTuple):
    """What keys and values are kept in; `note` is one line when it is not what was wanted."""

    kv_type: KvType
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What will be loaded; `note` is one line when it is less than was wanted."""

    n_ctx: int
    estimate: Estimate
    note: str = ""
    embeds: bool = False


def shape_of(header: GgufHeader) -> Shape:
    """The shape in a header; what it does not say is taken at its largest lawful value."""
    architecture = header.text("general.architecture")

    def number(key: str, default: int) -> int:
        value = header.metadata.get(f"{architecture}.{key}")
        return value if isinstance(value, int) and value > 0 else default

    embedding = number("embedding_length", 4096)
    heads = number("attention.head_count", 1)
    # One number for each layer stands in an array, which the reader skips: `heads` is the most.
    kv_heads = number("attention.head_count_kv", heads)
    key = number("attention.key_length", embedding // heads)
    value = number("attention.value_length", embedding // heads)
    expert = number("expert_feed_forward_length", 0) * number("expert_used_count", 1)
    tokens = header.metadata.get("tokenizer.ggml.tokens")
    layers = number("block_count", 1)
    state = number("ssm.inner_size", 0) * (
        number("ssm.state_size", 0) + number("ssm.conv_kernel", 0)
    )
    return Shape(
        weights_bytes=sum(tensor.size_bytes for tensor in header.tensors),
        block_bytes=sum(t.size_bytes for t in header.tensors if t.name.startswith("blk.")),
        layers=layers,
        cell_width=layers * kv_heads * (key + value),
        embedding=embedding,
        feed_forward=max(number("feed_forward_length", 4 * embedding), expert),
        vocabulary=tokens.items if isinstance(tokens, ArraySummary) else 0,
        trained_tokens=number("context_length", 0),
        heads=heads,
        head_sizes=_head_sizes(header, f"{architecture}.attention.", embedding),
        state_values=layers * state,
    )


def _head_sizes(header: GgufHeader, prefix: str, embedding: int) -> tuple[int, ...]:
    """Of all layers, those with a sliding window as well; () when one of them is not said."""
    heads = header.metadata.get(f"{prefix}head_count")
    usual = embedding // heads if isinstance(heads, int) and heads > 0 else 0
    found = [header.metadata.get(f"{prefix}{kind}_length", usual) for kind in ("key", "value")]
    windowed = [f"{prefix}{kind}_length_swa" for kind in ("key", "value")]
    found += [header.metadata[key] for key in windowed if key in header.metadata]
    sizes = [size for size in found if isinstance(size, int) and size > 0]
    return tuple(sizes) if len(sizes) == len(found) else ()


def cell_type(shape: Shape, wanted: KvType, *, is_compiled: bool) -> CellType:
    """`wanted`, or f16 where the model or the prebuilt engine does not do it (rule 6)."""
    if wanted == "f16":
        return CellType("f16")
    if not is_compiled:
        return CellType("f16", f"cells are f16, not {wanted}: only the compiled engine has those")
    if not shape.head_sizes or any(size % BLOCK_VALUES for size in shape.head_sizes):
        has = f"has heads of {max(shape.head_sizes)}" if shape.head_sizes else "does not say its"
        note = f"heads of a multiple of {BLOCK_VALUES} values are needed, and the model {has}"
        return CellType("f16", f"cells are f16, not {wanted}: {note}")
    return CellType(wanted)


def estimate(shape: Shape, load: Load) -> Estimate:
    """How much memory a model will take."""
    cells = load.n_ctx * load.contexts * shape.cell_width * VALUE_BYTES[load.kv_type]
    row = 4 * (6 * shape.embedding + 3 * shape.feed_forward)
    return Estimate(
        weights=shape.weights_bytes,
        cells=int(cells) + 4 * load.slots * shape.state_values,
        compute=load.n_batch * row + 4 * load.slots * shape.vocabulary,
        program=_PROGRAM_BYTES + _BYTES_OF_A_TOKEN * shape.vocabulary,
        vectors=_vectors(shape, min(load.n_ctx, CONTEXT_TOKENS)) if load.embeds else 0,
    )


def _vectors(shape: Shape, n_ctx: int) -> int:
    """The embedder's context; 273 MiB for SmolLM2, where 266 were measured."""
    cells = int(n_ctx * shape.cell_width * VALUE_BYTES["f16"])
    return cells + 4 * BATCH_TOKENS * (2 * shape.vocabulary + shape.heads * n_ctx)


def fit(name: str, shape: Shape, load: Load, free_bytes: int | None) -> Fit:
    """The largest lawful context that fits (rules above). Raises ModelFileError."""
    wanted = _at_most(load.n_ctx, shape.trained_tokens)
    whole = estimate(shape, _with(load, wanted))
    if free_bytes is None or whole.wanted <= free_bytes:
        return Fit(n_ctx=wanted, estimate=whole, embeds=load.embeds)
    if load.embeds:
        return _without_vectors(name, shape, load, free_bytes, whole.vectors)
    least = min(wanted, LEAST_TOKENS)
    smallest = estimate(shape, _with(load, least))
    if smallest.wanted > free_bytes:
        raise ModelFileError(
            f"model {name} needs about {_mib(smallest.wanted)} MiB of memory even with a context "
            f"of {least} tokens, and {_mib(free_bytes)} MiB are free; free memory or use a "
            "smaller model"
        )
    n_ctx = _largest(shape, load, free_bytes, range(least, wanted, STEP_TOKENS))
    note = (
        f"context reduced from {wanted} to {n_ctx} tokens: model {name} would need about "
        f"{_mib(whole.wanted)} MiB, and {_mib(free_bytes)} MiB are free"
    )
    return Fit(n_ctx=n_ctx, estimate=estimate(shape, _with(load, n_ctx)), note=note)


def _without_vectors(name: str, shape: Shape, load: Load, free_bytes: int, vectors: int) -> Fit:
    found = fit(name, shape, replace(load, embeds=False), free_bytes)
    note = f"no embeddings: they would need about {_mib(vectors)} MiB more"
    return replace(found, note="; ".join(filter(None, (found.note, note))))


def _largest(shape: Shape, load: Load, free_bytes: int, choices: range) -> int:
    """Needs grow with the context, so halving the range finds the last one that fits."""
    low, high = 0, len(choices)  # choices[low] fits
    while high - low > 1:
        middle = (low + high) // 2
        if estimate(shape, _with(load, choices[middle])).wanted <= free_bytes:
            low = middle
        else:
            high = middle
    return choices[low]


def _at_most(wanted: int, trained: int) -> int:
    """llama.cpp takes 0 for the trained length, and we never go beyond it."""
    return min(wanted or trained, trained) if trained else wanted


def _with(load: Load, n_ctx: int) -> Load:
    return replace(load, n_ctx=n_ctx)


def _mib(size_bytes: int) -> int:
    return -(-size_bytes // _MIB)
