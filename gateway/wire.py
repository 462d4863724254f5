# SPDX-License-Identifier: Apache-2.0
"""Bytes to a typed request: what OpenAI's chat completions API accepts, and nothing that steers us.

What is judged is what is sent: the privacy signal reads every string of the parsed body, and
upstream gets that parsed body serialised again, never the caller's bytes. So an odd
escape cannot show one text to the detector and another to the cloud.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from gateway.errors import BadRequest
from gateway.limits import Json
from gateway.texts import API_WORDS, holds_media_url, strings, walk

# Fields that other gateways obey and that would let a caller choose where data goes, or with
# whose key (SSRF and key theft, e.g. CVE-2024-6587). Refused by name, at the top level and in
# `metadata`, so that nobody believes they had an effect.
STEERING_FIELDS = frozenset(
    {
        *("api_base", "api_key", "api_type", "api_version", "base_url", "deployment_id"),
        *("custom_llm_provider", "model_list", "router", "organization", "proxy", "headers"),
        *("extra_headers", "extra_body", "fallbacks", "context_window_fallbacks", "num_retries"),
        *("callbacks", "success_callback", "failure_callback", "mock_response"),
        *("litellm_params", "azure_endpoint", "region_name", "aws_region_name", "vertex_location"),
        # Routers behind a destination would take these as leave to go on to others.
        *("models", "route", "provider", "plugins", "transforms"),
    }
)
_TEXT_PARTS = frozenset({"text", "refusal"})
_MEDIA_PARTS = frozenset({"image_url", "input_audio", "file", "video_url"})
# Fields in which a name like "file" is a word and no file: schemas, labels, the voice to answer in.
_WORDS_ONLY = frozenset(
    {
        *("tools", "functions", "tool_choice", "function_call", "response_format"),
        *("metadata", "audio", "modalities"),
    }
)
# A URL shows its scheme in this many characters; base64 has no colon.
_SCHEME_CHARS = 64
# Names of fields that may stand in an error besides API_WORDS.
_PUBLIC_STEPS = API_WORDS | {"id", "input", "encoding_format", "dimensions"}
# OpenAI's own limit; it also bounds what validation costs.
_MOST_MESSAGES = 2048


# Typed dictionaries rather than models: they are checked in place, which is three times as fast.
_BORDER = ConfigDict(extra="allow", strict=True)


class _ToolCallFunction(TypedDict):
    __pydantic_config__ = _BORDER  # type: ignore[misc]
    name: str
    arguments: str


class _ToolCall(TypedDict):
    __pydantic_config__ = _BORDER  # type: ignore[misc]
    id: str
    type: NotRequired[str]
    function: NotRequired[_ToolCallFunction | None]


class _Part(TypedDict):
    __pydantic_config__ = _BORDER  # type: ignore[misc]
    type: str
    text: NotRequired[str | None]


class _Message(TypedDict):
    __pydantic_config__ = _BORDER  # type: ignore[misc]
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: NotRequired[str | list[_Part] | None]
    name: NotRequired[str | None]
    tool_calls: NotRequired[list[_ToolCall] | None]


class _StreamOptions(TypedDict):
    __pydantic_config__ = _BORDER  # type: ignore[misc]
    include_usage: NotRequired[bool | None]


class _Typed(TypedDict):
    __pydantic_config__ = _BORDER  # type: ignore[misc]
    type: NotRequired[str | None]


class _ChatBody(TypedDict):
    __pydantic_config__ = _BORDER  # type: ignore[misc]
    model: Annotated[str, Field(min_length=1, max_length=256)]
    messages: Annotated[list[_Message], Field(min_length=1, max_length=_MOST_MESSAGES)]
    stream: NotRequired[bool | None]
    stream_options: NotRequired[_StreamOptions | None]
    max_tokens: NotRequired[Annotated[int, Field(ge=1, le=1_000_000)] | None]
    max_completion_tokens: NotRequired[Annotated[int, Field(ge=1, le=1_000_000)] | None]
    temperature: NotRequired[Annotated[float, Field(ge=0, le=2)] | None]
    top_p: NotRequired[Annotated[float, Field(ge=0, le=1)] | None]
    n: NotRequired[Annotated[int, Field(ge=1, le=128)] | None]
    seed: NotRequired[int | None]
    stop: NotRequired[str | Annotated[list[str], Field(max_length=16)] | None]
    tools: NotRequired[Annotated[list[_Typed], Field(max_length=128)] | None]
    response_format: NotRequired[_Typed | None]
    modalities: NotRequired[Annotated[list[str], Field(max_length=16)] | None]
    metadata: NotRequired[dict[str, str] | None]
    logit_bias: NotRequired[Annotated[dict[str, float], Field(max_length=1024)] | None]
    user: NotRequired[str | None]
    store: NotRequired[bool | None]


_CHAT_BODY = TypeAdapter(_ChatBody)
_KNOWN_FIELDS = frozenset(_ChatBody.__annotations__)


class ChatRequest(NamedTuple):
    """A request that passed the border: a chat completion, or another of the API's `endpoint`s.

    `body` is the parsed JSON object, `text` every string in it joined by newlines (keys too,
    `model` excepted), `question` the text of the user's last turn. `has_tokens`: some of it came
    as token ids, which no detector reads.
    """

    body: Json
    model: str
    stream: bool
    wants_usage: bool
    text: str
    question: str
    metadata: dict[str, str]
    has_media: bool
    has_tools: bool
    body_bytes: int
    endpoint: Literal["chat", "embeddings"] = "chat"
    has_tokens: bool = False


def parse_chat(body: Json, body_bytes: int) -> ChatRequest:
    """A ChatRequest from a bounded JSON object; BadRequest names the field that is wrong."""
    refuse_steering(body, _KNOWN_FIELDS)
    try:
        _CHAT_BODY.validator.validate_python(body)
    except ValidationError as error:
        raise as_bad_request(error) from None
    messages = body["messages"]
    rest = {k: v for k, v in body.items() if k != "model" and k not in _WORDS_ONLY}
    texts, names_media = walk(rest)
    if len(rest) + 1 < len(body):
        texts += strings({k: body[k] for k in _WORDS_ONLY.intersection(body)})
    text = "\n".join(texts)
    return ChatRequest(
        body=body,
        model=body["model"],
        stream=bool(body.get("stream")),
        wants_usage=bool((body.get("stream_options") or {}).get("include_usage")),
        text=text,
        question=_last_user_text(messages),
        metadata=body.get("metadata") or {},
        has_media=_holds_media(messages) or names_media or holds_media_url(text),
        has_tools=bool(body.get("tools") or body.get("functions")),
        body_bytes=body_bytes,
    )


def refuse_steering(body: Json, known: frozenset[str]) -> None:
    """Raises BadRequest for a field that other gateways obey; `known` fields are not looked at."""
    metadata = body.get("metadata")
    for where, fields in (("", body), ("metadata.", metadata)):
        if not isinstance(fields, dict) or fields.keys() <= known:
            continue
        for field in STEERING_FIELDS.intersection(map(str.lower, fields.keys() - known)):
            raise BadRequest(
                f"the field {where}{field} is not accepted: the operator sets the destinations",
                code="unsupported_parameter",
                param=f"{where}{field}",
            )


def as_bad_request(error: ValidationError) -> BadRequest:
    """What is wrong and where, without the value."""
    faults = error.errors(include_input=False, include_url=False, include_context=False)
    places = [".".join(_public_location(fault["loc"])) for fault in faults]
    # Of a field that may be text or a list, the fault that leads deepest is the caller's.
    inside = [i for i, place in enumerate(places) if place.startswith(places[0])]
    worst = max(inside, key=lambda i: len(faults[i]["loc"]))
    is_model = faults[worst]["type"] == "model_type"
    what = "Input should be an object" if is_model else faults[worst]["msg"]
    return BadRequest(f"{places[worst]}: {what}", param=places[worst])


def _public_location(location: tuple[int | str, ...]) -> Iterator[str]:
    """The path to the fault without keys that the caller made up: they may hold anything."""
    for step in location:
        if isinstance(step, int) or step in _PUBLIC_STEPS:
            yield str(step)


def _holds_media(messages: list[Json]) -> bool:
    # All of them are looked at: it also refuses.
    return any([_has_media_part(message) for message in messages])  # noqa: C419


def _has_media_part(message: Json) -> bool:
    content = message.get("content")
    if not isinstance(content, list):
        return False
    media = False
    for part in content:
        kind = part["type"]
        if kind not in _TEXT_PARTS | _MEDIA_PARTS:
            raise BadRequest(
                "unknown type of content part", code="unsupported_content_part", param="type"
            )
        # Whatever the part calls itself: who gets it may look at the other fields.
        _refuse_remote(part)
        media = media or kind in _MEDIA_PARTS
    return media


def _refuse_remote(part: Json) -> None:
    """A URL would make someone fetch it (SSRF), and tells its host who asked."""
    for kind in sorted(_MEDIA_PARTS & part.keys()):
        holder = part[kind]
        url = holder.get("url") if isinstance(holder, dict) else holder
        is_inline = url is None or (isinstance(url, str) and url.startswith("data:"))
        if not is_inline or any("://" in text[:_SCHEME_CHARS] for text in strings(holder)):
            raise BadRequest(
                "media must be inline as a data: URL; nearward fetches no remote media",
                code="remote_media_refused",
                param=kind,
            )


def _last_user_text(messages: list[Json]) -> str:
    for message in reversed(messages):
        if message["role"] == "user":
            content = message.get("content")
            if isinstance(content, list):
                return "\n".join(p["text"] for p in content if isinstance(p.get("text"), str))
            return content or ""
    return ""


def chat_schema() -> dict[str, Any]:
    """The JSON schema of a chat request, for the API document; its parts are under `$defs`."""
    return _CHAT_BODY.json_schema(ref_template="#/components/schemas/{model}")
