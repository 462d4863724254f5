# SPDX-License-Identifier: Apache-2.0
"""Embeddings and detokenizing: what may be asked, and the answers; the embedder over a double."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from local_engine.app import EngineApp
from local_engine.embedder import BATCH_INPUTS, BATCH_TOKENS, Embedder, groups
from local_engine.errors import (
    ContextLengthExceededError,
    DecodeError,
    EngineBusyError,
    EngineUnavailableError,
    GenerationCancelledError,
)
from local_engine.line import MAX_BYTES_PER_TOKEN
from local_engine.profile import ModelProfile
from local_engine.vector_calls import MOST_CALLS
from local_engine.vectors import normalised
from tests.local_engine.fakes import FakeEngine, done
from tests.local_engine.test_app import Answer, call, call_app


async def embeddings(engine: FakeEngine, **body: object) -> Answer:
    """One request."""
    return await call(engine, "POST", "/v1/embeddings", json.dumps(body).encode())


async def test_texts_and_tokens_become_vectors_in_order() -> None:
    """One text, several, tokens, or several lists of them."""
    for value, read in (
        ("ab", [[97, 98]]),
        (["ab", "c"], [[97, 98], [99]]),
        ([97, 98], [[97, 98]]),
        ([[97], [98]], [[97], [98]]),
    ):
        engine = FakeEngine()
        body = (await embeddings(engine, input=value, model="m")).json()
        assert engine.embedded == read
        assert [item["index"] for item in body["data"]] == [*range(len(read))]
        assert body["data"][0]["embedding"] == [0.6, 0.8]
        assert body["usage"]["prompt_tokens"] == sum(map(len, read))
        assert (body["object"], body["model"]) == ("list", "m")


async def test_equal_texts_are_read_once_and_answered_each() -> None:
    """In one batch they would differ by .001, each being summed in its own order."""
    engine = FakeEngine()
    engine.vectors = {(98,): [1.0, 0.0]}

    body = (await embeddings(engine, input=["a", "b", "a", "b"])).json()

    assert engine.embedded == [[97], [98]]
    assert [item["embedding"] for item in body["data"]] == [[0.6, 0.8], [1.0, 0.0]] * 2
    assert body["usage"]["prompt_tokens"] == 4


async def test_base64_is_of_little_endian_floats() -> None:
    """As OpenAI's clients ask for by default."""
    body = (await embeddings(FakeEngine(), input="a", encoding_format="base64")).json()

    raw = base64.b64decode(body["data"][0]["embedding"])
    assert struct.unpack("<2f", raw) == pytest.approx((0.6, 0.8))


async def test_fewer_dimensions_are_cut_and_scaled_again() -> None:
    """The length stays 1."""
    body = (await embeddings(FakeEngine(), input="a", dimensions=1)).json()
    assert body["data"][0]["embedding"] == [1.0]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", ""]}, "input"),
        ({"input": [["a"]]}, "input"),
        ({"input": ["a"] * 2049}, "input"),
        ({"input": [True]}, "input"),
        ({"input": [97, -1]}, "input"),
        ({"input": [97, 258]}, "input"),
        ({"input": [10**7]}, "input"),
        ({"input": "a" * 16_385}, "input"),
        ({"input": "a" * (16_385 * 64)}, "input"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format"),
        ({"input": "a", "dimensions": 3}, "dimensions"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
    ],
)
async def test_what_is_wrong_is_refused_by_name(body: dict[str, object], param: str) -> None:
    """400 with the field, before anything is worked out."""
    engine = FakeEngine()
    answer = await embeddings(engine, **body)

    assert (answer.status, answer.json()["error"]["param"]) == (400, param)


async def test_another_model_and_an_engine_without_vectors_are_told_apart() -> None:
    """404 and 400."""
    assert (await embeddings(FakeEngine(), input="a", model="x")).status == 404
    engine = FakeEngine()
    engine.features = frozenset()
    answer = await embeddings(engine, input="a")
    assert (answer.status, answer.json()["error"]["code"]) == (400, "unsupported")


