# SPDX-License-Identifier: Apache-2.0
"""The scheduler with the real model: random mixes, and the same words as alone.

    python -m pytest -m nightly tests/faults/test_scheduler_real.py     (some minutes)

What llama.cpp computes for a sequence depends a little on its company: its attention adds up the
cells in their order, in 16 bits, and from 64 rows on by tiles instead of row by row. Measured with
its plain API: up to .2 in a log-probability by the order, up to .6 by the tiles. Where two tokens
are as near as that, the other may be drawn. So batches here stay below 64 rows, and a place where
the two likeliest tokens are nearer than `NEAR_TIE` counts as equal and ends the comparison.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from local_engine import llama_api
from local_engine.engine import (
    Done,
    EngineStatus,
    Event,
    Failed,
    GenerationRequest,
    SamplingParams,
    TokenLogprob,
)
from local_engine.errors import EngineBusyError
from local_engine.line import LineEngine
from local_engine.llama_api import LlamaRuntime, RuntimeConfig
from local_engine.llamacpp import LlamaCppBackend
from local_engine.resident import ResidentMemory
from local_engine.store.manifest import manifests, models_folder
from tests.local_engine.fakes import Collector, a_request
from tests.local_engine.forced import force_drafts
from tests.local_engine.simulation import Bounds

MANIFEST = manifests()["smollm2-135m-instruct-q4_1"]
MODEL_FILE = models_folder() / MANIFEST.file
NEAR_TIE = 0.3
QUOTE = "Repeat this text word by word: the nurse opens the ward at six and counts the beds twice. "
PROMPTS = (
    "What is the capital of France?",
    "Name three colours.",
    "Tell a story about a dog and a train.",
    QUOTE,
    "Write a JSON object with a name and an age.",
    "Count to twenty in words.",
    "def add(a, b):",
    QUOTE + "Do it twice.",
)

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(
        not llama_api.is_installed() or not MODEL_FILE.exists(),
        reason="the compiled engine or the small model is not here; `make setup` brings both",
    ),
]


@contextmanager
def an_engine(drafter: Path | None = None, **config: object) -> Iterator[LineEngine]:
    """With the small model, and perhaps one that drafts in every step."""
    fields: dict[str, object] = {
        "model_file": MODEL_FILE, "n_ctx": 512, "n_batch": 128, "slots": 8,
        "decode_threads": 1, "prefill_threads": 2, **config,
    }  # fmt: skip

    def load() -> LlamaCppBackend:
        loaded = RuntimeConfig(**fields)  # type: ignore[arg-type]
        small = None
        if drafter is not None:
            small = LlamaRuntime(replace(loaded, model_file=drafter))
        made = LlamaCppBackend(LlamaRuntime(loaded), MANIFEST.profile, small=small)
        if config.get("may_draft", True):
            made.calibrate()
        if small is not None:
            force_drafts(made, copies=False)
        return made

    engine = LineEngine(load, MANIFEST.profile)
    engine.start().result(timeout=60)
    try:
        yield engine
    finally:
        engine.close()


def answers(
    engine: LineEngine, requests: list[GenerationRequest]
) -> list[tuple[TokenLogprob, ...]]:
    """The drawn tokens of requests that are asked at once."""
    sinks = [Collector() for _ in requests]
    for request, sink in zip(requests, sinks, strict=True):
        engine.submit(request, sink)
    return [tokens_of(sink) for sink in sinks]


def tokens_of(sink: Collector) -> tuple[TokenLogprob, ...]:
    drawn: list[TokenLogprob] = []
    while not isinstance(event := sink.next(timeout_s=120), Done | Failed):
        drawn += event.logprobs
    assert isinstance(event, Done)
    return tuple(drawn)


def assert_same(one: tuple[TokenLogprob, ...], other: tuple[TokenLogprob, ...]) -> float | None:
    """Equal up to a near tie, whose gap is returned."""
    for mine, its in zip(one, other, strict=False):
        if mine.piece != its.piece:
            gap = mine.top[0][1] - mine.top[1][1]
            assert gap < NEAR_TIE, f"{gap:.3f} is no near tie"
            assert its.piece in {piece for piece, _ in mine.top}
            return gap
    assert len(one) == len(other)
    return None


def test_eight_at_once_say_what_each_says_alone() -> None:
    """Greedy, with drafts and kept prefixes against neither."""
    requests = [a_request(prompt, max_tokens=12, logprobs=3) for prompt in PROMPTS]
    with an_engine(may_draft=False, kept_cells=0, slots=1, n_batch=48) as engine:
        alone = [answers(engine, [request])[0] for request in requests]
    with an_engine(n_batch=48) as engine:
        together = [answers(engine, requests), answers(engine, requests[::-1])[::-1]]
        status = engine.status()
    gaps = [
        gap
        for answered in together
        for one, other in zip(alone, answered, strict=True)
        if (gap := assert_same(one, other)) is not None
    ]

    assert len(gaps) <= len(requests), f"near ties everywhere: {gaps}"
    assert status.cached_tokens > 0
    assert status.rows > status.steps


def test_a_seed_gives_the_same_words_with_and_without_drafts() -> None:
    """Drawn, not greedy: each token is drawn from the model's own distribution."""
    sampling = SamplingParams(temperature=0.7, top_p=0.9, seed=11)
    request = a_request(QUOTE, max_tokens=24, logprobs=0, sampling=sampling)
    drawn = []
    for may_draft in (True, False):
        with an_engine(may_draft=may_draft, slots=1) as engine:
            drawn.append([token.piece for token in answers(engine, [request])[0]])

    assert drawn[0] == drawn[1]


