# SPDX-License-Identifier: Apache-2.0
"""How tokens are drawn and sent: constraints, bias, log-probabilities, sinks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from local_engine.engine import Event, Token
from tests.local_engine.batch_bench import a_bench
from tests.local_engine.fakes import a_request
from tests.local_engine.simulation import Bounds


def test_a_constraint_bounds_every_token_and_ends_the_answer() -> None:
    """Two letters only, and three of them."""
    bench = a_bench(answer=b"zzzzzzzz")
    sequence = bench.ask([70] * 5, 8, replace(a_request(), constraint=Bounds("completes", 3)))
    bench.finish()

    assert bench.text(sequence) in {"AAA", "BBB"}
    assert bench.done(sequence).finish_reason == "stop"


@pytest.mark.parametrize("ending", ["raises", "crashes", "dead end", "refuses"])
def test_a_broken_constraint_ends_its_request_only(ending: str) -> None:
    """Whatever it does."""
    bench = a_bench()
    broken = bench.ask([70] * 5, 8, replace(a_request(), constraint=Bounds(ending, 2)))
    sound = bench.ask([71] * 5, 8)
    bench.finish()

    assert bench.error(broken).status == 500
    assert bench.text(sound) == "x" * 8


def test_a_broken_sink_ends_its_request_only() -> None:
    """Its slot is free for the next."""
    bench = a_bench()
    broken, sound = bench.ask([70] * 5), bench.ask([71] * 5)

    def sink(_event: Event) -> None:
        raise BrokenPipeError

    broken.sink = sink
    bench.finish()

    assert bench.text(sound) == "x" * 10
    assert bench.line.counts() == (0, 0)


def test_logprobs_come_with_each_token_before_any_bias() -> None:
    """The alternatives are the model's own; the bias changes what is drawn."""
    bench = a_bench(answer=b"xx")
    sampling = replace(a_request().sampling, logit_bias=((70, 500.0), (10**6, 1.0)))
    request = replace(a_request(), logprobs=2, sampling=sampling)
    sequence = bench.ask([70] * 5, 2, request)
    bench.finish()
    tokens = [event for _, event in bench.events[sequence] if isinstance(event, Token)]

    assert bench.text(sequence) == "EE"
    assert [len(token.logprobs) for token in tokens] == [1, 1]
    (first,) = tokens[0].logprobs
    assert first.piece == b"E"
    assert [piece for piece, _ in first.top] == [b"\xff", b"\xfe"]
    assert first.top[0][1] > first.logprob


def test_logprobs_come_also_while_text_is_held_back() -> None:
    """A token that may begin a stop string has its figure at once, its text later."""
    bench = a_bench(answer=b"aby")
    sequence = bench.ask([70] * 5, 8, replace(a_request(), logprobs=0, stop=("abc",)))
    bench.finish()
    tokens = [event for _, event in bench.events[sequence] if isinstance(event, Token)]

    assert [token.text for token in tokens] == ["", "", "aby"]
    assert [token.logprobs[0].piece for token in tokens] == [b"a", b"b", b"y"]
