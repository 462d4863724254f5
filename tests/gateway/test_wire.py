# SPDX-License-Identifier: Apache-2.0
"""The border of chat requests: types, limits, steering fields, media; and silence about values."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.limits import Json
from gateway.wire import STEERING_FIELDS, chat_schema, parse_chat
from tests.gateway.fakes import chat_body, chat_request

CANARY = "Zebrafink-7731"


def refused(body: Json) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        parse_chat(body, 1)
    return caught.value


def with_content(*parts: Any) -> Json:
    return chat_body(messages=[{"role": "user", "content": list(parts)}])


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def values(*given: Any) -> tuple[Any, ...]:
    return given


WRONG: list[tuple[str, Json]] = [
    *(("model", chat_body(model=v)) for v in values("", "m" * 257, 5, None, ["auto"], True)),
    ("model", {"messages": [{"role": "user", "content": "x"}]}),
    ("messages", {"model": "auto"}),
    *(("messages", chat_body(messages=v)) for v in values([], None, "x", {"role": "user"}, 5)),
    ("messages", chat_body(messages=[{"role": "user", "content": "x"}] * 2049)),
    *(("messages.0", chat_body(messages=[v])) for v in values("x", None, 5, [])),
    ("messages.0.role", chat_body(messages=[{"content": "x"}])),
    *(
        ("messages.0.role", chat_body(messages=[{"role": v}]))
        for v in values("root", "", None, 1, [])
    ),
    *(
        (
            "messages.1.content",
            chat_body(messages=[{"role": "user"}, {"role": "user", "content": v}]),
        )
        for v in values(5, True, {"type": "text"}, 1.5)
    ),
    *(("messages.0.content.0", with_content(v)) for v in values("x", None, 5, [])),
    ("messages.0.content.0.type", with_content({"text": "x"})),
    ("messages.0.content.0.type", with_content({"type": 5})),
    ("messages.0.content.0.text", with_content({"type": "text", "text": 5})),
    ("messages.0.name", chat_body(messages=[{"role": "user", "name": 5}])),
    ("messages.0.tool_calls", chat_body(messages=[{"role": "assistant", "tool_calls": "x"}])),
    (
        "messages.0.tool_calls.0.id",
        chat_body(messages=[{"role": "assistant", "tool_calls": [{"type": "function"}]}]),
    ),
    (
        "messages.0.tool_calls.0.function.arguments",
        chat_body(
            messages=[
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {}}}],
                }
            ]
        ),
    ),
    *(("stream", chat_body(stream=v)) for v in values("true", 1, [], 0)),
    *(("stream_options", chat_body(stream_options=v)) for v in values("x", [], 5)),
    ("stream_options.include_usage", chat_body(stream_options={"include_usage": "yes"})),
    *(("max_tokens", chat_body(max_tokens=v)) for v in values(-1, 0, 10**9, "5", 1.0, True, [])),
    *(
        ("max_completion_tokens", chat_body(max_completion_tokens=v))
        for v in values(-1, 10**7, "5")
    ),
    *(("temperature", chat_body(temperature=v)) for v in values(-0.1, 2.1, "1", True, [])),
    *(("top_p", chat_body(top_p=v)) for v in values(-0.1, 1.1, "1")),
    *(("n", chat_body(n=v)) for v in values(0, 129, 10**9, "1", 1.5)),
    *(("seed", chat_body(seed=v)) for v in values("1", 1.8446744073709552e19)),
    *(("stop", chat_body(stop=v)) for v in values(5, ["x"] * 17, [5], {"a": 1})),
    *(("tools", chat_body(tools=v)) for v in values("x", [5], [{}] * 129, {"a": 1})),
    *(
        ("metadata", chat_body(metadata=v))
        for v in values("x", [1], {"a": 1}, {"a": None}, {"a": {}})
    ),
    *(("logit_bias", chat_body(logit_bias=v)) for v in values("x", {"1": "x"}, [1])),
    ("logit_bias", chat_body(logit_bias={str(i): 1 for i in range(1025)})),
    *(("user", chat_body(user=v)) for v in values(5, ["x"], {})),
    *(("store", chat_body(store=v)) for v in values("true", 1)),
]


@pytest.mark.parametrize(("field", "body"), WRONG)
def test_wrong_type_names_the_field(field: str, body: Json) -> None:
    """Each wrong type, range or absence is a BadRequest whose `param` leads to the field."""
    error = refused(body)

    assert error.param is not None
    assert error.param == field or error.param.startswith(field + ".")
    assert error.message.startswith(field)
    assert error.code == "invalid_request"


def poisoned(value: Any, canary: Any, path: tuple[int, ...]) -> Any:
    """`value` with the canary put at the place that `path` leads to."""
    if not path or not isinstance(value, dict | list) or not value:
        return canary
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = keys[path[0] % len(keys)]
    copy = value.copy()
    copy[key] = poisoned(value[key], canary, path[1:])
    return copy


FULL = chat_body(
    messages=[
        {"role": "system", "content": [{"type": "text", "text": "x"}, IMAGE]},
        {"role": "user", "content": "x", "name": "n"},
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": ""}}
            ],
        },
    ],
    stream=True,
    stream_options={"include_usage": True},
    max_tokens=5,
    temperature=1.0,
    n=1,
    seed=1,
    stop=["x"],
    tools=[{"type": "function"}],
    metadata={"a": "b"},
    logit_bias={"5": 1},
    user="u",
    store=False,
)
CANARIES = st.sampled_from(
    [
        CANARY,
        [CANARY],
        {CANARY: CANARY},
        {"type": CANARY},
        {"url": CANARY},
        {"role": CANARY, "content": CANARY},
        [{"role": "user", "content": {CANARY: CANARY}}],
        [{"type": "image_url", "image_url": {"url": "https://" + CANARY}}],
        CANARY * 100,
    ]
)


@given(CANARIES, st.lists(st.integers(0, 20), min_size=1, max_size=6).map(tuple))
def test_an_error_never_quotes_the_caller(canary: Any, path: tuple[int, ...]) -> None:
    """Wherever a value or made-up key stands in a bad body, no error shows it."""
    try:
        parse_chat(poisoned(FULL, canary, path), 1)
    except BadRequest as error:
        shown = f"{error.message} {error.param} {error.code} {error.args!r}"
        assert CANARY not in shown
        assert error.__cause__ is None


def test_the_full_body_is_good() -> None:
    """The body that the canary test spoils is accepted unspoilt, so its errors are the canary's."""
    assert parse_chat(FULL, 1).has_media


