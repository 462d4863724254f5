# SPDX-License-Identifier: Apache-2.0
"""What of a chat request litellm is given, and which of it a provider's wire format lacks.

A field that cannot be translated is refused by name before anything is sent: litellm's own refusal
looks like an unreachable server.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from gateway.errors import BadRequest
from gateway.limits import Json

# The fields of OpenAI's API that are translated. litellm obeys many more keyword arguments
# (credentials, headers, mock answers, hosts), so a caller's other fields must not reach it.
_FIELDS: Final = frozenset(
    {
        *("messages", "stream", "stream_options", "max_tokens", "max_completion_tokens"),
        *("temperature", "top_p", "n", "seed", "stop", "tools", "tool_choice", "functions"),
        *("function_call", "parallel_tool_calls", "response_format", "logit_bias", "logprobs"),
        *("top_logprobs", "presence_penalty", "frequency_penalty", "reasoning_effort"),
    }
)
# Every provider gets these; litellm's lists of what providers support do not name them all.
_ALWAYS: Final = frozenset({"messages", "stream", "stream_options"})
# Values that ask for nothing: what the field's absence would mean.
_NEUTRAL: Final[dict[str, Any]] = {
    "n": 1,
    "logprobs": False,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "logit_bias": {},
    "parallel_tool_calls": True,
    "tools": [],
}
_TOOL_CHOICES: Final = ("none", "auto", "required")
_FORMATS: Final = ("text", "json_object", "json_schema")


def translatable(body: Json, supported: Collection[str]) -> Json:
    """The arguments for litellm; raises BadRequest (`unsupported_parameter`) that names a field.

    `supported` is litellm's list for the provider and model.
    """
    wanted = {
        name: value
        for name, value in body.items()
        if name in _FIELDS and value is not None and _NEUTRAL.get(name, ...) != value
    }
    for name in wanted:
        if name not in _ALWAYS and name not in supported:
            raise _unsupported(name)
    for tool in wanted.get("tools", ()):
        if tool.get("type") != "function" or not _is_named(tool.get("function")):
            raise _unsupported("tools")
    choice = wanted.get("tool_choice", "auto")
    if choice not in _TOOL_CHOICES and not _is_function_choice(choice):
        raise _unsupported("tool_choice")
    if not _is_format(wanted.get("response_format", {"type": "text"})):
        raise _unsupported("response_format")
    return wanted


def _unsupported(name: str) -> BadRequest:
    return BadRequest(
        f"the destination's wire format cannot express this '{name}'",
        code="unsupported_parameter",
        param=name,
    )


def _is_named(function: object) -> bool:
    return isinstance(function, dict) and isinstance(function.get("name"), str)


def _is_function_choice(choice: object) -> bool:
    if not isinstance(choice, dict):
        return False
    return choice.get("type") == "function" and _is_named(choice.get("function"))


def _is_format(wanted: object) -> bool:
    if not isinstance(wanted, dict) or wanted.get("type") not in _FORMATS:
        return False
    schema = wanted.get("json_schema")
    return wanted["type"] != "json_schema" or (
        isinstance(schema, dict) and isinstance(schema.get("schema"), dict)
    )
