# SPDX-License-Identifier: Apache-2.0
"""`Engine` over a line and a backend: checks and tokenizes requests, and owns the thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from collections.abc import Sequence as Tokens
from concurrent.futures import Future
from contextlib import contextmanager

from local_engine.backend import Backend, Gauges
from local_engine.engine import (
    Asked,
    EngineStatus,
    EventSink,
    GenerationRequest,
    Ticket,
    Vocabulary,
    always,
)
from local_engine.errors import ContextLengthExceededError, EngineUnavailableError
from local_engine.profile import ModelProfile
from local_engine.sequence import Sequence
from local_engine.template import TEMPLATES, Control
from local_engine.waiting import Line, LineLimits

# No token of the vocabularies in use stands for more bytes on average, so a longer prompt cannot
# fit and is refused before it is tokenized.
MAX_BYTES_PER_TOKEN = 64


class _Place:
    """`Ticket`: who waits leaves the line at once, whatever the backend is doing."""

    def __init__(self, sequence: Sequence, line: Line) -> None:
        self._sequence = sequence
        self._line = line

    def cancel(self) -> None:
        self._sequence.cancel()
        self._line.drop_unwanted()


class LineEngine:
    """`Engine`; the rules are those of `waiting` and of the backend."""

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
        self._clock = clock
        self._line = Line(limits, clock)
        self._changed = threading.Condition()
        self._readers = 0
        self._embedding = 0
        self._fault = ""
        self._backend: Backend | None = None
        self._learning = threading.Lock()
        self._vocabulary: Vocabulary | None = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._ready: Future[None] = Future()

    def start(self) -> Future[None]:
        """Load the model in the engine's thread."""
        self._thread.start()
        return self._ready

    def submit(self, request: GenerationRequest, sink: EventSink) -> Ticket:
        """Check, tokenize and queue."""
        return self.submit_all([(request, sink)])[0]

    def submit_all(self, asked: Tokens[Asked]) -> list[Ticket]:
        """The same for all, before any of them is queued."""
        sequences = [self._sequence(request, sink) for request, sink in asked]
        self._line.enter(*sequences)
        return [_Place(sequence, self._line) for sequence in sequences]

    def _sequence(self, request: GenerationRequest, sink: EventSink) -> Sequence:
        with self._reading() as backend:
            backend.check(request)
            prompt = self._prompt_tokens(backend, request)
        room = backend.n_ctx - len(prompt)
        if room < 1:
            raise ContextLengthExceededError(
                f"The prompt has {len(prompt)} tokens; the context of this model holds "
                f"{backend.n_ctx}, and at least one is needed for the answer.",
                param="messages",
            )
        return Sequence(
            request=request,
            sink=sink,
            prompt=tuple(prompt),
            max_tokens=min(request.max_tokens or room, room),
            submitted_at=self._clock(),
        )

    @contextmanager
    def _reading(self) -> Iterator[Backend]:
        """The backend, whose vocabulary is not freed meanwhile.

        Many read at a time: a long text takes a second, and a short one must not wait for it.
        """
        with self._changed:
            backend = self._usable()
            self._readers += 1
        try:
            yield backend
        finally:
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    def _usable(self) -> Backend:
        if self._line.is_closing or self._backend is None:
            state = "stopping" if self._line.is_closing else "loading the model"
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

    def count_tokens(self, text: str) -> int:
        """Tokens of a plain text."""
        return len(self.tokenize(text))

    def tokenize(self, text: str) -> list[int]:
        """Token ids of a plain text."""
        with self._reading() as backend:
            return backend.tokenize(text, parse_special=False)

    def vocabulary(self) -> Vocabulary:
        """The model's tokens, read once."""
        with self._learning:
            if self._vocabulary is None:
                with self._reading() as backend:
                    self._vocabulary = backend.vocabulary()
            return self._vocabulary

    def embed(
        self, inputs: Tokens[Tokens[int]], is_wanted: Callable[[], bool] = always
    ) -> list[list[float]]:
        """The backend's vectors."""
        backend = self._usable()
        with self._changed:
            self._embedding += 1
        try:
            return backend.embed(inputs, is_wanted)
        finally:
            with self._changed:
                self._embedding -= 1

    def status(self) -> EngineStatus:
        """A snapshot; takes the line's lock for a moment."""
        busy, queued = self._line.counts()
        backend, figures = self._backend, self._line.figures
        gauges = backend.gauges if backend else Gauges()
        return EngineStatus(
            engine=backend.name if backend else "",
            is_ready=backend is not None and not self._line.is_closing,
            n_ctx=backend.n_ctx if backend else 0,
            slots=self._line.slots,
            busy=busy,
            queued=queued,
            prefill_tps=figures.prefill_tps.value,
            decode_tps=figures.decode_tps.value,
            first_token_s=figures.first_token_s.value,
            features=backend.features if backend else frozenset(),
            wait_s=self._line.wait_s(),
            embedding=self._embedding,
            fault=self._fault,
            kv_cells=gauges.kv_cells,
            kv_used=gauges.kv_used,
            kv_kept=gauges.kv_kept,
            prompt_tokens=figures.prompt_tokens,
            completion_tokens=figures.completion_tokens,
            cached_tokens=figures.cached_tokens,
            drafted_tokens=figures.drafted_tokens,
            accepted_tokens=figures.accepted_tokens,
            steps=gauges.steps,
            rows=gauges.rows,
            row_cost_s=gauges.row_cost_s,
            drafts=gauges.drafts,
        )

    def close(self) -> None:
        """Cancel everything, wait for the thread (a decode step at most), free the model."""
        self._line.close()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        try:
            backend = self._load()
        except BaseException as error:  # whoever waits must hear of it, whatever it is
            self._ready.set_exception(error)
            return
        self._line.slots = backend.slots
        self._backend = backend
        self._ready.set_result(None)
        try:
            backend.serve(self._line)
        except Exception as error:  # said in the status: nobody waits for this thread
            self._fault = type(error).__name__
        else:
            self._fault = "" if self._line.is_closing else "it ended by itself"
        self._line.give_up(EngineUnavailableError("The on-device engine has stopped."))
        with self._changed:
            self._backend = None
            self._changed.wait_for(lambda: not self._readers)
        backend.close()
