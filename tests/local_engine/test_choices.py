# SPDX-License-Identifier: Apache-2.0
"""Answers with several choices, tool calls, log-probabilities and schemas, over a fake engine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from local_engine import structured
from local_engine.engine import Event, EventSink, Failed, GenerationRequest, Token
from local_engine.engine import TokenLogprob as Logprob
from local_engine.errors import DecodeError, EngineBusyError
from local_engine.features import served
from local_engine.profile import ModelProfile
from tests.local_engine.fakes import FakeEngine, FakeTicket, done
from tests.local_engine.test_app import Answer, call, chat

CLOCK = {"type": "function", "function": {"name": "clock"}}
CALL = '<tool_call>\n{"name": "clock", "arguments": {"zone": "UTC"}}\n</tool_call>'
PIECES = ["Let me see.\n", "<tool", CALL.removeprefix("<tool")[:40], CALL[45:]]
FORMAT = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}


class Choosy(FakeEngine):
    """Gives each request events of its own."""

    def __init__(self, *answers: Sequence[Event], busy_from: int = 99) -> None:
        super().__init__()
        self.answers = answers
        self.busy_from = busy_from
        self.tickets: list[FakeTicket] = []

    def submit(self, request: GenerationRequest, sink: EventSink) -> FakeTicket:
        number = len(self.requests)
        if number == self.busy_from:
            raise EngineBusyError(waiting=32, retry_after_s=9)
        self.requests.append(request)
        for event in self.answers[number]:
            sink(event)
        self.tickets.append(FakeTicket())
        return self.tickets[-1]


def chunks(answer: Answer) -> list[Any]:
    """The events of a stream that ended well."""
    events = answer.events()
    assert events.pop() == "[DONE]"
    return events


def deltas(answer: Answer, index: int = 0) -> list[Any]:
    """What one choice of a stream said."""
    found = [choice for event in chunks(answer) for choice in event["choices"]]
    return [choice["delta"] for choice in found if choice["index"] == index]


def pieces(*texts: str) -> list[Event]:
    """Tokens."""
    return [Token(text) for text in texts]


async def test_choices_come_with_their_number_and_one_usage() -> None:
    """The prompt is counted once."""
    engine = Choosy([*pieces("a"), done()], [*pieces("b", "c"), done("length")])
    body = (await chat(engine, n=2, seed=3)).json()

    assert [choice["index"] for choice in body["choices"]] == [0, 1]
    assert [choice["message"]["content"] for choice in body["choices"]] == ["a", "bc"]
    assert [choice["finish_reason"] for choice in body["choices"]] == ["stop", "length"]
    assert (body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]) == (5, 4)
    assert [request.sampling.seed for request in engine.requests] == [3, 4]


async def test_streamed_choices_can_be_told_apart() -> None:
    """Each has its role, its text and its end; usage comes after all of them."""
    engine = Choosy([*pieces("a"), done()], [*pieces("b", "c"), done("length")])
    answer = await chat(engine, n=2, stream=True, stream_options={"include_usage": True})

    for index, text in ((0, "a"), (1, "bc")):
        said = deltas(answer, index)
        assert said[0] == {"role": "assistant", "content": ""}
        assert "".join(delta.get("content", "") for delta in said) == text
        assert said[-1] == {}
    last = chunks(answer)[-1]
    assert (last["choices"], last["usage"]["total_tokens"]) == ([], 9)


async def test_choices_are_asked_for_at_once() -> None:
    """They wait together or not at all (`test_line.py`): 429 for all where one has no room."""
    engine = Choosy([], [], busy_from=1)
    answer = await chat(engine, n=2)

    assert answer.status == 429
    assert engine.asked_at_once == [2]


async def test_a_choice_that_fails_ends_the_stream() -> None:
    """Without [DONE], whatever the others say."""
    answer = await chat(Choosy(pieces("a"), [Failed(DecodeError(1))]), n=2, stream=True)

    events = answer.events()
    assert events[-1]["error"]["code"] == "decode_failed"
    assert "[DONE]" not in events


async def test_a_tool_call_is_no_text() -> None:
    """What came before it is; the finish reason tells."""
    answer = await chat(FakeEngine([*pieces(*PIECES), done()]), tools=[CLOCK])

    [choice] = answer.json()["choices"]
    [made] = choice["message"]["tool_calls"]
    assert choice["message"]["content"] == "Let me see."
    assert made["function"] == {"name": "clock", "arguments": '{"zone": "UTC"}'}
    assert (made["type"], made["id"][:5]) == ("function", "call_")
    assert choice["finish_reason"] == "tool_calls"


async def test_a_streamed_call_has_its_name_first() -> None:
    """Then the arguments in pieces, which join to the same."""
    engine = FakeEngine([*pieces(*PIECES), done()])
    answer = await chat(engine, tools=[CLOCK], tool_choice="required", stream=True)

    said = deltas(answer)
    assert said[0] == {"role": "assistant", "content": None}
    made = [delta["tool_calls"][0] for delta in said if "tool_calls" in delta]
    assert made[0]["function"] == {"name": "clock", "arguments": ""}
    assert made[0]["id"]
    assert "".join(part["function"]["arguments"] for part in made) == '{"zone": "UTC"}'
    assert {part["index"] for part in made} == {0}
    assert chunks(answer)[-1]["choices"][0]["finish_reason"] == "tool_calls"


async def test_a_call_that_is_cut_short_is_told_by_its_reason() -> None:
    """`length`, and the arguments as far as they came."""
    answer = await chat(FakeEngine([*pieces(CALL[:55]), done("length")]), tools=[CLOCK])

    [choice] = answer.json()["choices"]
    assert choice["finish_reason"] == "length"
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == '{"zone": "UT'


async def test_tags_are_text_where_no_tools_are_offered() -> None:
    """Nobody asked for calls."""
    answer = await chat(FakeEngine([*pieces(CALL), done()]))

    [choice] = answer.json()["choices"]
    assert choice["message"]["content"] == CALL
    assert "tool_calls" not in choice["message"]


async def test_log_probabilities_have_openais_shape() -> None:
    """One entry a token, with bytes; what cannot be is -9999."""
    half = Logprob(b"\xc3", -0.5, ((b"\xc3", -0.5), (b"x", float("-inf"))))
    engine = FakeEngine([Token("", (half,)), Token("é", (Logprob(b"\xa9", -0.25),)), done()])
    body = (await chat(engine, logprobs=True, top_logprobs=2)).json()

    first, second = body["choices"][0]["logprobs"]["content"]
    assert (first["token"], first["bytes"], first["logprob"]) == ("\ufffd", [0xC3], -0.5)
    assert [top["logprob"] for top in first["top_logprobs"]] == [-0.5, -9999.0]
    assert (second["logprob"], second["top_logprobs"]) == (-0.25, [])
    assert engine.requests[0].logprobs == 2


@pytest.mark.parametrize(("reason", "at_the_end"), [("length", 1), ("stop", 0)])
async def test_streamed_log_probabilities_stand_with_their_text(
    reason: str, at_the_end: int
) -> None:
    """Those of tokens that gave no text yet come with the next that does, or at the end."""
    one, two, end = (Logprob(piece, -1.0) for piece in (b"\xc3", b"\xa9", b"!"))
    engine = FakeEngine([Token("", (one,)), Token("é", (two,)), Token("", (end,)), done(reason)])
    events = chunks(await chat(engine, stream=True, logprobs=True))

    found = [event["choices"][0]["logprobs"] for event in events]
    assert [len(item["content"]) if item else 0 for item in found] == [0, 2, at_the_end]


async def test_a_stop_string_that_was_cut_has_no_log_probabilities() -> None:
    """Streamed or not; the token that the stop string begins in is part of the text."""
    tokens = [Logprob(piece, -1.0) for piece in (b"one", b" t", b"wo", b" three")]
    held = [Token("one", (tokens[0],)), Token("", (tokens[1],)), Token("", (tokens[2],))]
    for text, kept in ((" ", ["one", " t"]), ("", ["one"])):
        events: list[Event] = [*held, Token(text, (tokens[3],)), done()]
        body = (await chat(FakeEngine(events), logprobs=True)).json()["choices"][0]
        assert [each["token"] for each in body["logprobs"]["content"]] == kept
        streamed = chunks(await chat(FakeEngine(events), stream=True, logprobs=True))
        found = [event["choices"][0]["logprobs"] or {"content": []} for event in streamed]
        assert [each["token"] for item in found for each in item["content"]] == kept


async def test_a_schema_binds_each_choice_by_itself() -> None:
    """No constraint is used twice."""
    engine = Choosy([done()], [done()])
    assert (await chat(engine, n=2, response_format=FORMAT)).status == 200

    first, second = (request.constraint for request in engine.requests)
    assert first is not None
    assert second is not None
    assert first.accept(ord("{"))
    assert second.accept(ord("{"))


async def test_a_schema_that_cannot_be_is_a_400() -> None:
    """Before anything is asked of the engine."""
    engine = FakeEngine()
    bad = {"type": "json_schema", "json_schema": {"schema": {"type": "nothing"}}}
    answer = await chat(engine, response_format=bad)

    assert (answer.status, answer.json()["error"]["code"]) == (400, "invalid_json_schema")
    assert answer.json()["error"]["param"] == "response_format"
    assert engine.requests == []


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"response_format": FORMAT}, "response_format"),
        ({"tools": [CLOCK]}, "tools"),
        ({"logprobs": True}, "logprobs"),
        ({"logit_bias": {"1": 1}}, "logit_bias"),
    ],
)
async def test_what_the_engine_cannot_do_is_unsupported(body: dict[str, Any], param: str) -> None:
    """The prebuilt engine has no constraints, no log-probabilities and no biases."""
    engine = FakeEngine([done()])
    engine.features = frozenset()
    answer = await chat(engine, **body)

    assert (answer.status, answer.json()["error"]["code"]) == (400, "unsupported")
    assert answer.json()["error"]["param"] == param


async def test_without_the_grammar_library_schemas_are_unsupported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And not claimed in health; everything else is served."""
    monkeypatch.setattr(structured, "is_installed", lambda: False)
    engine = FakeEngine([*pieces("a"), done()])

    refused = await chat(engine, response_format=FORMAT)
    assert (refused.status, refused.json()["error"]["code"]) == (400, "unsupported")
    health = (await call(engine, "GET", "/health")).json()
    assert health["features"] == ["embeddings", "logit_bias", "logprobs", "n", "tool_turns"]
    assert (await chat(engine, logprobs=True)).status == 200


