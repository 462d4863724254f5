# SPDX-License-Identifier: Apache-2.0
"""Who is in the next batch, and how much of a prompt fits."""

from __future__ import annotations

import pytest

from local_engine.pace import LEAST_PROMPT_TOKENS, TILE_TOKENS, Pace
from local_engine.plan import Candidate, Part, plan_step
from local_engine.speculative import CostCurve


def a_pace(prompt_token_s: float = 0.01, row_s: float = 0.005) -> Pace:
    """Each answer costs `row_s`, each prompt token `prompt_token_s`; a step may take .12 s."""
    curve = CostCurve()
    for rows in (1, 2, 8):
        curve.learn(rows, rows * row_s)
    pace = Pace(curve, gap_s=0.12)
    pace.learn(0, 100, 100 * prompt_token_s)
    return pace


def answers(*keys: int) -> list[Candidate]:
    return [Candidate(key=key, prompt_left=0) for key in keys]


@pytest.mark.parametrize(("token_s", "tokens"), [(0.001, 256), (0.004, 125), (0.1, 64)])
def test_a_prompt_alone_takes_half_a_second(token_s: float, tokens: int) -> None:
    """No longer, as somebody may come; but never a batch that is too short to be efficient."""
    parts = plan_step([Candidate(key=1, prompt_left=1000)], a_pace(token_s), n_batch=256)

    assert parts == (Part(1, tokens),)


def test_beside_answers_a_prompt_gets_what_the_gap_leaves() -> None:
    """.12 s less 4 answers at 5 ms, over 9.5 ms a token: 10 tokens."""
    candidates = [*answers(1, 2, 3, 4), Candidate(key=5, prompt_left=1000)]
    parts = plan_step(candidates, a_pace(0.0095), n_batch=256)

    assert parts == (*(Part(key, 1) for key in (1, 2, 3, 4)), Part(5, 10))


@pytest.mark.parametrize("token_s", [0.1, 10.0])
def test_a_prompt_always_gets_on(token_s: float) -> None:
    """On a machine where even one token is over the budget."""
    candidates = [*answers(1), Candidate(key=2, prompt_left=1000)]
    parts = plan_step(candidates, a_pace(token_s), n_batch=256)

    assert parts[-1] == Part(2, LEAST_PROMPT_TOKENS)


def test_deep_in_a_context_whole_tiles_are_read() -> None:
    """Short parts are four times as slow there and would hold answers up for as long."""
    pace = a_pace(0.0085)
    pace.learn(4, 16, 0.02 + 16 * 0.034)
    assert pace.prompt_room(4, 200) == TILE_TOKENS


def test_a_tile_that_takes_too_long_is_read_in_parts() -> None:
    """Where parts are no slower a token, and so of use."""
    pace = a_pace(0.006)
    pace.learn(4, 16, 0.02 + 16 * 0.006)
    assert pace.prompt_room(4, 200) == 16  # .1 s of .006


def test_a_tile_is_tried_again_when_parts_have_become_fast() -> None:
    """What was deep in one context says little of the next."""
    pace = a_pace(0.02)
    for _ in range(20):
        pace.learn(4, 16, 0.02 + 16 * 0.002)
    assert pace.prompt_room(4, 200) == TILE_TOKENS


def test_before_anything_is_measured_chunks_are_small() -> None:
    """A first guess must not stall anybody."""
    assert Pace(CostCurve()).prompt_room(1, 200) == LEAST_PROMPT_TOKENS


def test_no_batch_is_longer_than_it_may_be() -> None:
    """Answers included."""
    candidates = [*answers(*range(8)), Candidate(key=9, prompt_left=500)]
    parts = plan_step(candidates, a_pace(1e-6), n_batch=16)

    assert sum(part.tokens for part in parts) == 16


def test_prompts_share_a_batch_short_ones_first() -> None:
    """The one that is done first goes first."""
    candidates = [
        Candidate(key=1, prompt_left=200, started_at=0.0),
        Candidate(key=2, prompt_left=10, started_at=0.1),
    ]
    parts = plan_step(candidates, a_pace(), n_batch=64)

    assert parts == (Part(2, 10), Part(1, 54))


def test_a_long_prompt_is_not_passed_for_ever() -> None:
    """Who comes two seconds later does not pass two seconds of reading."""
    candidates = [
        Candidate(key=1, prompt_left=200, started_at=0.0),
        Candidate(key=2, prompt_left=10, started_at=2.0),
    ]
    parts = plan_step(candidates, a_pace(), n_batch=64)

    assert parts == (Part(1, 64),)


def test_priority_goes_before_length() -> None:
    """Among prompts, as in line."""
    candidates = [
        Candidate(key=1, prompt_left=10),
        Candidate(key=2, prompt_left=500, priority=1),
    ]
    parts = plan_step(candidates, a_pace(), n_batch=64)

    assert parts == (Part(2, 64),)


def test_suspects_are_tried_alone() -> None:
    """One a step, with what it would have had."""
    candidates = [
        *answers(1),
        Candidate(key=2, prompt_left=40, is_suspect=True),
        Candidate(key=3, prompt_left=0, is_suspect=True),
    ]

    assert plan_step(candidates, a_pace(), n_batch=32) == (Part(2, 32),)
    assert plan_step(candidates[2:], a_pace(), n_batch=32) == (Part(3, 1),)


def test_the_pace_follows_what_is_measured() -> None:
    """Answers' own share is left out, and short chunks do not count."""
    pace = a_pace()
    pace.learn(4, 100, 0.02 + 100 * 0.02)
    assert pace.prompt_token_s == pytest.approx(0.013)
    pace.learn(0, LEAST_PROMPT_TOKENS - 1, 100.0)

    assert pace.prompt_token_s == pytest.approx(0.013)
    assert pace.takes_long(100)
    assert not pace.takes_long(2)
