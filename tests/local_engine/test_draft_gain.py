# SPDX-License-Identifier: Apache-2.0
"""What drafts bring, in virtual time: the whole backend over cost curves that were measured.

The fake model stands in for the acceptance: a script that is one long copy, a model that copies
itself most of the time, and one that never does but has so few words that three always match.
"""

from __future__ import annotations

import pytest

from tests.local_engine.batch_bench import Bench
from tests.local_engine.curves import CURVES, a_curve
from tests.local_engine.fake_runtime import FakeRuntime

COPY = b"the nurse opens the ward at six and counts the beds. " * 40
# All of one draft of 15, with the plain step in 33 taken off.
SURE = {
    "Q4_0 repacked, 1 thread": 1.25,
    "Q4_0 repacked, 2 threads": 2.0,
    "Q4_K_M": 2.0,
    "F16": 1.8,
    "Q4_1, 1 and 2 threads": 2.2,
}


def gain(curve: str, answer: bytes | None, *, repeats: bool = True, answers: int = 12) -> float:
    """Virtual seconds without drafts over those with them, one answer after the other."""
    spent = []
    for may_draft in (False, True):
        runtime = FakeRuntime(answer, 1000, n_batch=64, cells=4000, may_draft=may_draft)
        runtime.row_cost = a_curve(CURVES[curve], one_s=0.01)
        runtime.repeats = repeats
        bench = Bench(runtime)
        for number in range(answers):
            bench.ask([66 + (number + n) % 3 for n in range(8)], 300)
            bench.finish()
        spent.append(bench.backend.gauges.decode_s)
    return spent[0] / spent[1]


@pytest.mark.parametrize("curve", CURVES)
def test_a_sure_copy_gains_what_the_curve_allows(curve: str) -> None:
    """Everything is confirmed, but for the first time that the text comes."""
    assert gain(curve, COPY, answers=4) > SURE[curve]


@pytest.mark.parametrize("repeats", [True, False])
@pytest.mark.parametrize("curve", CURVES)
def test_drafts_never_cost_more_than_three_percent(curve: str, repeats: bool) -> None:
    """Neither where they are right most of the time, nor where they are wrong."""
    assert gain(curve, None, repeats=repeats) > 0.97