@pytest.mark.parametrize("field", sorted(STEERING_FIELDS))
@pytest.mark.parametrize("value", ["https://evil.example", None, {}, []])
def test_steering_fields_are_refused(field: str, value: object) -> None:
    """Whatever would choose destination or key is refused by name, with any value."""
    error = refused(chat_body() | {field: value})

    assert (error.code, error.param) == ("unsupported_parameter", field)
    assert refused(chat_body() | {field.title(): value}).code == "unsupported_parameter"


@pytest.mark.parametrize("field", sorted(STEERING_FIELDS))
def test_steering_fields_are_refused_in_metadata(field: str) -> None:
    """The same in metadata, where other gateways look too."""
    error = refused(chat_body(metadata={field: "x"}))

    assert (error.code, error.param) == ("unsupported_parameter", f"metadata.{field}")


@pytest.mark.parametrize(
    "url",
    [
        *("https://a.example/x.png", "http://169.254.169.254/latest", "http://[::1]/"),
        *("file:///etc/passwd", "gopher://a", "//a.example/x", "DATA:image/png;base64,AA"),
        *(" data:image/png;base64,AA", "", "http://2130706433/", "https:\\@a.example", "x"),
        *(5, None.__class__, ["data:x"]),
    ],
)
@pytest.mark.parametrize("kind", ["image_url", "video_url"])
def test_remote_media_is_refused(kind: str, url: object) -> None:
    """Only data: URLs are media; nothing that anyone would have to fetch."""
    value = {"url": url} if url is not type(None) else "https://a.example"

    error = refused(with_content({"type": kind, kind: value}))

    assert (error.code, error.param) == ("remote_media_refused", kind)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": "https://a.example/x.png"},
        {"type": "file", "file": {"file_data": "https://a.example/x.pdf"}},
        {"type": "file", "file": {"file_url": "https://a.example/x.pdf"}},
        {"type": "file", "file": {"file_id": "https://a.example/x.pdf"}},
        {"type": "input_audio", "input_audio": {"data": "gs://bucket/x"}},
        {"type": "text", "text": "x", "image_url": {"url": "https://a.example/x.png"}},
        {**IMAGE, "video_url": {"url": "https://a.example/x.png"}},
        {"type": "image_url", "image_url": {"url": "data:,", "detail": "http://a.example"}},
    ],
)
def test_remote_media_is_found_wherever_it_stands(part: Json) -> None:
    """Other fields of a part, and other parts' fields, are no way round."""
    assert refused(with_content({"type": "text", "text": "x"}, part)).code == "remote_media_refused"


