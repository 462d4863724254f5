# SPDX-License-Identifier: Apache-2.0
"""The line and the compiled backend together, over a fake runtime, with one slot."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from local_engine.backend import Backend
from local_engine.engine import Done, Event, Failed, Ticket, Token
from local_engine.errors import (
    ContextLengthExceededError,
    EngineBusyError,
    EngineUnavailableError,
    GenerationCancelledError,
    ModelFileError,
)
from local_engine.line import LineEngine
from local_engine.llamacpp import LlamaCppBackend
from local_engine.profile import ModelProfile
from local_engine.waiting import Line, LineLimits
from tests.local_engine.fake_runtime import FakeRuntime
from tests.local_engine.fakes import ANSWER, Collector, a_request

PROFILE = ModelProfile(name="m")


@contextmanager
def an_engine(runtime: FakeRuntime, limits: LineLimits | None = None) -> Iterator[LineEngine]:
    """A started engine."""
    engine = LineEngine(lambda: LlamaCppBackend(runtime, PROFILE), PROFILE, limits=limits)
    engine.start().result(timeout=5)
    try:
        yield engine
    finally:
        runtime.gate.set()
        engine.close()


def test_an_answer_comes_whole_and_frees_what_it_used() -> None:
    """Tokens, then one Done with the usage; sampler freed, context emptied."""
    runtime, sink = FakeRuntime(), Collector()
    with an_engine(runtime) as engine:
        engine.submit(a_request(), sink)
        text, last = sink.finish()
        status = engine.status()

    assert text == ANSWER
    assert isinstance(last, Done)
    assert last.finish_reason == "stop"
    assert last.usage.completion_tokens == len(ANSWER.encode())
    assert last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens
    assert (runtime.samplers, runtime.is_closed) == ({}, True)
    assert (status.busy, status.queued, status.is_ready) == (0, 0, True)


def test_the_prompt_is_decoded_in_chunks_and_then_token_by_token() -> None:
    """No decode is longer than n_batch, and positions have no gap."""
    runtime, sink = FakeRuntime(), Collector()
    with an_engine(runtime) as engine:
        engine.submit(a_request(), sink)
        _, last = sink.finish()

    assert isinstance(last, Done)
    runs = [run for (run,) in runtime.batches]
    assert max(len(run.tokens) for run in runs) == 8
    ends = [run.position + len(run.tokens) for run in runs]
    assert [run.position for run in runs] == [0, *ends[:-1]]
    assert ends[-1] == last.usage.prompt_tokens + last.usage.completion_tokens


def test_max_tokens_ends_with_length() -> None:
    """The bound is exact, and half a character at the bound is dropped."""
    sink = Collector()
    with an_engine(FakeRuntime()) as engine:
        engine.submit(a_request(max_tokens=4), sink)
        text, last = sink.finish()

    assert text == "Hi "
    assert isinstance(last, Done)
    assert (last.finish_reason, last.usage.completion_tokens) == ("length", 4)


def test_a_stop_string_ends_the_answer() -> None:
    """The text before it is kept."""
    sink = Collector()
    with an_engine(FakeRuntime()) as engine:
        engine.submit(a_request(stop=("i é",)), sink)
        text, last = sink.finish()

    assert text == "H"
    assert isinstance(last, Done)
    assert last.finish_reason == "stop"


def test_an_answer_never_runs_over_the_context() -> None:
    """What the prompt leaves bounds the answer."""
    runtime, sink = FakeRuntime(answer=b"x" * 500, n_ctx=60), Collector()
    with an_engine(runtime) as engine:
        engine.submit(a_request(max_tokens=10_000), sink)
        _, last = sink.finish()

    assert isinstance(last, Done)
    assert last.usage.total_tokens == 60
    assert last.finish_reason == "length"


def test_a_prompt_that_does_not_fit_is_refused_with_numbers_only() -> None:
    """Before it enters the line; the text is not in the message."""
    with an_engine(FakeRuntime(n_ctx=50)) as engine:
        with pytest.raises(ContextLengthExceededError, match=r"\d+ tokens.* 50") as caught:
            engine.submit(a_request("secret" * 20), Collector())
        with pytest.raises(ContextLengthExceededError, match="characters"):
            engine.submit(a_request("secret" * 1000), Collector())

    assert "secret" not in str(caught.value)


def test_cancelling_frees_the_slot() -> None:
    """The request ends with one Failed, and the next one is served."""
    runtime, first, second = FakeRuntime(), Collector(), Collector()
    runtime.gate.clear()
    with an_engine(runtime) as engine:
        ticket = engine.submit(a_request(), first)
        engine.submit(a_request(), second)
        assert runtime.is_decoding.wait(timeout=5)
        assert (engine.status().busy, engine.status().queued) == (1, 1)
        ticket.cancel()
        ticket.cancel()
        runtime.gate.set()
        text, last = first.finish()
        other, _ = second.finish()

    assert text == ""
    assert isinstance(last, Failed)
    assert isinstance(last.error, GenerationCancelledError)
    assert other == ANSWER


def test_cancelling_between_tokens_stops_the_answer() -> None:
    """Not only the prompt asks: the step after the cancellation is not taken."""
    runtime, sink = FakeRuntime(answer=b"x" * 100), Collector()
    tickets: list[Ticket] = []

    def cancel_at_first_token(event: Event) -> None:
        if isinstance(event, Token):
            tickets[0].cancel()
        sink(event)

    runtime.gate.clear()
    with an_engine(runtime) as engine:
        tickets.append(engine.submit(a_request(), cancel_at_first_token))
        runtime.gate.set()
        text, last = sink.finish()

    assert text == "x"
    assert isinstance(last, Failed)


def test_a_full_line_says_when_to_come_back() -> None:
    """429 with Retry-After; whoever hung up makes room."""
    runtime, sinks = FakeRuntime(), [Collector() for _ in range(5)]
    runtime.gate.clear()
    with an_engine(runtime, limits=LineLimits(waiting=2)) as engine:
        engine.submit(a_request(), sinks[0])
        assert runtime.is_decoding.wait(timeout=5)
        waiting = [engine.submit(a_request(), sink) for sink in sinks[1:3]]
        with pytest.raises(EngineBusyError) as caught:
            engine.submit(a_request(), sinks[3])
        waiting[0].cancel()
        assert isinstance(
            sinks[1].next(timeout_s=1), Failed
        )  # while the only slot is still at work
        engine.submit(a_request(), sinks[4])
        runtime.gate.set()
        assert sinks[4].finish()[0] == ANSWER

    assert caught.value.headers() == ((b"retry-after", b"1"),)


def test_the_requests_of_one_call_wait_together_or_not_at_all() -> None:
    """Two where one has room: none of them waits, and the one that comes alone does."""
    runtime, sinks = FakeRuntime(), [Collector() for _ in range(5)]
    runtime.gate.clear()
    with an_engine(runtime, limits=LineLimits(waiting=3)) as engine:
        engine.submit(a_request(), sinks[0])
        assert runtime.is_decoding.wait(timeout=5)
        engine.submit_all([(a_request(), sinks[1]), (a_request(), sinks[2])])
        with pytest.raises(EngineBusyError):
            engine.submit_all([(a_request(), sinks[3]), (a_request(), sinks[4])])
        assert engine.status().queued == 2
        engine.submit(a_request(), sinks[3])
        runtime.gate.set()
        assert [sink.finish()[0] for sink in sinks[1:4]] == [ANSWER] * 3


@pytest.mark.parametrize("code", [1, -1, -3])
def test_a_step_that_fails_twice_fails_its_request_only(code: int) -> None:
    """It is tried again alone; then the next request is served."""
    runtime, first, second = FakeRuntime(), Collector(), Collector()
    runtime.codes = [code, code]
    with an_engine(runtime) as engine:
        engine.submit(a_request(), first)
        _, last = first.finish()
        engine.submit(a_request(), second)
        assert second.finish()[0] == ANSWER

    assert isinstance(last, Failed)
    assert last.error.code == "decode_failed"
    assert str(code) in last.error.message


def test_an_unexpected_error_does_not_end_the_thread() -> None:
    """The message names the kind of error, nothing of the request."""
    runtime, first, second = FakeRuntime(answer=b"x"), Collector(), Collector()
    with an_engine(runtime) as engine:
        runtime.answer = [-1]  # no such byte: piece() raises
        engine.submit(a_request(), first)
        _, last = first.finish()
        runtime.answer = [66, 0]
        engine.submit(a_request(), second)
        assert second.finish()[0] == "A"

    assert isinstance(last, Failed)
    assert last.error.message == "The engine failed (ValueError)."


def test_before_loading_and_after_closing_nothing_is_accepted() -> None:
    """503 in both cases, and no crash in freed memory."""
    runtime = FakeRuntime()
    engine = LineEngine(lambda: LlamaCppBackend(runtime, PROFILE), PROFILE)
    with pytest.raises(EngineUnavailableError, match="loading"):
        engine.submit(a_request(), Collector())
    assert not engine.status().is_ready
    engine.start().result(timeout=5)
    assert engine.count_tokens("abc") == 3
    engine.close()

    with pytest.raises(EngineUnavailableError, match="stopping"):
        engine.count_tokens("abc")


def test_the_port_tells_tokens_and_vocabulary() -> None:
    """The vocabulary is read once."""
    with an_engine(FakeRuntime()) as engine:
        assert engine.tokenize("ab") == [98, 99]
        vocabulary = engine.vocabulary()
        assert engine.vocabulary() is vocabulary
        assert "logprobs" in engine.status().features

    assert vocabulary.pieces[98] == b"a"
    assert vocabulary.ends == {0}


def test_closing_ends_every_request() -> None:
    """The one at work and those in line get their Failed."""
    runtime, sinks = FakeRuntime(), [Collector(), Collector()]
    runtime.gate.clear()
    with an_engine(runtime) as engine:
        for sink in sinks:
            engine.submit(a_request(), sink)
        assert runtime.is_decoding.wait(timeout=5)

    assert all(isinstance(sink.finish()[1], Failed) for sink in sinks)


def test_a_model_that_cannot_be_loaded_is_reported() -> None:
    """The future holds the error."""

    def load() -> Backend:
        raise ModelFileError("broken")

    engine = LineEngine(load, PROFILE)
    with pytest.raises(ModelFileError, match="broken"):
        engine.start().result(timeout=5)
    engine.close()


def test_the_vocabulary_is_read_once() -> None:
    """And tokens of a text are those of its bytes here."""
    with an_engine(FakeRuntime()) as engine:
        assert engine.vocabulary() is engine.vocabulary()
        assert engine.tokenize("a") == [98]


def test_a_long_text_that_is_tokenized_holds_up_no_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Many read the vocabulary at a time, and it is freed when all of them are done."""
    runtime, sink = FakeRuntime(), Collector()
    begun, go_on, plain = threading.Event(), threading.Event(), runtime.tokenize

    def tokenize(text: str, *, parse_special: bool) -> list[int]:
        if text == "long":
            begun.set()
            assert go_on.wait(5)
            assert not runtime.is_closed
        return plain(text, parse_special=parse_special)

    monkeypatch.setattr(runtime, "tokenize", tokenize)
    with ThreadPoolExecutor(2) as threads, an_engine(runtime) as engine:
        counted = threads.submit(engine.tokenize, "long")
        assert begun.wait(5)
        threads.submit(engine.submit, a_request(), sink).result(5)
        assert sink.finish()[0] == ANSWER
        engine._line.close()
        go_on.set()
        assert len(counted.result(5)) == len("long")
    assert runtime.is_closed


