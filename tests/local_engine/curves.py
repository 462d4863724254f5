# SPDX-License-Identifier: Apache-2.0
"""What a decode of several rows costs, as measured."""

from __future__ import annotations

from local_engine.speculative import CostCurve

# Relative to one row, on two cores (SmolLM2-135M). The last has one thread for single tokens and
# two for several, the others the same number for both.
CURVES: dict[str, dict[int, float]] = {
    "Q4_0 repacked, 1 thread": {1: 1, 2: 2.2, 4: 3.6, 8: 5.7, 16: 8.3},
    "Q4_0 repacked, 2 threads": {1: 1, 2: 1.5, 4: 2.1, 8: 3.4, 16: 5.4},
    "Q4_K_M": {1: 1, 2: 1.7, 4: 2.1, 8: 3.3, 16: 5.5},
    "F16": {1: 1, 2: 2.6, 4: 2.9, 8: 4.1, 16: 6.3},
    "Q4_1, 1 and 2 threads": {1: 1, 2: 1.16, 4: 1.63, 8: 2.71, 16: 4.94},
}


def a_curve(points: dict[int, float], one_s: float = 1.0) -> CostCurve:
    """With one row at `one_s` seconds."""
    curve = CostCurve()
    for rows, cost in points.items():
        curve.learn(rows, cost * one_s)
    return curve
