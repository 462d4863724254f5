# SPDX-License-Identifier: Apache-2.0
"""Where the texts of an OpenAI-shaped answer are, and putting values back into them.

Rules
-----
1. Every string below `choices` is a text of the answer, wherever it stands; only keys, roles, types
   and reasons are not. Fields that nobody knows are restored like the others.
2. A text is known by its choice and its path, steps through lists being the `index` that an item
   states, so that two tool calls that grow side by side are two texts.
3. `arguments` are JSON source; so is the content when the request asked for JSON.
4. Ids, names and the like come whole in one piece; all other strings of a delta go on in the next.
5. `logprobs` are dropped: they spell the text token by token, as it was before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gateway.limits import Json
from gateway.streaming.restoration import Restoration, TextStream

Path = tuple[str | int, ...]
MOST_TEXTS = 1024
"""Texts of one answer that grow at a time: 128 choices with a few tool calls each."""
_NO_TEXT = frozenset({"role", "type", "finish_reason", "object", "model", "format"})
_WHOLE = frozenset({"id", "name", "call_id", "tool_call_id"})
_JSON_SOURCE = frozenset({"arguments", "partial_json"})
_CONTENT = frozenset({"content", "text"})
_Change = Callable[[str, Path], str]


class TooManyTexts(Exception):
    """An answer with more texts than any request asks for."""


class AnswerTexts:
    """The texts of one answer, whole or streamed."""

    def __init__(self, originals: Mapping[str, str], *, says_json: bool = False) -> None:
        self._restoration = Restoration(originals)
        self._says_json = says_json
        self._streams: dict[Path, TextStream] = {}

    def restore(self, answer: Json) -> None:
        """Change a whole answer in place."""
        for choice in _choices(answer):
            _walk(choice, (), self._whole)

    def feed(self, event: Json) -> list[Json]:
        """Change an event in place; returns the events to send before it, mostly none.

        What a choice still holds when it ends comes in or before the event that says so.
        """
        before: list[Json] = []
        for choice in _choices(event):
            number = choice.get("index", 0)
            if choice.get("finish_reason") is None:
                _walk(choice, (number,), self._piece)
            else:
                _walk(choice, (number,), self._last_piece)
                before += self._rest(event, number)
        return before

    def flush(self, like: Json | None) -> list[Json]:
        """Events with what is still held of any choice; `like` is an event of the same stream."""
        numbers = {path[0] for path in self._streams}
        return [e for number in numbers for e in self._rest(like or {}, number)]

    def _rest(self, like: Json, number: str | int) -> list[Json]:
        mine = [path for path in self._streams if path[0] == number]
        held = [(path, self._streams.pop(path).flush()) for path in mine]
        head = {k: v for k, v in like.items() if k not in ("choices", "usage")}
        return [
            {
                **head,
                "choices": [{"index": number, **_nested(path[1:], text), "finish_reason": None}],
            }
            for path, text in held
            if text
        ]

    def _whole(self, text: str, path: Path) -> str:
        return self._restoration.whole(text, in_json=self._is_json(path))

    def _piece(self, text: str, path: Path) -> str:
        if path[-1] in _WHOLE:
            return self._whole(text, path)
        stream = self._streams.get(path)
        if stream is None:
            if len(self._streams) >= MOST_TEXTS:
                raise TooManyTexts
            stream = self._streams[path] = TextStream(
                self._restoration, in_json=self._is_json(path)
            )
        return stream.feed(text)

    def _last_piece(self, text: str, path: Path) -> str:
        text = self._piece(text, path)
        stream = self._streams.pop(path, None)
        return text + stream.flush() if stream is not None else text

    def _is_json(self, path: Path) -> bool:
        return path[-1] in _JSON_SOURCE or (self._says_json and path[-1] in _CONTENT)


def _choices(answer: Json) -> list[Json]:
    choices = answer.get("choices")
    if not isinstance(choices, list):
        return []
    found = [choice for choice in choices if isinstance(choice, dict)]
    for choice in found:
        if "logprobs" in choice:
            choice["logprobs"] = None
    return found


def _walk(node: Any, path: Path, change: _Change) -> None:
    """Change the strings below `node` in place."""
    for key, step, child in list(_children(node)):
        if isinstance(child, str):
            if step not in _NO_TEXT:
                node[key] = change(child, (*path, step))
        elif isinstance(child, dict | list):
            _walk(child, (*path, step), change)


def _children(node: Any) -> Iterator[tuple[Any, str | int, Any]]:
    """Where each child is, the step to it in a path, and the child."""
    if isinstance(node, dict):
        yield from ((key, key, child) for key, child in node.items())
        return
    for place, child in enumerate(node):
        index = child.get("index") if isinstance(child, dict) else None
        yield place, index if isinstance(index, int) else place, child


def _nested(path: Path, text: str) -> Any:
    """The smallest object in which `text` has this path."""
    inner: Any = text
    for step in reversed(path):
        if isinstance(step, str):
            inner = {step: inner}
        else:
            inner = [{"index": step, **inner} if isinstance(inner, dict) else inner]
    return inner
