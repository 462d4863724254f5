# SPDX-License-Identifier: Apache-2.0
"""Doubles for the engine's ports, and small files to feed its readers."""

from __future__ import annotations

import queue
import struct
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

from local_engine.engine import (
    Asked,
    ChatMessage,
    Done,
    EngineStatus,
    Event,
    EventSink,
    Failed,
    GenerationRequest,
    Role,
    SamplingParams,
    Ticket,
    Timings,
    Token,
    Usage,
    Vocabulary,
    always,
)
from local_engine.errors import LocalEngineError
from local_engine.llama_api import RuntimeConfig
from local_engine.llamacpp import LlamaCppBackend

ANSWER = "Hi é!"
ALL_FEATURES = LlamaCppBackend.features
BYTES = Vocabulary(
    pieces=(*(bytes([byte]) for byte in range(256)), b"", b""),
    controls=frozenset({256, 257}),
    ends=frozenset({256}),
)
"""A token for each byte, one that ends, and another control token."""


def a_request(text: str = "hello", **changes: object) -> GenerationRequest:
    """A greedy one-message request."""
    fields: dict[str, object] = {
        "request_id": "r1",
        "messages": (ChatMessage(Role.USER, text),),
        "sampling": SamplingParams(temperature=0),
        **changes,
    }
    return GenerationRequest(**fields)  # type: ignore[arg-type]


class Collector:
    """A sink that hands out what it was given."""

    def __init__(self) -> None:
        self._events: queue.Queue[Event] = queue.Queue()

    def __call__(self, event: Event) -> None:
        self._events.put(event)

    def next(self, timeout_s: float = 5) -> Event:
        """The next event; fails after `timeout_s`."""
        return self._events.get(timeout=timeout_s)

    def is_empty(self) -> bool:
        """Whether all events were handed out."""
        return self._events.empty()

    def finish(self) -> tuple[str, Done | Failed]:
        """The whole text and the last event."""
        text = ""
        while isinstance(event := self.next(), Token):
            text += event.text
        assert self._events.empty()
        return text, event


class FakeTicket:
    """Counts cancellations."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()

    def cancel(self) -> None:
        self.cancelled.set()


class FakeEngine:
    """Plays back events; `error` is raised by submit."""

    def __init__(
        self, events: Sequence[Event] = (), *, error: LocalEngineError | None = None
    ) -> None:
        self.events = events
        self.error = error
        self.requests: list[GenerationRequest] = []
        self.asked_at_once: list[int] = []
        self.ticket = FakeTicket()
        self.features = ALL_FEATURES
        self.embedded: list[Sequence[int]] = []
        self.vectors: dict[tuple[int, ...], list[float]] = {}
        self.hold_embedding: Callable[[Callable[[], bool]], object] = lambda _: None
        self.is_ready = True
        self.is_closed = False
        self.loaded: Future[None] = Future()

    def start(self) -> Future[None]:
        return self.loaded

    def submit(self, request: GenerationRequest, sink: EventSink) -> FakeTicket:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        for event in self.events:
            sink(event)
        return self.ticket

    def submit_all(self, asked: Sequence[Asked]) -> list[Ticket]:
        self.asked_at_once.append(len(asked))
        return [self.submit(request, sink) for request, sink in asked]

    def count_tokens(self, text: str) -> int:
        return len(self.tokenize(text))

    def tokenize(self, text: str) -> list[int]:
        return list(text.encode())

    def vocabulary(self) -> Vocabulary:
        return BYTES

    def embed(
        self, inputs: Sequence[Sequence[int]], is_wanted: Callable[[], bool] = always
    ) -> list[list[float]]:
        self.hold_embedding(is_wanted)
        self.embedded += map(list, inputs)
        return [self.vectors.get(tuple(tokens), [0.6, 0.8]) for tokens in inputs]

    def status(self) -> EngineStatus:
        return EngineStatus(
            engine="fake",
            is_ready=self.is_ready,
            n_ctx=128,
            slots=1,
            busy=0,
            queued=0,
            prefill_tps=None,
            decode_tps=12.5,
            first_token_s=None,
            features=self.features,
        )

    def close(self) -> None:
        self.is_closed = True


def done(
    reason: str = "stop", prompt: int = 5, completion: int = 2, drafted: tuple[int, int] = (0, 0)
) -> Done:
    """A Done event; `drafted` are the tokens tried, and those of them that were confirmed."""
    tried, accepted = drafted
    usage = Usage(
        prompt_tokens=prompt, completion_tokens=completion, drafted_tokens=tried,
        accepted_tokens=accepted,
    )  # fmt: skip
    timings = Timings(queued_s=0, prefill_s=0.1, decode_s=0.2)
    return Done("length" if reason == "length" else "stop", usage, timings)


def string(text: str) -> bytes:
    """A GGUF string."""
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def a_gguf(template: str = "<|im_start|><|im_end|>") -> bytes:
    """A small valid file: two strings, a number, an array, one 32-element F32 tensor."""
    keys = [
        string("general.architecture") + struct.pack("<I", 8) + string("llama"),
        string("tokenizer.chat_template") + struct.pack("<I", 8) + string(template),
        string("general.alignment") + struct.pack("<II", 4, 32),
        string("tokenizer.ggml.tokens")
        + struct.pack("<IIQ", 9, 8, 3)
        + b"".join(map(string, "abc")),
        string("tokenizer.ggml.scores") + struct.pack("<IIQ", 9, 6, 3) + bytes(12),
        string("tokenizer.ggml.bos_token_id") + struct.pack("<II", 4, 1),
    ]
    tensor = string("output.weight") + struct.pack("<IQQIQ", 2, 32, 2, 0, 0)
    header = b"GGUF" + struct.pack("<IQQ", 3, 1, len(keys)) + b"".join(keys) + tensor
    padding = -len(header) % 32
    return header + bytes(padding) + bytes(32 * 2 * 4)


def a_config(**changes: object) -> RuntimeConfig:
    """A runtime configuration."""
    fields: dict[str, object] = {
        "model_file": Path("model.gguf"),
        "n_ctx": 64,
        "n_batch": 16,
        "slots": 1,
        "decode_threads": 1,
        "prefill_threads": 2,
        **changes,
    }
    return RuntimeConfig(**fields)  # type: ignore[arg-type]
