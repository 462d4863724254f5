# SPDX-License-Identifier: Apache-2.0
"""The messages of a chat request as turns of the three speakers that a template knows.

A call of a tool is the assistant's own turn, written as the model writes one; what tools returned
is a turn of the user's. Where tools are in play, whoever else wrote something cannot write a tag
that passes for either (tools.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from local_engine.engine import ChatMessage, Role
from local_engine.errors import InvalidRequestError, UnsupportedParameterError
from local_engine.tools import called, defused, returned

MAX_MESSAGES: Final = 10_000
_ROLES: Final = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
}
Body = Mapping[str, object]


def read_messages(value: object, tools_text: str, default_system: str) -> tuple[ChatMessage, ...]:
    """The turns; `tools_text`, if any, is told in the first one. Raises InvalidRequestError."""
    if not isinstance(value, list) or not value:
        raise _invalid("messages", "a list with at least one message")
    if len(value) > MAX_MESSAGES:
        raise _invalid("messages", f"at most {MAX_MESSAGES} messages")
    items = [_object(item, f"messages[{index}]") for index, item in enumerate(value)]
    has_tools = bool(tools_text) or any(map(_is_tool_turn, items))
    turns = list(_turns(items, has_tools=has_tools))
    if tools_text:
        told = default_system
        if turns[0].role is Role.SYSTEM:
            told = turns.pop(0).content
        turns.insert(0, ChatMessage(Role.SYSTEM, f"{told}\n\n{tools_text}".lstrip()))
    return tuple(turns)


def _invalid(param: str, rule: str) -> InvalidRequestError:
    return InvalidRequestError(f"'{param}' must be {rule}.", param=param)


def _object(item: object, where: str) -> Body:
    if not isinstance(item, dict):
        raise _invalid(where, "an object")
    return item


def _is_tool_turn(item: Body) -> bool:
    return item.get("role") == "tool" or bool(item.get("tool_calls"))


def _turns(items: list[Body], *, has_tools: bool) -> Iterator[ChatMessage]:
    results: list[str] = []
    for index, item in enumerate(items):
        where = f"messages[{index}]"
        if item.get("role") == "tool":
            results.append(_result(item, where))
            continue
        if results:
            yield ChatMessage(Role.USER, returned(results))
            results = []
        yield _turn(item, where, has_tools=has_tools)
    if results:
        yield ChatMessage(Role.USER, returned(results))


def _result(item: Body, where: str) -> str:
    if not isinstance(item.get("tool_call_id"), str):
        raise _invalid(f"{where}.tool_call_id", "the id of a tool call")
    return _content(item.get("content"), f"{where}.content")


def _turn(item: Body, where: str, *, has_tools: bool) -> ChatMessage:
    role = item.get("role")
    if role == "function":
        raise UnsupportedParameterError(f"{where}.role=function", hint="use the role 'tool'")
    if not isinstance(role, str) or role not in _ROLES:
        raise _invalid(f"{where}.role", "one of system, developer, user, assistant, tool")
    calls = item.get("tool_calls")
    if calls and role == "assistant":
        said = item.get("content")
        text = defused(_content(said, f"{where}.content")) if said is not None else ""
        written = called(_calls(calls, f"{where}.tool_calls"))
        return ChatMessage(Role.ASSISTANT, f"{text}\n{written}".lstrip())
    text = _content(item.get("content"), f"{where}.content")
    return ChatMessage(_ROLES[role], defused(text) if has_tools else text)


def _calls(value: object, where: str) -> list[tuple[str, str]]:
    if not isinstance(value, list):
        raise _invalid(where, "a list of tool calls")
    return [_call(item, f"{where}[{index}]") for index, item in enumerate(value)]


def _call(item: object, where: str) -> tuple[str, str]:
    function = item.get("function") if isinstance(item, dict) else None
    if not isinstance(function, dict):
        raise _invalid(where, "a call of a function")
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance(name, str) or not isinstance(arguments, str):
        raise _invalid(f"{where}.function", "a name and arguments, both strings")
    return name, arguments


def _content(value: object, where: str) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise _invalid(where, "a string or a list of text parts")
    return "".join(_part(part, f"{where}[{index}]") for index, part in enumerate(value))


def _part(part: object, where: str) -> str:
    if not isinstance(part, dict):
        raise _invalid(where, "an object")
    if part.get("type") not in ("text", "input_text"):
        raise UnsupportedParameterError(f"{where}.type")
    text = part.get("text")
    if not isinstance(text, str):
        raise _invalid(f"{where}.text", "a string")
    return text
