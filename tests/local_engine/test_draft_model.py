# SPDX-License-Identifier: Apache-2.0
"""A small model that drafts: answers stay those of the large one, and it is asked where it pays."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from local_engine import llama_api
from local_engine.device import ThreadPlan
from local_engine.drafters import DraftModel, check_vocabulary
from local_engine.engine import SamplingParams
from local_engine.errors import ModelFileError
from local_engine.llamacpp import LlamaCppBackend
from local_engine.logits import Logits
from local_engine.profile import ModelProfile
from local_engine.selection import EngineOptions, make_engine
from local_engine.sequence import Sequence
from tests.local_engine.batch_bench import Bench
from tests.local_engine.curves import CURVES, a_curve
from tests.local_engine.fake_runtime import VOCABULARY_SIZE, FakeRuntime
from tests.local_engine.fakes import BYTES, a_request
from tests.local_engine.tiny_model import tiny_model

# Of 61 letters four may follow each, so that there is little to copy: their odds by the letter's
# kind, which is its number modulo 4, in the large and in the small model.
FIRST, LETTERS, KINDS = 66, 61, range(4)
Table = tuple[tuple[float, ...], ...]
LARGE: Table = ((0.1, 0.2, 0.3, 0.4), (0.7, 0.1, 0.1, 0.1), (0.25,) * 4, (0.5, 0.5, 0.0, 0.0))
SMALL: Table = ((0.1, 0.1, 0.1, 0.7), (0.5, 0.3, 0.1, 0.1), (0.4, 0.2, 0.2, 0.2), (1.0, 0, 0, 0))
WRONG: Table = ((0.0, 0.0, 1.0, 0.0),) * 4
SURE: Table = ((0.0, 1.0, 0.0, 0.0), (0.97, 0.03, 0.0, 0.0)) * 2


def follower(letter: int, number: int) -> int:
    """The letter that is number 0 to 3 after another one."""
    return FIRST + ((letter - FIRST) * 7 + number + 1) % LETTERS


class Chain(FakeRuntime):
    """A model whose next letter depends on the newest one only; drawn by the sampler's seed."""

    def __init__(self, table: Table, **config: object) -> None:
        super().__init__(None, 200, **{"slots": 4, "n_batch": 64, **config})
        self.table = table
        self.dice: dict[int, random.Random] = {}

    def new_sampler(self, params: SamplingParams) -> int:
        handle = super().new_sampler(params)
        self.dice[handle] = random.Random(params.seed)
        return handle

    def _following(self, row: int) -> tuple[list[int], tuple[float, ...]]:
        place, length = self._rows[row]
        newest = self._contexts[place][length - 1]
        return [follower(newest, n) for n in KINDS], self.table[(newest - FIRST) % 4]

    def draw(self, sampler: int, row: int) -> int:
        letters, odds = self._following(row)
        if self.samplers[sampler].temperature == 0:
            return letters[odds.index(max(odds))]
        return self.dice[sampler].choices(letters, odds)[0]

    def logits(self, row: int) -> Logits:
        values = np.full(VOCABULARY_SIZE, -40.0, dtype=np.float32)
        for letter, odds in zip(*self._following(row), strict=True):
            values[letter] = np.log(max(odds, 1e-9))
        return Logits(values)


def a_bench(small: FakeRuntime | None, large: FakeRuntime | None = None) -> Bench:
    """A step of the large model takes 10 ms on a flat curve, one of the small model .2 ms."""
    large = large or Chain(LARGE)
    large.step_s, large.token_s = 0.01, 0.0001
    if small is not None:
        small.clock = large.clock
        small.step_s = 0.0002
    bench = Bench(large, calibrate=False)
    bench.backend = LlamaCppBackend(large, ModelProfile(name="m"), small=small, clock=bench.clock)
    bench.backend.calibrate()
    bench.line.slots = bench.backend.slots
    return bench


def ask(bench: Bench, seed: int, temperature: float = 1.0, most: int = 24) -> Sequence:
    """Each seed has a prompt of its own."""
    sampling = SamplingParams(temperature=temperature, seed=seed)
    return bench.ask([FIRST, FIRST + seed % 61], most, replace(a_request(), sampling=sampling))


def texts(bench: Bench, temperature: float, count: int = 40) -> list[str]:
    """What so many seeds say, four at a time."""
    asked: list[Sequence] = []
    for seed in range(count):
        asked.append(ask(bench, seed, temperature))
        if seed % 4 == 3:
            bench.finish()
    bench.finish()
    return [bench.text(sequence) for sequence in asked]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_answers_are_those_without_a_draft_model(temperature: float) -> None:
    """Greedy and drawn with a seed; and drafts were confirmed and refused."""
    drafting = a_bench(Chain(SMALL))
    plain = a_bench(None, Chain(LARGE, may_draft=False))

    assert texts(drafting, temperature) == texts(plain, temperature)
    figures = drafting.line.figures
    assert 0 < figures.accepted_tokens < figures.drafted_tokens or temperature == 0
    assert drafting.backend.gauges.steps < plain.backend.gauges.steps


