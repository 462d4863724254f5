# SPDX-License-Identifier: Apache-2.0
"""Calls for vectors beside the others: a call may take a minute, and a chat must not wait for it.

Rules
1. They have threads of their own, one for each call: those of the loop are few.
2. There are at most `MOST_CALLS`, as many as the embedder takes; beyond that 429 at once.
3. A client that leaves ends its call.
4. Bounds come first: what one call may ask for is what this device can work out in a minute or so,
   and a text that cannot fit is not tokenized. That takes one core, so calls take turns at it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from local_engine.chat_request import invalid
from local_engine.embedder import CONTEXT_TOKENS, MOST_WAITING
from local_engine.engine import Engine, Vocabulary
from local_engine.errors import (
    ContextLengthExceededError,
    EngineBusyError,
    GenerationCancelledError,
    UnsupportedByEngineError,
)
from local_engine.line import MAX_BYTES_PER_TOKEN
from local_engine.vectors import EmbeddingsCall, Text, normalised

MOST_CALLS: Final = MOST_WAITING
MAX_TOKENS: Final = 16_384
_RETRY_S: Final = 2


class VectorCalls:
    """One for each application. The loop's thread only."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(MOST_CALLS, thread_name_prefix="vectors")
        self._under_way = 0
        self._turn = threading.Lock()

    async def answer(
        self, call: EmbeddingsCall, until_gone: Callable[[], Awaitable[None]]
    ) -> tuple[list[list[float]], int]:
        """Vectors, and how many tokens were read. `until_gone` ends when the client has left.

        Raises the engine's errors; EngineBusyError also where too many are under way.
        """
        if self._under_way >= MOST_CALLS:
            raise EngineBusyError(waiting=self._under_way, retry_after_s=_RETRY_S)
        is_gone = threading.Event()

        async def watch() -> None:
            await until_gone()
            is_gone.set()

        watcher = asyncio.create_task(watch())
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, self._embed, call, lambda: not is_gone.is_set()
            )
        finally:
            self._under_way -= 1
            is_gone.set()
            watcher.cancel()

    def _embed(
        self, call: EmbeddingsCall, is_wanted: Callable[[], bool]
    ) -> tuple[list[list[float]], int]:
        """The vectors, each of length 1, and how many tokens were read. Blocks."""
        if "embeddings" not in self._engine.status().features:
            raise UnsupportedByEngineError("input")
        with self._turn:
            inputs = self._tokens(call.inputs, is_wanted)
        # Equal texts are read once: in one batch their sums are rounded each in its own order.
        places = {tokens: at for at, tokens in enumerate(dict.fromkeys(map(tuple, inputs)))}
        once = self._engine.embed([*places], is_wanted)
        vectors = [once[places[tuple(tokens)]] for tokens in inputs]
        if call.dimensions is not None:
            if call.dimensions > len(vectors[0]):
                raise invalid("dimensions", f"at most {len(vectors[0])} for this model")
            vectors = [normalised(vector[: call.dimensions]) for vector in vectors]
        return vectors, sum(map(len, inputs))

    def _tokens(self, inputs: Sequence[Text], is_wanted: Callable[[], bool]) -> list[list[int]]:
        """Token ids, bounded before they are counted as well as after."""
        sizes = [len(item) for item in inputs if isinstance(item, str)]
        room = min(CONTEXT_TOKENS, self._engine.status().n_ctx)
        _refuse_beyond(room, max(sizes, default=0), "A text of the input")
        _refuse_beyond(MAX_TOKENS, sum(sizes), "The input")
        has_ids = any(not isinstance(item, str) for item in inputs)
        vocabulary = self._engine.vocabulary() if has_ids else None
        tokens = [self._read(item, vocabulary, is_wanted) for item in inputs]
        total = sum(map(len, tokens))
        if total > MAX_TOKENS:
            raise ContextLengthExceededError(
                f"The input has {total} tokens; at most {MAX_TOKENS} are read at once.",
                param="input",
            )
        return tokens

    def _read(
        self, item: Text, vocabulary: Vocabulary | None, is_wanted: Callable[[], bool]
    ) -> list[int]:
        if not is_wanted():
            raise GenerationCancelledError
        return self._engine.tokenize(item) if isinstance(item, str) else _checked(item, vocabulary)


def _refuse_beyond(tokens: int, characters: int, what: str) -> None:
    """So many characters are more than so many tokens, whatever they are."""
    if characters > tokens * MAX_BYTES_PER_TOKEN:
        raise ContextLengthExceededError(
            f"{what} has {characters} characters; at most {tokens} tokens are read of it.",
            param="input",
        )


def _checked(item: Sequence[int], vocabulary: Vocabulary | None) -> list[int]:
    """Ids of the model's own tokens. A control token steers nothing where nothing is answered."""
    assert vocabulary is not None, "read whenever there are ids"
    if not all(0 <= token < len(vocabulary.pieces) for token in item):
        raise invalid("input", "made of tokens of this model's vocabulary")
    return list(item)
