# SPDX-License-Identifier: Apache-2.0
"""The one shape all recognisers have, and the small words they are made of.

A recogniser has two patterns. `trigger` is looser, works on the bytes of `narrow` and has no
look-around, so that Hyperscan and RE2 can both run it; `pattern` is exact and runs only where the
trigger matched. Rule: every text in which `pattern` matches must match `trigger` too. All repeats
are bounded, so the work is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from gateway.signals.privacy.verdict import Kind


class Found(NamedTuple):
    """One hit in the normalised text; a tuple is made in half the time of a dataclass.

    A hit that is not `is_strong` (a date, a lone surname, a hospital) points to a person only
    together with a health context.
    """

    start: int
    end: int
    kind: Kind
    is_strong: bool = True


class Refused(Exception):
    """A stage cannot judge this text; `code` stands among the reasons and the class is UNKNOWN."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


Locate = Callable[[re.Match[str]], Found | None]


class Exact:
    """A pattern that is compiled when it is first needed: all of them take a good part of a start.

    ASCII rules for word characters and digits, as in the byte-wise triggers.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """Ready to use."""
        return re.compile(self.text, re.ASCII)


@dataclass(frozen=True, slots=True)
class Recogniser:
    """`locate` turns a match into a hit, or into None when the exact check fails."""

    name: str
    trigger: str
    exact: Exact
    locate: Locate
    is_lowered: bool = False  # the pattern is in lower case and runs on `lowered` text
    needs_digit: bool = False  # no match without a digit: the trigger need not look for it
    leads: bool = False  # a match starts where one of the trigger does
    spans_windows: bool = False  # may match more than a window's overlap: search the whole text

    @property
    def pattern(self) -> re.Pattern[str]:
        """The exact pattern, compiled."""
        return self.exact.compiled


_OTHER = b"\xc3"  # stands for any character beyond ASCII; triggers may name it as [\x80-\xff]
_STAND_IN = "\x01"  # for question marks, while those stand for characters beyond Latin-1
_TO_OTHER = (bytes(range(128)) + _OTHER * 128).replace(b"?", _OTHER).replace(b"\x01", b"?")
_BEYOND = re.compile("[^\x00-\x7f]")


def narrow(text: str) -> bytes:
    """One byte for each character, so that offsets in bytes are offsets in the text."""
    if text.isascii():
        return text.encode("ascii")
    if _STAND_IN in text:
        return _BEYOND.sub("\xc3", text).encode("latin-1")
    return text.replace("?", _STAND_IN).encode("latin-1", "replace").translate(_TO_OTHER)


_KELVIN = "\u212a"  # the one sign beyond ASCII whose small letter is in ASCII
_LOWER = {code: code + 32 for code in range(65, 91)}


def lowered(text: str) -> str:
    """Capitals to small letters, those of ASCII at least; every character keeps its place."""
    lower = text.lower()
    if text.isascii() or (len(lower) == len(text) and _KELVIN not in text):
        return lower
    return text.translate(_LOWER)


def alternatives(pattern: str) -> Iterator[str]:
    """The parts of a pattern between the bars that stand in no brackets."""
    depth = start = 0
    for sign in _SIGNS.finditer(pattern):
        depth += (sign.group() == "(") - (sign.group() == ")")
        if sign.group() == "|" and not depth:
            yield pattern[start : sign.start()]
            start = sign.end()
    yield pattern[start:]


_SIGNS = re.compile(r"[()|]|\\.|\[\]?[^]]*\]")


def first_unless(before: str, first: str) -> str:
    """As `(?<![before])[first]`, and faster: the engine skips to where a pattern can begin only if
    it begins with a character, and not with what stands before it.
    """
    return rf"[{first}](?<![{before}][\s\S])"


_AROUND_CHARS = 120


def around(match: re.Match[str]) -> str:
    """What stands close to a match, in small letters."""
    first = max(0, match.start() - _AROUND_CHARS)
    return match.string[first : match.end() + _AROUND_CHARS].lower()


def always(kind: Kind, group: int = 0, *, is_strong: bool = True) -> Locate:
    """Every match is a hit; `group` is the identifier in it."""

    def locate(match: re.Match[str]) -> Found | None:
        return Found(match.start(group), match.end(group), kind, is_strong)

    return locate


def when(accepts: Callable[[str], bool], kind: Kind, group: int = 0) -> Locate:
    """A match is a hit when `accepts` holds for its text."""

    def locate(match: re.Match[str]) -> Found | None:
        if not accepts(match.group(group)):
            return None
        return Found(match.start(group), match.end(group), kind)

    return locate


def digits_of(text: str) -> str:
    """Only the ASCII digits."""
    return _NOT_DIGITS.sub("", text)


_NOT_DIGITS = re.compile("[^0-9]+")
