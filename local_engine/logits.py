# SPDX-License-Identifier: Apache-2.0
"""One row of logits: bias, bounds and log-probabilities. Needs NumPy; imported when first used.

A `Logits` is a view of llama.cpp's own buffer, valid until the next decode; what is changed here
is what the sampler chain sees.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


class Distribution:
    """The model's own distribution over the next token, as it was before any change."""

    def __init__(self, logits: Floats) -> None:
        self._logits = logits.copy()
        highest = self._logits.max()
        self._log_total = float(highest + np.log(np.exp(self._logits - highest).sum()))

    def logprob(self, token: int) -> float:
        """Natural log-probability of one token."""
        return float(self._logits[token]) - self._log_total

    def top(self, count: int) -> list[tuple[int, float]]:
        """The `count` likeliest tokens with their log-probabilities, best first."""
        count = min(count, len(self._logits))
        if count < 1:
            return []
        best = np.argpartition(self._logits, -count)[-count:]
        ordered = best[np.argsort(-self._logits[best], kind="stable")]
        return [(int(token), self.logprob(int(token))) for token in ordered]


class Logits:
    """A row, to be read and changed in place."""

    def __init__(self, row: Floats) -> None:
        self._row = row

    @classmethod
    def at(cls, pointer: Any, size: int) -> Logits:
        """Over memory of llama.cpp's; `pointer` is a ctypes pointer to floats."""
        return cls(np.ctypeslib.as_array(pointer, shape=(size,)))

    def distribution(self) -> Distribution:
        """A copy, for log-probabilities; take it before any change."""
        return Distribution(self._row)

    def add(self, bias: Iterable[tuple[int, float]]) -> None:
        """Add to the logits of single tokens; ids beyond the vocabulary say nothing."""
        for token, amount in bias:
            if 0 <= token < len(self._row):
                self._row[token] += amount

    def keep_only(self, allowed: bytes) -> bool:
        """Forbid every token whose bit is not set; false when that is all of them."""
        bits = np.unpackbits(np.frombuffer(allowed, dtype=np.uint8), bitorder="little")
        size = min(len(bits), len(self._row))
        self._row[:size][bits[:size] == 0] = -np.inf
        self._row[size:] = -np.inf
        return bool(np.isfinite(self._row).any())
