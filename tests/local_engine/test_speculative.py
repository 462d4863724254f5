# SPDX-License-Identifier: Apache-2.0
"""Whether drafts pay: the curve, the rate, the books, the lookup."""

from __future__ import annotations

import random

import pytest

from local_engine.speculative import (
    MOST_DRAFTED,
    Acceptance,
    Books,
    CostCurve,
    PromptLookup,
    best_draft,
    choices,
    expected_tokens,
)
from tests.local_engine.curves import CURVES, a_curve


def test_the_curve_is_linear_between_and_beyond() -> None:
    """And says nothing before it knows something."""
    curve = a_curve({2: 2.0, 4: 3.0, 8: 4.0})

    assert [curve.cost(rows) for rows in (1, 2, 3, 6, 12)] == [1.5, 2.0, 2.5, 3.5, 5.0]
    assert CostCurve().cost(3) == 0
    assert a_curve({2: 4.0}).cost(3) == 6


def test_the_curve_drifts_with_what_is_measured() -> None:
    """Other sizes of several rows become dearer too; one row is on its own."""
    curve = a_curve({1: 1.0, 4: 2.0, 8: 3.0})
    for _ in range(50):
        curve.learn(8, 6.0)

    assert curve.cost(8) == pytest.approx(6.0, rel=0.05)
    assert curve.cost(4) == pytest.approx(3.2, rel=0.1)
    assert curve.cost(1) == 1.0


def test_work_beside_ours_that_slows_several_rows_stops_drafts() -> None:
    """Plain steps are known to be as fast as before."""
    curve = a_curve({1: 1.0, 4: 1.6, 16: 5.0})
    assert best_draft(curve, 1, MOST_DRAFTED, 0.9) > 0
    for _ in range(20):
        curve.learn(4, 8.0)

    assert best_draft(curve, 1, MOST_DRAFTED, 0.9) == 0


def test_one_hiccup_moves_the_curve_little() -> None:
    """A step that took a hundred times as long is somebody else's fault."""
    curve = a_curve({1: 1.0, 4: 2.0})
    curve.learn(1, 100.0)

    assert curve.cost(1) < 1.2
    curve.learn(3, 100.0)
    assert curve.cost(3) < 4


@pytest.mark.parametrize(("drafted", "rate"), [(1, 0.5), (4, 0.8), (15, 0.95), (3, 1.0), (3, 0.0)])
def test_the_expected_yield_is_that_of_the_simulated_rule(drafted: int, rate: float) -> None:
    """Equation 1 of Leviathan et al. against ten thousand drafts."""
    chance = random.Random(1)
    total = 0
    for _ in range(10_000):
        accepted = 0
        while accepted < drafted and chance.random() < rate:
            accepted += 1
        total += accepted + 1

    assert expected_tokens(drafted, rate) == pytest.approx(total / 10_000, rel=0.02)


def test_flat_curves_and_sure_drafts_pay() -> None:
    """With two threads or other file types, a copy in progress."""
    for name in ("Q4_0 repacked, 2 threads", "Q4_K_M", "F16"):
        curve = a_curve(CURVES[name])
        k = best_draft(curve, 1, MOST_DRAFTED, 0.95)
        assert expected_tokens(k, 0.95) / curve.cost(1 + k) > 1.5, name


def test_steep_curves_and_guesses_do_not() -> None:
    """Where it cannot pay there is no draft at all."""
    assert best_draft(a_curve(CURVES["Q4_0 repacked, 1 thread"]), 1, MOST_DRAFTED, 0.8) == 0
    for points in CURVES.values():
        assert best_draft(a_curve(points), 1, MOST_DRAFTED, 0.2) == 0


def test_nothing_is_drafted_before_costs_are_known_or_without_room() -> None:
    """The first step of an engine that was not calibrated."""
    assert best_draft(CostCurve(), 1, 8, 1.0) == 0
    assert best_draft(a_curve({1: 1.0, 9: 1.1}), 1, 0, 1.0) == 0


