# SPDX-License-Identifier: Apache-2.0
"""A runtime whose calls into llama.cpp are written down, so that one without end is noticed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local_engine.heartbeat import STEP_BOUND_S, Cell, Heart

# The calls that run the model; all others are over in a moment.
_RUNS_THE_MODEL = frozenset({"decode", "encode", "embed"})


class WatchedRuntime:
    """Passes everything on to `runtime`; a call that runs the model has `STEP_BOUND_S`.

    llama.cpp is never given more than one batch at a time, which takes seconds where it is slow.
    """

    def __init__(self, runtime: object, heart: Heart, bound_s: float = STEP_BOUND_S) -> None:
        self._runtime = runtime
        self._heart = heart
        self._bound_s = bound_s

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._runtime, name)
        if name not in _RUNS_THE_MODEL:
            return found
        watched = self._watched(found)
        self.__dict__[name] = watched  # found there from now on: this runs once, not per token
        return watched

    def _watched(self, call: Callable[..., Any]) -> Callable[..., Any]:
        promise, rest, bound_s = self._heart.promise, self._heart.rest, self._bound_s

        def run(*arguments: Any, **named: Any) -> Any:
            promise(Cell.STEP, bound_s)
            try:
                return call(*arguments, **named)
            finally:
                rest(Cell.STEP)

        return run
