# SPDX-License-Identifier: Apache-2.0
"""Who is in the next batch, and how much of a prompt fits."""

from __future__ import annotations

import pytest

from local_engine.pace import FIRST_TOKENS, GAP_S, TILE_ROWS, Pace
from local_engine.plan import Candidate, Part, plan_step
from local_engine.speculative import CostCurve


def a_pace(prompt_token_s: float = 0.01, row_s: float = 0.005) -> Pace:
    """Each answer costs `row_s`, each token at the start of a prompt `prompt_token_s`."""
    curve = CostCurve()
    for rows in (1, 2, 8):
        curve.learn(rows, rows * row_s)
    pace = Pace(curve)
    for rows in (16, 100):
        pace.learn(0, rows, rows * prompt_token_s, -rows // 2)
    return pace


def answers(*keys: int) -> list[Candidate]:
    return [Candidate(key=key, prompt_left=0) for key in keys]


@pytest.mark.parametrize(("token_s", "tokens"), [(0.001, 256), (0.003, 128), (0.1, 64)])
def test_a_prompt_alone_takes_half_a_second(token_s: float, tokens: int) -> None:
    """No longer, as somebody may come; but whole tiles, and never less than one."""
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

    assert parts[-1] == Part(2, 1)


def test_a_prompt_gets_its_share_where_answers_take_all_the_time() -> None:
    """Half a step: 8 of its tokens at 7 ms."""
    pace = a_pace(0.007, row_s=0.1)
    assert pace.prompt_room(4, 200) == 8


def test_chunks_shrink_with_depth() -> None:
    """A step takes as long at 4,000 tokens as at the start, whatever was measured before."""
    pace = a_pace(0.004)
    for position in range(0, 2000, 10):
        pace.learn(4, 10, 0.02 + 10 * (0.004 + 7e-6 * position), position - 5)
    rooms = {at: pace.prompt_room(4, 200, at) for at in (0, 1000, 4000)}

    for position, room in rooms.items():
        took_s = 0.02 + room * (0.004 + 7e-6 * (position + room / 2))
        assert GAP_S * 0.8 < took_s < GAP_S * 1.1, rooms
    assert rooms[4000] < rooms[0] / 5


def test_an_unseen_depth_is_not_underestimated() -> None:
    """Only starts of prompts were measured; then one goes on behind a kept prefix."""
    pace = a_pace(0.004)
    assert pace.prompt_room(4, 200, 4000) <= 0.1 / (0.004 + 7e-6 * 4000)


def test_a_step_beside_answers_is_whole_tiles_or_below_one() -> None:
    """A tile that is not full costs as much as a full one; answers are rows of it too."""
    fast, slow = a_pace(0.0004, row_s=0.0), a_pace(0.0016, row_s=0.0)
    assert fast.prompt_room(4, 252) == 3 * TILE_ROWS - 4
    assert slow.prompt_room(4, 252) == TILE_ROWS - 4
    assert a_pace(0.0021, row_s=0.0).prompt_room(4, 252) < TILE_ROWS - 4


def test_a_tile_is_read_where_only_a_tile_is_fast() -> None:
    """Short parts are slower there, tiles fit: as on a machine with many cores."""
    pace = a_pace(0.001, row_s=0.001)
    for _ in range(9):
        pace.learn(4, 16, 0.004 + 16 * 0.01, 1000)
        pace.learn(4, 60, 0.004 + 60 * 0.0015, 1000)
    assert pace.prompt_room(4, 200, 1000) == TILE_ROWS - 4


def test_a_step_that_takes_too_long_is_followed_by_a_shorter_one() -> None:
    """At once, and forgiven little by little."""
    pace = a_pace(0.005)
    before = pace.prompt_room(4, 200)
    pace.learn(4, before, 0.02 + before * 0.015, -before // 2)
    at_once = pace.prompt_room(4, 200)
    for _ in range(20):
        pace.learn(4, 10, 0.02 + 10 * 0.005, -5)

    assert at_once <= before / 2
    assert pace.prompt_room(4, 200) > before * 0.8


def test_what_answers_cost_beyond_their_curve_is_not_taken_for_the_prompts() -> None:
    """Answers cost 70 ms and not the 20 that were measured when their contexts were short."""
    pace, position = a_pace(0.005), 2000
    pace.learn(4, 1, 0.4, position)  # a hiccup
    rooms = []
    for _ in range(20):
        rooms.append(pace.prompt_room(4, 200, position))
        pace.learn(4, rooms[-1], 0.07 + rooms[-1] * 0.015, position)
        position += rooms[-1]

    assert rooms[0] == 1
    assert rooms[-5:] == [3] * 5, rooms


def test_a_clock_that_stands_still_is_no_fault() -> None:
    """As coarse ones do: nothing is learned of such a step but that it was quick."""
    pace = Pace(CostCurve())
    for _ in range(3):
        pace.learn(2, 8, 0.0)

    assert pace.prompt_room(2, 200) > 0
    assert pace.depth(100, 10, is_wide=True) == 1.0


def test_a_gear_that_was_not_measured_is_taken_for_slower() -> None:
    """And has its own figures from then on."""
    pace = a_pace(0.005)
    assert pace.prompt_room(4, 200, is_wide=False) == pace.prompt_room(4, 200) // 2
    pace.learn(4, 10, 0.02 + 10 * 0.0025, -5, is_wide=False)

    assert pace.prompt_room(4, 200, is_wide=False) > pace.prompt_room(4, 200)


def test_a_quick_step_beside_answers_does_not_make_prompts_free() -> None:
    """When the answers' own cost was overestimated."""
    pace = a_pace(0.005, row_s=0.1)
    for _ in range(50):
        pace.learn(4, 10, 0.07, -5)
    assert pace.prompt_room(4, 200) < TILE_ROWS


def test_before_anything_is_measured_chunks_are_small() -> None:
    """A first guess must not stall anybody."""
    assert Pace(CostCurve()).prompt_room(1, 200) == FIRST_TOKENS


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
    """Answers' own share is left out; whole tiles and short parts are two things."""
    pace = a_pace()
    for _ in range(100):
        pace.learn(4, 100, 0.02 + 100 * 0.02, -50)
    assert pace.token_s(0, is_tiled=True, is_wide=True) == pytest.approx(0.02, rel=0.05)

    assert pace.token_s(0, is_tiled=False, is_wide=True) == pytest.approx(0.01)
    assert pace.takes_long(100)
    assert not pace.takes_long(2)
    assert pace.takes_long(4, 2000), "a few tokens deep in a context"
