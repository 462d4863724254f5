# SPDX-License-Identifier: Apache-2.0
"""The official OpenAI client against `nearward serve` with the real model."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.doubles.served import KEY, Served, served

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
    assert chunks[-1].usage == plain.usage


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
