# SPDX-License-Identifier: Apache-2.0
"""The official OpenAI client against `nearward serve` with the real model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

import openai
import pydantic
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from tests.doubles.served import KEY, Served, served
from tests.doubles.tools import WEATHER

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def gateway() -> Iterator[Served]:
    with served() as running:
        running.until_ready()
        yield running


@pytest.fixture
def client(gateway: Served) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0) as made:
        yield made


QUESTION: list[ChatCompletionMessageParam] = [
    {"role": "user", "content": "What is the capital of France? Answer in one word."}
]


def test_a_plain_answer_comes_from_the_device(client: openai.OpenAI) -> None:
    """The client gets text and usage, and the headers say that the device answered."""
    raw = client.chat.completions.with_raw_response.create(
        model="auto", messages=QUESTION, temperature=0, max_tokens=16
    )
    answer = raw.parse()
    assert "Paris" in (answer.choices[0].message.content or "")
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 0
    assert raw.headers["x-nearward-route"] == "local"
    assert raw.headers["x-nearward-reason"] == "only_device"


def test_a_stream_says_the_same_in_pieces(client: openai.OpenAI) -> None:
    """The streamed pieces join to the plain answer, and usage comes when asked for."""
    plain = client.chat.completions.create(
        model="auto", messages=QUESTION, temperature=0, max_tokens=16
    )
    chunks = list(
        client.chat.completions.create(
            model="auto",
            messages=QUESTION,
            temperature=0,
            max_tokens=16,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == plain.choices[0].message.content
    assert len(chunks) > 3
    # All but what was kept of the prompt, which is none of it for whoever asks first.
    said, expected = chunks[-1].usage, plain.usage
    assert said is not None
    assert expected is not None
    assert said.prompt_tokens == expected.prompt_tokens
    assert said.completion_tokens == expected.completion_tokens


def test_phi_is_answered_on_the_device(client: openai.OpenAI) -> None:
    """A prompt with PHI is answered, at home, and says why."""
    raw = client.chat.completions.with_raw_response.create(
        model="auto",
        messages=[{"role": "user", "content": "Patient John Miller, MRN 48213377, has asthma."}],
        max_tokens=8,
        extra_headers={"x-nearward-max-tier": "cloud"},
    )
    assert raw.headers["x-nearward-data-class"] == "phi"
    assert raw.headers["x-nearward-route"] == "local"


def test_errors_reach_the_client_as_its_own_types(gateway: Served, client: openai.OpenAI) -> None:
    """An unknown model is NotFoundError, a wrong key AuthenticationError, bad values BadRequest."""
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="nobody/serves-this", messages=QUESTION)
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(
            model="auto", messages=QUESTION, extra_body={"api_base": "x"}
        )
    assert refused.value.param == "api_base"
    with (
        openai.OpenAI(base_url=gateway.base_url, api_key="wrong", max_retries=0) as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.models.list()


def test_models_lists_what_can_be_named(client: openai.OpenAI) -> None:
    """`auto` and the device's model are listed."""
    names = [m.id for m in client.models.list()]
    assert "auto" in names
    assert "local/smollm2-135m-instruct-q4_1" in names


CLOCK: ChatCompletionToolParam = {
    "type": "function",
    "function": {"name": "get_time", "description": "The time now"},
}
WARM: list[ChatCompletionMessageParam] = [
    {"role": "user", "content": "How warm is it in Paris now?"}
]


class Person(pydantic.BaseModel):
    """What the client makes a strict schema of."""

    name: str
    age: int
    role: Literal["doctor", "nurse"]


def test_a_required_tool_is_called_and_its_result_used(client: openai.OpenAI) -> None:
    """Two turns: the call with arguments of the schema, then an answer that holds the result."""
    first = client.chat.completions.create(
        model="auto",
        messages=WARM,
        tools=[WEATHER, CLOCK],
        tool_choice="required",
        temperature=0,
        max_tokens=80,
    )
    choice = first.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls is not None
    [made] = choice.message.tool_calls
    assert made.type == "function"
    assert made.function.name in ("get_weather", "get_time")
    assert isinstance(json.loads(made.function.arguments), dict)
    call: Any = choice.message.model_dump(exclude_none=True)
    result: Any = {"role": "tool", "tool_call_id": made.id, "content": "Sunny, 21 degrees Celsius"}
    second = client.chat.completions.create(
        model="auto",
        messages=[*WARM, call, result],
        tools=[WEATHER, CLOCK],
        temperature=0,
        max_tokens=40,
    )
    assert "21" in (second.choices[0].message.content or "")


def test_a_named_tool_is_streamed_name_first(client: openai.OpenAI) -> None:
    """The client's own accumulation gives the whole call."""
    with client.chat.completions.stream(
        model="auto",
        messages=WARM,
        tools=[WEATHER, CLOCK],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
        temperature=0,
        max_tokens=80,
    ) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].finish_reason == "tool_calls"
    assert final.choices[0].message.tool_calls is not None
    [made] = final.choices[0].message.tool_calls
    assert made.function.name == "get_weather"
    assert set(json.loads(made.function.arguments)) == {"city", "unit"}


