# SPDX-License-Identifier: Apache-2.0
"""Tools: what a request offers, how that is told to the model, and the grammar of a call.

A call stands in the model's answer as

    <tool_call>
    {"name": "weather", "arguments": {"city": "Paris"}}
    </tool_call>

which is how models of the Hermes and Qwen families were trained to write it. Other models are told
so, and the grammar leaves them no other way: with a choice of `required`, or of one function, the
answer is such a call from its first byte; with `auto` it is free text until the opening tag, and
bound from there on. The tags in texts that others wrote are broken up (`defused`), so that a
result or a question cannot pass for a call.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import orjson

from local_engine.errors import InvalidRequestError, UnsupportedParameterError
from local_engine.schema import bounded, json_rule

OPEN: Final = "<tool_call>"
CLOSE: Final = "</tool_call>"
MAX_TOOLS: Final = 128
MAX_CALLS: Final = 16
Body = Mapping[str, object]
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_TAG = re.compile(r"<(?=/?(?:tool_call|tool_response|tools)>)")
_NO_PARAMETERS: Final[Body] = {"type": "object", "properties": {}}


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the caller offers; `parameters` is a bounded JSON schema of an object."""

    name: str
    description: str = field(repr=False)
    parameters: Body = field(repr=False)


@dataclass(frozen=True, slots=True)
class ToolUse:
    """The tools of a request; `must_call` when an answer without a call is none."""

    tools: tuple[Tool, ...]
    must_call: bool
    most_calls: int


def read_tools(body: Body, *, is_trained: bool) -> ToolUse | None:
    """None when no tool is offered or wanted. Raises InvalidRequestError.

    `is_trained`: the model was trained to call tools. Others call one at a time unless the caller
    asks for more: they do not know when to stop.
    """
    for legacy in ("functions", "function_call"):
        if body.get(legacy) not in (None, [], "none", "auto"):
            raise UnsupportedParameterError(legacy, hint="use 'tools' and 'tool_choice'")
    tools = _tools(body.get("tools"))
    kind, name = _choice(body.get("tool_choice"))
    if not tools and kind not in ("none", "auto"):
        raise _invalid("tool_choice", "left out where no tools are offered")
    if kind == "named":
        tools = tuple(tool for tool in tools if tool.name == name)
        if not tools:
            raise _invalid("tool_choice", "the name of a tool that is offered")
    if kind == "none" or not tools:
        return None
    parallel = body.get("parallel_tool_calls", None)
    if parallel is not None and not isinstance(parallel, bool):
        raise _invalid("parallel_tool_calls", "true or false")
    is_parallel = is_trained if parallel is None else parallel
    most = MAX_CALLS if is_parallel and kind != "named" else 1
    return ToolUse(tools, must_call=kind != "auto", most_calls=most)


def _invalid(param: str, rule: str) -> InvalidRequestError:
    return InvalidRequestError(f"'{param}' must be {rule}.", param=param)


def _choice(value: object) -> tuple[Literal["none", "auto", "required", "named"], str]:
    if value is None:
        return "auto", ""
    if value == "none" or value == "auto" or value == "required":  # noqa: PLR1714  for mypy
        return value, ""
    if isinstance(value, dict) and value.get("type") == "function":
        function = value.get("function")
        name = function.get("name") if isinstance(function, dict) else None
        if isinstance(name, str):
            return "named", name
    if isinstance(value, dict) and value.get("type") in ("allowed_tools", "custom"):
        raise UnsupportedParameterError("tool_choice.type")
    raise _invalid("tool_choice", "none, auto, required, or an object that names a function")


