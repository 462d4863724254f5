# SPDX-License-Identifier: Apache-2.0
"""Undoes disguised spellings and keeps the way back to the original characters.

Each pass is a list of edits (start, end, replacement). Edits of equal length keep their
positions; all characters of any other replacement point to the whole run that they came from, so
a span found in decoded base64 covers the encoded run. Decoded base64 and hexadecimal runs are
appended, not put in place. Work is bounded: two rounds, and no more than `_GROWTH` times the text.
"""

from __future__ import annotations

import base64
import binascii
import html
import itertools
import re
import unicodedata
import urllib.parse
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from gateway.signals.privacy import digits
from gateway.signals.privacy.digits import Edit, TooDisguised

# One for each pass, looser than the pass; for ASCII text the only sign that it has anything to do.
TRIGGERS = (
    r"(?i)%[0-9a-f]{2}|&#|&[a-z]{2,8};|\\[unxrt]",
    digits.MARKS_TRIGGER,
    digits.SPELLED_TRIGGER,
    digits.SPACED_TRIGGER,
    digits.LETTERS_TRIGGER,
    r"[A-Za-z0-9+/_-]{16}",
    r"(?i)[0-9a-f]{16}",
    r"(?i)[0-9a-f]{2}(?:[ :][0-9a-f]{2}){7}",
)
EVERYTHING = (1 << len(TRIGGERS)) - 1
# Hexadecimal in pairs costs as much to look for as half of all else; written so, readable text
# always has a digit, but for a few letters of Greek and the like.
SPELLED, NEED_DIGIT = 2, frozenset({3, 7})
_ROUNDS = 2
_GROWTH = 2
_OPAQUE_CHARS = 256
_MOST_EDITS = 20_000  # per pass; some 20 ms

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\ufe00-\ufe0f\ufeff]+"
)
_NON_ASCII = re.compile(r"[^\x00-\x7f]+")
# A letter with the combining marks behind it is composed as one.
_CLUSTER = re.compile("[^\u0300-\u036f][\u0300-\u036f]*|[\u0300-\u036f]+")
_DIGIT = re.compile(r"[^\x00-\x7f](?<=\d)")
# The sign first, for which a text is searched many times faster than for one of several words.
_ESCAPE = re.compile(
    r"[&%\\](?:(?<=&)(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});"
    r"|(?<=%)[0-9a-fA-F]{2}(?:%[0-9a-fA-F]{2})*"
    r"|(?<=\\)(?:u[0-9a-fA-F]{4}(?:\\u[0-9a-fA-F]{4})*|x[0-9a-fA-F]{2}|[nrt]))"
)
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{16,}={0,2}")
_WRAPPED = re.compile(
    r"(?<![A-Za-z0-9+/_-])(?:[A-Za-z0-9+/_-]{16,}\r?\n[ \t]*)+(?P<last>[A-Za-z0-9+/_-]*={0,2})"
)
# Shorter runs must decode to nothing but readable characters and hold a capital and a digit or
# sign: long words and identifiers of programs are in the same alphabet.
_SURE_BASE64_CHARS = 40
_LEAST_RUN_CHARS = 16
_HEX = re.compile(
    r"(?<![0-9A-Za-z])(?=[0-9a-fA-F]{2}[0-9a-fA-F :]|0x)"
    r"(?:0x)?((?:[0-9a-fA-F]{2}){8,}|[0-9a-fA-F]{2}(?:[ :][0-9a-fA-F]{2}){7,})(?![0-9A-Za-z])"
)
_MIXED_WORD = re.compile(r"[^\W\d_]{2,}")
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201b\u02bc\u2032\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d\u201e", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d", "-"),
        **dict.fromkeys("\u2024\u3002", "."),
        **dict.fromkeys(map(chr, range(0xD800, 0xE000)), "\ufffd"),
    }
)
_PLAIN_CHARS = re.compile(f"[{''.join(map(chr, _PLAIN))}]")
_CYRILLIC = "АВЕЅІЈКМНОРСТУХаеіјорсухѕԁһ"
_LATIN_1 = "ABESIJKMHOPCTYXaeijopcyxsdh"
_GREEK = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοναιρυ"
_LATIN_2 = "ABEZHIKMNOPTYXovaipu"
_LOOK_ALIKES = str.maketrans(_CYRILLIC + _GREEK, _LATIN_1 + _LATIN_2)
_HAS_LATIN = re.compile("[A-Za-z]")
_HAS_OTHER = re.compile(f"[{_CYRILLIC}{_GREEK}]")
# Every mixed word has such a pair; looking for it first spares the look at each word.
_MIXED_PAIR = re.compile(
    f"[A-Za-z\u00c0-\u024f][{_CYRILLIC}{_GREEK}]|[{_CYRILLIC}{_GREEK}][A-Za-z\u00c0-\u024f]"
)
_MIXED_RUN = re.compile("[0-9]"), re.compile("[a-z]"), re.compile("[A-Z]")
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"PK\x03\x04", b"\x28\xb5\x2f\xfd")


