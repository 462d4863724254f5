# SPDX-License-Identifier: Apache-2.0
"""From an answer's text, piece by piece, to plain text and tool calls.

States
    text   plain text; what may be the beginning of an opening tag, and blanks before it, wait
    head   after the tag, until the name and the word "arguments" are complete
    body   the arguments: a JSON object, handed on as it comes, until its braces close
    tail   until the closing tag is complete, then `text` again

The grammar of tools.py leaves a call no other form. An answer that is cut short leaves the state
it is in: the call is not complete then, and the finish reason says why.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from local_engine.tools import CLOSE, OPEN

_HEAD = re.compile(r'\s*\{"name": "([a-zA-Z0-9_-]+)", "arguments": (?=\{)')
# What stands between two events of interest in a JSON object.
_MARK = re.compile(r'["\\{}]')


@dataclass(frozen=True, slots=True)
class CallStart:
    """A call of a function begins; `index` counts the calls of an answer."""

    index: int
    call_id: str
    name: str


@dataclass(frozen=True, slots=True)
class CallArguments:
    """A piece of the arguments of call number `index`."""

    index: int
    text: str = field(repr=False)


Part = str | CallStart | CallArguments


def new_call_id() -> str:
    """An id that no other call has."""
    return f"call_{secrets.token_hex(12)}"


class CallReader:
    """Reads one answer; `calls` counts the complete calls."""

    __slots__ = (
        "_depth",
        "_escaped",
        "_in_string",
        "_new_id",
        "_started",
        "_state",
        "_text",
        "calls",
    )

    def __init__(self, new_id: Callable[[], str] = new_call_id) -> None:
        self._new_id = new_id
        self._state: Callable[[list[Part]], bool] = self._read_text
        self._text = ""
        self._started = 0
        self._depth = 0
        self._in_string = self._escaped = False
        self.calls = 0

    @property
    def is_in_call(self) -> bool:
        """Whether a call has begun that is not complete."""
        return self._state != self._read_text

    def feed(self, piece: str) -> list[Part]:
        """Take text in and return what has become certain."""
        self._text += piece
        parts: list[Part] = []
        while self._state(parts):
            pass
        return parts

    def end(self) -> list[Part]:
        """The answer is over: text that waited for a tag which never came."""
        waiting, self._text = self._text, ""
        is_text = self._state == self._read_text
        return [waiting] if is_text and waiting and not (self.calls and not waiting.strip()) else []

    def _read_text(self, parts: list[Part]) -> bool:
        before, tag, after = self._text.partition(OPEN)
        if tag:
            if before.rstrip():
                parts.append(before.rstrip())
            self._text, self._state = after, self._read_head
            return True
        held = _held_back(before)
        if held < len(before):
            parts.append(before[: len(before) - held])
        self._text = before[len(before) - held :]
        return False

    def _read_head(self, parts: list[Part]) -> bool:
        match = _HEAD.match(self._text)
        if match is None:
            return False
        parts.append(CallStart(self._started, self._new_id(), match[1]))
        self._started += 1
        self._text, self._state = self._text[match.end() :], self._read_body
        self._depth, self._in_string, self._escaped = 0, False, False
        return True

    def _read_body(self, parts: list[Part]) -> bool:
        end = self._end_of_object()
        size = len(self._text) if end is None else end
        if size:
            parts.append(CallArguments(self._started - 1, self._text[:size]))
        self._text = self._text[size:]
        if end is not None:
            self._state = self._read_tail
        return end is not None

    def _end_of_object(self) -> int | None:
        """Where the object that is being read ends, if it does."""
        at = 0
        if self._escaped and self._text:
            self._escaped, at = False, 1
        while found := _MARK.search(self._text, at):
            at = found.end()
            mark = found[0]
            if mark == "\\":
                if at == len(self._text):
                    self._escaped = True
                at += 1
            elif mark == '"':
                self._in_string = not self._in_string
            elif not self._in_string:
                self._depth += 1 if mark == "{" else -1
                if self._depth == 0:
                    return at
        return None

    def _read_tail(self, _parts: list[Part]) -> bool:
        _, tag, after = self._text.partition(CLOSE)
        if not tag:
            return False
        self.calls += 1
        self._text, self._state = after, self._read_text
        return True


def _held_back(text: str) -> int:
    """Length of the end of `text` that may belong to a tag: blanks, and a beginning of one."""
    size = next((n for n in range(len(OPEN) - 1, 0, -1) if text.endswith(OPEN[:n])), 0)
    return len(text) - len(text[: len(text) - size].rstrip())
