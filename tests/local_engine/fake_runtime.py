# SPDX-License-Identifier: Apache-2.0
"""A model of one token per byte that keeps its context as strictly as llama.cpp does."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Sequence

import numpy as np

from local_engine.embedder import EmbeddingContext
from local_engine.engine import SamplingParams, Vocabulary
from local_engine.llama_api import Run
from local_engine.logits import Floats, Logits
from local_engine.speculative import CostCurve
from tests.local_engine.fakes import ANSWER, a_config

END_TOKEN = 0
VOCABULARY_SIZE = 257
# In the mind of a model without a script, one token in so many is the end.
_END_EVERY = 40


class Clock:
    """Virtual seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class FakeRuntime:
    """Says `answer` to everybody, or with None what follows from the whole context and the seed.

    Every cell is accounted for, positions may have no gap, and what reads beyond what was decoded
    fails. Without a script it copies itself three times out of four, unless `repeats` is false.
    `codes` are returned by the next decodes; `step_s` and `token_s` move the clock.
    """

    def __init__(
        self, answer: bytes | None = ANSWER.encode(), n_ctx: int = 200, **config: object
    ) -> None:
        self.config = a_config(**{"n_ctx": n_ctx, "n_batch": 8, "slots": 1, **config})
        self.n_ctx = n_ctx
        self.cells = self.config.cells or 2 * n_ctx
        self.places = self.config.slots + 4
        self.most_outputs = min(self.config.n_batch, self.config.slots + 15)
        self.is_rewindable = True
        self.loses_beginnings: Callable[[], bool] = lambda: False
        self.answer = None if answer is None else [byte + 1 for byte in answer] + [END_TOKEN]
        self.clock = Clock()
        self.step_s = self.token_s = 0.0
        self.row_cost: CostCurve | None = None
        self.repeats = True
        self.slow_down = self.slow_all = 1.0
        self.slow_few = 2.0
        self.codes: list[int] = []
        self.batches: list[list[Run]] = []
        self.samplers: dict[int, SamplingParams] = {}
        self.spoken: dict[int, int] = {}
        self.is_closed = False
        self.gate = threading.Event()
        self.gate.set()
        self.is_decoding = threading.Event()
        self._contexts: dict[int, list[int]] = {}
        self._cells: dict[int, list[object]] = {}
        self._rows: list[tuple[int, int]] = []
        self._logits: dict[int, Floats] = {}

    @property
    def used(self) -> int:
        """Distinct cells in use."""
        return len({id(cell) for held in self._cells.values() for cell in held})

    def tokenize(self, text: str, *, parse_special: bool) -> list[int]:
        if parse_special:
            return [END_TOKEN]
        return [byte + 1 for byte in text.encode()]

    def piece(self, token: int) -> bytes:
        return bytes([token - 1])

    def is_end(self, token: int) -> bool:
        return token == END_TOKEN

    def vocabulary(self) -> Vocabulary:
        pieces = (b"", *(bytes([byte]) for byte in range(256)))
        return Vocabulary(pieces=pieces, controls=frozenset({0}), ends=frozenset({0}))

    def use_all_threads(self, all_of_them: bool) -> None:
        self.slow_down = self.slow_all if all_of_them else self.slow_few

    def decode(self, runs: Sequence[Run], *, abort: Callable[[], bool] | None) -> int:
        self.is_decoding.set()
        assert self.gate.wait(timeout=5)
        count = sum(len(run.tokens) for run in runs)
        assert 0 < count <= self.config.n_batch
        assert sum(run.outputs for run in runs) <= self.most_outputs
        assert len({run.place for run in runs}) == len(runs)
        step_s = self.row_cost.cost(count) if self.row_cost else self.step_s + self.token_s * count
        self.clock.now += step_s * self.slow_down
        self.batches.append(list(runs))
        if abort is not None and abort():
            return 2
        if code := self.codes.pop(0) if self.codes else 0:
            return code
        if any(token >= VOCABULARY_SIZE for run in runs for token in run.tokens):
            return -1
        if self.used + count > self.cells:
            return 1
        self._rows, self._logits = [], {}
        for run in runs:
            self._take_in(run)
        return 0

    def _take_in(self, run: Run) -> None:
        context = self._contexts.setdefault(run.place, [])
        assert run.position == len(context), "a gap between positions"
        assert 0 <= run.place < self.places
        context += run.tokens
        self._cells.setdefault(run.place, []).extend(object() for _ in run.tokens)
        for offset in range(len(run.tokens)):
            has_logits = offset >= len(run.tokens) - run.outputs
            self._rows.append((run.place, run.position + offset + 1 if has_logits else 0))

    def new_sampler(self, params: SamplingParams) -> int:
        handle = len(self.spoken) + 1
        self.samplers[handle] = params
        self.spoken[handle] = 0
        return handle

    def free_sampler(self, sampler: int) -> None:
        del self.samplers[sampler]

    def draw(self, sampler: int, row: int) -> int:
        preferred = self._preferred(sampler, row)
        self.spoken[sampler] += 1
        if row in self._logits:
            array = self._logits[row]
            array[preferred] += 100
            return int(array.argmax())
        return preferred

    def _preferred(self, sampler: int, row: int) -> int:
        place, length = self._rows[row]
        assert length, "a row without logits"
        if self.answer is not None:
            return self.answer[self.spoken[sampler]]
        context = self._contexts[place][:length]
        digest = zlib.crc32(repr((context, self.samplers[sampler].seed)).encode())
        if digest % _END_EVERY == 0:
            return END_TOKEN
        repeated = _what_followed(context) if self.repeats and digest % 4 else None
        return repeated or 66 + digest // _END_EVERY % 4

    def logits(self, row: int) -> Logits:
        assert self._rows[row][1], "a row without logits"
        self._logits[row] = np.linspace(0, 2, VOCABULARY_SIZE).astype(np.float32)
        return Logits(self._logits[row])

    def copy(self, source: int, target: int, length: int) -> bool:
        assert not self._contexts.get(target)
        assert len(self._contexts[source]) >= length
        if not self.is_rewindable or self.loses_beginnings():
            return False
        self._contexts[target] = self._contexts[source][:length]
        self._cells[target] = self._cells[source][:length]
        return True

    def cut(self, place: int, length: int) -> bool:
        if length and not self.is_rewindable:
            return len(self._contexts.get(place, [])) <= length
        del self._contexts.get(place, [])[length:]
        del self._cells.get(place, [])[length:]
        return True

    def embedding_context(self, *, n_ctx: int, n_batch: int, n_seq: int) -> EmbeddingContext:
        raise AssertionError("no vectors from a fake runtime")

    def forget(self) -> None:
        self._contexts, self._cells = {}, {}

    def close(self) -> None:
        self.is_closed = True


def _what_followed(context: list[int]) -> int | None:
    """The token after the last time that the newest three came: models do repeat themselves."""
    newest = context[-3:]
    for start in range(len(context) - 4, -1, -1):
        if context[start : start + 3] == newest:
            return context[start + 3]
    return None
