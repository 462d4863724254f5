# SPDX-License-Identifier: Apache-2.0
"""Whether a draft pays, and for how many tokens. Pure.

A draft is verified in one decode: the model reads the newest token and the K drafted ones, and a
token is drawn at each position, by the request's own sampler, for as long as it equals the draft.
A draft without probabilities (a copy of earlier text) is a distribution that is all on one token;
for that, the acceptance rule of speculative sampling (Leviathan, Kalman and Matias, 2023; Chen et
al., 2023) is just this: the drawn token has the model's distribution, whether it equals the draft
or not. So greedy and sampled answers, also with a seed, are the ones without drafts.

If each drafted token is accepted with probability a, given that those before it were, one step
yields (1 - a^(K+1)) / (1 - a) tokens (Leviathan et al., equation 1) and costs c(rows + K) instead
of c(rows). Both are measured: c by a probe at load and by every step since, a by every draft.
The rules that keep a draft from costing more than it brings:

1. K is the one with the most tokens a second, and 0 unless that is `LEAST_GAIN` times the plain
   rate.
2. What drafts have cost or brought is booked in seconds. While the books are in the red by more
   than `LOSS_BOUND` of the time spent decoding, there are no drafts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from local_engine.engine import DraftChoice

MOST_DRAFTED: Final = 15
NGRAM: Final = 3
LEAST_GAIN: Final = 1.05
LOSS_BOUND: Final = 0.015
# Books fade with this many seconds of decoding, and no past gain allows more than this loss.
_BOOKS_S: Final = 30.0
_MOST_CREDIT_S: Final = 0.1
_FADE: Final = 0.97
# (the shortest match, prior acceptance): a long match is a copy in progress, a short one chance.
# No match at all is a draft of a small model: hoped for, as what is never tried is never known,
# and the books bound what a wrong hope costs.
_LONGEST_MATCH: Final = 16
_CLASSES: Final = ((0, 0.9), (NGRAM, 0.4), (5, 0.6), (9, 0.8), (_LONGEST_MATCH, 0.95))
_PRIOR_TRIALS: Final = 6.0


class CostCurve:
    """Seconds of a decode of so many rows; linear between and beyond what was measured."""

    def __init__(self) -> None:
        self._points: dict[int, float] = {}
        self._sizes: list[int] = []

    @property
    def points(self) -> dict[int, float]:
        """What was measured: rows to seconds."""
        return {rows: self._points[rows] for rows in self._sizes}

    def learn(self, rows: int, seconds: float) -> None:
        """Take a measurement in; the others of its kind drift with it, as contexts grow.

        One row is a kind of its own: it runs on other threads, which work beside ours on the
        machine may slow down much more, or not at all.
        """
        if rows not in self._points:
            guess = self.cost(rows) if len(self._points) > 1 else seconds
            self._points[rows] = min(2 * guess, max(0.5 * guess, seconds))
            self._sizes = sorted(self._points)
            return
        ratio = min(2.0, max(0.5, seconds / self._points[rows]))
        for size in self._sizes:
            if (size == 1) == (rows == 1):
                self._points[size] *= 1 + (ratio - 1) * (0.15 if size == rows else 0.1)

    def cost(self, rows: int) -> float:
        """Estimate in seconds; 0 before anything was measured."""
        sizes, points = self._sizes, self._points
        if rows in points:
            return points[rows]
        if len(sizes) < 2:
            return points[sizes[0]] * max(1, rows) / sizes[0] if sizes else 0.0
        above = next((i for i, size in enumerate(sizes) if size > rows), len(sizes) - 1)
        high = max(1, above)
        a, b = sizes[high - 1], sizes[high]
        slope = max(0.0, (points[b] - points[a]) / (b - a))
        return max(points[sizes[0]] * 0.5, points[a] + slope * (rows - a))


class Acceptance:
    """How likely a drafted token is confirmed, by the length of the match it comes from."""

    def __init__(self, parent: Acceptance | None = None) -> None:
        self._parent = parent
        self._good = [0.0] * len(_CLASSES)
        self._trials = [0.0] * len(_CLASSES)

    def rate(self, match: int) -> float:
        """Estimate for a match of so many tokens: own counts on top of what is usual."""
        return self._rate(_class_of(match))

    def _rate(self, index: int) -> float:
        prior = _CLASSES[index][1] if self._parent is None else self._parent._rate(index)
        good, trials = self._good[index], self._trials[index]
        return (good + prior * _PRIOR_TRIALS) / (trials + _PRIOR_TRIALS)

    def learn(self, match: int, drafted: int, accepted: int) -> None:
        """`accepted` of `drafted` were confirmed; the one after them was not tried in vain."""
        index = _class_of(match)
        trials = min(drafted, accepted + 1)
        fade = _FADE**trials
        self._good[index] = self._good[index] * fade + accepted
        self._trials[index] = self._trials[index] * fade + trials
        if self._parent is not None:
            self._parent.learn(match, drafted, accepted)


def _class_of(match: int) -> int:
    return max(i for i, (least, _) in enumerate(_CLASSES) if match >= least)


def expected_tokens(drafted: int, rate: float) -> float:
    """Tokens that one step yields: the confirmed ones and the one the model draws itself."""
    if rate >= 1:
        return drafted + 1.0
    return float((1 - rate ** (drafted + 1)) / (1 - rate))


def best_draft(curve: CostCurve, rows: int, most: int, rate: float, token_s: float = 0.0) -> int:
    """The K (0 to `most`) with the most tokens a second, when `rows` are decoded anyway.

    Each drafted token costs `token_s` beforehand.
    """
    plain = curve.cost(rows)
    if plain <= 0 or most < 1:
        return 0
    rates = [
        (rows - 1 + expected_tokens(k, rate)) / (curve.cost(rows + k) + k * token_s)
        for k in range(1, most + 1)
    ]
    best = max(rates)
    return rates.index(best) + 1 if best >= LEAST_GAIN * rows / plain else 0


def choices(curve: CostCurve, acceptance: Acceptance) -> tuple[DraftChoice, ...]:
    """For each kind of match what is tried by now."""
    rates = [(match, acceptance.rate(match)) for match, _ in _CLASSES[1:]]
    return tuple(
        DraftChoice(match=match, acceptance=rate, tokens=best_draft(curve, 1, MOST_DRAFTED, rate))
        for match, rate in rates
    )


class Books:
    """What drafts have brought, in seconds of plain decoding."""

    def __init__(self) -> None:
        self.balance_s = 0.0
        self.decoded_s = 1.0  # the allowance of the start
        self._invested_s = 0.0

    @property
    def may_draft(self) -> bool:
        """Whether the loss so far is within its bound."""
        return self.balance_s >= -LOSS_BOUND * self.decoded_s

    def plain(self, seconds: float) -> None:
        """A step without drafts."""
        self._fade(seconds)

    def drafted(self, seconds: float, plain_s: float) -> None:
        """A step with drafts took `seconds`; its tokens would have taken `plain_s`."""
        self._fade(seconds)
        self.balance_s = min(_MOST_CREDIT_S, self.balance_s + plain_s - seconds)
        self._invested_s = max(0.0, self._invested_s - max(0.0, plain_s - seconds))

    def may_invest(self, seconds: float) -> bool:
        """Whether a small model may read for so long: what it read before was paid back."""
        return self._invested_s <= LOSS_BOUND * self.decoded_s + seconds / 2

    def invest(self, seconds: float) -> None:
        """It reads for so long; what drafts bring from now on pays that back."""
        self._invested_s += seconds

    def _fade(self, seconds: float) -> None:
        keep = max(0.0, 1 - seconds / _BOOKS_S)
        self.balance_s *= keep
        self._invested_s *= keep
        self.decoded_s = self.decoded_s * keep + seconds


class PromptLookup:
    """Drafts from a request's own tokens: what followed the last time the same three came."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens = tokens
        self._after: dict[tuple[int, ...], int] = {}
        self._indexed = NGRAM
        self._found: int | None = None

    @property
    def token_s(self) -> float:
        """A copy costs nothing."""
        return 0.0

    def match(self) -> int:
        """Length of the match that a draft would come from; -1 when there is none."""
        tokens = self._tokens
        size = len(tokens)
        while self._indexed < size:  # the newest n-gram stays out: it would find itself
            end = self._indexed
            self._after[tuple(tokens[end - NGRAM : end])] = end
            self._indexed += 1
        found = self._after.get(tuple(tokens[size - NGRAM : size])) if size >= NGRAM else None
        self._found = found
        return -1 if found is None else self._match_length(found)

    def draft(self, most: int) -> list[int]:
        """Up to `most` tokens from where the last `match` was."""
        return [] if self._found is None else self._copy(self._found, most)

    def _copy(self, start: int, most: int) -> list[int]:
        """What followed; beyond the end it goes on with itself, as repetitions do."""
        size = len(self._tokens)
        drafted: list[int] = []
        for offset in range(start, start + most):
            drafted.append(self._tokens[offset] if offset < size else drafted[offset - size])
        return drafted

    def _match_length(self, found: int) -> int:
        tokens, size = self._tokens, len(self._tokens)
        length = NGRAM
        while (
            length < min(_LONGEST_MATCH, found)
            and tokens[found - length - 1] == tokens[size - length - 1]
        ):
            length += 1
        return length
