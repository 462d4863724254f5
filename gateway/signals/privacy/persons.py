# SPDX-License-Identifier: Apache-2.0
"""Whether a text speaks of somebody: of one person, of people in general, or of nobody.

A strange capitalised word in an article about a disease is a drug or a protein; behind "my" or "pt"
it may be who has the disease. "Patient", "mother" and the like are said of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

NOBODY, ANYBODY, SOMEBODY = range(3)


def _spelt(words: str) -> frozenset[str]:
    return frozenset(
        spelling for word in words.split() for spelling in (word, word.capitalize(), word.upper())
    )


_SOMEBODY = _spelt(
    "he she him his her hers himself herself i me my mine mr mrs ms miss dr prof pt yo client"
    " resident mom mum dad gentleman lady name named dear sincerely regards"
)
_ANYBODY = _spelt(
    "patient male female mother father wife husband son daughter sister brother boy girl baby"
    " infant"
)


# "A patient leaflet" is about no patient.
_FOR_PATIENTS = frozenset(
    "leaflet leaflets handout handouts brochure education information safety portal care guide"
    " instructions materials".split()
)


def spoken_of(words: Sequence[str]) -> int:
    """SOMEBODY, ANYBODY or NOBODY."""
    if not _SOMEBODY.isdisjoint(words):
        return SOMEBODY
    if _ANYBODY.isdisjoint(words):
        return NOBODY
    behind = (after for word, after in pairwise(words) if word in _ANYBODY)
    is_said = words[-1] in _ANYBODY or not all(after in _FOR_PATIENTS for after in behind)
    return ANYBODY if is_said else NOBODY
