# SPDX-License-Identifier: Apache-2.0
"""Bytes to a typed request for embeddings, by the rules of wire.py.

An input may be text, or token ids of a vocabulary that the caller does not name. Nobody can read
those without it, so such a request is of unknown class (signals/reading.py).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from gateway.errors import BadRequest
from gateway.limits import Json
from gateway.texts import holds_media_url, strings, walk
from gateway.wire import ChatRequest, as_bad_request, refuse_steering

_MOST_INPUTS = 2048  # OpenAI's own limit
_Tokens = Annotated[list[int], Field(min_length=1)]
_Texts = Annotated[list[str | _Tokens], Field(min_length=1, max_length=_MOST_INPUTS)]


class _EmbeddingsBody(TypedDict):
    __pydantic_config__ = ConfigDict(extra="allow", strict=True)  # type: ignore[misc]
    model: Annotated[str, Field(min_length=1, max_length=256)]
    input: str | _Tokens | _Texts
    encoding_format: NotRequired[Literal["float", "base64"] | None]
    dimensions: NotRequired[Annotated[int, Field(ge=1, le=1 << 20)] | None]
    user: NotRequired[str | None]
    metadata: NotRequired[dict[str, str] | None]


_BODY = TypeAdapter(_EmbeddingsBody)
_KNOWN_FIELDS = frozenset(_EmbeddingsBody.__annotations__)


def parse_embeddings(body: Json, body_bytes: int) -> ChatRequest:
    """A request from a bounded JSON object; BadRequest names the field that is wrong."""
    refuse_steering(body, _KNOWN_FIELDS)
    if not _is_input(body.get("input")):
        raise BadRequest(
            f"input: must be a text, tokens, or a list of 1 to {_MOST_INPUTS} of either",
            param="input",
        )
    try:
        _BODY.validator.validate_python(body)
    except ValidationError as error:
        raise as_bad_request(error) from None
    value = body["input"]
    texts, names_media = walk({k: v for k, v in body.items() if k not in ("model", "input")})
    text = "\n".join(strings(value) + texts)
    return ChatRequest(
        body=body,
        model=body["model"],
        stream=False,
        wants_usage=False,
        text=text,
        question="",
        metadata=body.get("metadata") or {},
        has_media=names_media or holds_media_url(text),
        has_tools=False,
        body_bytes=body_bytes,
        endpoint="embeddings",
        has_tokens=isinstance(value, list) and any(not isinstance(item, str) for item in value),
    )


def _is_input(value: object) -> bool:
    """By hand: pydantic would report every member of the union for every item."""
    if isinstance(value, str) or _is_tokens(value):
        return True
    return (
        isinstance(value, list)
        and 1 <= len(value) <= _MOST_INPUTS
        and all(isinstance(item, str) or _is_tokens(item) for item in value)
    )


def _is_tokens(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(type(item) is int for item in value)


def embeddings_schema() -> dict[str, Any]:
    """The JSON schema of a request, for the API document."""
    return _BODY.json_schema(ref_template="#/components/schemas/{model}")
