# SPDX-License-Identifier: Apache-2.0
"""Random marks that are planted in a request, and the search for them in bytes that left.

The search undoes encodings, several deep: letter case, punctuation or bytes put in between,
base64 (standard and URL alphabet, any alignment), hex, URL and JSON escapes, chunked framing,
gzip, zlib and raw deflate. It does not undo encryption, zstd or brotli: the gateway must not use
those (requests are sent without Content-Encoding), and a TLS sink decrypts before it searches.
"""

from __future__ import annotations

import base64
import re
import secrets
import urllib.parse
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

_DEPTH: Final = 3
_VIEW_LIMIT_BYTES: Final = 16 * 1024 * 1024

_JSON_ESCAPE = re.compile(rb"\\u([0-9a-fA-F]{4})")
_JSON_SHORT = re.compile(rb"\\([\"\\/])")
_BASE64_RUN = re.compile(rb"[A-Za-z0-9+/_-]{12,}")
_HEX_RUN = re.compile(rb"[0-9a-fA-F]{24,}")
_CHUNK_MARK = re.compile(rb"\r\n[0-9a-fA-F]{1,8}(?:;[^\r\n]*)?\r\n")
_SIZE_MARK = re.compile(rb"([0-9a-fA-F]{1,8})(?:;[^\r\n]{0,200})?\r\n")
_BODY_START = re.compile(rb"\r\n(?=[^\r\n])|\n\n|\r\n\r\n|\A", re.S)
_NOT_ALPHANUMERIC = re.compile(rb"[^A-Za-z0-9]+")
_URL_ALPHABET = bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True, slots=True)
class Canary:
    """A random word that occurs nowhere else; looks like a name, so no secret scanner cares."""

    token: str

    @classmethod
    def new(cls) -> Canary:
        """A fresh one: ten syllables, 66 bits."""
        syllables = (secrets.choice("bdfgklmnprstvz") + secrets.choice("aeiouy") for _ in range(10))
        return cls("".join(syllables).capitalize())

    def found_in(self, data: bytes) -> list[str]:
        """How the mark can be read out of the data, e.g. ["raw"] or ["gzip > base64"]; or []."""
        token = self.token.encode()
        found = {label for label, view in _views(data) if token.lower() in view.lower()}
        if "" in found:
            found.remove("")
            found.add("raw" if token in data else "case")
        return sorted(found)


def readings(data: bytes) -> bytes:
    """All that can be read out of the data, in lower case: to look for many marks at once."""
    return b"\n".join(view.lower() for _, view in _views(data))


def _views(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The data, and all that up to three decodings in a row make of it; each view once.

    Breadth first, so that each view is reached by its shortest way and its own decodings are not
    cut off by the depth of a longer one.
    """
    seen, level = {data}, [("", data)]
    for depth in range(_DEPTH + 1):
        yield from level
        deeper: list[tuple[str, bytes]] = []
        for label, view in level if depth < _DEPTH else ():
            for name, decode in _DECODERS.items():
                decoded = decode(view)[:_VIEW_LIMIT_BYTES]
                if decoded and decoded not in seen:
                    seen.add(decoded)
                    deeper.append((f"{label} > {name}" if label else name, decoded))
        level = deeper


def _url(data: bytes) -> bytes:
    return urllib.parse.unquote_to_bytes(data.replace(b"+", b" ")) if b"%" in data else b""


def _json(data: bytes) -> bytes:
    if b"\\" not in data:
        return b""

    def character(match: re.Match[bytes]) -> bytes:
        return chr(int(match[1], 16)).encode("utf-8", "surrogatepass")

    return _JSON_SHORT.sub(rb"\1", _JSON_ESCAPE.sub(character, data))


def _chunked(data: bytes) -> bytes:
    """Without the marks of chunks: by their sizes, and wherever something looks like a mark.

    Sizes first: a chunk of "Dad" looks like a mark itself, between two lines that are marks.
    """
    if not _CHUNK_MARK.search(data):
        return b""
    return b"\n".join((_by_size(data), _CHUNK_MARK.sub(b"", data)))


def _by_size(data: bytes) -> bytes:
    pieces: list[bytes] = []
    at = 0
    while mark := _SIZE_MARK.search(data, at):
        first, behind = mark.end(), mark.end() + int(mark[1], 16)
        if data[behind : behind + 2] in (b"\r\n", b"\r", b""):
            pieces += data[at : mark.start()], data[first:behind]
            at = behind + 2
        else:  # other characters stand before the size, or none is one
            pieces.append(data[at : mark.start() + 1])
            at = mark.start() + 1
    return b"".join((*pieces, data[at:]))


def _squeezed(data: bytes) -> bytes:
    """Without anything between letters and digits: finds "A-b c", UTF-16 and zero-width."""
    return _NOT_ALPHANUMERIC.sub(b"", data)


def _base64(data: bytes) -> bytes:
    # A run may begin with characters that are not part of the encoding, so all four phases count.
    pieces = []
    for match in _BASE64_RUN.finditer(data):
        run = match[0].translate(_URL_ALPHABET)
        for phase in range(4):
            part = run[phase:]
            # One character more than a multiple of four encodes no byte; two or three do.
            part = part[:-1] if len(part) % 4 == 1 else part
            pieces.append(base64.b64decode(part + b"=" * (-len(part) % 4)))
    return b"\n".join(pieces)


def _hex(data: bytes) -> bytes:
    pieces = []
    for match in _HEX_RUN.finditer(data):
        for phase in range(2):
            part = match[0][phase:]
            pieces.append(bytes.fromhex(part[: len(part) // 2 * 2].decode()))
    return b"\n".join(pieces)


def _inflate(data: bytes, window_bits: int) -> bytes:
    """What can be decompressed from the start of the data, up to the first fault."""
    inflater = zlib.decompressobj(window_bits)
    pieces = []
    try:
        for start in range(0, len(data), 512):
            pieces.append(inflater.decompress(data[start : start + 512]))
    except zlib.error:
        pass
    return b"".join(pieces)


def _gzip(data: bytes) -> bytes:
    starts = (match.start() for match in re.finditer(rb"\x1f\x8b\x08", data))
    return b"\n".join(_inflate(data[start:], 31) for start in starts)


def _zlib(data: bytes) -> bytes:
    starts = (match.start() for match in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", data))
    return b"\n".join(_inflate(data[start:], 15) for start in starts)


def _deflate(data: bytes) -> bytes:
    """Raw deflate has no mark to look for, so every place where a body may begin is tried."""
    parts = (_inflate(data[match.end() :], -15) for match in _BODY_START.finditer(data))
    return b"\n".join(part for part in parts if len(part) > 8)


_DECODERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "chunked": _chunked,
    "url": _url,
    "json": _json,
    "base64": _base64,
    "hex": _hex,
    "gzip": _gzip,
    "zlib": _zlib,
    "deflate": _deflate,
    "squeezed": _squeezed,
}
