# SPDX-License-Identifier: Apache-2.0
"""Puts values back where placeholders stand in a text that comes in pieces: text in, text out.

Rules
-----
1. Single pass: what was put back is never searched again, so a value that looks like a placeholder
   stays what it is. Only placeholders of this request are known; all other text passes unchanged.
2. Held back is only what may be the beginning of a placeholder of this request, and no more than
   the longest of them; everything before it is given out at once. `flush` gives out the rest.
3. How the text was cut into pieces changes nothing.
4. Tolerance for what models do to placeholders: `[name_1_kxqtjw]` (any case, between brackets),
   `NAME_1_KXQTJW` and one bracket lost (in capitals only), and `[NAME\\_1\\_KXQTJW]` (underscores
   escaped for Markdown). The bracket that is left goes with it. Everything else stays as it is: a
   placeholder that is shown does no harm, one that is guessed at might.
5. Inside addresses nothing is put back (links.py).
6. Surrogates, which keep a format, are taken in any case, and as they are.
7. In JSON (arguments of tools, answers by a schema) a value is escaped as part of a string.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping

from gateway.redaction.placeholders import LABELS, NONCE_CHARS
from gateway.redaction.surrogates import SHAPE
from gateway.streaming.links import Links

_TYPED = (
    rf"\[?({'|'.join(sorted(set(LABELS.values()), key=len, reverse=True))})"
    rf"\\?_([0-9]{{1,6}})\\?_([A-Z]{{{NONCE_CHARS}}})\]?"
)
_FLAGS = re.IGNORECASE | re.ASCII
_WHOLE, _CORE = re.compile(_TYPED, _FLAGS), re.compile("[A-Z]+_[0-9]+_[A-Z]+")
_WHOLE_OR_SURROGATE = re.compile(f"{_TYPED}|(?P<surrogate>{SHAPE})", _FLAGS)
_MAY_BEGIN, _MAY_BEGIN_EITHER = re.compile(r"[\[A-Z]"), re.compile(r"[\[A-Z0-9m]")
_ESCAPES = 2  # one before each underscore


class Restoration:
    """What all texts of one answer are restored from."""

    __slots__ = (
        "_cores",
        "_heads",
        "_nonces",
        "_originals",
        "_surrogates",
        "begins",
        "longest",
        "whole_one",
    )

    def __init__(self, originals: Mapping[str, str]) -> None:
        """`originals` maps placeholders without brackets, and surrogates, to values."""
        self._originals = originals
        self._cores = sorted(filter(_CORE.fullmatch, originals))
        self._surrogates = {
            each.lower(): value for each, value in originals.items() if not _CORE.fullmatch(each)
        }
        self._nonces = {core[-NONCE_CHARS:] for core in self._cores}
        self.longest = max(map(len, originals), default=0) + len("[") + _ESCAPES
        self.whole_one, self.begins = _WHOLE, _MAY_BEGIN
        self._heads = sorted(self._surrogates)
        if self._surrogates:
            self.whole_one, self.begins = _WHOLE_OR_SURROGATE, _MAY_BEGIN_EITHER

    def may_have_any(self, text: str) -> bool:
        """Whether there can be a placeholder at all: the letters are quickly looked for."""
        upper = text.upper()
        return bool(self._surrogates) or any(nonce in upper for nonce in self._nonces)

    def value_of(self, match: re.Match[str]) -> str | None:
        """The value for something of a placeholder's shape; None when it is none of ours."""
        if match.lastgroup == "surrogate":
            return self._surrogates.get(match[0].lower())
        core = "_".join(match.groups()[:3])
        if match[0].startswith("["):
            core = core.upper()
        return self._originals.get(core)

    def complete(self, text: str) -> list[tuple[int, int]]:
        """Where whole surrogates stand: within one none begins, though its end may look like it."""
        found: list[tuple[int, int]] = []
        at = 0 if self._surrogates else len(text)
        while match := self.whole_one.search(text, at):
            is_ours = match[0].lower() in self._surrogates
            found += [match.span()] if is_ours else []
            at = match.end() if is_ours else match.start() + 1
        return found

    def may_begin(self, text: str) -> bool:
        """Whether a placeholder may begin with `text`, or be `text` without its last bracket."""
        if self._heads and _goes_on(self._heads, text.lower()):
            return True
        body = text.replace("\\_", "_").removesuffix("\\")
        body = body[1:].upper() if body.startswith("[") else body
        at = bisect_left(self._cores, body)
        return at < len(self._cores) and self._cores[at].startswith(body)

    def whole(self, text: str, *, in_json: bool = False) -> str:
        """A text that is complete."""
        stream = TextStream(self, in_json=in_json)
        return stream.feed(text) + stream.flush()


def _goes_on(ordered: list[str], beginning: str) -> bool:
    """Whether one of these begins so, and is longer."""
    at = bisect_right(ordered, beginning)
    return at < len(ordered) and ordered[at].startswith(beginning)


class TextStream:
    """One text that comes in pieces."""

    __slots__ = ("_held", "_links", "_restoration", "_written")

    def __init__(self, restoration: Restoration, *, in_json: bool = False) -> None:
        self._restoration = restoration
        self._written: Callable[[str], str] = _escaped if in_json else str
        self._links = Links(in_json=in_json)
        self._held = ""

    @property
    def is_holding(self) -> bool:
        """Whether `flush` would give out anything."""
        return self._held != ""

    def feed(self, text: str) -> str:
        """What can be given out, now that `text` has come."""
        text = self._held + text
        end = self._end_of_certain(text)
        self._held = text[end:]
        return self._restored(text[:end])

    def flush(self) -> str:
        """The rest, when nothing more comes."""
        text, self._held = self._held, ""
        return self._restored(text)

    def _end_of_certain(self, text: str) -> int:
        first = max(0, len(text) - self._restoration.longest)
        whole = self._restoration.complete(text)
        for match in self._restoration.begins.finditer(text, first):
            at = match.start()
            if any(start <= at < end for start, end in whole):
                continue
            if self._restoration.may_begin(text[at:]):
                return at
        return len(text)

    def _restored(self, text: str) -> str:
        parts: list[str] = []
        done = at = 0
        if not self._restoration.may_have_any(text):
            at = len(text)
        while match := self._restoration.whole_one.search(text, at):
            at = match.start() + 1  # what is none of ours may have one of ours in it
            value = self._restoration.value_of(match)
            if value is None:
                continue
            self._links.feed(text[done : match.start()])
            written = match[0] if self._links.is_open else self._written(value)
            self._links.feed(written)
            parts += [text[done : match.start()], written]
            done = at = match.end()
        self._links.feed(text[done:])
        return "".join([*parts, text[done:]])


def _escaped(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]
