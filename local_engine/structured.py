# SPDX-License-Identifier: Apache-2.0
"""Answers that follow a grammar: from a grammar's text to what may come next, by `llguidance`.

Rules
1. A grammar is built by this package (schema.py, tools.py) around schemas that anybody may have
   written. Whatever is wrong with one is an InvalidSchemaError, never the end of the process.
2. The library counts what it does and stops at our bounds: while it builds a grammar, and again at
   each token. Memory is bounded by the number of lexer states (1 to 2 kB each).
3. Grammars are built in threads of their own, away from the event loop, under a deadline. The
   bounds of rule 2 end what nobody waits for any more.
4. The library is optional and is imported at the first use: without it nothing here is served.
"""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from local_engine.engine import Constraint, Vocabulary
from local_engine.errors import EngineBusyError, EngineUnavailableError, InvalidSchemaError
from local_engine.schema import reason_of

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer

DEADLINE_S = 4.0
_BUILDERS = 2  # threads: one hard schema holds up one other, not all
_BOUNDS: dict[str, Any] = {
    "max_items_in_row": 2_000,
    "initial_lexer_fuel": 400_000,  # about 8 ms by the library's own figures
    "step_lexer_fuel": 100_000,  # about 7 ms a token
    "step_max_items": 20_000,  # about 1 ms a token
    "max_lexer_states": 20_000,
    "max_grammar_size": 100_000,
    # Walking the whole vocabulary through each large pattern takes most of the time of a build.
    "precompute_large_lexemes": False,
    "verbose_errors": False,  # they would quote the answer
}


@dataclass(frozen=True, slots=True)
class Grammar:
    """A grammar in Lark's notation, and the field of the request that it was made of."""

    text: str = field(repr=False)
    param: str


class Speaker(Protocol):
    """What is asked of an engine here."""

    def vocabulary(self) -> Vocabulary: ...

    def tokenize(self, text: str) -> list[int]: ...


def is_installed() -> bool:
    """Whether the library is there."""
    return importlib.util.find_spec("llguidance") is not None


class GrammarConstraint:
    """`Constraint` over one matcher of the library. Raises InvalidSchemaError beyond a bound."""

    __slots__ = ("_ended", "_ends", "_matcher", "_param", "_size")

    def __init__(self, matcher: LLMatcher, *, size: int, ends: frozenset[int], param: str) -> None:
        """`size` is the number of tokens in the vocabulary, `ends` those that end an answer."""
        self._matcher = matcher
        self._size = size
        self._ends = ends
        self._ended = 0
        self._param = param

    def allowed(self) -> bytes | None:
        """The bit set of what may come next; when nothing can follow, the tokens that end."""
        mask: bytes = self._matcher.compute_bitmask()
        self._check()
        return mask[: (self._size + 7) // 8]

    def accept(self, token: int) -> bool:
        """Take a token in, unless it is not allowed."""
        if self._matcher.is_stopped() and token in self._ends:
            self._check()
            self._ended += 1  # the library offers an end there, and does not take one
            return True
        taken = 0 <= token < self._size and self._matcher.try_consume_tokens([token]) == 1
        self._check()
        return taken

    def rollback(self, tokens: int) -> None:
        """Take back the last tokens."""
        ends = min(tokens, self._ended)
        self._ended -= ends
        if tokens > ends:
            self._matcher.rollback(tokens - ends)
            self._check()

    @property
    def is_complete(self) -> bool:
        """Whether nothing can follow."""
        return self._matcher.is_stopped()

    def fresh(self) -> GrammarConstraint:
        """Another one in the same state."""
        copy = self._matcher.deep_copy()
        return GrammarConstraint(copy, size=self._size, ends=self._ends, param=self._param)

    def _check(self) -> None:
        if self._matcher.is_error():
            raise InvalidSchemaError(reason_of(self._matcher.get_error()), param=self._param)


class GrammarBuilder:
    """Builds constraints for one model. The model's tokens are read at the first use."""

    def __init__(self, engine: Speaker, *, deadline_s: float = DEADLINE_S) -> None:
        self._engine = engine
        self._deadline_s = deadline_s
        self._lock = threading.Lock()
        self._tokenizer: LLTokenizer | None = None
        self._pool = ThreadPoolExecutor(_BUILDERS, thread_name_prefix="grammar")

    async def build(self, grammar: Grammar, copies: int = 1) -> list[Constraint]:
        """As many constraints as asked for, each for one answer.

        Raises InvalidSchemaError, EngineBusyError or EngineUnavailableError.
        """
        await asyncio.to_thread(self._words)
        building = self._pool.submit(self._build, grammar)
        try:
            first = await asyncio.wait_for(
                asyncio.shield(asyncio.wrap_future(building)), self._deadline_s
            )
        except TimeoutError:
            if building.cancel():
                raise EngineBusyError(waiting=_BUILDERS, retry_after_s=1) from None
            raise InvalidSchemaError("takes too long to prepare", param=grammar.param) from None
        return [first, *(first.fresh() for _ in range(copies - 1))]

    def _build(self, grammar: Grammar) -> GrammarConstraint:
        from llguidance import LLMatcher, LLParserLimits

        words = self._words()
        try:
            matcher = LLMatcher(words, grammar.text, log_level=0, limits=LLParserLimits(**_BOUNDS))
            made = GrammarConstraint(
                matcher,
                size=words.vocab_size,
                ends=frozenset(words.eos_tokens),
                param=grammar.param,
            )
            made.allowed()  # a schema that nothing satisfies shows here
            return made
        except (InvalidSchemaError, EngineUnavailableError):
            raise
        except BaseException as error:  # a panic of the library is no Exception
            raise InvalidSchemaError("cannot be prepared", param=grammar.param) from error

    def _words(self) -> LLTokenizer:
        """The model's tokens as the library wants them; takes about 0.2 s per 50,000 once."""
        from llguidance import LLTokenizer

        with self._lock:
            if self._tokenizer is None:
                words = _Words(self._engine.vocabulary(), self._engine.tokenize)
                self._tokenizer = LLTokenizer(
                    words,  # type: ignore[arg-type]  # it looks at the attributes only
                    n_vocab=len(words.tokens),
                    eos_token=words.ends,
                    slices=LLTokenizer.json_slices(),
                )
            return self._tokenizer


class _Words:
    """A vocabulary with the attributes that the library reads.

    It is called for text that a grammar forces, so that it comes in the model's own tokens.
    """

    is_tokenizer_wrapper = True
    bos_token_id = None

    def __init__(self, vocabulary: Vocabulary, tokenize: Callable[[str], list[int]]) -> None:
        self.tokens: Sequence[bytes] = list(vocabulary.pieces)
        self.special_token_ids = sorted(vocabulary.controls | vocabulary.ends)
        self.ends = sorted(vocabulary.ends)
        self.eos_token_id = self.ends[0]
        self._tokenize = tokenize

    def __call__(self, text: bytes | str) -> list[int]:
        return self._tokenize(text if isinstance(text, str) else text.decode("utf-8", "ignore"))
