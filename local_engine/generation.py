# SPDX-License-Identifier: Apache-2.0
"""Runs the requests of one call, one for each choice, and sends what comes of them.

Whatever ends a generation (the last event, an error, a client that left), the engine stops working
on all of its requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from local_engine.chat_answer import ChatAnswer, error_event
from local_engine.choice import Choice
from local_engine.engine import Done, Engine, Event, Failed, GenerationRequest, Ticket, Token

Write = Callable[[bytes], Awaitable[None]]


@dataclass(slots=True)
class Generation:
    """The events of several requests in one queue, each with the number of its choice."""

    engine: Engine
    requests: Sequence[GenerationRequest]
    _events: asyncio.Queue[tuple[int, Event]] = field(default_factory=asyncio.Queue)
    _tickets: list[Ticket] = field(default_factory=list)

    async def start(self) -> None:
        """Submit all; when one is refused, none goes on. Raises the engine's error."""
        loop = asyncio.get_running_loop()
        try:
            await asyncio.to_thread(self._submit, loop)
        except BaseException:
            self.cancel()
            raise

    def _submit(self, loop: asyncio.AbstractEventLoop) -> None:
        asked = [(each, self._sink(loop, at)) for at, each in enumerate(self.requests)]
        self._tickets += self.engine.submit_all(asked)

    def _sink(self, loop: asyncio.AbstractEventLoop, index: int) -> Callable[[Event], None]:
        def sink(event: Event) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._events.put_nowait, (index, event))

        return sink

    def cancel(self) -> None:
        """Give all of them up; may be repeated."""
        for ticket in self._tickets:
            ticket.cancel()

    async def collect(self, answer: ChatAnswer, choices: Sequence[Choice]) -> bytes:
        """The whole body. Raises the engine's error."""
        ends: dict[int, Done] = {}
        while len(ends) < len(choices):
            index, event = await self._events.get()
            match event:
                case Token():
                    choices[index].take(event)
                case Done():
                    choices[index].end(event)
                    ends[index] = event
                case Failed(error):
                    raise error
        return answer.whole(choices, _in_order(ends))

    async def stream(self, answer: ChatAnswer, choices: Sequence[Choice], write: Write) -> None:
        """Server-sent events. An error before the first event is raised: it can be a status yet.

        A later one is an event, and nothing comes after it.
        """
        first = await self._events.get()
        if isinstance(first[1], Failed):
            raise first[1].error
        await write(b"".join(answer.chunk(choice.index, choice.opening()) for choice in choices))
        ends: dict[int, Done] = {}
        pending: tuple[int, Event] | None = first
        while len(ends) < len(choices):
            index, event = pending or await self._events.get()
            pending = None
            if isinstance(event, Failed):
                await write(error_event(event.error))
                return
            if isinstance(event, Done):
                ends[index] = event
            if body := _chunks(answer, choices[index], event):
                await write(body)
        await write(answer.closing(_in_order(ends)))


def _chunks(answer: ChatAnswer, choice: Choice, event: Token | Done) -> bytes:
    if isinstance(event, Token):
        return b"".join(answer.chunk(choice.index, delta) for delta in choice.take(event))
    deltas = b"".join(answer.chunk(choice.index, delta) for delta in choice.end(event))
    return deltas + answer.finish(choice)


def _in_order(ends: dict[int, Done]) -> list[Done]:
    return [ends[index] for index in sorted(ends)]
