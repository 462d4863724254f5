# SPDX-License-Identifier: Apache-2.0
"""From the JSON body of POST /v1/chat/completions to a `GenerationRequest`, checked by hand.

What OpenAI knows and this engine does not serve is refused by name, unless the value asks for
nothing (an empty tool list, n = 1). Fields that cannot change an answer are ignored.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from local_engine.engine import ChatMessage, GenerationRequest, Role, SamplingParams
from local_engine.errors import (
    InvalidRequestError,
    ModelNotFoundError,
    UnsupportedParameterError,
)
from local_engine.profile import ModelProfile

MAX_STOPS = 16
MAX_STOP_CHARACTERS = 512
MAX_MESSAGES = 10_000
MAX_TOKENS_BOUND = 1_000_000

_ROLES: Final = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
}
FEATURES: Final[frozenset[str]] = frozenset()
"""What this engine serves beyond text in and text out, in the words of the gateway's needs."""

# Field -> values that ask for nothing.
_UNSUPPORTED: Final[dict[str, tuple[object, ...]]] = {
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
    "web_search_options": (),
    "n": (1,),
}

Body = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCall:
    """What to generate, and how the answer is to be sent."""

    request: GenerationRequest
    streams: bool
    includes_usage: bool


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
    request = GenerationRequest(
        request_id=request_id,
        messages=_messages(body.get("messages")),
        sampling=_sampling(body, profile.sampling),
        max_tokens=_max_tokens(body) or profile.default_max_tokens,
        stop=_stops(body.get("stop")),
    )
    streams = _flag(body, "stream")
    return ChatCall(request=request, streams=streams, includes_usage=_includes_usage(body, streams))


def _refuse_unsupported(body: Body) -> None:
    for name, harmless in _UNSUPPORTED.items():
        value = body.get(name)
        if value is not None and not any(
            type(value) is type(other) and value == other for other in harmless
        ):
            raise UnsupportedParameterError(name)


def _invalid(param: str, rule: str) -> InvalidRequestError:
    return InvalidRequestError(f"'{param}' must be {rule}.", param=param)


def _messages(value: object) -> tuple[ChatMessage, ...]:
    if not isinstance(value, list) or not value:
        raise _invalid("messages", "a list with at least one message")
    if len(value) > MAX_MESSAGES:
        raise _invalid("messages", f"at most {MAX_MESSAGES} messages")
    return tuple(_message(item, f"messages[{index}]") for index, item in enumerate(value))


def _message(item: object, where: str) -> ChatMessage:
    if not isinstance(item, dict):
        raise _invalid(where, "an object")
    if item.get("tool_calls"):
        raise UnsupportedParameterError(f"{where}.tool_calls")
    role = item.get("role")
    if role in ("tool", "function"):
        raise UnsupportedParameterError(f"{where}.role={role}")
    if not isinstance(role, str) or role not in _ROLES:
        raise _invalid(f"{where}.role", "one of system, developer, user, assistant")
    return ChatMessage(_ROLES[role], _content(item.get("content"), f"{where}.content"))


def _content(value: object, where: str) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise _invalid(where, "a string or a list of text parts")
    return "".join(_part(part, f"{where}[{index}]") for index, part in enumerate(value))


def _part(part: object, where: str) -> str:
    if not isinstance(part, dict):
        raise _invalid(where, "an object")
    if part.get("type") not in ("text", "input_text"):
        raise UnsupportedParameterError(f"{where}.type")
    text = part.get("text")
    if not isinstance(text, str):
        raise _invalid(f"{where}.text", "a string")
    return text


def _stops(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or len(stops) > MAX_STOPS:
        raise _invalid("stop", f"a string or a list of at most {MAX_STOPS} strings")
    if any(not isinstance(stop, str) or len(stop) > MAX_STOP_CHARACTERS for stop in stops):
        raise _invalid("stop", f"made of strings of at most {MAX_STOP_CHARACTERS} characters")
    return tuple(stop for stop in stops if stop)


def _sampling(body: Body, default: SamplingParams) -> SamplingParams:
    def number(name: str, low: float, high: float, otherwise: float) -> float:
        return _bounded(body, name, (low, high), otherwise)

    return SamplingParams(
        temperature=number("temperature", 0, 2, default.temperature),
        top_k=int(_whole(body, "top_k", (0, 1_000_000), default.top_k)),
        top_p=number("top_p", 0, 1, default.top_p),
        min_p=number("min_p", 0, 1, default.min_p),
        seed=_seed(body),
        repeat_penalty=number("repeat_penalty", 0.01, 10, default.repeat_penalty),
        presence_penalty=number("presence_penalty", -2, 2, default.presence_penalty),
        frequency_penalty=number("frequency_penalty", -2, 2, default.frequency_penalty),
    )


def _bounded(body: Body, name: str, bounds: tuple[float, float], otherwise: float) -> float:
    value = body.get(name)
    if value is None:
        return otherwise
    low, high = bounds
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not low <= value <= high:  # type: ignore[arg-type, operator]
        raise _invalid(name, f"a number from {low:g} to {high:g}")
    return float(value)  # type: ignore[arg-type]


def _whole(body: Body, name: str, bounds: tuple[int, int], otherwise: int) -> int:
    value = body.get(name)
    if value is None:
        return otherwise
    low, high = bounds
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _invalid(name, f"a whole number from {low} to {high}")
    return value


def _seed(body: Body) -> int | None:
    if body.get("seed") is None:
        return None
    return _whole(body, "seed", (-(2**63), 2**64 - 1), 0)


def _max_tokens(body: Body) -> int | None:
    names = ("max_completion_tokens", "max_tokens")
    given = [_whole(body, name, (1, MAX_TOKENS_BOUND), 0) for name in names]
    return next((value for value in given if value), None)


def _flag(body: Body, name: str) -> bool:
    value = body.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise _invalid(name, "true or false")
    return value


def _includes_usage(body: Body, streams: bool) -> bool:
    options = body.get("stream_options")
    if options is None:
        return False
    if not streams:
        raise InvalidRequestError("'stream_options' needs 'stream': true.", param="stream_options")
    if not isinstance(options, dict):
        raise _invalid("stream_options", "an object")
    return _flag(options, "include_usage")
