# SPDX-License-Identifier: Apache-2.0
"""What a chat request may say."""

from __future__ import annotations

import pytest

from local_engine.chat_request import ChatCall, parse_chat, parse_json_object
from local_engine.engine import ChatMessage, Role, SamplingParams
from local_engine.errors import InvalidRequestError, LocalEngineError
from local_engine.profile import ModelProfile

PROFILE = ModelProfile(name="m", sampling=SamplingParams(temperature=0.2, top_k=40))
HELLO = [{"role": "user", "content": "hello"}]


def parse(**body: object) -> ChatCall:
    """Parse with one message unless told otherwise."""
    return parse_chat({"messages": HELLO, **body}, PROFILE, "r1")


def test_a_bare_request_gets_the_models_own_settings() -> None:
    """Silence means the profile, also for the length."""
    call = parse()

    [request] = call.requests
    assert request.sampling == PROFILE.sampling
    assert request.max_tokens == PROFILE.default_max_tokens
    assert (request.stop, request.logprobs) == ((), None)
    assert (call.streams, call.includes_usage) == (False, False)
    assert (call.grammar, call.tools) == (None, None)


def test_every_setting_arrives() -> None:
    """None is lost on the way."""
    values: dict[str, object] = {
        "temperature": 1, "top_k": 5, "top_p": 0.5, "min_p": 0.1, "seed": -3,
        "repeat_penalty": 1.1, "presence_penalty": 0.5, "frequency_penalty": -0.5,
    }  # fmt: skip
    call = parse(
        **values,
        model="m",
        stop=["a", ""],
        max_tokens=9,
        max_completion_tokens=7,
        stream=True,
        stream_options={"include_usage": True},
        logit_bias={"7": -100, "12": 2.5},
        logprobs=True,
        top_logprobs=3,
    )

    [request] = call.requests
    bias = ((7, -100.0), (12, 2.5))
    assert request.sampling == SamplingParams(**values, logit_bias=bias)  # type: ignore[arg-type]
    assert (request.max_tokens, request.logprobs) == (7, 3)
    assert request.stop == ("a",)
    assert (call.streams, call.includes_usage) == (True, True)


def test_messages_may_be_strings_or_text_parts() -> None:
    """A developer is a system."""
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    call = parse(
        messages=[{"role": "developer", "content": "s"}, {"role": "user", "content": parts}]
    )

    assert call.requests[0].messages == (
        ChatMessage(Role.SYSTEM, "s"),
        ChatMessage(Role.USER, "ab"),
    )


def test_each_choice_has_a_seed_of_its_own() -> None:
    """They differ, and the same request gives the same ones; without a seed each draws one."""
    seeded, unseeded = parse(n=3, seed=5), parse(n=2)

    assert [request.sampling.seed for request in seeded.requests] == [5, 6, 7]
    assert [request.sampling.seed for request in unseeded.requests] == [None, None]
    assert len({request.request_id for request in seeded.requests}) == 3


@pytest.mark.parametrize(("given", "taken"), [(1e-40, 0.0), (9e-7, 0.0), (1e-6, 1e-6), (0, 0.0)])
def test_a_temperature_of_nearly_nothing_is_none(given: float, taken: float) -> None:
    """Logits over 1e-40 are infinite, and what is drawn from those is anything."""
    assert parse(temperature=given).requests[0].sampling.temperature == taken


def test_a_response_format_becomes_a_grammar() -> None:
    """Any object, an object of a schema in either way of saying so, or none."""
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    said = parse(response_format={"type": "json_schema", "json_schema": {"schema": schema}})
    also = parse(response_format={"type": "json_object", "schema": schema})
    any_object = parse(response_format={"type": "json_object"})

    assert said.grammar is not None
    assert said.grammar.text.startswith("start: %json {")
    assert '"properties":{"a":{"type":"integer"}}' in said.grammar.text
    assert said.grammar == also.grammar
    assert any_object.grammar is not None
    assert '"type":"object"' in any_object.grammar.text
    assert parse(response_format={"type": "text"}).grammar is None