async def test_tokens_become_text() -> None:
    """Those of control have none; what is no token is refused."""
    engine = FakeEngine()

    async def text(tokens: object) -> Answer:
        return await call(engine, "POST", "/v1/detokenize", json.dumps({"tokens": tokens}).encode())

    assert (await text([72, 105, 257])).json() == {"text": "Hi"}
    for wrong in ("Hi", [258], [-1], [True], [0] * 100_001):
        assert (await text(wrong)).status == 400


def test_zeros_stay_zeros() -> None:
    """There is no direction to scale."""
    assert normalised([0.0, 0.0]) == [0.0, 0.0]
    assert normalised([3.0, 4.0]) == [0.6, 0.8]


class FakeContext:
    """The mean of a batch's part is (mean token, 1); notes what was decoded."""

    def __init__(self, n_ctx: int) -> None:
        self.n_ctx = n_ctx
        self.code = 0
        self.decoded: list[tuple[list[int], int]] = []
        self.forgotten = 0
        self.is_closed = False
        self.gate = threading.Event()
        self.gate.set()

    def means(
        self, inputs: Sequence[Sequence[int]], position: int
    ) -> tuple[int, list[list[float]]]:
        assert self.gate.wait(5)
        self.decoded.append(([len(tokens) for tokens in inputs], position))
        return self.code, [[sum(tokens) / len(tokens), 1.0] for tokens in inputs]

    def forget(self) -> None:
        self.forgotten += 1

    def close(self) -> None:
        self.is_closed = True


class Source:
    """Makes one context and keeps it."""

    def __init__(self) -> None:
        self.context = FakeContext(0)
        self.made: list[tuple[int, int, int]] = []

    def embedding_context(self, *, n_ctx: int, n_batch: int, n_seq: int) -> FakeContext:
        self.made.append((n_ctx, n_batch, n_seq))
        return self.context


@contextmanager
def an_embedder(source: Source, waiting: int = 8) -> Iterator[Embedder]:
    """Closed afterwards."""
    made = Embedder(source, n_ctx=1500, waiting=waiting)
    try:
        yield made
    finally:
        source.context.gate.set()
        made.close()


def test_short_inputs_share_a_decode() -> None:
    """As many as fit, in their order; the context is made once and emptied each time."""
    source = Source()
    with an_embedder(source) as embedder:
        assert source.made == []
        inputs = [[1]] * (BATCH_INPUTS + 1) + [[3] * BATCH_TOKENS]
        vectors = embedder.embed(inputs)
        embedder.embed([[2]])

    assert source.made == [(1500, BATCH_TOKENS, BATCH_INPUTS)]
    sizes = [sizes for sizes, _ in source.context.decoded]
    assert sizes == [[1] * BATCH_INPUTS, [1], [BATCH_TOKENS], [1]]
    assert len(vectors) == len(inputs)
    assert vectors[0] == pytest.approx(normalised([1, 1]))
    assert vectors[-1] == pytest.approx(normalised([3, 1]))
    assert source.context.forgotten == 4
    assert source.context.is_closed


def test_a_long_input_is_read_in_parts_and_weighed_by_length() -> None:
    """Its mean is that of the whole."""
    source = Source()
    tokens = [1] * BATCH_TOKENS + [9] * 100
    with an_embedder(source) as embedder:
        [vector] = embedder.embed([tokens])

    assert source.context.decoded == [([BATCH_TOKENS], 0), ([100], BATCH_TOKENS)]
    assert vector == pytest.approx(normalised([sum(tokens) / len(tokens), 1]))


def test_no_group_is_larger_than_a_batch() -> None:
    """And nothing is lost."""
    inputs = [[n] * size for n, size in enumerate([500, 12, 1, 512, 1500, 1, 1])]
    found = list(groups(inputs))
    assert [tokens for group in found for tokens in group] == inputs
    assert all(len(g) == 1 or sum(map(len, g)) <= BATCH_TOKENS for g in found)


def test_an_input_beyond_the_context_is_refused_first() -> None:
    """No context is made for it."""
    source = Source()
    with an_embedder(source) as embedder, pytest.raises(ContextLengthExceededError):
        embedder.embed([[1], [1] * 1501])
    assert source.made == []