def test_what_is_chosen_can_be_told() -> None:
    """Longer matches are surer, and get longer drafts; none where rows cost too much."""
    told = choices(a_curve(CURVES["Q4_0 repacked, 2 threads"]), Acceptance())
    assert [choice.match for choice in told] == [3, 5, 9, 16]
    assert [choice.acceptance for choice in told] == pytest.approx([0.4, 0.6, 0.8, 0.95])
    assert sorted(choice.tokens for choice in told) == [choice.tokens for choice in told]
    assert told[-1].tokens > 0
    steep = CostCurve()
    for rows in (1, 2, 4, 8, 16):
        steep.learn(rows, float(rows))
    assert [choice.tokens for choice in choices(steep, Acceptance())] == [0, 0, 0, 0]


def test_other_answers_make_a_draft_dearer() -> None:
    """Eight rows are compute-bound: the ninth costs what it costs."""
    curve = a_curve({1: 1.0, 8: 2.0, 16: 6.0, 23: 9.5})

    assert best_draft(curve, 1, 7, 0.7) > 0
    assert best_draft(curve, 8, 7, 0.7) == 0


def test_rates_are_learned_by_match_and_by_request() -> None:
    """A request that copies is not held back by those that do not."""
    everybody = Acceptance()
    copying, free = Acceptance(everybody), Acceptance(everybody)
    for _ in range(60):
        copying.learn(12, 8, 8)
        free.learn(3, 8, 0)

    assert copying.rate(12) > 0.9
    assert free.rate(3) < 0.1
    assert everybody.rate(12) > 0.9
    assert Acceptance(everybody).rate(3) < 0.15


def test_what_follows_a_refusal_is_no_trial() -> None:
    """Of eight drafted one was confirmed: one of two trials, not one of eight."""
    acceptance = Acceptance()
    for _ in range(300):
        acceptance.learn(3, 8, 1)

    assert acceptance.rate(3) == pytest.approx(0.5, abs=0.03)


def test_the_books_stop_drafts_that_lose_and_forgive_in_time() -> None:
    """At most 1.5% of the time spent decoding."""
    books = Books()
    assert books.may_draft
    books.drafted(seconds=0.05, plain_s=0.02)
    assert not books.may_draft
    for _ in range(200):
        books.plain(0.01)
    assert books.may_draft
    books.drafted(seconds=0.01, plain_s=100.0)
    books.drafted(seconds=0.3, plain_s=0.0)

    assert not books.may_draft


def test_drafts_that_always_lose_cost_at_most_the_bound() -> None:
    """An adversary who confirms nothing: three seconds of a hundred are the goal's bound."""
    books, spent, plain = Books(), 0.0, 0.0
    for _ in range(10_000):
        if books.may_draft:
            books.drafted(seconds=0.05, plain_s=0.01)
            spent += 0.05
        else:
            books.plain(0.01)
            spent += 0.01
        plain += 0.01

    assert spent / plain < 1.03


def test_the_lookup_copies_what_followed() -> None:
    """The longest match it can tell, and the newest occurrence."""
    tokens = [1, 2, 3, 4, 5, 9, 9, 9, 1, 2, 3, 4]
    lookup = PromptLookup(tokens)

    assert (lookup.match(), lookup.draft(3)) == (4, [5, 9, 9])


def test_the_lookup_goes_on_with_a_repetition() -> None:
    """Beyond the end of the text it reads its own draft."""
    tokens = [0, 7, 8, 7, 8, 7, 8]
    lookup = PromptLookup(tokens)

    assert lookup.match() >= 3
    assert lookup.draft(5) == [7, 8, 7, 8, 7]


def test_without_a_match_there_is_no_draft() -> None:
    """Nor in a text shorter than an n-gram; new tokens are seen as they come."""
    tokens = [1, 2]
    lookup = PromptLookup(tokens)
    assert (lookup.match(), lookup.draft(4)) == (-1, [])
    tokens += [3, 4, 5]
    assert (lookup.match(), lookup.draft(4)) == (-1, [])
    tokens += [1, 2, 3]

    assert (lookup.match(), lookup.draft(2)) == (3, [4, 5])