def test_values_that_ask_for_nothing_are_accepted() -> None:
    """Clients send their defaults."""
    parse(n=1, tools=[], logprobs=False, user="x", tool_choice=None, logit_bias={})
    parse(functions=[], function_call="none", top_logprobs=0, modalities=["text"])
    parse(response_format={"type": "text"})


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"function_call": {"name": "f"}}, "function_call"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"grammar": "root ::= x"}, "grammar"),
        ({"json_schema": {"const": 1}}, "json_schema"),
        ({"continue_final_message": True}, "continue_final_message"),
        ({"add_generation_prompt": False}, "add_generation_prompt"),
        ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice.type"),
        ({"response_format": {"type": "grammar"}}, "response_format.type"),
        (
            {"messages": [{"role": "function", "name": "f", "content": "x"}]},
            "messages[0].role=function",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages[0].content[0].type",
        ),
    ],
)
def test_what_is_not_served_is_refused_by_name(body: dict[str, object], param: str) -> None:
    """400 unsupported_parameter."""
    with pytest.raises(LocalEngineError) as caught:
        parse(**body)

    assert (caught.value.status, caught.value.code) == (400, "unsupported_parameter")
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": HELLO * 10_001}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content[0]"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages[0].content[0].text",
        ),
        ({"n": 0}, "n"),
        ({"n": 17}, "n"),
        ({"n": True}, "n"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"logprobs": 1}, "logprobs"),
        ({"logit_bias": []}, "logit_bias"),
        ({"logit_bias": {"a": 1}}, "logit_bias"),
        ({"logit_bias": {"-1": 1}}, "logit_bias"),
        ({"logit_bias": {"1": 101}}, "logit_bias"),
        ({"logit_bias": {"1": "x"}}, "logit_bias"),
        ({"logit_bias": {str(key): 1 for key in range(1025)}}, "logit_bias"),
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": 5}}},
            "response_format.json_schema.schema",
        ),
        ({"response_format": {"type": "json_object", "schema": []}}, "response_format.schema"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "1"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": float("nan")}, "top_p"),
        ({"top_k": 1.5}, "top_k"),
        ({"seed": 2**64}, "seed"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 10**9}, "max_tokens"),
        ({"stop": 5}, "stop"),
        ({"stop": ["a"] * 17}, "stop"),
        ({"stop": ["a" * 513]}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": []}, "stream_options"),
        ({"stream": True, "stream_options": {"include_usage": 1}}, "include_usage"),
    ],
)
def test_wrong_values_are_refused_by_name(body: dict[str, object], param: str) -> None:
    """400 invalid_value, with the field in `param`."""
    with pytest.raises(InvalidRequestError) as caught:
        parse(**body)

    assert (caught.value.status, caught.value.param) == (400, param)


def test_another_model_is_not_found() -> None:
    """404 model_not_found."""
    with pytest.raises(LocalEngineError) as caught:
        parse(model="gpt-4o")

    assert (caught.value.status, caught.value.code) == (404, "model_not_found")


@pytest.mark.parametrize(
    "raw", [b"", b"[1]", b'{"a": NaN}', b'{"a": "\\ud800"}', b"\xff{}", b"[" * 9999]
)
def test_a_body_that_is_no_json_object_is_refused(raw: bytes) -> None:
    """400, and the body is not quoted."""
    with pytest.raises(InvalidRequestError, match="request body"):
        parse_json_object(raw)


def test_a_deadline_is_for_all_choices_or_for_the_first_byte_of_a_stream() -> None:
    """Choices beyond the first cannot break a stream off that was begun in time."""
    whole = parse(nearward_deadline_ms=1500, n=2).requests
    stream = parse(nearward_deadline_ms=1500, n=2, stream=True).requests
    assert [(r.deadline_s, r.first_token_suffices) for r in whole] == [(1.5, False)] * 2
    assert [(r.deadline_s, r.first_token_suffices) for r in stream] == [(1.5, True), (None, True)]
    assert parse().requests[0].deadline_s is None
    for wrong in (0, 1.5, "9", True, 10**9):
        with pytest.raises(InvalidRequestError, match="nearward_deadline_ms"):
            parse(nearward_deadline_ms=wrong)


def test_a_service_tier_can_only_lower_the_priority() -> None:
    """Nobody passes the others by asking for it."""
    tiers = ("flex", "default", "auto", "priority", "scale", None, 5, ["flex"])
    found = [parse(service_tier=tier, n=2).requests for tier in tiers]
    assert [{r.priority for r in requests} for requests in found] == [{-1}, *([{0}] * 7)]


def test_a_tenant_is_taken_from_the_body() -> None:
    """All choices are that tenant's; anything but a short text is refused."""
    assert {request.tenant for request in parse(tenant="acme", n=2).requests} == {"acme"}
    assert parse().requests[0].tenant == ""
    for wrong in (5, None, ["a"], "x" * 257):
        with pytest.raises(InvalidRequestError):
            parse(tenant=wrong)
