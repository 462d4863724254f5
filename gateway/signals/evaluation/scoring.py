# SPDX-License-Identifier: Apache-2.0
"""What is counted, and when a verdict is right."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gateway.signals.evaluation.labelled import Gold, Row
from gateway.signals.privacy import Span, Verdict
from policies import DataClass

_BLANK = "___"


@dataclass(slots=True)
class Share:
    """How many of how many."""

    hits: int = 0
    rows: int = 0

    def add(self, is_hit: bool) -> None:
        """Count one."""
        self.hits += is_hit
        self.rows += 1

    @property
    def value(self) -> float:
        """The share, 0 for none."""
        return self.hits / self.rows if self.rows else 0.0

    def interval(self) -> tuple[float, float]:
        """Wilson's 95% interval (Wilson 1927, equation 4)."""
        if not self.rows:
            return 0.0, 1.0
        n, p, z = self.rows, self.value, 1.96
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, centre - half), min(1.0, centre + half)


def is_flagged(verdict: Verdict) -> bool:
    """Whether the class would keep the prompt at home."""
    return verdict.data_class.rank >= DataClass.PII.rank


def covered(verdict: Verdict, start: int, end: int) -> bool:
    """Whether half of the gold characters lie in spans."""
    hit = sum(max(0, min(end, s.end) - max(start, s.start)) for s in verdict.spans)
    return hit * 2 >= end - start


def is_right(span: Span, row: Row) -> bool:
    """Whether a found span touches a labelled one; one out of scope will do."""
    return any(span.start < gold.end and gold.start < span.end for gold in row.spans)


def alone(row: Row, kept: Gold) -> str:
    """The prompt with all identifiers but one blanked."""
    text = row.text
    for gold in sorted(row.identifiers, key=lambda each: -each.start):
        if gold is not kept and (gold.end <= kept.start or kept.end <= gold.start):
            text = text[: gold.start] + _BLANK + text[gold.end :]
    return text