@pytest.mark.parametrize(
    "part",
    [
        IMAGE,
        {"type": "image_url", "image_url": "data:image/png;base64,AAAA"},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {
            "type": "file",
            "file": {"filename": "x.pdf", "file_data": "data:application/pdf;base64,A"},
        },
    ],
)
def test_inline_media_is_media(part: Json) -> None:
    """Data that came along is accepted and counts as media."""
    assert parse_chat(with_content({"type": "text", "text": "x"}, part), 1).has_media
    assert parse_chat(with_content(part, {"type": "text", "text": "x"}), 1).has_media


def test_text_parts_are_no_media() -> None:
    """Text and refusals are text, also with an address in it."""
    request = parse_chat(
        with_content({"type": "text", "text": "see https://a.example"}, {"type": "refusal"}), 1
    )

    assert not request.has_media


@pytest.mark.parametrize("kind", ["tool_use", "audio_url", "image", "document", ""])
def test_unknown_parts_are_refused(kind: str) -> None:
    """A part that the detectors do not know is not passed on."""
    assert refused(with_content({"type": kind})).code == "unsupported_content_part"


def test_fields_of_a_request() -> None:
    """What the rest of the gateway reads of a request."""
    request = chat_request(
        model="gpt-4o",
        messages=[
            {"role": "user", "content": "first"},
            {"role": "assistant", "content": None},
            {"role": "user", "content": [{"type": "text", "text": "a"}, IMAGE, {"type": "text"}]},
            {"role": "tool", "content": "result"},
        ],
        stream=True,
        stream_options={"include_usage": True},
        metadata={"k": "v"},
        functions=[{}],
    )

    assert (request.model, request.stream, request.wants_usage) == ("gpt-4o", True, True)
    assert request.question == "a"
    assert (request.metadata, request.has_media, request.has_tools) == ({"k": "v"}, True, True)


def test_absent_is_absent() -> None:
    """A minimal request wishes for nothing."""
    request = chat_request(messages=[{"role": "system", "content": "x"}], stream_options=None)

    assert (request.stream, request.wants_usage, request.question) == (False, False, "")
    assert (request.metadata, request.has_media, request.has_tools) == ({}, False, False)
    assert chat_request(messages=[{"role": "user"}]).question == ""


PLACES = [
    chat_body(CANARY),
    chat_body(user=CANARY),
    chat_body(metadata={"note": CANARY}),
    chat_body(metadata={CANARY: "x"}),
    chat_body(stop=[CANARY]),
    chat_body(tools=[{"function": {"description": CANARY, "parameters": {"properties": {}}}}]),
    chat_body(tools=[{"function": {"parameters": {"properties": {CANARY: {}}}}}]),
    chat_body(response_format={"json_schema": {"schema": {"enum": [CANARY]}}}),
    chat_body(messages=[{"role": "tool", "tool_call_id": CANARY, "content": "x"}]),
    chat_body(messages=[{"role": "user", "content": "x", "name": CANARY}]),
    chat_body(messages=[{"role": "assistant", "audio": {"id": CANARY}}]),
    chat_body(prediction={"content": CANARY}),
    chat_body() | {CANARY: 1},
    with_content({"type": "text", "text": CANARY}),
    with_content({"type": "file", "file": {"filename": CANARY}}),
]


@pytest.mark.parametrize("body", PLACES)
def test_no_field_hides_from_the_detector(body: Json) -> None:
    """Text in any field of the API, or in one that we do not know, is in what is judged."""
    assert CANARY in parse_chat(orjson.loads(orjson.dumps(body)), 1).text


def test_model_name_is_not_judged() -> None:
    """The model is a name from a closed list, not text."""
    assert CANARY not in chat_request(model=CANARY).text


def test_schema_is_self_contained() -> None:
    """The API document's schema refers only to parts that come with it."""
    schema = chat_schema()
    text = orjson.dumps(schema).decode()

    for name in schema["$defs"]:
        assert f"#/components/schemas/{name}" in text
    assert "#/$defs" not in text
    assert {"model", "messages"} <= set(schema["required"])
