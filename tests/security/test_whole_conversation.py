# SPDX-License-Identifier: Apache-2.0
"""The whole conversation is judged: no field of a request hides a text, an identifier or media."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.signals.privacy import Detector
from gateway.wire import ChatRequest, parse_chat
from policies import DataClass, Facts, Findings, decide
from tests.gateway.fakes import TODAY, open_policy

_POLICY = open_policy("c1", pack="hipaa")
_detector = cache(Detector)

# A request in which every field of the chat API stands once. "?" marks where a text may stand.
EVERY_FIELD: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "?", "name": "?"},
        {"role": "developer", "content": [{"type": "text", "text": "?"}]},
        {"role": "user", "content": [{"type": "text", "text": "?", "note": "?"}], "name": "?"},
        {
            "role": "assistant",
            "content": "?",
            "refusal": "?",
            "annotations": [{"url_citation": {"title": "?", "start_index": 1}}],
            "function_call": {"name": "?", "arguments": "?"},
            "tool_calls": [
                {
                    "id": "?",
                    "type": "function",
                    "function": {"name": "?", "arguments": '{"query": "?"}'},
                    "custom": {"name": "?", "input": "?"},
                }
            ],
        },
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "?"}]},
        {"role": "tool", "tool_call_id": "?", "content": '{"rows": [["?"]]}'},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "?"}]},
        {"role": "function", "name": "?", "content": "?"},
        {"role": "user", "content": "Go on."},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "?",
                "description": "?",
                "parameters": {
                    "type": "object",
                    "description": "?",
                    "properties": {"?": {"type": "string", "enum": ["?"], "default": "?"}},
                    "required": ["?"],
                },
            },
        },
        {"type": "custom", "custom": {"name": "?", "format": {"grammar": {"definition": "?"}}}},
    ],
    "functions": [{"name": "?", "description": "?", "parameters": {"title": "?"}}],
    "tool_choice": {"type": "function", "function": {"name": "?"}},
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "?", "description": "?", "schema": {"const": "?"}},
    },
    "metadata": {"note": "?", "?": "x", "nearward_purpose": "?"},
    "prediction": {"type": "content", "content": [{"type": "text", "text": "?"}]},
    "web_search_options": {"user_location": {"approximate": {"city": "?", "region": "?"}}},
    "stop": ["?"],
    "user": "?",
    "safety_identifier": "?",
    "prompt_cache_key": "?",
    "service_tier": "?",
    "logit_bias": {"50256": -100},
    "field_of_tomorrow": {"deep": [{"?": ["?", {"er": "?"}]}], "mrn_or_so": "?"},
    "?": 1,
}

Path = tuple[str | int, ...]
_KEY = "key"


def places(value: Any, at: Path = ()) -> list[Path]:
    """Where "?" stands: the path to it; of a key, the path to it with `_KEY` behind."""
    if isinstance(value, dict):
        found = [(*at, k, _KEY) for k in value if k == "?"]
        return found + [p for k, child in value.items() for p in places(child, (*at, k))]
    if isinstance(value, list):
        return [p for n, child in enumerate(value) for p in places(child, (*at, n))]
    return [at] if isinstance(value, str) and "?" in value else []


PLACES = places(EVERY_FIELD)


def planted(place: Path, text: str) -> dict[str, Any]:
    """The request with `text` in one place, and a harmless word in all others."""
    body = copy.deepcopy(EVERY_FIELD)
    holder: Any = body
    *way, last = place[:-1] if place[-1] == _KEY else place
    for step in way:
        holder = holder[step]
    if place[-1] == _KEY:
        holder[text] = holder.pop("?")
    else:
        inner = text if holder[last] == "?" else json.dumps(text)[1:-1]
        holder[last] = holder[last].replace("?", inner)
    return {"model": "auto", **_without_marks(body)}


def _without_marks(value: Any) -> Any:
    if isinstance(value, dict):
        return {k.replace("?", "x"): _without_marks(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_without_marks(v) for v in value]
    return value.replace("?", "x") if isinstance(value, str) else value


def parsed(body: dict[str, Any]) -> ChatRequest:
    """The request as the gateway would have it, from its bytes."""
    data = json.dumps(body)
    return parse_chat(json.loads(data), len(data))


def class_of(request: ChatRequest) -> DataClass:
    """The class by the real detector and the real decision."""
    verdict = _detector().scan(request.text)
    facts = Facts(request_id="r", tenant="t", role="user", today=TODAY, has_media=request.has_media)
    return decide(facts, Findings(verdict.data_class), _POLICY).data_class


IDENTIFIERS = [
    "SSN 536-22-8145",
    "MRN: 48213377",
    "(415) 555-2671",
    "jane.roe@example.org",
    "card 4111 1111 1111 1111",
]


def test_without_an_identifier_the_request_is_clean() -> None:
    """The control: the request itself raises nothing, so what raises it below is what was put."""
    assert len(PLACES) > 50
    request = parsed({"model": "auto", **_without_marks(EVERY_FIELD)})
    assert not request.has_media
    assert class_of(request) is DataClass.INTERNAL


@pytest.mark.parametrize("place", PLACES, ids=lambda p: ".".join(map(str, p)))
def test_an_identifier_in_any_field_raises_the_class(place: Path) -> None:
    """Whatever field an identifier stands in, the class rises; beside a diagnosis it is PHI."""
    for identifier in IDENTIFIERS:
        assert class_of(parsed(planted(place, identifier))).rank >= DataClass.PII.rank
    text = f"The patient has type 2 diabetes. {IDENTIFIERS[0]}"
    assert class_of(parsed(planted(place, text))).rank >= DataClass.PHI.rank


PUTS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "field": lambda pair: {"field_of_tomorrow": pair},
    "rows": lambda pair: {"field_of_tomorrow": [{"rows": [pair]}]},
    "top": lambda pair: pair,
    "tool": lambda pair: {"tools": [{"function": {"name": "f", "default": pair}}]},
    "metadata": lambda pair: {"metadata": {k: str(v) for k, v in pair.items()}},
    "message": lambda pair: {"messages": [{"role": "user", "content": "Go on.", **pair}]},
    "content": lambda pair: {"messages": [{"role": "user", "content": json.dumps(pair)}]},
}


@pytest.mark.parametrize(
    "pair",
    [
        {"ssn": "536228145"},
        {"ssn": 536228145},
        {"patient_mrn": "48213377"},
        {"mrn": 48213377, "diagnosis": "type 2 diabetes"},
        {"phone": 4155552671},
    ],
    ids=str,
)
@pytest.mark.parametrize("put", PUTS.values(), ids=PUTS.keys())
def test_an_identifier_told_by_its_key_raises_the_class(
    pair: dict[str, Any], put: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """In data, the name of a field says what its value is: both are read together."""
    body = {"model": "auto", "messages": [{"role": "user", "content": "Go on."}], **put(pair)}
    assert class_of(parsed(body)).rank >= DataClass.PII.rank


WORD = "Zebrafink-7731"
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
JSON_WITH_A_WORD = st.recursive(
    st.just(WORD),
    lambda inner: (
        st.tuples(st.lists(LEAVES, max_size=3), inner).map(lambda p: [*p[0], p[1]])
        | st.tuples(st.text(max_size=8), inner).map(lambda p: {"a": 1, p[0]: p[1]})
        | st.just({WORD: 1})
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(JSON_WITH_A_WORD, st.text(min_size=1, max_size=12))
def test_a_word_in_any_json_is_in_what_is_judged(value: Any, field: str) -> None:
    """However deep and under whatever names, what a caller writes is in the text that is read."""
    body = {"model": "auto", "messages": [{"role": "user", "content": "x"}]}
    try:
        request = parsed({**body, field: value})
    except BadRequest:
        return
    assert WORD in request.text or field == "model"


PICTURE = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
URL = f"data:image/gif;base64,{PICTURE}"
SOUND = base64.b64encode(bytes(range(256)) * 8).decode()
MEDIA: dict[str, dict[str, Any]] = {
    "image part": {"content": [{"type": "image_url", "image_url": {"url": URL}}]},
    "audio part": {"content": [{"type": "input_audio", "input_audio": {"data": SOUND}}]},
    "file part": {"content": [{"type": "file", "file": {"file_data": SOUND, "filename": "a"}}]},
    "file by id": {"content": [{"type": "file", "file": {"file_id": "file-1"}}]},
    "text part with an image": {
        "content": [{"type": "text", "text": "x", "image_url": {"url": URL}}]
    },
    "image in text": {"content": f"![a]({URL})"},
    "image in a text part": {"content": [{"type": "text", "text": f"<img src='{URL}'>"}]},
    "sound in text": {"content": f"Listen: {SOUND}"},
    "images of a message": {"content": "x", "images": [PICTURE]},
    "audio of a message": {"content": "x", "audio": {"id": "audio-1"}},
    "deep in a message": {"content": "x", "extra": [{"input_image": PICTURE}]},
}
MEDIA_BESIDE: dict[str, dict[str, Any]] = {
    "prediction": {"prediction": {"content": [{"type": "image_url", "image_url": {"url": URL}}]}},
    "unknown field": {"x": {"image": PICTURE}},
    "tool definition": {"tools": [{"type": "function", "function": {"description": URL}}]},
    "metadata": {"metadata": {"photo": URL}},
    "user": {"user": URL},
    "key": {"x": {URL: 1}},
    "arguments": {
        "messages": [
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "c", "function": {"name": "f", "arguments": json.dumps({"i": URL})}}
                ],
            }
        ]
    },
}


@pytest.mark.parametrize("role", ["user", "system", "assistant", "tool"])
@pytest.mark.parametrize("message", MEDIA.values(), ids=MEDIA.keys())
def test_media_in_a_message_are_phi(message: dict[str, Any], role: str) -> None:
    """An image, a sound or a file in any message, called what it may be, is PHI or unknown."""
    assert class_of(parsed({"model": "auto", "messages": [{"role": role, **message}]})).rank >= (
        DataClass.PHI.rank
    )


@pytest.mark.parametrize("beside", MEDIA_BESIDE.values(), ids=MEDIA_BESIDE.keys())
def test_media_beside_the_messages_are_phi(beside: dict[str, Any]) -> None:
    """So it is in every field beside the messages."""
    body = {"model": "auto", "messages": [{"role": "user", "content": "x"}], **beside}
    assert class_of(parsed(body)).rank >= DataClass.PHI.rank


@pytest.mark.parametrize(
    "words",
    [
        {"tools": [{"function": {"parameters": {"properties": {"file": {"type": "string"}}}}}]},
        {"response_format": {"json_schema": {"schema": {"properties": {"image": {}}}}}},
        {"metadata": {"file": "report"}},
        {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
    ],
    ids=str,
)
def test_words_about_media_are_no_media(words: dict[str, Any]) -> None:
    """A schema with a field "file", or a voice to answer in, keeps nobody from the cloud."""
    body = {"model": "auto", "messages": [{"role": "user", "content": "x"}], **words}
    assert class_of(parsed(body)) is DataClass.INTERNAL
