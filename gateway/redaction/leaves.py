# SPDX-License-Identifier: Apache-2.0
"""The strings of a request as leaves of a tree: all of them in order, and the tree with new ones.

It reads what `gateway.texts` reads, in the same order and with the same labels, and remembers where
each piece came from. A string that is itself JSON, such as the arguments of a tool call, is opened,
so that what is escaped in it is found as the person wrote it, and what is put in is escaped again.

    leaf      may be rewritten to
    string    anything
    token     letters, digits and underscores: names of functions, ids of calls
    key       nothing: it means something to the other side
    number    nothing: a placeholder is no number
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from gateway.limits import Json
from gateway.texts import API_VALUES, API_WORDS

Form = Literal["string", "token", "key", "number"]
MOST_DEPTH = 128
_SHORTEST_NUMERIC_ID = 10_000
_TOKENS = frozenset({"id", "tool_call_id", "call_id"})


class TooDeep(Exception):
    """More levels than are walked, JSON inside strings included."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One piece of text. `label` is what the detector reads before it, such as "mrn: "."""

    text: str
    label: str = ""
    form: Form = "string"


Visit = Callable[[Leaf], str]
Where = Literal["request", "message", "inside"]
"""Which names have a grammar: all in a request, all but the speaker's in a message, and none in
JSON inside a string, which is the caller's own."""


def leaves(body: Json) -> list[Leaf]:
    """Every piece of text in a chat request but the model's name, in order; raises TooDeep."""
    found: list[Leaf] = []

    def visit(leaf: Leaf) -> str:
        found.append(leaf)
        return leaf.text

    rewritten(body, visit)
    return found


def with_texts(body: Json, texts: Iterable[str]) -> Json:
    """The request with other texts, one for each of its leaves, in order."""
    new = iter(texts)
    return rewritten(body, lambda _: next(new))


def rewritten(body: Json, visit: Visit) -> Json:
    """A copy of the request with each leaf replaced by what `visit` says; raises TooDeep."""
    walk = _Walk(visit)
    return {
        key: child if key == "model" else walk.entry(key, child, "request", 1)
        for key, child in body.items()
    }


@dataclass(frozen=True, slots=True)
class _Walk:
    visit: Visit

    def entry(self, key: str, child: Any, where: Where, depth: int) -> Any:
        """The value under a key."""
        form: Form = "string"
        if (key in _TOKENS and where != "inside") or (key == "name" and where == "request"):
            form = "token"
        if key in API_WORDS:
            below: Where = "message" if key == "messages" and where == "request" else where
            if where == "message":
                below = "request"
            return self.node(child, "", form, below, depth)
        self.visit(Leaf(key, form="key"))
        return self.node(child, f"{key.replace('_', ' ')}: ", form, where, depth)

    def node(self, node: Any, label: str, form: Form, where: Where, depth: int) -> Any:
        """A value with what is read before it."""
        if depth > MOST_DEPTH:
            raise TooDeep
        if isinstance(node, str):
            return self._string(node, label, form, depth)
        if isinstance(node, dict):
            return {k: self.entry(k, child, where, depth + 1) for k, child in node.items()}
        if isinstance(node, list):
            return [self.node(item, label, form, where, depth + 1) for item in node]
        if type(node) in (int, float):  # not bool
            self._number(node, label)
        return node

    def _string(self, text: str, label: str, form: Form, depth: int) -> str:
        if not label and text in API_VALUES:
            return text
        inner = _opened(text) if form == "string" else None
        if inner is None:
            return self.visit(Leaf(text, label, form))
        changed = self.node(inner, label, "string", "inside", depth + 1)
        return text if changed == inner else _closed(changed)

    def _number(self, number: Any, label: str) -> None:
        if label or abs(number) >= _SHORTEST_NUMERIC_ID:
            is_whole = isinstance(number, float) and number.is_integer()
            self.visit(Leaf(str(int(number) if is_whole else number), label, "number"))


def _opened(text: str) -> Any:
    """The object or list that a string is the JSON of; None for every other string."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    except RecursionError:
        raise TooDeep from None
    return value if isinstance(value, dict | list) else None


def _closed(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a character, which can only be written as an escape
        return json.dumps(value)
    return text
