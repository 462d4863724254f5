# SPDX-License-Identifier: Apache-2.0
"""Moving figures."""

from __future__ import annotations

import pytest

from local_engine.engine import Timings, Usage
from local_engine.figures import Figures, MovingFigure


def test_the_first_figure_counts_whole_and_later_ones_in_part() -> None:
    """An exponential mean without a warm-up from zero."""
    figure = MovingFigure()
    figure.add(10)
    assert figure.value == 10
    figure.add(20)

    assert figure.value == pytest.approx(13)


def test_speeds_are_tokens_per_second() -> None:
    """The first token belongs to the prompt's time."""
    figures = Figures()
    figures.add(
        Usage(prompt_tokens=100, completion_tokens=21),
        Timings(queued_s=1, prefill_s=0.5, decode_s=0.2),
    )

    assert figures.prefill_tps.value == pytest.approx(200)
    assert figures.decode_tps.value == pytest.approx(100)
    assert figures.first_token_s.value == pytest.approx(1.5)


def test_short_answers_do_not_count() -> None:
    """A run of a few tokens measures the clock."""
    figures = Figures()
    figures.add(
        Usage(prompt_tokens=3, completion_tokens=2), Timings(queued_s=0, prefill_s=1, decode_s=1)
    )

    assert figures.prefill_tps.value is None
    assert figures.decode_tps.value is None


@pytest.mark.parametrize(("request_s", "expected"), [(None, 1), (0.01, 1), (7.2, 8), (900, 60)])
def test_retry_after_is_the_time_of_a_request_within_bounds(
    request_s: float | None, expected: int
) -> None:
    """Whole seconds from 1 to 60."""
    figures = Figures()
    figures.request_s.value = request_s

    assert figures.retry_after_s(slots=1) == expected
