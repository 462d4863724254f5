# SPDX-License-Identifier: Apache-2.0
"""Moving figures of speed, for /health and for the estimate behind Retry-After."""

from __future__ import annotations

import math

from local_engine.engine import Timings, Usage

# The weight of the newest figure: about the last six requests count.
_NEWEST = 0.3
# Shorter runs measure the clock rather than the model.
_LEAST_TOKENS = 8
_LONGEST_RETRY_S = 60


class MovingFigure:
    """An exponentially weighted mean; `value` is None before the first figure."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float | None = None

    def add(self, figure: float) -> None:
        """Take a new figure in."""
        old = figure if self.value is None else self.value
        self.value = old + _NEWEST * (figure - old)


class Figures:
    """Speeds in tokens per second, times in seconds, sums of tokens since the start."""

    def __init__(self) -> None:
        self.prefill_tps = MovingFigure()
        self.decode_tps = MovingFigure()
        self.first_token_s = MovingFigure()
        self.request_s = MovingFigure()
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.cached_tokens = 0
        self.drafted_tokens = 0
        self.accepted_tokens = 0

    def add(self, usage: Usage, timings: Timings) -> None:
        """Take in a request that came to its end."""
        self._count(usage)
        self.first_token_s.add(timings.queued_s + timings.prefill_s)
        self.request_s.add(timings.prefill_s + timings.decode_s)
        read = usage.prompt_tokens - usage.cached_tokens
        if read >= _LEAST_TOKENS and timings.prefill_s > 0:
            self.prefill_tps.add(read / timings.prefill_s)
        # The first token comes out of the prompt's last decode.
        if usage.completion_tokens > _LEAST_TOKENS and timings.decode_s > 0:
            self.decode_tps.add((usage.completion_tokens - 1) / timings.decode_s)

    def _count(self, usage: Usage) -> None:
        self.prompt_tokens += usage.prompt_tokens
        self.completion_tokens += usage.completion_tokens
        self.cached_tokens += usage.cached_tokens
        self.drafted_tokens += usage.drafted_tokens
        self.accepted_tokens += usage.accepted_tokens

    def wait_s(self, ahead: int, slots: int) -> float:
        """Seconds until `ahead` requests have left, when `slots` are served at a time."""
        return ahead * (self.request_s.value or 0.0) / slots

    def retry_after_s(self, slots: int) -> int:
        """Whole seconds until a place in the line is probably free, 1 to 60.

        With `slots` requests at a time one leaves every `request_s / slots` seconds.
        """
        each = (self.request_s.value or 1.0) / slots
        return max(1, min(_LONGEST_RETRY_S, math.ceil(each)))