def test_drawn_tokens_have_the_large_models_distribution() -> None:
    """Chi-square of 2,300 neighbours against the table.

    A draft that was taken as it is would put the small model's odds there.
    """
    bench = a_bench(Chain(SMALL))
    counts: Counter[tuple[int, int]] = Counter()
    for text in texts(bench, 1.0, 100):
        letters = [ord(letter) + 1 for letter in text]
        for one, other in pairwise(letters):
            [number] = [n for n in KINDS if follower(one, n) == other]
            counts[(one - FIRST) % 4, number] += 1

    def distance(table: Table) -> float:
        of_kind = [sum(counts[kind, number] for number in KINDS) for kind in KINDS]
        cells = [(k, n, table[k][n] * of_kind[k]) for k in KINDS for n in KINDS]
        return sum((counts[k, n] - due) ** 2 / due for k, n, due in cells if due)

    assert counts.total() == 2300
    assert bench.line.figures.accepted_tokens > 300
    assert distance(LARGE) < 23.2, "the 99% point of chi-square with 10 degrees of freedom"
    assert distance(SMALL) > 100


def test_acceptance_is_counted_for_each_request() -> None:
    """In its usage."""
    bench = a_bench(Chain(SURE), Chain(SURE))
    sequence = ask(bench, 1, temperature=0.0, most=40)
    bench.finish()
    usage = bench.done(sequence).usage

    assert usage.drafted_tokens == usage.accepted_tokens > 20, "both always say the same"


def test_a_draft_model_that_is_dear_is_not_asked() -> None:
    """Nearly the cost of the large one: nothing to be gained, and nothing lost."""
    small = Chain(LARGE)
    bench = a_bench(small)
    small.step_s = 0.009
    bench.backend.calibrate()
    small.batches.clear()
    ask(bench, 1)
    bench.finish()

    assert not small.batches


def seconds(curve: str, small: Table | None, large: Table, cost: float = 0.0) -> float:
    """Virtual seconds of a dozen answers; a token of the small model costs `cost` of one."""
    target = Chain(large)
    target.row_cost = a_curve(CURVES[curve], one_s=0.01)
    drafts = None
    if small is not None:
        drafts = Chain(small)
        drafts.row_cost = a_curve({1: 1, 16: 2, 64: 5}, one_s=0.01 * cost)
    bench = a_bench(drafts, target)
    began = bench.clock.now
    for seed in range(12):
        ask(bench, seed, most=100)
        bench.finish()
    return bench.clock.now - began


@pytest.mark.parametrize("table", [LARGE, WRONG])
@pytest.mark.parametrize("cost", [0.02, 0.3])
@pytest.mark.parametrize("curve", CURVES)
def test_a_draft_model_never_costs_three_percent(curve: str, cost: float, table: Table) -> None:
    """Whatever it costs, whatever it says, over measured curves of the large model."""
    assert seconds(curve, None, LARGE) / seconds(curve, table, LARGE, cost=cost) > 0.97


def test_a_small_model_that_agrees_gains_what_the_curve_allows() -> None:
    """A tenth of the cost and nearly always right: F16 with two threads."""
    assert seconds("F16", None, SURE) / seconds("F16", SURE, SURE, cost=0.1) > 1.3


def test_a_long_prompt_is_read_in_chunks_between_steps_and_forgotten_at_the_end() -> None:
    """No step waits for all of it; nothing is left for whoever has the place next."""
    small = Chain(LARGE)
    bench = a_bench(small)
    small.batches.clear()
    small.token_s = 0.0002
    prompt = [FIRST + n * n * n % LETTERS for n in range(150)]
    sampling = SamplingParams(temperature=1, seed=1)
    bench.ask(prompt, 40, replace(a_request(), sampling=sampling))
    bench.finish()
    sizes = [len(run.tokens) for batch in small.batches for run in batch]

    assert sizes[:2] == [64, 64]
    assert max(sizes) <= 64
    assert bench.backend._drafting._books.may_draft, "reading is booked apart"
    assert small.used == 0


def test_a_failing_draft_model_is_given_up_for_that_answer() -> None:
    """The answer is whole; the next one tries again."""
    small = Chain(LARGE)
    bench = a_bench(small)
    small.batches.clear()
    small.codes = [1]
    first = ask(bench, 1)
    bench.finish()
    tried = len(small.batches)
    second = ask(bench, 2)
    bench.finish()

    assert len(bench.text(first)) == len(bench.text(second)) == 24
    assert tried == 1 < len(small.batches)


def test_a_model_with_another_vocabulary_is_refused() -> None:
    """Also when only its ends differ; so is one that cannot be run."""
    check_vocabulary(BYTES, replace(BYTES))
    for other in (replace(BYTES, pieces=BYTES.pieces[::-1]), replace(BYTES, ends=frozenset())):
        with pytest.raises(ModelFileError, match="another vocabulary"):
            check_vocabulary(BYTES, other)
    broken = Chain(LARGE)
    broken.codes = [-2]
    with pytest.raises(ModelFileError, match="cannot be run"):
        DraftModel(broken, broken.clock).calibrate()


def test_a_model_that_cannot_rewind_does_not_draft() -> None:
    """Refused drafts could not be taken back."""
    small = Chain(LARGE)
    small.is_rewindable = False
    bench = a_bench(small)
    ask(bench, 1)
    bench.finish()

    assert not small.batches


@pytest.mark.engine
@pytest.mark.skipif(not llama_api.is_installed(), reason="no compiled engine; `make setup`")
def test_an_engine_is_made_with_its_draft_model(tmp_path: Path) -> None:
    """Loaded and measured beside the large one, under the same watch."""
    file = tmp_path / "tiny.gguf"
    file.write_bytes(tiny_model().data)
    options = EngineOptions(
        kind="llamacpp", model_file=file, threads=ThreadPlan(1, 1), draft_file=file
    )
    engine = make_engine(options, ModelProfile(name="m", n_ctx=64))
    engine.start().result(timeout=20)
    try:
        small = engine._backend._small  # type: ignore[attr-defined]
        assert small.token_s > 0
        assert small.prompt_token_s > 0
    finally:
        engine.close()
