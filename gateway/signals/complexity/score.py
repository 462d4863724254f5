# SPDX-License-Identifier: Apache-2.0
"""The complexity score: a fixed linear head over the features and a part that grows with length.

raw = weights . (features - mean) / scale + length_weight * log(1 + characters), then the quantile
of raw on the data the head was fitted on. Weights, means and quantiles stand in `head.json`, which
`tests/bench/complexity_fit.py` writes; it folds mean and scale into weights and bias.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from dataclasses import dataclass
from importlib import resources
from operator import mul

from gateway.signals.complexity.features import MAX_CHARS, NAMES, features


@dataclass(frozen=True, slots=True)
class Head:
    """One weight per feature; `quantiles` are the raw scores at equal steps of probability."""

    weights: tuple[float, ...]
    bias: float
    length_weight: float
    quantiles: tuple[float, ...]

    def __post_init__(self) -> None:
        assert len(self.weights) == len(NAMES), "head.json was fitted on other features"
        assert len(self.quantiles) > 1
        assert self.length_weight >= 0, "the length part must grow with length"

    def raw(self, text: str) -> float:
        """The uncalibrated score."""
        length = self.length_weight * math.log1p(min(len(text), MAX_CHARS))
        learned: float = sum(map(mul, self.weights, features(text)))
        return self.bias + length + learned

    def score(self, text: str) -> float:
        """0..1: the share of the fitting data that scores lower."""
        value, knots = self.raw(text), self.quantiles
        upper = bisect_right(knots, value)
        if upper == 0:
            return 0.0
        if upper == len(knots):
            return 1.0
        below, above = knots[upper - 1], knots[upper]
        return (upper - 1 + (value - below) / (above - below)) / (len(knots) - 1)


def load_head() -> Head:
    """The head that comes with the package."""
    source = resources.files("gateway.signals.complexity").joinpath("head.json")
    stored = json.loads(source.read_text(encoding="utf-8"))
    return Head(
        tuple(stored["weights"]),
        stored["bias"],
        stored["length_weight"],
        tuple(stored["quantiles"]),
    )


_HEAD = load_head()


def score(text: str) -> float:
    """0..1, higher = more is gained from a strong model. Deterministic; never raises."""
    return _HEAD.score(text)
