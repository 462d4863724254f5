# SPDX-License-Identifier: Apache-2.0
"""Spellings under which an identifier is still one: what `normalise` has to undo, and case."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable

_DIGITS = "zero one two three four five six seven eight nine".split()
_LATIN, _CYRILLIC = (
    "aeopcxyABEKMHOPCTX",
    "\u0430\u0435\u043e\u0440\u0441\u0445\u0443\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425",
)
_LOOK_ALIKES = str.maketrans(_LATIN, _CYRILLIC)

ANY_TEXT: dict[str, Callable[[str], str]] = {
    "zero width": "\u200b".join,
    "soft hyphens": "\u00ad".join,
    "fullwidth": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "look-alikes": lambda text: text[:2] + text[2:].translate(_LOOK_ALIKES),
    "HTML entities": lambda text: "".join(
        f"&#{ord(c)};" if c.isalnum() else html.escape(c) for c in text
    ),
    "URL encoding": lambda text: "".join(f"%{b:02X}" for b in text.encode()),
    "base64": lambda text: base64.b64encode(f"the value is {text}, as told".encode()).decode(),
    "JSON escapes": lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
    "capitals": str.upper,
    "small letters": str.lower,
}
NUMBERS: dict[str, Callable[[str], str]] = {
    "digits as words": lambda text: " ".join(_DIGITS[int(c)] for c in text if c.isdecimal()),
    "spaced digits": lambda text: " ".join(c for c in text if c.isdecimal()),
}
