# SPDX-License-Identifier: Apache-2.0
"""What the operator adds: patterns and words that identify, and words that never do.

Patterns are RE2's, which takes linear time whatever the pattern and the text; no other engine ever
sees them. Number, length and memory are bounded, and matches that are empty count for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from gateway.signals.privacy.found import Found
from gateway.signals.privacy.recognisers import Document
from gateway.signals.privacy.verdict import Kind

MOST_PATTERNS, MOST_WORDS, MOST_CHARS = 64, 2_000, 512
_MEMORY_BYTES = 8 << 20
# An allowed word cannot make these harmless.
_NEVER_ALLOWED = frozenset({Kind.SECRET, Kind.CARD, Kind.SSN})
KINDS = frozenset(kind for kind in Kind if kind is not Kind.HEALTH)


class BadPattern(ValueError):
    """A pattern or word that cannot be used; the message says why, without the rest of the file."""


@dataclass(frozen=True, slots=True)
class CustomPattern:
    """One pattern of the operator's; `is_strong` as in `found.Found`."""

    name: str
    pattern: str
    kind: Kind = Kind.OTHER_ID
    is_strong: bool = True


class CustomStage:
    """Finds what the operator's patterns and words match; words without regard to case."""

    name = "custom"

    def __init__(self, patterns: Iterable[CustomPattern] = (), deny: Iterable[str] = ()) -> None:
        """Raises BadPattern for one that RE2 does not take, or that matches the empty text."""
        self._compiled = [(compiled(each.pattern, each.name), each) for each in patterns]
        words = [checked_word(word) for word in deny]
        if len(self._compiled) > MOST_PATTERNS or len(words) > MOST_WORDS:
            raise BadPattern(f"more than {MOST_PATTERNS} patterns or {MOST_WORDS} words")
        if words:
            listed = "|".join(map(_bounded, sorted(words, key=len, reverse=True)))
            denied = CustomPattern("deny", rf"(?i)(?:{listed})")
            self._compiled.append((_compiled(denied.pattern, len(listed) + 64), denied))
        told = [f"{each.name}\0{each.pattern}\0{each.kind}" for _, each in self._compiled]
        self.fingerprint = "\n".join(told)

    def __bool__(self) -> bool:
        return bool(self._compiled)

    def find(self, document: Document) -> Iterator[Found]:
        """Hits in order of the patterns."""
        for pattern, each in self._compiled:
            for match in pattern.finditer(document.text):
                if match.end() > match.start():
                    yield Found(match.start(), match.end(), each.kind, each.is_strong)


class Allowed:
    """Words that are never findings: the name of the clinic itself, of a product, of a town."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        """Raises BadPattern for an empty word or too many."""
        self._words = frozenset(_plain(checked_word(word)) for word in words)
        if len(self._words) > MOST_WORDS:
            raise BadPattern(f"more than {MOST_WORDS} words")
        self.fingerprint = "\n".join(sorted(self._words))

    def __bool__(self) -> bool:
        return bool(self._words)

    def without(self, found: list[Found], text: str) -> list[Found]:
        """The findings that are not just an allowed word."""
        if not self._words:
            return found
        return [
            each
            for each in found
            if each.kind in _NEVER_ALLOWED or _plain(text[each.start : each.end]) not in self._words
        ]


def compiled(pattern: str, name: str = "pattern") -> Any:
    """A pattern for RE2; raises BadPattern with the fault."""
    if not pattern or len(pattern) > MOST_CHARS:
        raise BadPattern(f"{name}: a pattern has 1 to {MOST_CHARS} characters")
    made = _compiled(pattern, len(pattern))
    if made.search("") is not None:
        raise BadPattern(f"{name}: the pattern matches the empty text")
    return made


def checked_word(word: str) -> str:
    """A word as it stands; raises BadPattern when it is empty or too long."""
    if not 1 < len(word.strip()) <= MOST_CHARS:
        raise BadPattern(f"a word has 2 to {MOST_CHARS} characters")
    return word.strip()


def _bounded(word: str) -> str:
    """The word as a pattern that does not begin or end inside another word."""
    before = r"\b" if word[0].isalnum() and word[0].isascii() else ""
    behind = r"\b" if word[-1].isalnum() and word[-1].isascii() else ""
    return before + re.escape(word) + behind


def _plain(word: str) -> str:
    return " ".join(word.casefold().split())


def _compiled(pattern: str, size_chars: int) -> Any:
    try:
        import re2
    except ImportError:
        raise BadPattern("own patterns need the package google-re2") from None
    options = re2.Options()
    options.log_errors = False
    options.max_mem = max(_MEMORY_BYTES, 1_024 * size_chars)
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        fault = error.args[0] if error.args else ""
        told = fault.decode("utf-8", "replace") if isinstance(fault, bytes) else str(fault)
        raise BadPattern(f"not a pattern that RE2 takes: {told}") from None
