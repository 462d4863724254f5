# SPDX-License-Identifier: Apache-2.0
"""Who and what is known to all: people of public life, places as wide as a state, peoples."""

from __future__ import annotations

from gateway.signals.privacy.lexicon import folded
from gateway.signals.privacy.name_stops import WIDE_GROUPS
from gateway.signals.privacy.public_figures import PUBLIC_FIGURES
from gateway.signals.privacy.run import Run
from gateway.signals.privacy.wide_places import WIDE_PLACES

_FAMOUS = frozenset(folded(name.replace(".", "").replace("-", "_")) for name in PUBLIC_FIGURES)
_WIDE = frozenset(folded(place).replace("-", "_") for place in WIDE_PLACES).union(WIDE_GROUPS)

_KNOWN_TO_ALL = _FAMOUS | _WIDE
_WORDS_KNOWN_TO_ALL = frozenset(word for name in _KNOWN_TO_ALL for word in name.split("_"))
_WIDE_WORDS = frozenset(word for place in _WIDE for word in place.split("_") if len(word) > 3)


def may_be_known(parts: list[str]) -> bool:
    """Whether any of the folded words belongs to such a name; quick."""
    return not _WORDS_KNOWN_TO_ALL.isdisjoint(parts)


def is_wide(parts: list[str]) -> bool:
    """Whether all folded words together, or each alone, are a place as wide as a state."""
    return "_".join(parts) in _WIDE or all(folded(part) in _WIDE for part in parts)


def is_famous(words: list[str], run: Run, parts: list[str], *, is_whole: bool = True) -> bool:
    """Whether a person or place known to all; the tagger may have taken one word of the name, and
    has if it is not `is_whole`.
    """
    before = [folded(word) for word in words[max(0, run.first - 1) : run.first]]
    behind = [folded(word) for word in words[run.last + 1 : run.last + 2]]
    whole = (parts, parts + behind, before + parts)[not is_whole :]
    return any("_".join(name) in _KNOWN_TO_ALL for name in whole if len(name) > 1 or is_whole)


def is_part_of_wide(word: str) -> bool:
    """Whether it is a word of such a place: "Rica", "Africa"."""
    return folded(word) in _WIDE_WORDS
