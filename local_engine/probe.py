# SPDX-License-Identifier: Apache-2.0
"""A short measurement at load: what a decode of so many rows costs here, with this file.

The ratios differ by file type, threads and machine (two rows cost between 1.2 and 2.6 times one),
and everything about drafts and chunks follows from them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from local_engine.llama_api import DecodeStatus, Run, Runtime
from local_engine.pace import Pace
from local_engine.speculative import MOST_DRAFTED, CostCurve

# The ends first: what is left out when the time is over is read off between them.
_ENDS: Final = (1, MOST_DRAFTED + 1)
_BETWEEN: Final = (4, 2, 8)
_CONTEXT_TOKENS: Final = 32
_COMPARED_ROWS: Final = 4
_ROUNDS: Final = 2


def probe_costs(
    runtime: Runtime,
    curve: CostCurve,
    pace: Pace,
    clock: Callable[[], float],
    *,
    budget_s: float,
) -> None:
    """Fill the curve and the pace; leaves the context empty.

    The first decode brings the file into memory and counts for nothing. After `budget_s` nothing
    more is begun, but the ends of the curve are measured once in any case.
    """
    until = clock() + budget_s
    context = min(_CONTEXT_TOKENS, runtime.config.n_batch, runtime.n_ctx // 2)
    _timed(runtime, clock, 0, 1)
    runtime.cut(0, 0)
    if (seconds := _timed(runtime, clock, 0, context)) is not None:
        pace.learn(0, context, seconds)
    if not runtime.is_rewindable:
        context = 0
        runtime.cut(0, 0)
    best: dict[int, float] = {}
    for rows in (*_ENDS, *(_ENDS + _BETWEEN) * _ROUNDS):
        if rows > runtime.most_outputs or (clock() >= until and len(best) >= len(_ENDS)):
            continue
        took = _timed(runtime, clock, context, rows)
        runtime.cut(0, context)
        if took is not None:
            best[rows] = min(took, best.get(rows, took))
    for rows, took in best.items():
        curve.learn(rows, took)
    runtime.forget()


def all_threads_pay(runtime: Runtime, clock: Callable[[], float]) -> bool:
    """Whether a few rows are faster with the threads for prompts; leaves the context empty."""
    rows = min(_COMPARED_ROWS, runtime.most_outputs)
    best: dict[bool, float] = {}
    for is_wide in (True, False) * _ROUNDS:
        runtime.use_all_threads(is_wide)
        took = _timed(runtime, clock, 0, rows)
        runtime.forget()
        if took is not None:
            best[is_wide] = min(took, best.get(is_wide, took))
    runtime.use_all_threads(True)
    return best.get(True, 0.0) <= best.get(False, 0.0)


def _timed(
    runtime: Runtime, clock: Callable[[], float], position: int, tokens: int
) -> float | None:
    """Seconds of one decode with logits for each row up to the reserve; None when it failed."""
    outputs = min(tokens, runtime.most_outputs)
    began = clock()
    code = runtime.decode([Run(0, position, [1] * tokens, outputs)], abort=None)
    return clock() - began if code == DecodeStatus.OK else None