def test_tools_are_claimed_for_a_model_that_was_trained_for_them() -> None:
    """Others are made to call, which a destination may do better."""
    status = FakeEngine().status()
    assert "tools" in served(status, ModelProfile(name="m", tools="hermes"))
    assert "tools" not in served(status, ModelProfile(name="m"))


async def test_a_bias_for_a_token_that_is_none_is_refused() -> None:
    """Who checks later would crash."""
    assert (await chat(FakeEngine([done()]), logit_bias={"257": 1})).status == 200
    answer = await chat(FakeEngine([done()]), logit_bias={"258": 1})
    assert (answer.status, answer.json()["error"]["param"]) == (400, "logit_bias")


async def test_a_client_that_leaves_while_tokens_come_cancels_all_choices() -> None:
    """Each ticket is given back."""
    engine = Choosy([], [])
    asked = asyncio.create_task(
        call(
            engine,
            "POST",
            "/v1/chat/completions",
            b'{"messages": [{"role": "user", "content": "x"}], "n": 2}',
            hangs_up=True,
        )
    )
    while len(engine.tickets) < 2:
        await asyncio.sleep(0.001)
    await asyncio.to_thread(engine.tickets[1].cancelled.wait, 5)
    assert all(ticket.cancelled.is_set() for ticket in engine.tickets)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
