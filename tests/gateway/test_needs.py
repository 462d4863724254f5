# SPDX-License-Identifier: Apache-2.0
"""What a request needs beyond text."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import needs
from gateway.errors import BadRequest
from gateway.needs import NOTHING, needs_of, uses_of
from gateway.wire import _KNOWN_FIELDS, parse_chat
from tests.gateway.fakes import chat_body

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"temperature": 0, "top_p": 1, "stop": ["x"], "user": "u", "metadata": {"a": "b"}},
        {"tools": [], "tool_choice": "auto", "n": 1, "logprobs": False, "top_logprobs": 0},
        {"response_format": {"type": "text"}, "modalities": ["text"], "logit_bias": {}},
        {"response_format": None, "n": None, "tools": None, "modalities": None},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}], "name": "n"}]},
        {"messages": [{"role": "assistant", "content": None, "tool_calls": None}]},
    ],
    ids=str,
)
def test_text_needs_nothing(more: dict[str, Any]) -> None:
    """What asks for nothing does not keep a request from the device."""
    assert needs_of(chat_body(**more)) is NOTHING


@pytest.mark.parametrize(
    ("more", "need"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"functions": [{"name": "f"}]}, "tools"),
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 3}, "logprobs"),
        ({"logit_bias": {"1": 2.0}}, "logit_bias"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"prediction": {"type": "content"}}, "prediction"),
        ({"web_search_options": {"a": 1}}, "web_search"),
        (
            {"messages": [{"role": "assistant", "content": None, "tool_calls": [CALL]}]},
            "tool_turns",
        ),
        ({"messages": [{"role": "tool", "tool_call_id": "c", "content": "x"}]}, "tool_turns"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "parts"),
        ({"messages": [{"role": "user", "content": [{"type": "refusal"}]}]}, "parts"),
    ],
)
def test_each_need(more: dict[str, Any], need: str) -> None:
    """Each thing that an engine may lack is named."""
    assert needs_of(chat_body(**more)) == {need}


@pytest.mark.parametrize(
    ("more", "uses"),
    [
        ({}, set()),
        ({"tools": [{"type": "function"}, {"type": "custom"}], "user": "u", "n": 2}, set()),
        ({"web_search_options": {}}, {"web_search"}),
        ({"tools": [{"type": "web_search_preview"}, {"type": "mcp"}]}, {"web_search", "mcp"}),
        ({"tools": [{}]}, {"other"}),
        ({"prompt_cache_retention": "24h"}, {"other"}),
    ],
    ids=str,
)
def test_uses_are_a_closed_set(more: dict[str, Any], uses: set[str]) -> None:
    """What a request switches on at a provider, without a word of the caller's."""
    assert uses_of(chat_body(**more)) == uses


_ANYTHING: tuple[Any, ...] = (
    None,
    True,
    0,
    5,
    1.5,
    "x",
    [],
    ["x"],
    [5],
    [[]],
    [{}],
    {},
    {"type": []},
    {"x": "y"},
)
_DEEP: tuple[Any, ...] = (
    [{"type": []}],
    [{"type": {}}],
    [{"role": "user", "content": [{"type": "text"}]}],
)


@pytest.mark.parametrize("field", sorted(_KNOWN_FIELDS | needs._FIELDS.keys() | {"function_call"}))
def test_whatever_a_field_holds_is_refused_or_read(field: str) -> None:
    """Nothing that passes the border makes the readers behind it fail."""
    for value in (*_ANYTHING, *_DEEP):
        body = {**chat_body(), field: value}
        try:
            parse_chat(body, 1)
        except BadRequest:
            continue
        needs_of(body)
        uses_of(body)
