# SPDX-License-Identifier: Apache-2.0
"""Words in a row that the tagger took for one name or place."""

from __future__ import annotations

from dataclasses import dataclass

NEITHER, NAME, PLACE = 0, 1, 2


@dataclass(slots=True)
class Run:
    """Labelled words in a row: first and last position, and by how much each passed."""

    label: int
    first: int
    last: int
    scores: list[int]
    flags: tuple[int, int] = (0, 0)  # what the lexicon knows of the first and the last word


def lower_at(words: list[str], at: int) -> str:
    """The word there in small letters; "" behind the last one."""
    return words[at].lower() if at < len(words) else ""
