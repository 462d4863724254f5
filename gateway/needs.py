# SPDX-License-Identifier: Apache-2.0
"""What a request asks of whoever answers it, beyond text in and text out.

*Needs* are for routing: the engine on the device reports which of them it serves, and a request
that needs another one is for a destination that does, as far as policy allows one.

*Uses* are for policy: features of a provider's that a request switches on (a search of the web, a
store of files), which an agreement may leave out. A field nobody knows is the use `other`.
"""

from __future__ import annotations

from gateway.limits import Json

NOTHING: frozenset[str] = frozenset()
TOOLS = frozenset({"tools", "tool_turns", "web_search"})
"""The needs that a destination without tools cannot be asked for."""
EMBEDDINGS = frozenset({"embeddings"})
_OTHER = frozenset({"other"})
# Field -> need. A field that is absent, null, empty or false asks for nothing.
_FIELDS = {
    "tools": "tools",
    "functions": "tools",
    "logprobs": "logprobs",
    "top_logprobs": "logprobs",
    "logit_bias": "logit_bias",
    "audio": "audio",
    "prediction": "prediction",
    "web_search_options": "web_search",
}
_PLAIN_FIELDS = frozenset(
    {
        *("model", "messages", "stream", "stream_options", "temperature", "top_p", "n", "seed"),
        *("stop", "max_tokens", "max_completion_tokens", "tools", "tool_choice", "functions"),
        *("function_call", "parallel_tool_calls", "metadata", "logit_bias", "user", "store"),
        *("presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "response_format"),
        *("modalities", "audio", "prediction", "reasoning_effort", "safety_identifier"),
    }
)
_EMBEDDINGS_FIELDS = frozenset(
    {"model", "input", "encoding_format", "dimensions", "user", "metadata"}
)
_CALLERS_TOOLS = frozenset({"function", "custom"})
_SERVED = (
    "web_search",
    "file_search",
    "code_interpreter",
    "computer_use",
    "image_generation",
    "mcp",
)
_PLAIN_MESSAGE = frozenset({"role", "content"})
_PLAIN_BODY = frozenset({"model", "messages", "stream", "temperature", "max_tokens"})


def needs_of(body: Json) -> frozenset[str]:
    """The needs of a request that passed the border."""
    if "messages" not in body:
        return EMBEDDINGS
    needs = set() if body.keys() <= _PLAIN_BODY else _needs_of_fields(body)
    for message in body["messages"]:
        if message.keys() <= _PLAIN_MESSAGE and type(message.get("content")) is str:
            continue
        if message.get("tool_calls") or message["role"] in ("tool", "function"):
            needs.add("tool_turns")
        content = message.get("content")
        if isinstance(content, list) and any(part["type"] != "text" for part in content):
            needs.add("parts")
    return frozenset(needs) if needs else NOTHING


def _needs_of_fields(body: Json) -> set[str]:
    needs = {need for field, need in _FIELDS.items() if body.get(field)}
    if (body.get("n") or 1) > 1:
        needs.add("n")
    if (body.get("response_format") or {}).get("type", "text") != "text":
        needs.add("response_format")
    if any(mode != "text" for mode in body.get("modalities") or ()):
        needs.add("modalities")
    return needs


def uses_of(body: Json) -> frozenset[str]:
    """The provider's features that a request switches on, besides tools and media."""
    if "messages" not in body:
        return NOTHING if body.keys() <= _EMBEDDINGS_FIELDS else _OTHER
    tools = body.get("tools")
    if not tools and body.keys() <= _PLAIN_FIELDS:
        return NOTHING
    names = [name for name in body if name not in _PLAIN_FIELDS]
    names += [
        str(tool.get("type")) for tool in tools or () if tool.get("type") not in _CALLERS_TOOLS
    ]
    return frozenset(_use(name) for name in names)


def _use(name: str) -> str:
    """One of a closed set: `web_search_options`, `web_search_preview` ... are all `web_search`."""
    return next((use for use in _SERVED if name.startswith(use)), "other")