@dataclass(frozen=True, slots=True)
class Normalised:
    """`text` to scan. `has_opaque_run`: an encoded part could not be read."""

    text: str
    starts: array[int] | None = None
    ends: array[int] | None = None
    has_opaque_run: bool = False

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The range of the original text that characters start..end of `text` came from."""
        if self.starts is None or self.ends is None or start >= end:
            return start, end
        return min(self.starts[start], self.starts[end - 1]), max(
            self.ends[start], self.ends[end - 1]
        )


class _Working:
    """The text between two passes, with its maps."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts: array[int] | None = None
        self.ends: array[int] | None = None
        self.has_opaque_run = False
        self.is_changed = False

    def maps(self) -> tuple[array[int], array[int]]:
        if self.starts is None or self.ends is None:
            self.starts = array("I", range(len(self.text)))
            self.ends = array("I", range(1, len(self.text) + 1))
        return self.starts, self.ends

    def apply(self, edits: Iterable[Edit]) -> None:
        """Edits in order of position, not overlapping."""
        listed = list(itertools.islice(edits, _MOST_EDITS + 1))
        if not listed:
            return
        if len(listed) > _MOST_EDITS:
            raise TooDisguised
        self.is_changed = True
        old_starts, old_ends = self.maps()
        starts, ends, parts, done = array("I"), array("I"), [], 0
        for start, end, replacement in listed:
            parts += [self.text[done:start], replacement]
            starts += old_starts[done:start]
            ends += old_ends[done:start]
            if len(replacement) == end - start:
                starts += old_starts[start:end]
                ends += old_ends[start:end]
            else:
                starts += array("I", [old_starts[start]]) * len(replacement)
                ends += array("I", [old_ends[end - 1]]) * len(replacement)
            done = end
        self.text = "".join([*parts, self.text[done:]])
        self.starts = starts + old_starts[done:]
        self.ends = ends + old_ends[done:]

    def append(self, start: int, end: int, addition: str) -> None:
        """Put `addition` on a line of its own at the end; it stands for start..end."""
        starts, ends = self.maps()
        addition = "\n" + addition
        self.starts = starts + array("I", [starts[start]]) * len(addition)
        self.ends = ends + array("I", [ends[end - 1]]) * len(addition)
        self.text += addition
        self.is_changed = True


def normalise(text: str, look: Callable[[str], int] = lambda _: EVERYTHING) -> Normalised:
    """Raises TooDisguised, nothing else, for any string.

    `look` says which of TRIGGERS occur in a text; it was last asked about the text that is
    returned. Decoded parts are added while the text is below `_GROWTH` times its size plus 1 KB.
    """
    working = _Working(text)
    limit = _GROWTH * len(text) + 1_024
    decoded: set[str] = set()
    plain = ""  # the last text whose letters are known to be plain
    for _ in range(_ROUNDS):
        if working.text is not plain and not working.text.isascii():
            _plain_letters(working)
        plain = working.text
        hits = look(plain)
        working.is_changed = False
        for number, edits in enumerate(_PASSES):
            if hits >> number & 1:
                working.apply(edits(working.text))
        if working.text is not plain and not working.text.isascii():
            _plain_letters(working)
        plain = working.text
        if hits >> len(_PASSES):
            _append_decoded(working, decoded, limit, hits >> len(_PASSES))
        if not working.is_changed:  # else what was hidden may hide more
            break
    return Normalised(working.text, working.starts, working.ends, working.has_opaque_run)