@pytest.mark.parametrize("fault", ["KeyError", "it ended by itself"])
def test_an_engine_whose_thread_has_ended_says_so(
    monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """It takes nothing any more, and tells those in a slot and in line, each once."""

    def serve(_backend: LlamaCppBackend, line: Line) -> None:
        line.wait()
        served = line.take(lambda _: True)
        assert served
        assert go_on.wait(5)
        line.end(served[0], GenerationCancelledError())
        line.take(lambda _: True)
        if fault == "KeyError":
            raise KeyError

    monkeypatch.setattr(LlamaCppBackend, "serve", serve)
    runtime, go_on = FakeRuntime(), threading.Event()
    sinks = [Collector() for _ in range(3)]
    with an_engine(runtime) as engine:
        assert engine.status().fault == ""
        for sink in sinks:
            engine.submit(a_request(), sink)
        go_on.set()
        engine._thread.join(5)
        status = engine.status()
        with pytest.raises(EngineUnavailableError):
            engine.submit(a_request(), Collector())
    assert (status.fault, status.is_ready, runtime.is_closed) == (fault, False, True)
    assert (status.busy, status.queued) == (0, 0)
    errors = [
        last.error for _, last in (sink.finish() for sink in sinks) if isinstance(last, Failed)
    ]
    assert [type(error) for error in errors] == [
        GenerationCancelledError,
        EngineUnavailableError,
        EngineUnavailableError,
    ]


def test_an_engine_that_was_closed_has_no_fault() -> None:
    """It was told to end."""
    with an_engine(FakeRuntime()) as engine:
        pass
    assert engine.status().fault == ""
