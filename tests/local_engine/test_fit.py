# SPDX-License-Identifier: Apache-2.0
"""Memory worked out from headers, and what is done when there is too little."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from local_engine.errors import ModelFileError
from local_engine.fit import (
    LEAST_TOKENS,
    STEP_TOKENS,
    Load,
    Shape,
    cell_type,
    estimate,
    fit,
    shape_of,
)
from local_engine.store.gguf import ArraySummary, GgufHeader, TensorInfo

MIB = 1 << 20
# SmolLM2-135M: 30 layers, 3 KV heads of 64, so 23,040 bytes a token at f16.
SMALL = Shape(
    weights_bytes=96_576_768,
    block_bytes=66_000_000,
    layers=30,
    cell_width=30 * 3 * 128,
    embedding=576,
    feed_forward=1536,
    vocabulary=49_152,
    trained_tokens=8192,
)
LOAD = Load(n_ctx=2048, n_batch=256, slots=1)


def header(**metadata: object) -> GgufHeader:
    """A header with these values under `llama.`, and two tensors."""
    keys: dict[str, Any] = {
        f"llama.{key.replace('__', '.')}": value for key, value in metadata.items()
    }
    tensors = tuple(
        TensorInfo(name=name, dimensions=(32,), type_id=0, offset_bytes=0, size_bytes=128)
        for name in ("blk.0.attn_q.weight", "output.weight")
    )
    known: dict[str, Any] = {
        "general.architecture": "llama",
        "tokenizer.ggml.tokens": ArraySummary(8, 100),
    }
    return GgufHeader(
        version=3,
        metadata={**known, **keys},
        tensors=tensors,
        data_offset_bytes=0,
    )


def test_a_shape_is_read_from_the_header() -> None:
    """Grouped heads, own key lengths, experts, states."""
    found = shape_of(
        header(
            block_count=4, embedding_length=64, attention__head_count=8,
            attention__head_count_kv=2, feed_forward_length=128, context_length=1000,
            expert_feed_forward_length=100, expert_used_count=4, ssm__inner_size=10,
            ssm__state_size=3, ssm__conv_kernel=1,
        )
    )  # fmt: skip
    assert found == Shape(
        weights_bytes=256,
        block_bytes=128,
        layers=4,
        cell_width=4 * 2 * 16,
        embedding=64,
        feed_forward=400,
        vocabulary=100,
        trained_tokens=1000,
        heads=8,
        head_sizes=(8, 8),
        state_values=160,
    )
    wide = shape_of(header(embedding_length=64, attention__head_count=8, attention__key_length=32))
    assert wide.cell_width == 8 * (32 + 8)


def test_what_a_header_does_not_say_is_taken_at_its_most() -> None:
    """A list of heads per layer, wrong types, nonsense numbers: no failure, no underestimate."""
    listed = header(
        embedding_length=64, attention__head_count=8, attention__head_count_kv=ArraySummary(4, 30)
    )
    assert shape_of(listed).cell_width == 8 * 16
    odd = shape_of(header(block_count="x", embedding_length=-1, attention__head_count=0))
    assert odd.layers == 1
    assert odd.embedding == 4096


def test_cells_grow_with_the_context_and_shrink_with_their_type() -> None:
    """23,040 bytes a token at f16."""
    assert estimate(SMALL, LOAD).cells == 2048 * 23_040
    assert estimate(SMALL, replace(LOAD, kv_type="q8_0")).cells == 2048 * 23_040 * 34 // 64
    assert estimate(SMALL, replace(LOAD, kv_type="q4_0")).cells == 2048 * 23_040 * 18 // 64


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ({"attention__head_count": 9}, ""),
        ({"attention__head_count": 24}, "the model has heads of 24"),
        ({"attention__head_count": 9, "attention__value_length": 80}, "has heads of 80"),
        ({"attention__head_count": 24, "attention__key_length": 32}, "has heads of 32"),
        ({"attention__head_count": 9, "attention__key_length_swa": 100}, "has heads of 100"),
        ({"attention__head_count": ArraySummary(4, 30)}, "does not say its"),
        ({"attention__head_count": 9, "attention__key_length": ArraySummary(4, 30)}, "not say its"),
        ({}, "does not say its"),
    ],
)
def test_quantized_cells_need_heads_of_whole_blocks(metadata: dict[str, object], why: str) -> None:
    """Otherwise f16, and a line that says why; of the sizes of keys and values each counts."""
    shape = shape_of(header(embedding_length=576, **metadata))
    for wanted in ("q8_0", "q4_0"):
        found = cell_type(shape, wanted, is_compiled=True)
        assert found.kv_type == ("f16" if why else wanted)
        assert why in found.note
        assert bool(found.note) == bool(why)
    assert cell_type(shape, "f16", is_compiled=False) == ("f16", "")
    assert "only the compiled engine" in cell_type(shape, "q8_0", is_compiled=False).note


@pytest.mark.parametrize(("n_ctx", "measured_mib"), [(512, 151), (2048, 185), (8192, 320)])
def test_the_estimate_meets_the_measured_size(n_ctx: int, measured_mib: int) -> None:
    """Resident size of a bare runtime with a full context; the server's own 20 MB come on top."""
    total = estimate(SMALL, replace(LOAD, n_ctx=n_ctx)).total / MIB
    assert measured_mib < total < measured_mib * 1.2


