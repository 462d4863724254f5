# SPDX-License-Identifier: Apache-2.0
"""What comes of an attempt to redact a request: a copy that may leave, or the reason for none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gateway.limits import Json

Refusal = Literal[
    "detector_failed",  # it raised, gave nonsense, or did not finish in time
    "unreadable",  # an encoded or disguised part, binary, another script, too long
    "media",  # an image, a sound, a file: nobody looked inside
    "key",  # an identifier in the name of a field
    "number",  # an identifier that is a JSON number
    "split",  # an identifier that begins in one string and ends in another
    "still_found",  # something was found in the copy, or a value still stands in it
    "nothing_found",  # declared sensitive, and no detector knows why
    "failed",  # an error of ours
]
"""Why a request is not redactable. A closed set: it labels a metric."""


@dataclass(frozen=True, slots=True)
class Unredactable:
    """The request stays on the device."""

    code: Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted:
    """A copy with identifiers removed.

    `counts` says how many of which kind were replaced. `originals` is the map from placeholder to
    value; it and `body` are for the request alone and are kept out of the repr. `says_json` means
    that the answer's text is asked to be JSON, so that what is put into it must be escaped.
    """

    body: Json = field(repr=False)
    counts: Mapping[str, int]
    originals: Mapping[str, str] = field(repr=False)
    says_json: bool = False
    vault: bytes = field(default=b"", repr=False)
    """The placeholders so far, for the next turn of a session. Holds values: to be sealed."""

    @property
    def total(self) -> int:
        """How many places were replaced."""
        return sum(self.counts.values())


Redaction = Redacted | Unredactable
