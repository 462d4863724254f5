# SPDX-License-Identifier: Apache-2.0
"""Answers through llama-cpp-python's low-level API.

Rules
1. Between two decodes the request is asked whether it was cancelled; a prompt decode asks also
   inside, through llama.cpp's abort callback.
2. Every return code is looked at. A failed step fails its request only: the context is emptied
   after each request, whatever happened.
3. No decode is longer than `n_batch` tokens: llama.cpp aborts the process otherwise.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable
from collections.abc import Sequence as Inputs

from local_engine.embedder import Embedder
from local_engine.engine import Token, TokenLogprob, Vocabulary
from local_engine.errors import DecodeError, GenerationCancelledError, LocalEngineError
from local_engine.llama_api import DecodeStatus, Runtime
from local_engine.profile import ModelProfile
from local_engine.sequence import Sequence


class LlamaCppBackend:
    """`Backend` over a `Runtime`."""

    name = "llama-cpp-python"
    features = frozenset({"constraint", "logprobs", "logit_bias", "embeddings", "vocabulary"})

    def __init__(
        self,
        runtime: Runtime,
        profile: ModelProfile,
        *,
        n_batch: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runtime = runtime
        self._n_batch = n_batch
        self._embedder = Embedder(runtime, n_ctx=runtime.n_ctx)
        self._clock = clock
        ids = (runtime.tokenize(name, parse_special=True) for name in profile.stop_tokens)
        self._stop_tokens = frozenset(found[0] for found in ids if len(found) == 1)

    @property
    def n_ctx(self) -> int:
        """Tokens that the context holds."""
        return self._runtime.n_ctx

    def tokenize(self, text: str, *, parse_special: bool) -> list[int]:
        """Token ids of `text`."""
        return self._runtime.tokenize(text, parse_special=parse_special)

    def answer(self, sequence: Sequence) -> None:
        """Decode the prompt, then draw and decode until the sequence ends."""
        sampler = self._runtime.new_sampler(sequence.request.sampling)
        try:
            while sequence.finish_reason is None:
                self._advance(sequence, sampler)
        finally:
            self._runtime.free_sampler(sampler)
            self._runtime.forget()

    def _advance(self, sequence: Sequence, sampler: int) -> None:
        """One decode: a chunk of the prompt, or one token; then draw, if the prompt is done."""
        if sequence.is_cancelled():
            raise GenerationCancelledError
        tokens = sequence.next_tokens(self._n_batch)
        abort = sequence.is_cancelled if len(tokens) > 1 else None
        code = self._runtime.decode(tokens, sequence.position, abort=abort)
        if code == DecodeStatus.ABORTED:
            raise GenerationCancelledError
        if code != DecodeStatus.OK:
            raise DecodeError(code)
        sequence.decoded(len(tokens))
        if not sequence.is_in_prompt:
            self._draw(sequence, sampler)

    def _draw(self, sequence: Sequence, sampler: int) -> None:
        request, constraint = sequence.request, sequence.request.constraint
        logits = None if request.logprobs is None else self._runtime.logits()
        if constraint is not None and (allowed := constraint.allowed()) is not None:
            self._runtime.narrow(allowed)
        token = self._runtime.sample(sampler)
        sequence.mark_first_token(self._clock)
        ends = self._runtime.is_end(token) or token in self._stop_tokens
        if constraint is not None and not ends and not constraint.accept(token):
            raise LocalEngineError("The engine drew a token that its grammar does not allow.")
        piece = b"" if ends else self._runtime.piece(token)
        text = sequence.take(token, piece, ends=ends)
        if constraint is not None and constraint.is_complete and sequence.finish_reason is None:
            sequence.finish_reason = "stop"
            text += sequence.assembly.flush()
        known: tuple[TokenLogprob, ...] = ()
        if logits is not None and not ends:
            known = (self._logprob(logits, token, request.logprobs or 0),)
        if text or known:
            sequence.sink(Token(text, known))

    def _logprob(self, logits: list[float], token: int, alternatives: int) -> TokenLogprob:
        """Slow and simple: a pass over the vocabulary in Python."""
        most = max(logits)
        norm = most + math.log(math.fsum(math.exp(value - most) for value in logits))
        likeliest = heapq.nlargest(alternatives, range(len(logits)), key=logits.__getitem__)
        return TokenLogprob(
            self._runtime.piece(token),
            logits[token] - norm,
            tuple((self._runtime.piece(t), logits[t] - norm) for t in likeliest),
        )

    def vocabulary(self) -> Vocabulary:
        """The model's tokens."""
        return self._runtime.vocabulary()

    def embed(self, inputs: Inputs[Inputs[int]]) -> list[list[float]]:
        """One vector for each list of token ids."""
        return self._embedder.embed(inputs)

    def close(self) -> None:
        """Free the model."""
        self._embedder.close()
        self._runtime.close()
