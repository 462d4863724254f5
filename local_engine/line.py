# SPDX-License-Identifier: Apache-2.0
"""An engine that answers one request after the other, over any backend.

Rules
1. One thread owns the backend: it loads, answers and closes. Other threads only tokenize (which
   reads the vocabulary) and touch the line under its lock.
2. A request is checked before it enters the line: the prompt fits, the line has room.
3. Every accepted request gets exactly one `Done` or `Failed`, sent after its slot is free.
4. A request that fails never ends the thread.
"""

from __future__ import annotations

import collections.abc
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from local_engine.engine import (
    Done,
    EngineStatus,
    EventSink,
    Failed,
    GenerationRequest,
    Ticket,
    Vocabulary,
)
from local_engine.errors import (
    ContextLengthExceededError,
    EngineBusyError,
    EngineUnavailableError,
    GenerationCancelledError,
    LocalEngineError,
)
from local_engine.figures import Figures
from local_engine.profile import ModelProfile
from local_engine.sequence import Sequence
from local_engine.template import TEMPLATES, Control

# No token of the vocabularies in use stands for more bytes on average, so a longer prompt cannot
# fit and is refused before it is tokenized.
MAX_BYTES_PER_TOKEN = 64
Inputs = collections.abc.Sequence[collections.abc.Sequence[int]]


