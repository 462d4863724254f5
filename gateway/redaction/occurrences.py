# SPDX-License-Identifier: Apache-2.0
"""Where else a value stands: what a detector found once is removed everywhere.

A detector may see "Jane Roe" in one turn and miss "Roe" in the next. Values are compared word by
word, whatever white space is between them; case makes no difference, except for a single word
that is also an ordinary one: Mr Will must not take every "will" with him. Of a name of several
words each counts by itself, if it is no ordinary word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from gateway.signals.privacy import Kind, Span

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_SHORTEST_PART = 3
_SHORTEST_LEFT_OVER = 6  # shorter ones stand by chance in other words


class _Value(NamedTuple):
    kind: Kind
    words: tuple[str, ...]  # as `_words` gives them
    minds_case: bool


class Occurrences:
    """Finds known values in texts. `is_common` says of a word in small letters that it is one."""

    def __init__(
        self, values: Iterable[tuple[Kind, str]], is_common: Callable[[str], bool]
    ) -> None:
        self._by_first: dict[str, list[_Value]] = {}
        self._long: set[tuple[str, bool]] = set()
        for kind, text in values:
            self._add(kind, text, is_common)
        for found in self._by_first.values():
            found.sort(key=lambda value: -len(value.words))

    def _add(self, kind: Kind, text: str, is_common: Callable[[str], bool]) -> None:
        words = _words(text)
        if not words:
            return
        minds_case = len(words) == 1 and is_common(words[0])
        self._put(_Value(kind, _words(text, keeps_case=minds_case), minds_case))
        self._forbid(text, minds_case)
        if kind is Kind.NAME and len(words) > 1:
            for part in words:
                if len(part) >= _SHORTEST_PART and part.isalpha() and not is_common(part):
                    self._put(_Value(kind, (part,), False))
                    self._forbid(part, False)

    def _forbid(self, text: str, minds_case: bool) -> None:
        if len(text) >= _SHORTEST_LEFT_OVER:
            self._long.add((text if minds_case else text.casefold(), minds_case))

    def _put(self, value: _Value) -> None:
        known = self._by_first.setdefault(value.words[0].casefold(), [])
        if value not in known:
            known.append(value)

    def find(self, text: str) -> Iterator[Span]:
        """Every occurrence, in order, the longest of those that begin at one place."""
        tokens = list(_TOKEN.finditer(text))
        done = 0
        for at, token in enumerate(tokens):
            for value in self._by_first.get(token[0].casefold(), ()) if at >= done else ():
                end = _match_end(tokens, at, value)
                if end:
                    yield Span(token.start(), tokens[end - 1].end(), value.kind)
                    done = end
                    break

    def stand_in(self, text: str) -> bool:
        """Whether a value of some length can still be read, be it inside another word."""
        lower = text.casefold()
        return any(value in (text if minds_case else lower) for value, minds_case in self._long)


def _words(text: str, *, keeps_case: bool = False) -> tuple[str, ...]:
    """Words and signs of a value; white space is one blank."""
    words = (" " if token.isspace() else token for token in _TOKEN.findall(text.strip()))
    return tuple(word if keeps_case else word.casefold() for word in words)


def _match_end(tokens: list[re.Match[str]], at: int, value: _Value) -> int:
    """The number of the token behind the value that begins at token `at`; 0 where it does not."""
    end = at + len(value.words)
    if end > len(tokens):
        return 0
    for token, wanted in zip(tokens[at:end], value.words, strict=True):
        word = token[0]
        if word.isspace():
            word = " "
        elif not value.minds_case:
            word = word.casefold()
        if word != wanted:
            return 0
    return end
