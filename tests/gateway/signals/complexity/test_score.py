# SPDX-License-Identifier: Apache-2.0
"""The score is a deterministic number in 0..1 that orders easy before hard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.signals.complexity import score
from gateway.signals.complexity.features import NAMES
from gateway.signals.complexity.score import Head, load_head

FLAT = (0.0,) * len(NAMES)


@given(st.text(alphabet=st.characters()))
def test_in_range_and_repeatable(text: str) -> None:
    """Any string scores in 0..1, twice the same."""
    assert 0.0 <= score(text) <= 1.0
    assert score(text) == score(text)


def test_a_greeting_scores_below_a_proof() -> None:
    """The order that routing lives on."""
    hard = (
        "Prove that the sum of the first n odd integers equals n^2, explain each step of the "
        "induction, and then compute the remainder of the sum modulo 7 when n = 123."
    )

    assert score("hi") < 0.2
    assert score(hard) > 0.5


def test_calibration_maps_quantiles_to_equal_steps() -> None:
    """Knots map to their share, values between are interpolated, outside is clipped."""
    for bias, expected in [
        (-1.0, 0.0),
        (0.0, 0.0),
        (1.0, 0.5),
        (2.0, 0.75),
        (3.0, 1.0),
        (9.0, 1.0),
    ]:
        head = Head(FLAT, bias, 0.0, (0.0, 1.0, 3.0))

        assert head.score("x") == pytest.approx(expected)


def test_the_length_part_grows() -> None:
    """With the learned part at zero a longer text scores higher."""
    head = Head(FLAT, 0.0, 1.0, (0.0, 10.0))

    assert head.score("a") < head.score("aa") < head.score("a" * 100)


def test_a_head_of_other_features_is_refused() -> None:
    """Weights that do not fit the features must not be used."""
    with pytest.raises(AssertionError):
        Head((0.0,), 0.0, 0.0, (0.0, 1.0))

    assert load_head().length_weight > 0
