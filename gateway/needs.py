# SPDX-License-Identifier: Apache-2.0
"""What a chat request asks of whoever answers it, beyond text in and text out.

The engine on the device reports which of these it serves; a request that needs another one is
for a destination that does, as far as policy allows one.
"""

from __future__ import annotations

from gateway.limits import Json

NOTHING: frozenset[str] = frozenset()
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
_PLAIN_MESSAGE = frozenset({"role", "content"})
_PLAIN_BODY = frozenset({"model", "messages", "stream", "temperature", "max_tokens"})


def needs_of(body: Json) -> frozenset[str]:
    """The needs of a chat request that passed the border."""
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