def _tools(value: object) -> tuple[Tool, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_TOOLS:
        raise _invalid("tools", f"a list of at most {MAX_TOOLS} tools")
    tools = tuple(_tool(item, f"tools[{index}]") for index, item in enumerate(value))
    if len({tool.name for tool in tools}) < len(tools):
        raise _invalid("tools", "of different names")
    return tools


def _tool(item: object, where: str) -> Tool:
    if not isinstance(item, dict):
        raise _invalid(where, "an object")
    if item.get("type") != "function":
        raise UnsupportedParameterError(f"{where}.type")
    function = item.get("function")
    if not isinstance(function, dict):
        raise _invalid(f"{where}.function", "an object")
    name, description = function.get("name"), function.get("description")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _invalid(f"{where}.function.name", "1 to 64 letters, digits, '_' or '-'")
    if description is not None and not isinstance(description, str):
        raise _invalid(f"{where}.function.description", "a string")
    return Tool(name, description or "", _parameters(function, f"{where}.function.parameters"))


def _parameters(function: Body, where: str) -> Body:
    given = function.get("parameters")
    parameters = bounded(_NO_PARAMETERS if given is None else given, where)
    if parameters.get("type", "object") != "object":
        raise _invalid(where, "the schema of an object")
    return {**parameters, "type": "object"}


def described(use: ToolUse) -> str:
    """What the model is told of its tools."""
    offered = "\n".join(_described(tool) for tool in use.tools)
    when = "You must call a tool now." if use.must_call else "Answer in plain words if none helps."
    return (
        "You can call tools. Each line is one of them, as JSON:\n"
        f"<tools>\n{offered}\n</tools>\n"
        "To call one, write its name and its arguments, and nothing else:\n"
        f'{OPEN}\n{{"name": <name>, "arguments": <object>}}\n{CLOSE}\n'
        f"What it returns comes between <tool_response> and </tool_response>. {when}"
    )


def _described(tool: Tool) -> str:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
    }
    return _json({"type": "function", "function": function})


def _json(value: object) -> str:
    """JSON in which no tag of ours can stand: strings are the only place for a `<`."""
    return _TAG.sub(r"\\u003c", orjson.dumps(value).decode())


def defused(text: str) -> str:
    """`text` with a zero-width space in whatever reads like a tag of ours."""
    return _TAG.sub("<\u200b", text)


def called(calls: Sequence[tuple[str, str]]) -> str:
    """Earlier calls, each of a name and JSON arguments, as the model would have written them."""
    return "\n".join(
        f'{OPEN}\n{{"name": {_json(name)}, "arguments": {_arguments(arguments)}}}\n{CLOSE}'
        for name, arguments in calls
    )


def _arguments(text: str) -> str:
    """The arguments again; what is no JSON (an answer that was cut) becomes a string."""
    try:
        return _json(orjson.loads(text))
    except orjson.JSONDecodeError:
        return _json(text)


def returned(results: Sequence[str]) -> str:
    """What tools gave back, for one turn of the user's."""
    return "\n".join(f"<tool_response>\n{defused(result)}\n</tool_response>" for result in results)


def grammar_of(use: ToolUse, text_rule: str | None = None) -> str:
    """The grammar of an answer; `text_rule` bounds what stands where no call does."""
    again = f'("\\n{OPEN}" call){{0,{use.most_calls - 1}}}' if use.most_calls > 1 else ""
    names = [f"tool_{index}" for index in range(len(use.tools))]
    rules = [f'call: "\\n" ({" | ".join(names)}) "\\n{CLOSE}"']
    for rule, tool in zip(names, use.tools, strict=True):
        rules.append(
            f'{rule}: "{{\\"name\\": \\"{tool.name}\\", \\"arguments\\": " {rule}_with "}}"'
        )
        rules.append(f"{rule}_with: {json_rule(tool.parameters, is_compact=True)}")
    if use.must_call:
        start = [f'start: "{OPEN}" call {again}']
    elif text_rule is not None:
        start = [f'start: text | "{OPEN}" call {again}', f"text: {text_rule}"]
    else:
        # A lazy rule ends at the first tag, so no text goes on behind one.
        start = [
            f"start: TEXT | opening call {again}",
            "TEXT: /(.|\\n)*/",
            f'opening[lazy]: TEXT "{OPEN}"',
        ]
    return "\n".join([*start, *rules])
