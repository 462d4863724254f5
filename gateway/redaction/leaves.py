# SPDX-License-Identifier: Apache-2.0
"""The strings of a request as leaves of a tree: all of them in order, and the tree with new ones.

It reads what `gateway.texts` reads, in the same order and with the same labels, and remembers where
each piece came from. A string that is itself JSON, such as the arguments of a tool call, is opened,
so that what is escaped in it is found as the person wrote it, and what is put in is escaped again.
To the model it is text all the same, so in there keys and numbers may become placeholders, too.

    leaf      may be rewritten to
    string    anything
    token     letters, digits and underscores: names of functions, ids of calls
    subject   anything: as a whole it says who is asking (`user`), whatever it looks like
    key       nothing: a field of the request, which means something to the other side
    number    nothing: a field of the request, and a placeholder is no number
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from gateway.limits import Json
from gateway.texts import API_VALUES, API_WORDS

Form = Literal["string", "token", "subject", "key", "number"]
MOST_DEPTH = 128
_SHORTEST_NUMERIC_ID = 10_000
_TOKENS = frozenset({"id", "tool_call_id", "call_id"})
_SUBJECTS = frozenset({"user", "safety_identifier"})


class Unwalkable(Exception):
    """More levels than are walked, JSON inside strings included; or two keys became one."""


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
    """Every piece of text in a chat request but the model's name, in order; raises Unwalkable."""
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
    """A copy of the request with each leaf replaced by what `visit` says; raises Unwalkable."""
    model = {"model": body["model"]} if "model" in body else {}
    others = {key: child for key, child in body.items() if key != "model"}
    return {**model, **_Walk(visit).table(others, "request", 0)}


@dataclass(frozen=True, slots=True)
class _Walk:
    visit: Visit

    def table(self, table: Json, where: Where, depth: int) -> Json:
        """An object, key by key."""
        new = {self._key(k, where): self._entry(k, v, where, depth) for k, v in table.items()}
        if len(new) != len(table):  # two spellings of one value
            raise Unwalkable
        return new

    def _key(self, key: str, where: Where) -> str:
        if key in API_WORDS:
            return key
        return self.visit(Leaf(key, form="string" if where == "inside" else "key"))

    def _entry(self, key: str, child: Any, where: Where, depth: int) -> Any:
        form: Form = "string"
        if (key in _TOKENS and where != "inside") or (key == "name" and where == "request"):
            form = "token"
        elif key in _SUBJECTS and depth == 0:
            form = "subject"
        if key not in API_WORDS:
            return self._node(child, f"{key.replace('_', ' ')}: ", form, where, depth + 1)
        below = where
        if where != "inside":
            below = "message" if key == "messages" and where == "request" else "request"
        return self._node(child, "", form, below, depth + 1)

    def _node(self, node: Any, label: str, form: Form, where: Where, depth: int) -> Any:
        if depth > MOST_DEPTH:
            raise Unwalkable
        if isinstance(node, str):
            return self._string(node, label, form, depth)
        if isinstance(node, dict):
            return self.table(node, where, depth)
        if isinstance(node, list):
            return [self._node(item, label, form, where, depth + 1) for item in node]
        return self._number(node, label, where)

    def _string(self, text: str, label: str, form: Form, depth: int) -> str:
        if not label and text in API_VALUES:
            return text
        inner = _opened(text) if form == "string" else None
        if inner is None:
            return self.visit(Leaf(text, label, form))
        changed = self._node(inner, label, "string", "inside", depth + 1)
        return text if changed == inner else _closed(changed)

    def _number(self, number: Any, label: str, where: Where) -> Any:
        if type(number) not in (int, float) or (not label and abs(number) < _SHORTEST_NUMERIC_ID):
            return number
        is_whole = isinstance(number, float) and number.is_integer()
        text = str(int(number) if is_whole else number)
        new = self.visit(Leaf(text, label, "string" if where == "inside" else "number"))
        return number if new == text else new


def _opened(text: str) -> Any:
    """The object or list that a string is the JSON of; None for every other string."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    except RecursionError:
        raise Unwalkable from None
    return value if isinstance(value, dict | list) else None


def _closed(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a character, which can only be written as an escape
        return json.dumps(value)
    return text
