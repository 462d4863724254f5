# SPDX-License-Identifier: Apache-2.0
"""Features are finite, bounded in cost, and count what their names say."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.signals.complexity.features import MAX_CHARS, NAMES, features


@given(st.text(alphabet=st.characters()))
def test_one_finite_value_per_name(text: str) -> None:
    """Any string gives a full row of finite numbers."""
    values = features(text)

    assert len(values) == len(NAMES)
    assert all(map(math.isfinite, values))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("numbers", "1 and 22", 2.0),
        ("log_largest_number", "7 and 99", math.log(100)),
        ("code_cues", "import the python class", math.log(4)),
        ("reasoning_cues", "why? explain.", math.log(3)),
        ("negations", "never", math.log(2)),
        ("has_easy_opening", "What is water", 1.0),
        ("has_easy_opening", "Prove it", 0.0),
        ("has_options", "Pick\nA. x\nB. y", 1.0),
        ("has_options", "A plan", 0.0),
        ("questions", "a? b?", math.log(3)),
        ("non_ascii_share", "é" * 5 + "a" * 5, 0.5),
        ("upper_share", "ABcd", 0.5),
        ("operator_share", "1+1=", 0.5),
    ],
)
def test_counts_what_it_says(name: str, text: str, expected: float) -> None:
    """One example for each family."""
    assert features(text)[NAMES.index(name)] == pytest.approx(expected)


def test_reads_no_more_than_its_bound() -> None:
    """What stands behind the cut changes nothing."""
    text = "word " * MAX_CHARS

    assert features(text) == features(text[:MAX_CHARS] + "Prove 123456789!")
