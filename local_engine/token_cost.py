# SPDX-License-Identifier: Apache-2.0
"""What a prompt token costs, by how deep in its context it stands. Pure.

Attention looks at everything before a token, so its cost is a line over its position:
`base + slope x position`. The line is fitted to the steps that were measured, by least squares in
which older steps fade. While all steps stood near one place their slope says nothing: then the
prior's holds, `PRIOR_DEPTH` tokens for twice the base. That is steep (SmolLM2 has 1,000 at Q4_1,
340 at Q4_0, read row by row), so that a first step deep in a context is rather too short.

Other work on the machine slows steps down from one moment to the next, which the line follows
slowly. A factor on top of it follows fast: a step that took longer than foreseen counts at once,
one that was faster little by little.
"""

from __future__ import annotations

from typing import Final

PRIOR_DEPTH: Final = 400.0
_STEEPEST_DEPTH: Final = 250.0
_KEEP: Final = 0.99
# Spread of positions (tokens) at which steps and prior weigh the same, and how often it stands for.
_PRIOR_SPREAD: Final = 100.0
_RECOVERY: Final = 0.3
_SLOWEST: Final = 4.0
_FASTEST: Final = 0.5


class TokenCost:
    """Seconds of one prompt token at a position, once `learn` was called."""

    def __init__(self) -> None:
        self._weight = 0.0
        self._sums = (0.0, 0.0, 0.0, 0.0)  # of x, y, x x, x y
        self._slowness = 1.0

    @property
    def is_known(self) -> bool:
        """Whether anything was measured."""
        return self._weight > 0

    def at(self, position: float) -> float:
        """Seconds for a token there, as the machine is now."""
        return self.usual(position) * self._slowness

    def usual(self, position: float) -> float:
        """The line alone: seconds without what a busy moment adds."""
        base, slope = self._line()
        return base + slope * position

    def learn(self, position: float, seconds: float) -> None:
        """A token near `position` took so long."""
        if self.is_known and (foreseen := self.usual(position)) > 0:
            ratio = min(_SLOWEST, max(_FASTEST, seconds / foreseen))
            pace = 1.0 if ratio > self._slowness else _RECOVERY
            self._slowness += pace * (ratio - self._slowness)
            seconds = ratio * foreseen  # one odd step does not bend the line
        added = (position, seconds, position * position, position * seconds)
        self._sums = tuple(  # type: ignore[assignment]
            old * _KEEP + new for old, new in zip(self._sums, added, strict=True)
        )
        self._weight = self._weight * _KEEP + 1

    def _line(self) -> tuple[float, float]:
        x, y, xx, xy = (each / self._weight for each in self._sums)
        prior = y / (PRIOR_DEPTH + x)
        spread, together = max(0.0, xx - x * x), xy - x * y
        strength = _PRIOR_SPREAD**2
        slope = max(0.0, (together + strength * prior) / (spread + strength))
        slope = min(slope, y / (_STEEPEST_DEPTH + x))  # the beginning is not free
        return y - slope * x, slope
