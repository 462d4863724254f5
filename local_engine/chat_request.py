# SPDX-License-Identifier: Apache-2.0
"""From the JSON body of POST /v1/chat/completions to a `GenerationRequest`, checked by hand.

What OpenAI knows and this engine does not serve is refused by name, unless the value asks for
nothing (no modality but text). Fields that cannot change an answer are ignored. `tenant` and
`nearward_deadline_ms` are the gateway's: it writes them, whatever a caller wrote there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import orjson

from local_engine.engine import GenerationRequest, SamplingParams
from local_engine.errors import (
    InvalidRequestError,
    ModelNotFoundError,
    UnsupportedParameterError,
)
from local_engine.messages import read_messages
from local_engine.profile import ModelProfile
from local_engine.schema import bounded, json_rule
from local_engine.structured import Grammar
from local_engine.tools import ToolUse, described, grammar_of, read_tools

MAX_TENANT_CHARACTERS = 256
MAX_STOPS = 16
MAX_STOP_CHARACTERS = 512
MAX_TOKENS_BOUND = 1_000_000
MAX_N = 16
MAX_DEADLINE_MS = 86_400_000
MAX_BIASES = 1024
LEAST_TEMPERATURE = 1e-6

# Field -> values that ask for nothing.
_UNSUPPORTED: Final[dict[str, tuple[object, ...]]] = {
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
    "web_search_options": (),
    # What other local servers take: a caller's own grammar, and an answer that is begun already.
    "grammar": (),
    "json_schema": (),
    "continue_final_message": (False,),
    "add_generation_prompt": (True,),
}

_LESS_URGENT: Final = -1

Body = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCall:
    """What to generate, and how the answer is to be sent.

    `requests` holds one for each choice; they differ in seed and id. `grammar` is what all of them
    have to follow; it is not part of them yet.
    """

    requests: tuple[GenerationRequest, ...]
    streams: bool
    includes_usage: bool
    grammar: Grammar | None = None
    tools: ToolUse | None = None


def parse_json_object(raw: bytes) -> Body:
    """The body as an object. Raises InvalidRequestError without quoting it."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise InvalidRequestError("The request body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise InvalidRequestError("The request body must be a JSON object.")
    return body


def parse_chat(body: Body, profile: ModelProfile, request_id: str) -> ChatCall:
    """Check a chat completion request. Raises InvalidRequestError and its children."""
    model = body.get("model")
    if model is not None and model != profile.name:
        raise ModelNotFoundError
    _refuse_unsupported(body)
    tools = read_tools(body, is_trained=profile.tools == "hermes")
    rule = _response_rule(body.get("response_format"))
    told = described(tools) if tools is not None else ""
    streams = _flag(body, "stream")
    deadline_ms = whole(body, "nearward_deadline_ms", (1, MAX_DEADLINE_MS), 0)
    first = GenerationRequest(
        request_id=request_id,
        messages=read_messages(body.get("messages"), told, profile.default_system),
        sampling=_sampling(body, profile.sampling),
        max_tokens=_max_tokens(body) or profile.default_max_tokens,
        stop=_stops(body.get("stop")),
        logprobs=_logprobs(body),
        tenant=_tenant(body),
        priority=_priority(body),
        deadline_s=deadline_ms / 1000 if deadline_ms else None,
        first_token_suffices=streams,
    )
    return ChatCall(
        requests=tuple(_choice(first, index) for index in range(whole(body, "n", (1, MAX_N), 1))),
        streams=streams,
        includes_usage=_includes_usage(body, streams),
        grammar=_grammar(tools, rule),
        tools=tools,
    )


def _choice(first: GenerationRequest, index: int) -> GenerationRequest:
    """Choice number `index`: a seed of its own, that of the first one plus its number.

    A stream that the first one has begun in time is not broken off because another is late.
    """
    if index == 0:
        return first
    seed = first.sampling.seed
    return replace(
        first,
        request_id=f"{first.request_id}-{index}",
        sampling=replace(first.sampling, seed=None if seed is None else seed + index),
        deadline_s=None if first.first_token_suffices else first.deadline_s,
    )


def _grammar(tools: ToolUse | None, rule: str | None) -> Grammar | None:
    if tools is not None:
        return Grammar(grammar_of(tools, rule), "tools")
    return None if rule is None else Grammar(f"start: {rule}", "response_format")


def _response_rule(value: object) -> str | None:
    """The grammar's rule for `response_format`; None for plain text."""
    if value is None:
        return None
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(kind, str):
        raise invalid("response_format", "an object with a type")
    if kind == "text":
        return None
    if kind == "json_object":
        # A schema beside it is llama.cpp's way of saying json_schema.
        return json_rule(_object_schema(value.get("schema"), "response_format.schema"))
    if kind != "json_schema":
        raise UnsupportedParameterError("response_format.type")
    holder = value.get("json_schema")
    if not isinstance(holder, dict):
        raise invalid("response_format.json_schema", "an object")
    where = "response_format.json_schema.schema"
    return json_rule(bounded(holder.get("schema", True), where))


def _object_schema(value: object, where: str) -> Body:
    return {"type": "object"} if value is None else bounded(value, where)


