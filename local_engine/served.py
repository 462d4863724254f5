# SPDX-License-Identifier: Apache-2.0
"""One request in a slot of the compiled engine: what it holds there, and how its tokens are drawn.

Order of a draw: log-probabilities are read first, from the model's own logits; then bias, then the
constraint's bounds, then the sampler chain. The constraint takes in each token that is not the
answer's end, and ends the answer when it is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local_engine.drafters import ModelDrafter
from local_engine.engine import Token, TokenLogprob
from local_engine.errors import LocalEngineError
from local_engine.llama_api import Run, Runtime
from local_engine.memory import Holding
from local_engine.sequence import Sequence as Request
from local_engine.speculative import Acceptance, PromptLookup

if TYPE_CHECKING:
    from local_engine.logits import Distribution


@dataclass(slots=True, eq=False)
class Served:
    """A sequence, its place in the context and its sampler chain."""

    sequence: Request
    holding: Holding
    sampler: int
    acceptance: Acceptance
    lookup: PromptLookup = field(init=False)
    is_suspect: bool = False
    has_read: bool = False
    """Whether anything was decoded for it."""
    match: int = 0
    """Length of the match that the draft in the batch comes from; 0: from the small model."""
    small: ModelDrafter | None = None
    is_followed: bool = False
    """Whether the small model reads what this one has said."""

    def __post_init__(self) -> None:
        self.lookup = PromptLookup(self.sequence.tokens)


class Drawer:
    """Draws tokens from a `Runtime` and sends what has become certain."""

    def __init__(
        self, runtime: Runtime, stop_tokens: frozenset[int], clock: Callable[[], float]
    ) -> None:
        self._runtime = runtime
        self._stop_tokens = stop_tokens
        self._clock = clock

    def advance(self, served: Served, run: Run, row: int) -> int:
        """Take in a decoded run whose logits begin at `row`; how many tokens were drawn.

        After a prompt or one token of the answer, one is drawn; with a draft behind that token,
        as many as the draft is confirmed, and one more. Raises LocalEngineError.
        """
        sequence = served.sequence
        draft = run.tokens[len(run.tokens) - run.outputs + 1 :] if run.outputs else ()
        sequence.decoded(len(run.tokens) - len(draft))
        if sequence.prompt_left:
            return 0
        drawn = self._draw_along(served, draft, row) if run.outputs else 0
        if draft:
            accepted = sequence.position - run.position - 1
            sequence.drafted_tokens += len(draft)
            sequence.accepted_tokens += accepted
            served.acceptance.learn(served.match, len(draft), accepted)
        return drawn

    def _draw_along(self, served: Served, draft: Sequence[int], row: int) -> int:
        sequence = served.sequence
        for offset in range(len(draft) + 1):
            token = self._draw(served, row + offset)
            is_confirmed = offset < len(draft) and draft[offset] == token
            if sequence.finish_reason is not None or not is_confirmed:
                return offset + 1
            sequence.decoded(1)
        raise AssertionError("the row after the draft confirms nothing")

    def _draw(self, served: Served, row: int) -> int:
        """Draw one token and hand its text on."""
        sequence, request = served.sequence, served.sequence.request
        distribution = self._prepare(served, row)
        token = self._runtime.draw(served.sampler, row)
        sequence.mark_first_token(self._clock)
        ends = self._runtime.is_end(token) or token in self._stop_tokens
        text = sequence.take(token, b"" if ends else self._runtime.piece(token), ends=ends)
        if request.constraint is not None and not ends:
            if not request.constraint.accept(token):
                raise LocalEngineError("The engine left the bounds that the request set.")
            if request.constraint.is_complete and sequence.finish_reason is None:
                text += sequence.stop()
        logprobs = (
            () if distribution is None or ends else (self._logprob(served, distribution, token),)
        )
        if text or logprobs:
            sequence.sink(Token(text, logprobs))
        return token

    def _prepare(self, served: Served, row: int) -> Distribution | None:
        """Shape the logits of a row; the untouched distribution, when it was asked for."""
        request = served.sequence.request
        bias, constraint = request.sampling.logit_bias, request.constraint
        allowed = None if constraint is None else constraint.allowed()
        if request.logprobs is None and not bias and allowed is None:
            return None
        logits = self._runtime.logits(row)
        distribution = None if request.logprobs is None else logits.distribution()
        logits.add(bias)
        if allowed is not None and not logits.keep_only(allowed):
            raise LocalEngineError("Nothing may follow within the bounds that the request set.")
        return distribution

    def _logprob(self, served: Served, distribution: Distribution, token: int) -> TokenLogprob:
        piece, count = self._runtime.piece, served.sequence.request.logprobs or 0
        top = tuple((piece(other), value) for other, value in distribution.top(count))
        return TokenLogprob(piece(token), distribution.logprob(token), top)