def test_what_fits_is_loaded_as_wanted() -> None:
    """Never beyond the trained length; 0 means that; unknown memory refuses nothing."""
    assert fit("m", SMALL, LOAD, 1 << 40).n_ctx == 2048
    assert fit("m", SMALL, replace(LOAD, n_ctx=0), None).n_ctx == 8192
    assert fit("m", SMALL, replace(LOAD, n_ctx=99_999), None).n_ctx == 8192
    assert fit("m", replace(SMALL, trained_tokens=0), LOAD, None).n_ctx == 2048


def test_the_context_shrinks_first_and_says_so() -> None:
    """To the largest step that fits."""
    found = fit("m", SMALL, replace(LOAD, n_ctx=8192), 300 * MIB)

    assert found.note.startswith("context reduced from 8192 to ")
    assert found.estimate.wanted <= 300 * MIB
    larger = estimate(SMALL, replace(LOAD, n_ctx=found.n_ctx + STEP_TOKENS))
    assert larger.wanted > 300 * MIB


def test_too_little_is_a_refusal_with_numbers() -> None:
    """Needed, free, and what to do."""
    with pytest.raises(ModelFileError, match=r"about \d+ MiB .* 100 MiB are free; free memory"):
        fit("m", SMALL, LOAD, 100 * MIB)
    short = replace(LOAD, n_ctx=128)
    assert fit("m", SMALL, short, estimate(SMALL, short).wanted).n_ctx == 128


def test_any_memory_is_judged_the_same_way() -> None:
    """Seeded: what is chosen fits and lies between the bounds, and more memory never gives less."""
    dice = random.Random(5)
    for _ in range(300):
        load = replace(LOAD, n_ctx=dice.randrange(1, 9000))
        last = 0
        for free in sorted(dice.randrange(500 * MIB) for _ in range(6)):
            try:
                found = fit("m", SMALL, load, free)
            except ModelFileError:
                assert last == 0
                continue
            assert min(load.n_ctx, LEAST_TOKENS) <= found.n_ctx <= load.n_ctx
            assert found.estimate.wanted <= free
            assert found.n_ctx >= last
            last = found.n_ctx


def test_the_embedders_context_is_counted_and_given_up_first() -> None:
    """266 MiB were measured beside SmolLM2 with texts of 2,048 tokens."""
    shape, load = replace(SMALL, heads=9), replace(LOAD, embeds=True)
    both, alone = estimate(shape, load), estimate(shape, LOAD)
    assert both.total - alone.total == both.vectors == pytest.approx(266 * MIB, rel=0.05)

    assert fit("m", shape, load, both.wanted).embeds
    without = fit("m", shape, load, both.wanted - 1)
    assert (without.embeds, without.n_ctx, without.estimate) == (False, 2048, alone)
    assert without.note.startswith("no embeddings")
    small = fit("m", shape, load, alone.wanted - 1)
    assert small.n_ctx < 2048
    assert "context reduced" in small.note
    assert "no embeddings" in small.note


def test_two_models_in_one_process_have_one_program() -> None:
    """Everything else is added."""
    one = estimate(SMALL, LOAD)
    both = one.beside(one)
    assert 2 * one.total - both.total == 48 * MIB
