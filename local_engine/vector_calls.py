# SPDX-License-Identifier: Apache-2.0
"""Calls for vectors beside the others: a call may take a minute, and a chat must not wait for it.

Rules
1. They have threads of their own, one for each call: those of the loop are few.
2. There are at most `MOST_CALLS`, as many as the embedder takes; beyond that 429 at once.
3. A client that leaves ends its call.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from local_engine.embedder import MOST_WAITING
from local_engine.engine import Engine
from local_engine.errors import EngineBusyError
from local_engine.vectors import EmbeddingsCall, embed

MOST_CALLS: Final = MOST_WAITING
_RETRY_S: Final = 2


class VectorCalls:
    """One for each application. The loop's thread only."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(MOST_CALLS, thread_name_prefix="vectors")
        self._under_way = 0

    async def answer(
        self, call: EmbeddingsCall, until_gone: Callable[[], Awaitable[None]]
    ) -> tuple[list[list[float]], int]:
        """Vectors, and how many tokens were read. `until_gone` ends when the client has left.

        Raises the engine's errors; EngineBusyError also where too many are under way.
        """
        if self._under_way >= MOST_CALLS:
            raise EngineBusyError(waiting=self._under_way, retry_after_s=_RETRY_S)
        is_gone = threading.Event()

        async def watch() -> None:
            await until_gone()
            is_gone.set()

        watcher = asyncio.create_task(watch())
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, embed, self._engine, call, lambda: not is_gone.is_set()
            )
        finally:
            self._under_way -= 1
            is_gone.set()
            watcher.cancel()
