# SPDX-License-Identifier: Apache-2.0
"""The obligation `minimum_necessary`: what of a request goes to a destination, and what stays here.

The whole request is judged; only what is left here is sent. A *turn* is a message of the user's
and all that follows it up to the next one, so that a tool's result never loses its call.
What was said before the user's first word is no turn.

    keep_turns: n      the instructions (system, developer) and the last n turns
    drop: system       no instructions
    drop: tools        no tools, no calls of tools and no results of theirs
    drop: name         no names of participants; that of a `function` message is the function's
    drop: user         neither `user` nor what else stands for the end user
    drop: metadata     no metadata

(45 CFR 164.502(b): no more than is needed for the purpose. Which that is, a rule says.)
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.limits import Json
from policies import Terms

_INSTRUCTIONS = frozenset({"system", "developer"})
_RESULTS = frozenset({"tool", "function"})
_FIELDS = {
    "metadata": ("metadata",),
    "user": ("user", "safety_identifier", "prompt_cache_key"),
    "tools": (
        *("tools", "tool_choice", "parallel_tool_calls", "functions", "function_call"),
        "web_search_options",
    ),
}
_CALLS = ("tool_calls", "function_call")


def least(body: Json, terms: Terms) -> Json:
    """What of a chat request may leave; its `messages` may be empty, and then nothing may."""
    dropped = {field for part in terms.drop for field in _FIELDS.get(part, ())}
    kept = {name: value for name, value in body.items() if name not in dropped}
    if "messages" in kept:
        kept["messages"] = list(_messages(body["messages"], terms))
    return kept


def _messages(messages: list[Json], terms: Terms) -> Iterator[Json]:
    begins = _first_kept(messages, terms.keep_turns)
    for number, message in enumerate(messages):
        is_instruction = message["role"] in _INSTRUCTIONS
        if "system" in terms.drop if is_instruction else number < begins:
            continue
        left = _without_parts(message, terms.drop)
        if left is not None:
            yield left


def _without_parts(message: Json, drop: frozenset[str]) -> Json | None:
    """The message without its calls and its name; None when nothing is left to say."""
    role, gone = message["role"], set[str]()
    if "tools" in drop:
        has_calls = any(message.get(name) for name in _CALLS)
        if role in _RESULTS or (has_calls and not message.get("content")):
            return None
        gone.update(_CALLS)
    if "name" in drop and role != "function":
        gone.add("name")
    return {name: value for name, value in message.items() if name not in gone}


def _first_kept(messages: list[Json], keep_turns: int | None) -> int:
    """The number of the first message that is within the last turns."""
    begins = [number for number, message in enumerate(messages) if message["role"] == "user"]
    if keep_turns is None:
        return 0
    if not begins:  # no turn at all
        return len(messages)
    return begins[max(0, len(begins) - keep_turns)]