class Backend(Protocol):
    """One loaded model."""

    @property
    def name(self) -> str:
        """What /health calls it."""
        ...

    @property
    def n_ctx(self) -> int:
        """Tokens that the context holds."""
        ...

    @property
    def features(self) -> frozenset[str]:
        """`EngineStatus.features`."""
        ...

    def tokenize(self, text: str, *, parse_special: bool) -> list[int]:
        """Token ids; control tokens only where `parse_special` is true. Any thread."""
        ...

    def answer(self, sequence: Sequence) -> None:
        """Send the answer's `Token` events and set `finish_reason`, or raise."""
        ...

    def vocabulary(self) -> Vocabulary:
        """The model's tokens. Any thread."""
        ...

    def embed(self, inputs: Inputs) -> list[list[float]]:
        """`Engine.embed`. Any thread."""
        ...

    def close(self) -> None:
        """Free the model."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LineLimits:
    """At most `waiting` requests in line."""

    waiting: int = 32


class LineEngine:
    """`Engine` with one slot."""

    def __init__(
        self,
        load: Callable[[], Backend],
        profile: ModelProfile,
        *,
        limits: LineLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._profile = profile
        self._limits = limits or LineLimits()
        self._clock = clock
        self._line: deque[Sequence] = deque()
        self._active: Sequence | None = None
        self._changed = threading.Condition()
        # Held while the vocabulary is read, so that nobody reads it when it is freed.
        self._vocabulary = threading.Lock()
        self._is_closing = False
        self._backend: Backend | None = None
        self._words: Vocabulary | None = None
        self._figures = Figures()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._ready: Future[None] = Future()

    def start(self) -> Future[None]:
        """Load the model in the engine's thread."""
        self._thread.start()
        return self._ready

    def submit(self, request: GenerationRequest, sink: EventSink) -> Ticket:
        """Check, tokenize and queue."""
        with self._vocabulary:
            backend = self._usable()
            prompt = self._prompt_tokens(backend, request)
        room = backend.n_ctx - len(prompt)
        if room < 1:
            raise ContextLengthExceededError(
                f"The prompt has {len(prompt)} tokens; the context of this model holds "
                f"{backend.n_ctx}, and at least one is needed for the answer.",
                param="messages",
            )
        sequence = Sequence(
            request=request,
            sink=sink,
            prompt=tuple(prompt),
            max_tokens=min(request.max_tokens or room, room),
            submitted_at=self._clock(),
        )
        self._enter_line(sequence)
        return sequence

    def _usable(self) -> Backend:
        if self._is_closing or self._backend is None:
            state = "stopping" if self._is_closing else "loading the model"
            raise EngineUnavailableError(f"The on-device engine is {state}.")
        return self._backend

    def _prompt_tokens(self, backend: Backend, request: GenerationRequest) -> list[int]:
        size = sum(len(message.content) for message in request.messages)
        if size > backend.n_ctx * MAX_BYTES_PER_TOKEN:
            raise ContextLengthExceededError(
                f"The prompt has {size} characters; the context of this model holds "
                f"{backend.n_ctx} tokens.",
                param="messages",
            )
        render = TEMPLATES[self._profile.template]
        tokens: list[int] = []
        for segment in render(request.messages, self._profile.default_system):
            tokens += backend.tokenize(segment.text, parse_special=isinstance(segment, Control))
        return tokens

    def _enter_line(self, sequence: Sequence) -> None:
        self._drop_cancelled()
        with self._changed:
            if self._is_closing:
                raise EngineUnavailableError("The on-device engine is stopping.")
            waiting = len(self._line)
            if waiting >= self._limits.waiting:
                raise EngineBusyError(
                    waiting=waiting, retry_after_s=self._figures.retry_after_s(slots=1)
                )
            self._line.append(sequence)
            self._changed.notify()

    def _drop_cancelled(self) -> None:
        """Make room: who asks and hangs up in a loop must not fill the line."""
        with self._changed:
            gone = [sequence for sequence in self._line if sequence.is_cancelled()]
            for sequence in gone:
                self._line.remove(sequence)
        for sequence in gone:
            sequence.sink(Failed(GenerationCancelledError()))

    def count_tokens(self, text: str) -> int:
        """Tokens of a plain text."""
        with self._vocabulary:
            return len(self._usable().tokenize(text, parse_special=False))

    def tokenize(self, text: str) -> list[int]:
        """Token ids of a plain text."""
        with self._vocabulary:
            return self._usable().tokenize(text, parse_special=False)

    def vocabulary(self) -> Vocabulary:
        """The model's tokens, read once."""
        with self._vocabulary:
            if self._words is None:
                self._words = self._usable().vocabulary()
            return self._words

    def embed(self, inputs: Inputs) -> list[list[float]]:
        """One vector for each list of token ids."""
        with self._vocabulary:
            backend = self._usable()
        return backend.embed(inputs)

    def status(self) -> EngineStatus:
        """A snapshot; takes the line's lock for a moment."""
        with self._changed:
            queued = sum(not sequence.is_cancelled() for sequence in self._line)
            busy = int(self._active is not None)
        backend = self._backend
        return EngineStatus(
            engine=backend.name if backend else "",
            is_ready=backend is not None and not self._is_closing,
            n_ctx=backend.n_ctx if backend else 0,
            slots=1,
            busy=busy,
            queued=queued,
            prefill_tps=self._figures.prefill_tps.value,
            decode_tps=self._figures.decode_tps.value,
            first_token_s=self._figures.first_token_s.value,
            features=backend.features if backend else frozenset(),
        )

    def close(self) -> None:
        """Cancel everything, wait for the thread (a decode step at most), free the model."""
        with self._changed:
            self._is_closing = True
            for sequence in (*self._line, self._active):
                if sequence is not None:
                    sequence.cancel()
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        try:
            backend = self._load()
        except BaseException as error:  # whoever waits must hear of it, whatever it is
            self._ready.set_exception(error)
            return
        self._backend = backend
        self._ready.set_result(None)
        while (sequence := self._next_in_line()) is not None:
            last_event = self._serve(backend, sequence)
            with self._changed:
                self._active = None
            # Only now: whoever sees the end of a request may count on its slot being free.
            sequence.sink(last_event)
        with self._vocabulary:
            self._backend = None
            backend.close()

    def _next_in_line(self) -> Sequence | None:
        """The next request, or None when the engine closes and the line is empty."""
        with self._changed:
            while not self._line and not self._is_closing:
                self._changed.wait()
            self._active = self._line.popleft() if self._line else None
            return self._active

    def _serve(self, backend: Backend, sequence: Sequence) -> Done | Failed:
        """Answer one request and return the event that ends it. Never raises."""
        sequence.start(self._clock())
        try:
            if sequence.is_cancelled():
                raise GenerationCancelledError
            backend.answer(sequence)
            assert sequence.finish_reason is not None, "a backend returned before the end"
        except LocalEngineError as error:
            return Failed(error)
        except Exception as error:
            return Failed(LocalEngineError(f"The engine failed ({type(error).__name__})."))
        usage, timings = sequence.usage(), sequence.timings(self._clock())
        self._figures.add(usage, timings)
        return Done(sequence.finish_reason, usage, timings)
