# SPDX-License-Identifier: Apache-2.0
"""Short encodings that the detector leaves aside, because words look like them.

It decodes base64 from 16 characters on. A number of nine digits needs twelve. Where something is
sent because identifiers were removed, a run that could be one is not given the benefit of doubt.
"""

from __future__ import annotations

import base64
import binascii
import re

_RUN = re.compile(r"(?<![A-Za-z0-9+/_-])([A-Za-z0-9+/_-]{8,15})(={0,2})(?![A-Za-z0-9+/_=-])")
_FEWEST_DIGITS = 6


def hides_text(text: str) -> bool:
    """Whether a short run of `text` is base64 of readable text: padded, or of digits mostly."""
    for run, padding in _RUN.findall(text):
        plain = _decoded(run)
        if plain.isascii() and plain.isprintable() and plain:
            digits = sum(char.isdigit() for char in plain)
            if padding or digits >= _FEWEST_DIGITS:
                return True
    return False


def _decoded(run: str) -> str:
    """The text of a run, "" when it is none."""
    body = run.replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(body + "=" * (-len(body) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