@pytest.mark.parametrize("choice", ["auto", "none"])
def test_a_tool_that_is_not_forced_may_be_left(
    client: openai.OpenAI, choice: Literal["auto", "none"]
) -> None:
    """With `auto` it is a call or text, never half of both; with `none` it is text."""
    answer = client.chat.completions.create(
        model="auto",
        messages=QUESTION,
        tools=[WEATHER],
        tool_choice=choice,
        temperature=0,
        max_tokens=40,
    ).choices[0]
    if choice == "none" or not answer.message.tool_calls:
        assert answer.message.content
        assert answer.message.tool_calls is None
    assert (answer.finish_reason == "tool_calls") is bool(answer.message.tool_calls)


def test_a_pydantic_model_comes_back_as_one(client: openai.OpenAI) -> None:
    """`parse` sends a strict JSON schema and reads the answer with it."""
    parsed = client.chat.completions.parse(
        model="auto",
        messages=[{"role": "user", "content": "Invent a nurse."}],
        response_format=Person,
        max_tokens=80,
        seed=1,
    )
    assert isinstance(parsed.choices[0].message.parsed, Person)


def test_any_json_object_can_be_asked_for(client: openai.OpenAI) -> None:
    """And a schema that cannot be is the client's BadRequestError."""
    answer = client.chat.completions.create(
        model="auto",
        messages=[{"role": "user", "content": "Describe a cat as JSON with two keys."}],
        response_format={"type": "json_object"},
        temperature=0,
        max_tokens=60,
    )
    content = answer.choices[0].message.content or ""
    assert content.startswith("{")
    assert answer.choices[0].finish_reason == "length" or isinstance(json.loads(content), dict)
    schema: dict[str, object] = {"type": "array", "uniqueItems": True}
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(
            model="auto",
            messages=QUESTION,
            response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
        )
    assert refused.value.code == "invalid_json_schema"
    assert "uniqueItems" in refused.value.message


def test_log_probabilities_come_for_each_token(client: openai.OpenAI) -> None:
    """With alternatives, streamed or not the same."""
    settings: Any = {
        "model": "auto", "messages": QUESTION, "temperature": 0, "max_tokens": 6,
        "logprobs": True, "top_logprobs": 3,
    }  # fmt: skip
    plain = client.chat.completions.create(**settings).choices[0]
    assert plain.logprobs is not None
    tokens = plain.logprobs.content or []
    assert "".join(token.token for token in tokens) == plain.message.content
    assert all(len(token.top_logprobs) == 3 and token.logprob <= 0 for token in tokens)
    streamed = [
        token
        for chunk in client.chat.completions.create(**settings, stream=True)
        if chunk.choices and chunk.choices[0].logprobs
        for token in chunk.choices[0].logprobs.content or []
    ]
    assert [token.token for token in streamed] == [token.token for token in tokens]


def test_choices_seeds_and_stops(client: openai.OpenAI) -> None:
    """Several choices differ, the same seed repeats them, and no stop string gets out."""
    settings: Any = {
        "model": "auto", "messages": [{"role": "user", "content": "Tell me a story."}], "n": 2,
        "temperature": 1.1, "seed": 7, "max_tokens": 16,
    }  # fmt: skip
    first, again = (client.chat.completions.create(**settings) for _ in range(2))
    texts = [choice.message.content for choice in first.choices]
    assert texts == [choice.message.content for choice in again.choices]
    assert texts[0] != texts[1]
    assert first.usage is not None
    assert first.usage.prompt_tokens_details is not None
    whole = client.chat.completions.create(
        model="auto", messages=QUESTION, temperature=0, max_completion_tokens=16
    )
    stopped = client.chat.completions.create(
        model="auto",
        messages=QUESTION,
        temperature=0,
        max_tokens=16,
        stop=[" Paris"],
        logprobs=True,
    )
    text = stopped.choices[0].message.content or ""
    assert "Paris" in (whole.choices[0].message.content or "")
    assert "Paris" not in text
    assert stopped.choices[0].finish_reason == "stop"
    assert stopped.choices[0].logprobs is not None
    assert "".join(told.token for told in stopped.choices[0].logprobs.content or []) == text


def test_embeddings_of_the_device(client: openai.OpenAI) -> None:
    """Vectors of length 1, by the client's default base64 and as floats the same."""
    raw = client.embeddings.with_raw_response.create(
        model="auto", input=["A cat sat on the mat.", "Patient John Miller, MRN 48213377."]
    )
    assert raw.headers["x-nearward-route"] == "local"
    assert raw.headers["x-nearward-data-class"] == "phi"
    packed = raw.parse()
    plain = client.embeddings.create(
        model="auto", input="A cat sat on the mat.", encoding_format="float"
    )
    one, other = packed.data[0].embedding, plain.data[0].embedding
    assert len(one) == len(other) == 576
    assert sum(value * value for value in one) == pytest.approx(1, abs=1e-5)
    assert sum(a * b for a, b in zip(one, other, strict=True)) > 0.9999
    assert packed.usage.prompt_tokens > plain.usage.prompt_tokens
    short = client.embeddings.create(model="auto", input="A cat.", dimensions=64)
    assert len(short.data[0].embedding) == 64
