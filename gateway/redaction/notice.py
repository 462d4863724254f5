# SPDX-License-Identifier: Apache-2.0
"""The line that tells a model what placeholders are, put where every chat template takes it."""

from __future__ import annotations

from typing import Any

from gateway.limits import Json

_LINE = (
    "Words such as {shown} stand for values that were taken out. "
    "Write them exactly as they are, brackets included, wherever you mean the value."
)
_SYSTEM = frozenset({"system", "developer"})


def with_notice(body: Json, shown: str) -> Json:
    """The request with the line in its first system message, or in a new one before the others.

    Some templates take one system message only, and only at the start.
    """
    line = _LINE.format(shown=shown)
    first, *others = body["messages"]
    if first["role"] not in _SYSTEM:
        return {**body, "messages": [{"role": "system", "content": line}, first, *others]}
    content = _extended(first.get("content"), line)
    return {**body, "messages": [{**first, "content": content}, *others]}


def _extended(content: Any, line: str) -> Any:
    if isinstance(content, list):
        return [*content, {"type": "text", "text": line}]
    return f"{content}\n\n{line}" if content else line
