# SPDX-License-Identifier: Apache-2.0
"""One row of logits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from local_engine.logits import Logits


def a_row(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(values, dtype=np.float32)


def test_logprobs_are_those_of_the_softmax() -> None:
    """Also of logits whose exponentials overflow."""
    distribution = Logits(a_row(1000.0, 1001.0, 1002.0)).distribution()
    total = math.log(sum(math.exp(x) for x in (0, 1, 2)))

    assert distribution.logprob(0) == pytest.approx(-total, abs=1e-4)
    assert distribution.logprob(2) == pytest.approx(2 - total, abs=1e-4)


def test_the_likeliest_come_first_and_never_more_than_there_are() -> None:
    """None asked for: none."""
    distribution = Logits(a_row(1, 3, 2)).distribution()

    assert [token for token, _ in distribution.top(2)] == [1, 2]
    assert len(distribution.top(20)) == 3
    assert distribution.top(0) == []


def test_a_distribution_keeps_what_was_before() -> None:
    """The row is the library's buffer, and is changed."""
    row = a_row(1, 2)
    distribution = Logits(row).distribution()
    Logits(row).add([(0, 5.0)])

    assert distribution.top(1)[0][0] == 1
    assert row.argmax() == 0


def test_a_bound_forbids_what_it_does_not_name() -> None:
    """A short bit set says no to the rest; a long one is cut."""
    row = a_row(*range(10))
    assert Logits(row).keep_only(bytes([0b0000_0101]))
    assert [token for token in range(10) if np.isfinite(row[token])] == [0, 2]
    other = a_row(*range(3))
    assert Logits(other).keep_only(bytes([0b0000_0010, 0xFF, 0xFF]))

    assert [token for token in range(3) if np.isfinite(other[token])] == [1]


@pytest.mark.parametrize("allowed", [b"", b"\x00", b"\x08"])
def test_a_bound_that_leaves_nothing_says_so(allowed: bytes) -> None:
    """Empty, zero, or only beyond the vocabulary."""
    assert not Logits(a_row(1, 2, 3)).keep_only(allowed)
