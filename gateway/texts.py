# SPDX-License-Identifier: Apache-2.0
"""Every piece of text in a request: the one walk that no field can hide from.

Strings are found wherever they stand: messages, tool definitions, arguments and results,
metadata, names, and keys that the caller made up. Only the API's own words are left out. What
no detector reads (images, audio, files) is told by where it stands, by its name, and by its URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

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
    }
)


# Fields that hold, or name, what the detector cannot read.
_MEDIA_NAMES = frozenset(
    {
        *("audio", "file", "file_data", "file_id", "image", "image_url", "images"),
        *("input_audio", "input_file", "input_image", "video", "video_url"),
    }
)
_MEDIA_URL = re.compile(r"data:(?:image|audio|video|application|font)/")


def strings(value: object) -> Iterator[str]:
    """Every string in a JSON value, keys and long numbers included, in document order.

    A key that the caller made up stands before its value, as in `mrn: 48213377`: without the
    one, the other may say nothing. Any number that has such a key is read.
    """
    stack: list[object] = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, dict):
            for key, child in reversed(node.items()):
                stack += (child,) if key in API_WORDS else _labelled(key, child)
        elif isinstance(node, list):
            stack.extend(reversed(node))
        elif _may_identify(node):
            yield _digits(node)


def holds_media_url(text: str) -> bool:
    """Whether an image, a sound or a file stands in the text as a `data:` URL."""
    lower = text.lower()
    return "data:" in lower and _MEDIA_URL.search(lower) is not None


def names_media(value: object) -> bool:
    """Whether a field anywhere in a JSON value is called as media are, and is not empty."""
    stack: list[object] = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if any(node[name] for name in _MEDIA_NAMES.intersection(node)):
                return True
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
    return False


def _labelled(key: str, value: object) -> tuple[object, ...]:
    """What is to be read of a key that the caller made up and its value, the last of it first."""
    if isinstance(value, dict | list):
        return value, key
    if value is None or isinstance(value, bool):
        return (key,)
    words = value if isinstance(value, str) else _digits(value)
    return (f"{key.replace('_', ' ')}: {words}",)


def _digits(number: object) -> str:
    if isinstance(number, float) and number.is_integer():
        return str(int(number))
    return str(number)


def _may_identify(node: object) -> bool:
    return isinstance(node, float | int) and abs(node) >= _SHORTEST_NUMERIC_ID
