# SPDX-License-Identifier: Apache-2.0
"""What drafts bring and whether they change anything: one engine with them, one without."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from local_engine.bench.watch import answered
from local_engine.engine import TokenLogprob
from local_engine.line import LineEngine

# Between the log-probabilities of the two likeliest tokens. A decode of several rows adds up in
# another order than one of one row; what that moves is smaller.
NEAR_TIE: Final = 0.3
_ANSWER_TOKENS: Final = 128


def gain(
    drafting: LineEngine, plain: LineEngine, prompts: Sequence[str], rounds: int
) -> list[float]:
    """For each prompt: seconds of a token without drafts over those with. Both take turns."""
    return [
        statistics.median(
            _token_s(plain, prompt) / _token_s(drafting, prompt) for _ in range(rounds)
        )
        for prompt in prompts
    ]


def _token_s(engine: LineEngine, prompt: str) -> float:
    _, end = answered(engine, prompt, _ANSWER_TOKENS)
    return end.timings.decode_s / end.usage.completion_tokens


@dataclass(slots=True)
class Identity:
    """What came of a comparison, token by token."""

    prompts: int = 0
    same: int = 0
    tokens: int = 0
    near_ties: int = 0  # tokens, of all
    drafted: int = 0
    accepted: int = 0
    gaps: list[float] = field(default_factory=list)  # of the two likeliest, where answers part

    @property
    def is_explained(self) -> bool:
        """Whether answers part at near ties only."""
        return all(gap < NEAR_TIE for gap in self.gaps)


def compare(
    drafting: LineEngine,
    plain: LineEngine,
    prompts: Sequence[str],
    most: int,
    said: Callable[[str], object],
) -> Identity:
    """Greedy answers of both, of at most so many tokens; `said` gets a line where two part."""
    found = Identity()
    for number, prompt in enumerate(prompts):
        one, _ = answered(plain, prompt, most, logprobs=2)
        other, end = answered(drafting, prompt, most, logprobs=2)
        found.prompts += 1
        found.tokens += len(one.drawn)
        found.near_ties += sum(_gap(token) < NEAR_TIE for token in one.drawn)
        found.drafted += end.usage.drafted_tokens
        found.accepted += end.usage.accepted_tokens
        parting = difference(one.drawn, other.drawn)
        if parting is None:
            found.same += 1
        else:
            said(f"prompt {number}: differs at token {parting[0]}, gap {parting[1]:.4f}")
            found.gaps.append(round(parting[1], 4))
    return found


def difference(
    plain: Sequence[TokenLogprob], drafted: Sequence[TokenLogprob]
) -> tuple[int, float] | None:
    """(place, gap between the two likeliest tokens there) of the first difference.

    Where one answer ends and the other goes on, the gap is that of the other's next token.
    """
    for place, (one, other) in enumerate(zip(plain, drafted, strict=False)):
        if one.piece != other.piece:
            return place, _gap(one)
    shorter, longer = sorted((plain, drafted), key=len)
    return None if len(shorter) == len(longer) else (len(shorter), _gap(longer[len(shorter)]))


def _gap(token: TokenLogprob) -> float:
    return token.top[0][1] - token.top[1][1]
