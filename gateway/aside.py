# SPDX-License-Identifier: Apache-2.0
"""Long work that an operator asks for over HTTP: in a process of its own, one at a time, bounded.

A thread would hold the interpreter while it hashes or decides, and with it every other request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from gateway.errors import Unavailable

_SPAWN = get_context("spawn")  # a fork would take locks and sockets along


class WorkFailed(Exception):
    """The work raised; `kind` names the exception's type, `text` is its message."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(kind)
        self.kind = kind
        self.text = text


class Aside:
    """Runs functions of modules that can be imported; values come and go as copies."""

    def __init__(self, *, timeout_s: float = 60.0) -> None:
        self._timeout_s = timeout_s
        self._is_busy = False

    async def run(self, work: Callable[..., Any], *arguments: object) -> Any:
        """What `work` returns. Raises WorkFailed, or Unavailable while it is busy or too slow."""
        if self._is_busy:
            raise Unavailable("this is being done for somebody else", code="busy", retry_after_s=5)
        self._is_busy = True
        task = asyncio.create_task(asyncio.to_thread(self._run, work, arguments))
        task.add_done_callback(self._end)  # and not before, though the caller may be gone
        kind, value = await asyncio.shield(task)
        if kind == "slow":
            raise Unavailable(f"this took longer than {self._timeout_s:g} s", code="took_too_long")
        if kind:
            raise WorkFailed(kind, value)
        return value

    def _end(self, task: asyncio.Task[tuple[str, Any]]) -> None:
        self._is_busy = False
        if not task.cancelled():
            task.exception()  # whoever asked may have left

    def _run(self, work: Callable[..., Any], arguments: tuple[object, ...]) -> tuple[str, Any]:
        mine, theirs = _SPAWN.Pipe(duplex=False)
        process = _SPAWN.Process(target=_work, args=(theirs, work, arguments), daemon=True)
        try:
            process.start()
            theirs.close()
            answered: tuple[str, Any] = mine.recv() if mine.poll(self._timeout_s) else ("slow", "")
            return answered
        except EOFError:
            return "died", ""
        finally:
            mine.close()
            process.kill()
            process.join()


def _work(answer: Connection, work: Callable[..., Any], arguments: tuple[object, ...]) -> None:
    try:
        answered = ("", work(*arguments))
    except Exception as error:
        answered = (type(error).__name__, str(error))
    answer.send(answered)