def test_a_failed_decode_fails_its_request_only() -> None:
    """The context is emptied, and the next one is answered."""
    source = Source()
    with an_embedder(source) as embedder:
        source.context.code = -3
        with pytest.raises(DecodeError):
            embedder.embed([[1]])
        source.context.code = 0
        assert embedder.embed([[1]])
    assert source.context.forgotten == 2


def test_the_queue_is_bounded_and_closing_ends_it() -> None:
    """429 beyond the bound; who waits when it closes is told so."""
    source = Source()
    source.context.gate.clear()
    with an_embedder(source, waiting=1) as embedder, ThreadPoolExecutor(1) as pool:
        first = pool.submit(embedder.embed, [[1]] * (BATCH_INPUTS + 1))
        while not source.made:
            pass
        with pytest.raises(EngineBusyError):
            embedder.embed([[1]])
        closing = threading.Thread(target=embedder.close)
        closing.start()
        while not embedder._is_closing:
            pass
        source.context.gate.set()
        closing.join(5)
        with pytest.raises(EngineUnavailableError):
            first.result(5)
        with pytest.raises(EngineUnavailableError):
            embedder.embed([[1]])


def test_what_nobody_waits_for_ends_before_its_next_decode() -> None:
    """Between two batches, and between two parts of one long input."""
    for inputs in ([[1]] * (BATCH_INPUTS + 1), [[1] * 1500]):
        source = Source()
        decoded = source.context.decoded
        with an_embedder(source) as embedder:
            with pytest.raises(GenerationCancelledError):
                embedder.embed(inputs, lambda: len(decoded) < 1)  # noqa: B023
            assert len(decoded) == 1
            assert embedder.embed([[1]])


async def test_long_calls_for_vectors_hold_up_nobody_else() -> None:
    """As many as there may be run in threads of their own; the next one is 429 at once."""
    engine, go_on = FakeEngine([done()]), threading.Event()
    engine.hold_embedding = lambda _: go_on.wait(5)
    app = EngineApp(engine, ModelProfile(name="m"))
    body = json.dumps({"input": "a"}).encode()
    try:
        calls = [
            asyncio.create_task(call_app(app, "POST", "/v1/embeddings", body))
            for _ in range(MOST_CALLS)
        ]
        await asyncio.sleep(0)
        refused = await call_app(app, "POST", "/v1/embeddings", body)
        chat = json.dumps({"messages": [{"role": "user", "content": "a"}]}).encode()
        answered = await call_app(app, "POST", "/v1/chat/completions", chat)
        assert not any(task.done() for task in calls)
    finally:
        go_on.set()

    assert (refused.status, answered.status) == (429, 200)
    assert [answer.status for answer in await asyncio.gather(*calls)] == [200] * MOST_CALLS
    assert (await call_app(app, "POST", "/v1/embeddings", body)).status == 200


async def test_texts_that_cannot_fit_are_not_tokenized_and_others_in_turns() -> None:
    """Of a text, and of all; one call at a time, so that a core is left to those who chat."""
    at_once: list[int] = []

    class Engine(FakeEngine):
        def tokenize(self, text: str) -> list[int]:
            at_once.append(1)
            time.sleep(0.001)
            counted.append(len(at_once))
            at_once.pop()
            return super().tokenize(text[:1])

    counted: list[int] = []
    engine = Engine()
    app, room = EngineApp(engine, ModelProfile(name="m")), 128 * MAX_BYTES_PER_TOKEN
    bodies: list[list[str]] = [["a", "a" * (room + 1)], ["a" * room] * 129, *[["a" * room]] * 4]
    calls = [
        call_app(app, "POST", "/v1/embeddings", json.dumps({"input": texts}).encode())
        for texts in bodies
    ]
    answers = await asyncio.gather(*calls)
    assert [answer.status for answer in answers] == [400, 400, 200, 200, 200, 200]
    assert counted == [1] * 4


async def test_a_client_that_leaves_ends_its_call_for_vectors() -> None:
    """The engine is told that nobody waits."""
    engine, told = FakeEngine(), threading.Event()

    def hold(is_wanted: Callable[[], bool]) -> None:
        while is_wanted():
            pass
        told.set()

    engine.hold_embedding = hold
    await call(engine, "POST", "/v1/embeddings", b'{"input": "a"}', hangs_up=True)
    assert told.is_set()
