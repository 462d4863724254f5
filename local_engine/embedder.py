# SPDX-License-Identifier: Apache-2.0
"""Vectors of texts: the mean of the model's last hidden states, scaled to length 1.

Rules
1. The embedder has a context of its own over the weights that are loaded anyway, made at the first
   use, and one thread that owns it: it never waits for a chat answer, nor holds one up but for
   the processor.
2. Inputs are checked before they are queued, and the queue is bounded. What nobody waits for any
   more ends before its next decode.
3. Short inputs share a decode. A long one is read in parts; llama.cpp gives the mean of each part,
   and their mean weighted by length is that of the whole.
4. No decode is longer than the context's batch: llama.cpp aborts the process otherwise.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Final, Protocol

from local_engine.engine import always
from local_engine.errors import (
    ContextLengthExceededError,
    DecodeError,
    EngineBusyError,
    EngineUnavailableError,
    GenerationCancelledError,
)
from local_engine.vectors import normalised

# Logits are worked out for every token of a batch: 512 of them take 100 MB at 49,152 tokens.
BATCH_TOKENS: Final = 512
BATCH_INPUTS: Final = 16
CONTEXT_TOKENS: Final = 2_048
MOST_WAITING: Final = 8
Tokens = Sequence[int]


class EmbeddingContext(Protocol):
    """llama.cpp's context with mean pooling. Used by one thread."""

    n_ctx: int

    def means(self, inputs: Sequence[Tokens], position: int) -> tuple[int, list[list[float]]]:
        """Decode each input from `position` on, as sequence 0, 1 ...: the code, and the means."""
        ...

    def forget(self) -> None:
        """Empty the context."""
        ...

    def close(self) -> None:
        """Free it."""
        ...


class ContextSource(Protocol):
    """Where the context comes from."""

    def embedding_context(self, *, n_ctx: int, n_batch: int, n_seq: int) -> EmbeddingContext: ...


class Embedder:
    """`Engine.embed` for one model."""

    def __init__(self, source: ContextSource, *, n_ctx: int, waiting: int = MOST_WAITING) -> None:
        self._source = source
        self._n_ctx = min(n_ctx, CONTEXT_TOKENS)
        self._waiting = waiting
        self._queued = 0
        self._lock = Lock()
        self._context: EmbeddingContext | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedder")
        self._is_closing = False

    def embed(
        self, inputs: Sequence[Tokens], is_wanted: Callable[[], bool] = always
    ) -> list[list[float]]:
        """One vector of length 1 for each input, in their order. Blocks."""
        longest = max(map(len, inputs), default=0)
        if longest > self._n_ctx:
            raise ContextLengthExceededError(
                f"An input is too large: {longest} tokens; at most {self._n_ctx} are read of one.",
                param="input",
            )
        with self._lock:
            if self._is_closing:
                raise EngineUnavailableError("The on-device engine is stopping.")
            if self._queued >= self._waiting:
                raise EngineBusyError(waiting=self._queued, retry_after_s=2)
            self._queued += 1
            future = self._thread.submit(self._embed, inputs, is_wanted)
        try:
            return future.result()
        finally:
            with self._lock:
                self._queued -= 1

    def close(self) -> None:
        """Wait for the batch under way, then free the context."""
        with self._lock:
            self._is_closing = True
        self._thread.shutdown(wait=True, cancel_futures=True)
        if self._context is not None:
            self._context.close()
            self._context = None

    def _embed(self, inputs: Sequence[Tokens], is_wanted: Callable[[], bool]) -> list[list[float]]:
        self._go_on(is_wanted)
        if self._context is None:
            self._context = self._source.embedding_context(
                n_ctx=self._n_ctx, n_batch=BATCH_TOKENS, n_seq=BATCH_INPUTS
            )
        vectors: list[list[float]] = []
        for group in groups(inputs):
            vectors += self._means(self._context, group, is_wanted)
        return [normalised(vector) for vector in vectors]

    def _go_on(self, is_wanted: Callable[[], bool]) -> None:
        """Raises where nobody waits any more, or nothing is answered."""
        if self._is_closing:
            raise EngineUnavailableError("The on-device engine is stopping.")
        if not is_wanted():
            raise GenerationCancelledError

    def _means(
        self, context: EmbeddingContext, group: Sequence[Tokens], is_wanted: Callable[[], bool]
    ) -> list[list[float]]:
        """The means of inputs that share a batch, or of one long input."""
        longest = max(map(len, group))
        parts: list[tuple[int, list[list[float]]]] = []
        try:
            for start in range(0, longest, BATCH_TOKENS):
                self._go_on(is_wanted)
                batch = [tokens[start : start + BATCH_TOKENS] for tokens in group]
                code, means = context.means(batch, start)
                if code != 0:
                    raise DecodeError(code)
                parts.append((len(batch[0]), means))
        finally:
            context.forget()
        if len(parts) == 1:
            return parts[0][1]
        total = sum(size for size, _ in parts)
        columns = zip(*(means[0] for _, means in parts), strict=True)
        sizes = [size for size, _ in parts]
        return [[_dot(sizes, column) / total for column in columns]]


def _dot(sizes: Sequence[int], column: Sequence[float]) -> float:
    return sum(size * value for size, value in zip(sizes, column, strict=True))


def groups(inputs: Sequence[Tokens]) -> Iterator[list[Tokens]]:
    """Inputs in their order, as many together as fit into one batch."""
    group: list[Tokens] = []
    for tokens in inputs:
        size = sum(map(len, group))
        if group and (size + len(tokens) > BATCH_TOKENS or len(group) == BATCH_INPUTS):
            yield group
            group = []
        group.append(tokens)
    if group:
        yield group


def flat(inputs: Sequence[Tokens], position: int) -> Iterator[tuple[int, int, int]]:
    """Token, position and sequence of each row of a batch."""
    return itertools.chain.from_iterable(
        ((token, position + at, sequence) for at, token in enumerate(tokens))
        for sequence, tokens in enumerate(inputs)
    )
