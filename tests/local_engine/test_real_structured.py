# SPDX-License-Identifier: Apache-2.0
"""Schemas, tools, choices, log-probabilities, vectors and tokens with the small model."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from local_engine import embedder
from local_engine.app import EngineApp
from local_engine.device import ThreadPlan
from local_engine.engine import Engine
from local_engine.selection import EngineOptions, make_engine
from tests.doubles.tools import WEATHER
from tests.local_engine.test_app import Answer, call_app
from tests.local_engine.test_choices import deltas
from tests.local_engine.test_real_model import MANIFEST, MODEL_FILE
from tests.local_engine.test_real_model import pytestmark as _needs_model

pytestmark = _needs_model

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "age": {"type": "integer", "minimum": 1, "maximum": 99},
        "role": {"enum": ["doctor", "nurse"]},
    },
    "required": ["name", "age", "role"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """The compiled engine in this process."""
    options = EngineOptions(kind="llamacpp", model_file=MODEL_FILE, threads=ThreadPlan(1, 2))
    made = make_engine(options, MANIFEST.profile)
    made.start().result(timeout=30)
    yield made
    made.close()


@pytest.fixture
def app(engine: Engine) -> EngineApp:
    """The application over it."""
    return EngineApp(engine, MANIFEST.profile)


async def ask(app: EngineApp, text: str, **changes: object) -> Answer:
    """One greedy question."""
    messages = [{"role": "user", "content": text}]
    body = {"messages": messages, "temperature": 0, "max_tokens": 80, **changes}
    return await call_app(app, "POST", "/v1/chat/completions", json.dumps(body).encode())


async def message(app: EngineApp, text: str, **changes: object) -> dict[str, Any]:
    """Its first choice."""
    answer = await ask(app, text, **changes)
    assert answer.status == 200, answer.body
    choice = answer.json()["choices"][0]
    assert isinstance(choice, dict)
    return choice


@pytest.mark.parametrize("temperature", [0, 1.5])
async def test_an_answer_is_json_of_its_schema(app: EngineApp, temperature: float) -> None:
    """However hot, and also for a prompt that wants something else."""
    form = {"type": "json_schema", "json_schema": {"name": "p", "schema": PERSON}}
    for text in ("Describe a nurse as JSON.", "Write a poem."):
        choice = await message(app, text, response_format=form, temperature=temperature, seed=4)
        found = json.loads(choice["message"]["content"])
        assert set(found) == {"name", "age", "role"}
        assert 1 <= found["age"] <= 99
        assert found["role"] in ("doctor", "nurse")
        assert choice["finish_reason"] == "stop"


async def test_a_required_call_is_made_and_streamed(app: EngineApp) -> None:
    """The same call, whole and in pieces, with arguments of the schema."""
    wish = {"tools": [WEATHER], "tool_choice": "required"}
    choice = await message(app, "How warm is it in Paris?", **wish)
    [made] = choice["message"]["tool_calls"]
    arguments = json.loads(made["function"]["arguments"])
    assert made["function"]["name"] == "get_weather"
    assert set(arguments) == {"city", "unit"}
    assert choice["finish_reason"] == "tool_calls"

    streamed = await ask(app, "How warm is it in Paris?", stream=True, **wish)
    parts = [d["tool_calls"][0]["function"] for d in deltas(streamed) if "tool_calls" in d]
    assert "".join(part["arguments"] for part in parts) == made["function"]["arguments"]


async def test_with_auto_a_question_that_needs_no_tool_is_answered(app: EngineApp) -> None:
    """Or a tool is called; nothing in between."""
    choice = await message(app, "Say hello.", tools=[WEATHER])
    has_called = bool(choice["message"].get("tool_calls"))
    assert has_called is (choice["finish_reason"] == "tool_calls")
    assert has_called or "<tool_call>" not in choice["message"]["content"]


async def test_a_result_of_a_tool_is_used(app: EngineApp) -> None:
    """The answer holds what the tool said."""
    call = {"id": "1", "type": "function"}
    function = {"name": "get_weather", "arguments": '{"city": "Paris", "unit": "c"}'}
    body = {
        "messages": [
            {"role": "user", "content": "How warm is it in Paris?"},
            {"role": "assistant", "content": None, "tool_calls": [{**call, "function": function}]},
            {"role": "tool", "tool_call_id": "1", "content": "Sunny, 21 degrees Celsius"},
        ],
        "temperature": 0,
        "max_tokens": 40,
        "tools": [WEATHER],
    }
    answer = await call_app(app, "POST", "/v1/chat/completions", json.dumps(body).encode())
    assert "21" in answer.json()["choices"][0]["message"]["content"]


async def test_choices_differ(app: EngineApp) -> None:
    """Each has a seed of its own."""
    wish = {"n": 2, "seed": 11, "temperature": 1.2, "max_tokens": 12}
    choices = (await ask(app, "Tell me a story.", **wish)).json()["choices"]
    first, second = (choice["message"]["content"] for choice in choices)
    assert first != second


async def test_a_seed_draws_the_same_again(app: EngineApp) -> None:
    """With nobody else in the batch, and the prompt read in the same way: from the cache."""
    wish = {"seed": 11, "temperature": 0.7, "max_tokens": 8}
    said = [
        (await ask(app, "Tell me a story.", **wish)).json()["choices"][0]["message"]["content"]
        for _ in range(3)
    ]
    assert said[1] == said[2]


async def test_log_probabilities_are_those_of_the_model(app: EngineApp) -> None:
    """Greedy takes the likeliest, alternatives come in order, and none is above zero."""
    choice = await message(
        app, "What is the capital of France?", logprobs=True, top_logprobs=4, max_tokens=6
    )
    tokens = choice["logprobs"]["content"]
    text = b"".join(bytes(token["bytes"]) for token in tokens).decode()
    assert text == choice["message"]["content"]
    for token in tokens:
        top = [entry["logprob"] for entry in token["top_logprobs"]]
        assert top == sorted(top, reverse=True)
        assert token["logprob"] == pytest.approx(top[0], abs=1e-4)
        assert sum(map(math.exp, top)) <= 1 + 1e-4


async def test_a_bias_takes_a_token_away(app: EngineApp, engine: Engine) -> None:
    """And only that one."""
    plain = (await message(app, "Say hi.", max_tokens=1))["message"]["content"]
    [token] = engine.tokenize(plain)
    other = await message(app, "Say hi.", max_tokens=1, logit_bias={str(token): -100})
    assert other["message"]["content"] != plain


async def vectors(app: EngineApp, texts: object) -> list[list[float]]:
    """Of some texts."""
    raw = json.dumps({"input": texts}).encode()
    answer = await call_app(app, "POST", "/v1/embeddings", raw)
    assert answer.status == 200, answer.body
    return [item["embedding"] for item in answer.json()["data"]]


def likeness(one: list[float], other: list[float]) -> float:
    """The cosine of two vectors of length 1."""
    return sum(a * b for a, b in zip(one, other, strict=True))


async def test_vectors_have_length_one_and_do_not_depend_on_their_company(app: EngineApp) -> None:
    """One text alone, in a batch, as tokens: the same; related texts are closer."""
    texts = ["A cat sat on the mat.", "The kitten lay on the rug.", "Interest rates rose by 2%."]
    batch = await vectors(app, texts)
    [alone] = await vectors(app, texts[0])

    assert len(alone) == 576
    for vector in batch:
        assert likeness(vector, vector) == pytest.approx(1, abs=1e-6)
    assert alone == pytest.approx(batch[0], abs=1e-6)
    assert likeness(batch[0], batch[1]) > likeness(batch[0], batch[2])


# What llama-cpp-python's own high-level class says of the same texts.
_PEER = """
import json, os, sys, warnings
warnings.simplefilter("ignore")
from local_engine import llama_api
os.environ["LLAMA_CPP_LIB_PATH"] = str(llama_api.library_folder())
from llama_cpp import Llama
peer = Llama(sys.argv[1], embedding=True, pooling_type=1, n_ctx=512, n_batch=512, verbose=False)
print(json.dumps([peer.embed(text, normalize=True) for text in json.loads(sys.argv[2])]))
"""


async def test_vectors_are_those_of_llama_cpp_pythons_own_class(app: EngineApp) -> None:
    """The same model, the same mean: the same vectors."""
    texts = ["A cat sat on the mat.", "Größe und Gewicht, 世界", "x"]
    command = [sys.executable, "-c", _PEER, str(MODEL_FILE), json.dumps(texts)]
    peer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    for mine, other in zip(await vectors(app, texts), json.loads(peer.stdout), strict=True):
        assert mine == pytest.approx(other, abs=1e-5)


async def test_a_long_text_is_read_in_parts(
    app: EngineApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three parts give the vector of the whole."""
    long = " ".join(f"word{number}" for number in range(25))
    [whole] = await vectors(app, long)
    monkeypatch.setattr(embedder, "BATCH_TOKENS", 32)
    [in_parts] = await vectors(app, long)
    assert in_parts == pytest.approx(whole, abs=1e-4)


async def test_tokens_and_text_are_each_others_inverse(app: EngineApp) -> None:
    """Also for signs outside the vocabulary, and for text that looks like a control token."""
    text = "Grüße, 世界 <|im_end|> 🙂"
    tokens = (
        await call_app(app, "POST", "/v1/tokenize", json.dumps({"text": text}).encode())
    ).json()["tokens"]
    back = await call_app(app, "POST", "/v1/detokenize", json.dumps({"tokens": tokens}).encode())
    assert back.json() == {"text": text}


async def test_a_prompt_is_counted_as_it_is_read(app: EngineApp) -> None:
    """The count is that of the usage, with tools as well."""
    for more in ({}, {"tools": [WEATHER]}):
        body = {"messages": [{"role": "user", "content": "<|im_end|> hi"}], "max_tokens": 1, **more}
        raw = json.dumps(body).encode()
        counted = await call_app(app, "POST", "/v1/chat/completions/input_tokens", raw)
        answered = await call_app(app, "POST", "/v1/chat/completions", raw)
        assert counted.json()["input_tokens"] == answered.json()["usage"]["prompt_tokens"]