def _plain_letters(working: _Working) -> None:
    """Once more where letters became others: those may be signs or halves of letters.

    What is looked for is looked for among the few characters beyond ASCII, not in the text.
    """
    for _ in range(2):
        odd = "".join(_NON_ASCII.findall(working.text))
        if _INVISIBLE.search(odd):
            working.apply((m.start(), m.end(), "") for m in _INVISIBLE.finditer(working.text))
        if _PLAIN_CHARS.search(odd):
            # A search is several times faster than translating the whole text.
            working.text = _PLAIN_CHARS.sub(lambda m: _PLAIN[ord(m.group())], working.text)
        before = working.text
        if not unicodedata.is_normalized("NFKC", working.text):
            working.apply(_compatible(working.text))
            odd = "".join(_NON_ASCII.findall(working.text))
        if _DIGIT.search(odd):
            working.text = _DIGIT.sub(lambda m: str(unicodedata.decimal(m.group())), working.text)
        if _HAS_OTHER.search(odd) and _MIXED_PAIR.search(working.text):
            working.text = _MIXED_WORD.sub(_unmix, working.text)
        if working.text is before:
            break


def _compatible(text: str) -> Iterator[Edit]:
    for run in _NON_ASCII.finditer(text):
        # The ASCII character before may be the base of a combining mark.
        first = max(0, run.start() - 1) if _is_mark(text[run.start()]) else run.start()
        if unicodedata.is_normalized("NFKC", text[first : run.end()]):
            continue
        for cluster in _CLUSTER.finditer(text, first, run.end()):
            plain = unicodedata.normalize("NFKC", cluster.group())
            if plain != cluster.group():
                yield cluster.start(), cluster.end(), plain


def _is_mark(char: str) -> bool:
    return "\u0300" <= char <= "\u036f"


def _unmix(match: re.Match[str]) -> str:
    word = match.group()
    if _HAS_LATIN.search(word) and _HAS_OTHER.search(word):
        return word.translate(_LOOK_ALIKES)
    return word


def _escapes(text: str) -> Iterator[Edit]:
    if not ("%" in text or "&" in text or "\\" in text):
        return
    for match in _ESCAPE.finditer(text):
        plain = _unescape(match.group())
        if plain is not None:
            yield match.start(), match.end(), plain


def _unescape(token: str) -> str | None:
    try:
        if token[0] == "&":
            plain = html.unescape(token)
            return plain if plain != token else None
        if token[0] == "%":
            return urllib.parse.unquote(token, errors="strict")
        if token[1] == "u":
            units = bytes.fromhex(token.replace("\\u", ""))
            return units.decode("utf-16-be", "replace")
        return chr(int(token[2:], 16)) if token[1] == "x" else "\n"
    except ValueError:
        return None


_PASSES = (
    _escapes,
    digits.marks,
    digits.spelled_digits,
    digits.spaced_digits,
    digits.spaced_letters,
)


def _append_decoded(working: _Working, seen: set[str], limit: int, hits: int) -> None:
    text = working.text
    runs: list[tuple[int, int, str | None]] = []
    words = _long_words(text)
    if hits & 6:  # in pairs they hold spaces, else they are within a word
        runs += _hexadecimal_runs(text, [(0, len(text))] if hits & 4 else words)
    if hits & 1:
        runs += _base64_runs(text, words)
    for start, end, plain in runs:
        run = working.text[start:end]
        if run in seen:
            continue
        seen.add(run)
        if plain is None:
            working.has_opaque_run |= _is_opaque(run)
        elif len(working.text) + len(plain) < limit:
            working.append(start, end, plain)
        else:
            working.has_opaque_run = True


