# SPDX-License-Identifier: Apache-2.0
"""Every piece of text in a request: the one walk that no field can hide from.

Strings are found wherever they stand: messages, tool definitions, arguments and results,
metadata, names, and keys that the caller made up. Only the API's own words are left out. What
no detector reads (images, audio, files) is told by where it stands, by its name, and by its URL.
"""

from __future__ import annotations

import re
from typing import Any

# An identifier may come as a number: {"ssn": 123456789}. Shorter ones identify nobody.
_SHORTEST_NUMERIC_ID = 10_000
# Keys of the API carry nothing of the caller's; leaving them out saves scanning them.
API_WORDS = frozenset(
    {
        *("messages", "role", "content", "type", "text", "name", "user", "metadata", "model"),
        *("stream", "stream_options", "include_usage", "temperature", "top_p", "n", "seed"),
        *("stop", "max_tokens", "max_completion_tokens", "response_format", "json_schema"),
        *("tools", "tool_calls", "tool_call_id", "tool_choice", "function", "description"),
        *("parameters", "properties", "required", "arguments", "schema", "logit_bias", "store"),
        *("modalities", "audio", "voice", "format", "id", "strict", "functions", "enum", "items"),
    }
)
# Values that the API itself gives a meaning: roles, types, choices, voices, formats. They are
# nobody's text, and a detector would read them as such.
API_VALUES = frozenset(
    {
        *("system", "developer", "user", "assistant", "tool", "function", "text", "audio"),
        *("image_url", "input_audio", "refusal", "json_object", "json_schema", "grammar"),
        *("auto", "none", "required", "any", "default", "flex", "low", "medium", "high"),
        *("object", "string", "array", "number", "integer", "boolean", "null"),
        *("alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer"),
        *("verse", "wav", "mp3", "flac", "opus", "pcm16"),
    }
)
# Longer text is none of them, and would be hashed as a whole to be looked up.
_LONGEST_VALUE = max(map(len, API_VALUES))
# Fields that hold, or name, what the detector cannot read.
_MEDIA_NAMES = frozenset(
    {
        *("audio", "file", "file_data", "file_id", "image", "image_url", "images"),
        *("input_audio", "input_file", "input_image", "video", "video_url"),
    }
)
# A colon first, which a search skips to at once; the word before it may be in any case.
_MEDIA_URL = re.compile(
    r":(?<=data:)(?:image|audio|video|application|font)/", re.IGNORECASE | re.ASCII
)


def strings(value: object) -> list[str]:
    """Every string in a parsed JSON value, keys and long numbers included, in document order.

    A key that the caller made up stands before its value, as in `mrn: 48213377`: without the
    one, the other may say nothing. Any number that has such a key is read.
    """
    return walk(value)[0]


def walk(value: object) -> tuple[list[str], bool]:
    """`strings`, and whether a field anywhere is named as media are and not empty, in one pass."""
    found: list[str] = []
    has_media = False
    stack: list[Any] = [value]
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind is str:
            if len(node) > _LONGEST_VALUE or node not in API_VALUES:
                found.append(node)
        elif kind is dict:
            for key, child in reversed(node.items()):
                stack += (child,) if key in API_WORDS else _labelled(key, child)
            has_media |= _holds_media(node)
        elif kind is list:
            stack += node[::-1]
        elif (kind is int or kind is float) and abs(node) >= _SHORTEST_NUMERIC_ID:
            found.append(_digits(node))
    return found, has_media


def _holds_media(fields: dict[str, Any]) -> bool:
    return not _MEDIA_NAMES.isdisjoint(fields) and any(
        fields[name] for name in _MEDIA_NAMES.intersection(fields)
    )


def holds_media_url(text: str) -> bool:
    """Whether an image, a sound or a file stands in the text as a `data:` URL."""
    return "/" in text and _MEDIA_URL.search(text) is not None


def _labelled(key: str, value: object) -> tuple[object, ...]:
    """What is to be read of a key that the caller made up and its value, the last of it first."""
    if isinstance(value, dict):
        return value, key
    if isinstance(value, list):
        # Each plain item has the key before it; what is nested comes as it is.
        return (*(_labelled_item(key, item) for item in reversed(value)), key)
    if value is None or isinstance(value, bool):
        return (key,)
    return (_labelled_item(key, value),)


def _labelled_item(key: str, item: object) -> object:
    if isinstance(item, dict | list | bool) or item is None:
        return item
    return f"{key.replace('_', ' ')}: {item if isinstance(item, str) else _digits(item)}"


def _digits(number: object) -> str:
    if isinstance(number, float) and number.is_integer():
        return str(int(number))
    return str(number)