def _tenant(body: Body) -> str:
    """Whose request it is: the gateway writes it there, so that no cache is shared."""
    tenant = body.get("tenant", "")
    if not isinstance(tenant, str) or len(tenant) > MAX_TENANT_CHARACTERS:
        raise invalid("tenant", f"a string of at most {MAX_TENANT_CHARACTERS} characters")
    return tenant


def _priority(body: Body) -> int:
    """OpenAI's `service_tier`, which can only lower it: whoever asks for more gets the usual."""
    return _LESS_URGENT if body.get("service_tier") == "flex" else 0


def _refuse_unsupported(body: Body) -> None:
    for name, harmless in _UNSUPPORTED.items():
        value = body.get(name)
        if value is not None and not any(
            type(value) is type(other) and value == other for other in harmless
        ):
            raise UnsupportedParameterError(name)


def invalid(param: str, rule: str) -> InvalidRequestError:
    """What is wrong with a field, without its value."""
    return InvalidRequestError(f"'{param}' must be {rule}.", param=param)


def _stops(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or len(stops) > MAX_STOPS:
        raise invalid("stop", f"a string or a list of at most {MAX_STOPS} strings")
    if any(not isinstance(stop, str) or len(stop) > MAX_STOP_CHARACTERS for stop in stops):
        raise invalid("stop", f"made of strings of at most {MAX_STOP_CHARACTERS} characters")
    return tuple(stop for stop in stops if stop)


def _sampling(body: Body, default: SamplingParams) -> SamplingParams:
    def number(name: str, low: float, high: float, otherwise: float) -> float:
        return _bounded(body, name, (low, high), otherwise)

    return SamplingParams(
        temperature=_heat(number("temperature", 0, 2, default.temperature)),
        top_k=int(whole(body, "top_k", (0, 1_000_000), default.top_k)),
        top_p=number("top_p", 0, 1, default.top_p),
        min_p=number("min_p", 0, 1, default.min_p),
        seed=_seed(body),
        repeat_penalty=number("repeat_penalty", 0.01, 10, default.repeat_penalty),
        presence_penalty=number("presence_penalty", -2, 2, default.presence_penalty),
        frequency_penalty=number("frequency_penalty", -2, 2, default.frequency_penalty),
        logit_bias=_logit_bias(body.get("logit_bias")),
    )


def _heat(temperature: float) -> float:
    """What is nearly 0 is 0: logits over it would be beyond 32-bit floats, the draw senseless."""
    return temperature if temperature >= LEAST_TEMPERATURE else 0.0


def _logit_bias(value: object) -> tuple[tuple[int, float], ...]:
    """Whether the ids are tokens of the model is for the application to look at."""
    if value is None:
        return ()
    if not isinstance(value, dict) or len(value) > MAX_BIASES:
        raise invalid("logit_bias", f"an object of at most {MAX_BIASES} tokens")
    found = []
    for token in value:
        if not token.isascii() or not token.isdigit() or len(token) > 9:
            raise invalid("logit_bias", "an object whose keys are token ids")
        try:
            found.append((int(token), _bounded(value, token, (-100, 100), 0)))
        except InvalidRequestError:
            raise invalid("logit_bias", "made of numbers from -100 to 100") from None
    return tuple(found)


def _logprobs(body: Body) -> int | None:
    top = whole(body, "top_logprobs", (0, 20), 0)
    if _flag(body, "logprobs"):
        return top
    if top:
        raise InvalidRequestError("'top_logprobs' needs 'logprobs': true.", param="top_logprobs")
    return None


def _bounded(body: Body, name: str, bounds: tuple[float, float], otherwise: float) -> float:
    value = body.get(name)
    if value is None:
        return otherwise
    low, high = bounds
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not low <= value <= high:  # type: ignore[arg-type, operator]
        raise invalid(name, f"a number from {low:g} to {high:g}")
    return float(value)  # type: ignore[arg-type]


def whole(body: Body, name: str, bounds: tuple[int, int], otherwise: int) -> int:
    """A whole number, or `otherwise` where the field is absent. Raises InvalidRequestError."""
    value = body.get(name)
    if value is None:
        return otherwise
    low, high = bounds
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise invalid(name, f"a whole number from {low} to {high}")
    return value


def _seed(body: Body) -> int | None:
    if body.get("seed") is None:
        return None
    return whole(body, "seed", (-(2**63), 2**64 - 1), 0)


def _max_tokens(body: Body) -> int | None:
    names = ("max_completion_tokens", "max_tokens")
    given = [whole(body, name, (1, MAX_TOKENS_BOUND), 0) for name in names]
    return next((value for value in given if value), None)


def _flag(body: Body, name: str) -> bool:
    value = body.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise invalid(name, "true or false")
    return value


def _includes_usage(body: Body, streams: bool) -> bool:
    options = body.get("stream_options")
    if options is None:
        return False
    if not streams:
        raise InvalidRequestError("'stream_options' needs 'stream': true.", param="stream_options")
    if not isinstance(options, dict):
        raise invalid("stream_options", "an object")
    return _flag(options, "include_usage")
