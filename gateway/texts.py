# SPDX-License-Identifier: Apache-2.0
"""Every piece of text in a request: the one walk that no field can hide from.

Strings are found wherever they stand: messages, tool definitions, arguments and results,
metadata, names, and keys that the caller made up. Only the API's own words are left out.
"""

from __future__ import annotations

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
    }
)


def strings(value: object) -> list[str]:
    """Every string in a parsed JSON value, keys and long numbers too, in document order."""
    found: list[str] = []
    stack: list[Any] = [value]
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind is str:
            found.append(node)
        elif kind is dict:
            for key, child in reversed(node.items()):
                stack.append(child)
                if key not in API_WORDS:
                    stack.append(key)
        elif kind is list:
            stack += node[::-1]
        elif (kind is int or kind is float) and abs(node) >= _SHORTEST_NUMERIC_ID:
            found.append(str(node))
    return found