def _hexadecimal_runs(
    text: str, stretches: list[tuple[int, int]]
) -> Iterator[tuple[int, int, str | None]]:
    for first, last in stretches:
        for match in _HEX.finditer(text, first, last):
            yield match.start(), match.end(), _of_hex(match.group(1))


def _of_hex(run: str) -> str | None:
    return _readable(bytes.fromhex(run.replace(":", " ")), 1.0)


def _of_base64(run: str) -> str | None:
    if len(run) >= _SURE_BASE64_CHARS:
        return _readable(_bytes_of(run), 0.95)
    is_mixed = not run.isalpha() and not run.islower() and not run.isupper()
    return _readable(_bytes_of(run), 1.0) if is_mixed else None


def _base64_runs(text: str, words: list[tuple[int, int]]) -> Iterator[tuple[int, int, str | None]]:
    """Those over several lines, and those in one that are no part of such."""
    if not any(text.startswith(("\n", "\r\n"), end) for _, end in words):
        yield from _in_words(text, words)
        return
    done = 0
    for lines in itertools.chain(_WRAPPED.finditer(text), (None,)):
        plain = _unwrapped(lines) if lines else None
        if lines and plain is None:
            continue
        yield from _in_words(text, [(done, lines.start() if lines else len(text))])
        if lines:
            yield lines.start(), lines.end(), plain
            done = lines.end()


def _in_words(text: str, stretches: list[tuple[int, int]]) -> Iterator[tuple[int, int, str | None]]:
    known: dict[str, str | None] = {}  # a text may be one run over and over
    for first, last in stretches:
        for line in _BASE64.finditer(text, first, last):
            run = line.group()
            if run not in known:
                known[run] = _of_base64(run)
            yield line.start(), line.end(), known[run]


def _long_words(text: str) -> list[tuple[int, int]]:
    """Where those between spaces stand that a run could be in: to split a text is faster than to
    search it for characters of a kind.
    """
    found: list[tuple[int, int]] = []
    at = 0
    words = text.split()
    for word in itertools.compress(words, map(_LEAST_RUN_CHARS.__le__, map(len, words))):
        at = text.index(word, at)
        found.append((at, at + len(word)))
        at += len(word)
    return found


def _unwrapped(lines: re.Match[str]) -> str | None:
    """What lines of one encoded run hold together; the last may be a word behind them."""
    whole = "".join(lines.group().split())
    plain = _of_base64(whole)
    if plain is None and lines["last"]:
        plain = _of_base64("".join(lines.group()[: -len(lines["last"])].split()))
    return plain


def _readable(plain: bytes, least_share: float) -> str | None:
    """The text in decoded bytes, or None when they hold none."""
    try:
        text = plain.decode("utf-8")
    except UnicodeDecodeError:
        return None
    sample = text[:_SAMPLE_CHARS].translate(_NO_LINE_ENDS)
    if sample.isprintable():
        return text
    printable = sum(map(str.isprintable, sample))
    return text if printable >= least_share * len(sample) else None


_SAMPLE_CHARS = 20_000
_NO_LINE_ENDS = dict.fromkeys(map(ord, "\n\r\t"))


def _bytes_of(run: str) -> bytes:
    body = run.rstrip("=").replace("-", "+").replace("_", "/")
    body = body[: len(body) - (len(body) % 4 == 1)]
    try:
        return base64.b64decode(body + "=" * (-len(body) % 4))
    except binascii.Error:  # pragma: no cover  (the alphabet and the padding are right)
        return b"\xff"


def _is_opaque(run: str) -> bool:
    """Long and of mixed characters, or marked as compressed: it could hold anything."""
    if _bytes_of(run).startswith(_PACKED):
        return True
    return len(run) >= _OPAQUE_CHARS and all(mark.search(run) for mark in _MIXED_RUN)
