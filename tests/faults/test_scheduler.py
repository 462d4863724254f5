# SPDX-License-Identifier: Apache-2.0
"""The scheduler under random mixes of requests, cancellations, bad input and failing decodes.

    python -m pytest -m nightly tests/faults/test_scheduler.py     (a thousand mixes)

Each mix is one seed: forty requests with lengths, tenants, priorities, deadlines, stop strings,
constraints that fail, sinks that break, tokens that do not exist, decodes that return each code,
contexts of different sizes, models that cannot rewind. `Simulation` holds what must be true.
"""

from __future__ import annotations

from collections import Counter

import pytest

from local_engine.engine import Done
from tests.local_engine.simulation import Simulation, alone


def _play(seeds: range) -> Counter[str]:
    ends: Counter[str] = Counter()
    for seed in seeds:
        simulation = Simulation(seed)
        try:
            simulation.run()
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
        ends += simulation.ends()
    return ends


def _check_all_kinds(ends: Counter[str]) -> None:
    """The mixes did bring about what they are for."""
    kinds = {"done", "refused", "cancelled", "deadline_exceeded", "engine_error", "decode_failed"}
    assert set(ends) == kinds
    assert ends["done"] > sum(ends.values()) / 3


def test_a_hundred_mixes_leave_nothing_stuck_and_nothing_leaked() -> None:
    """One end for each request, every cell and sampler free afterwards."""
    _check_all_kinds(_play(range(100)))


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_a_thousand_mixes_leave_nothing_stuck_and_nothing_leaked() -> None:
    """The same at length."""
    _check_all_kinds(_play(range(100, 1100)))


def test_an_answer_is_the_same_as_without_the_others() -> None:
    """Batching, prefixes and drafts change nothing of it: the fake model looks at every token."""
    compared = cached = accepted = 0
    for seed in range(30):
        simulation = Simulation(seed)
        simulation.run()
        for asked in simulation.asked:
            is_whole = not asked.refused and isinstance(asked.last, Done)
            if is_whole and asked.sequence.request.constraint is None:
                assert asked.text == alone(asked), f"seed {seed}"
                compared += 1
                cached += asked.sequence.cached_tokens
                accepted += asked.sequence.accepted_tokens

    assert compared > 300
    assert min(cached, accepted) > 300
