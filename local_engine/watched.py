# SPDX-License-Identifier: Apache-2.0
"""A runtime whose calls into llama.cpp are written down, so that one without end is noticed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local_engine.heartbeat import STEP_BOUND_S, Cell, Heart


class Watched:
    """Passes everything on to `target`; its method `call` has `bound_s`, promised in `cell`."""

    def __init__(
        self, target: Any, call: str, cell: Cell, heart: Heart, bound_s: float = STEP_BOUND_S
    ) -> None:
        self._target = target
        self._cell = cell
        self._heart = heart
        self._bound_s = bound_s
        # Found there before `__getattr__` is asked.
        self.__dict__[call] = self._watched(getattr(target, call))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def _watched(self, call: Callable[..., Any]) -> Callable[..., Any]:
        promise, rest = self._heart.promise, self._heart.rest
        cell, bound_s = self._cell, self._bound_s

        def run(*arguments: Any, **named: Any) -> Any:
            promise(cell, bound_s)
            try:
                return call(*arguments, **named)
            finally:
                rest(cell)

        return run


class WatchedRuntime(Watched):
    """Decodes of a runtime, and of its contexts for vectors, which have a thread of their own.

    llama.cpp is never given more than one batch at a time, which takes seconds where it is slow.
    """

    def __init__(self, runtime: Any, heart: Heart, bound_s: float = STEP_BOUND_S) -> None:
        super().__init__(runtime, "decode", Cell.STEP, heart, bound_s)

    def embedding_context(self, **named: Any) -> Any:
        """The runtime's own, watched."""
        context = self._target.embedding_context(**named)
        return Watched(context, "means", Cell.VECTORS, self._heart, self._bound_s)