def test_a_draft_model_changes_no_word() -> None:
    """The model drafts for itself, whether that pays or not: nearly all of it is confirmed."""
    requests = [a_request(prompt, max_tokens=12, logprobs=3) for prompt in PROMPTS[:2]]
    with an_engine(may_draft=False, n_batch=48, kept_cells=0, n_ctx=256) as engine:
        plain = [answers(engine, [request])[0] for request in requests]
    with an_engine(MODEL_FILE, n_batch=48, kept_cells=0, n_ctx=256) as engine:
        drafted = [answers(engine, [request])[0] for request in requests]
        status = engine.status()
    for one, other in zip(plain, drafted, strict=True):
        assert_same(one, other)

    assert status.drafted_tokens > 5
    assert status.accepted_tokens > 0.9 * status.drafted_tokens


def test_quantised_cells_work() -> None:
    """q8_0 and q4_0 take a half and a quarter of the memory."""
    for kv_type in ("q8_0", "q4_0"):
        with an_engine(kv_type=kv_type, may_draft=False) as engine:
            request = a_request(PROMPTS[0], max_tokens=16, logprobs=0)
            text = b"".join(token.piece for token in answers(engine, [request])[0])
        assert b"France" in text or b"Paris" in text, kv_type


class Mix:
    """Six requests, some of which are given up or broken."""

    def __init__(self, engine: LineEngine, seed: int) -> None:
        self.engine = engine
        self.chance = random.Random(seed)
        self.sinks: list[Collector] = []

    def play(self) -> list[Event]:
        """The last event of each that was accepted."""
        for _ in range(6):
            self._ask()
        return [self._end(sink) for sink in self.sinks]

    def _ask(self) -> None:
        chance, sink = self.chance, Collector()
        constraint = Bounds(chance.choice(("raises", "dead end", "completes")), 3)
        request = replace(
            a_request(chance.choice(PROMPTS), max_tokens=chance.choice((1, 6, 16))),
            tenant=chance.choice("ab"),
            priority=chance.choice((0, 0, 1)),
            deadline_s=chance.choice((None, None, 0.5)),
            logprobs=chance.choice((None, None, 2)),
            constraint=constraint if chance.random() < 0.15 else None,
            sampling=SamplingParams(
                temperature=chance.choice((0.0, 0.8)),
                seed=3,
                repeat_penalty=chance.choice((1, 1.1)),
            ),
        )
        try:
            ticket = self.engine.submit(request, sink)
        except EngineBusyError:
            return
        self.sinks.append(sink)
        if chance.random() < 0.2:
            ticket.cancel()

    def _end(self, sink: Collector) -> Event:
        while not isinstance(event := sink.next(timeout_s=120), Done | Failed):
            pass
        assert sink.is_empty()
        return event


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_two_hundred_mixes_leave_nothing_stuck_and_nothing_leaked() -> None:
    """Against the real model; afterwards it still knows Paris."""
    with an_engine(n_ctx=256, cells=512) as engine:
        ends: list[Event] = []
        for seed in range(200):
            ends += Mix(engine, seed).play()
            status: EngineStatus = engine.status()
            assert (status.busy, status.queued) == (0, 0), f"seed {seed}"
            assert status.kv_used <= 512
        request = a_request(PROMPTS[0], max_tokens=16, logprobs=0)
        text = b"".join(token.piece for token in answers(engine, [request])[0])

    codes = {event.error.code for event in ends if isinstance(event, Failed)}
    assert codes <= {"cancelled", "deadline_exceeded", "engine_error"}
    assert sum(isinstance(event, Done) for event in ends) > len(ends) / 2
    assert b"Paris" in text


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_memory_is_flat_over_ten_thousand_requests() -> None:
    """Of ever new tenants, whose prefixes come and go; what the first thousand needed is enough.

    Four requests of a tenant share a prompt, so most of it is read once: seven minutes of one core.
    """
    sizes = []
    with an_engine(n_ctx=256, cells=512) as engine:
        for number in range(1250):
            sinks = [Collector() for _ in range(8)]
            for slot, sink in enumerate(sinks):
                tenant = f"{number}.{slot % 2}"
                engine.submit(
                    a_request(
                        f"Say {number} and nothing else at all.", max_tokens=1, tenant=tenant
                    ),
                    sink,
                )
            for sink in sinks:
                while not isinstance(event := sink.next(timeout_s=120), Done | Failed):
                    pass
                assert isinstance(event, Done)
            sizes.append(ResidentMemory().all_bytes())

    assert sizes[-1] < sizes[124] + 4 * 2**20
