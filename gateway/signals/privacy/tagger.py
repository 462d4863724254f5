# SPDX-License-Identifier: Apache-2.0
"""The second stage: names and places that no pattern gives away, word by word.

Rules
1. Only candidates are judged (`tokens.py`); a text of common words costs one set difference.
2. Words are judged from left to right, each with the label of the word before it.
3. Labelled words that only a space, a hyphen, an initial or a particle parts are one finding.
4. What a whole finding names publicly is dropped: a country, a people, a person of public life,
   a disease or law with the name of its finder.
5. A full name is a strong hit; a single word, and any place, a weak one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway.signals.privacy.features import Signs
from gateway.signals.privacy.found import Found, Refused
from gateway.signals.privacy.lexicon import Flag, folded, key_of
from gateway.signals.privacy.model import PLACE_SHIFT, Model
from gateway.signals.privacy.name_stops import (
    BARE_EPONYMS,
    EPONYM_ENDINGS,
    EPONYM_HEADS,
    OWNED,
    OWNED_BY_GIVEN,
    OWNERS,
    PUBLIC,
)
from gateway.signals.privacy.public_figures import PUBLIC_FIGURES
from gateway.signals.privacy.recognisers import Document
from gateway.signals.privacy.tokens import TITLES, Tokens, candidates
from gateway.signals.privacy.verdict import Kind
from gateway.signals.privacy.wide_places import WIDE_PLACES

NEITHER, NAME, PLACE = 0, 1, 2
# More candidates than these, in all or for the length of the text, would break the time bound.
_CANDIDATES_FLOOR = 2_000
_CHARS_PER_CANDIDATE = 80
# Log odds above the threshold from which on a full name identifies without a health context, and
# that a lone word in small letters must reach, for most of those are misspelt words.
_STRONG = 1.0
_LEAST_SMALL = 1.0
_KNOWN = {NAME: int(Flag.GIVEN | Flag.SURNAME), PLACE: int(Flag.TOWN)}
_GIVEN, _FREQUENT = int(Flag.GIVEN), int(Flag.FREQUENT_NAME)
_ACRONYM_CHARS = 4

_PARTICLES = frozenset(
    "de da del della di der den do dos das du van von bin ibn al el la le lo ten ter y e".split()
)
_HALF = 1 << PLACE_SHIFT - 1
_MAY_BE_OWNED = OWNED | OWNED_BY_GIVEN
_INNER = frozenset("-'.\u2019")
_NAME_REACH, _ADDRESS_REACH, _ABBREVIATION = 3, 8, 2
_UNITS = frozenset(
    "apt apartment suite ste unit flat room floor st street ave road rd rue via calle box".split()
)


@dataclass(slots=True)
class _Run:
    """Labelled words in a row: first and last position, and by how much each passed."""

    label: int
    first: int
    last: int
    scores: list[int]


class Tagger:
    """Names and places by a linear model over hashed signs."""

    name = "tagger"

    def __init__(self, load: Callable[[], Model]) -> None:
        self._load = load

    def find(self, document: Document) -> Iterator[Found]:
        """Hits in order of position; raises Refused, or what `load` raises."""
        if document.rare is None:
            return
        model, text = self._load(), document.text
        tokens = Tokens(text)
        most = _CANDIDATES_FLOOR + len(text) // _CHARS_PER_CANDIDATE
        chosen = candidates(tokens.words, document.rare, most)
        if chosen is None:
            raise Refused("too_many")
        for run in _runs(tokens.words, _labelled(tokens.words, chosen, model)):
            found = _finding(tokens, run, model)
            if found is not None:
                yield found


def _labelled(words: list[str], chosen: list[int], model: Model) -> Iterator[tuple[int, int, int]]:
    """Position, label and score of every candidate that is a name or a place."""
    signs = Signs(words, model.vocabulary)
    weight = model.weights.__getitem__
    name_least, place_least = model.name_least, model.place_least
    last, label = -9, NEITHER
    for at in chosen:
        if signs.is_plain(at):
            last, label = at, NEITHER
            continue
        both = sum(map(weight, signs.of(at, label if last == at - 1 else NEITHER)))
        place = both + _HALF >> PLACE_SHIFT
        name = both - (place << PLACE_SHIFT) - name_least
        place -= place_least
        last = at
        if name >= 0 and name >= place:
            label = NAME
            yield at, NAME, name
        elif place >= 0:
            label = PLACE
            yield at, PLACE, place
        else:
            label = NEITHER


def _runs(words: list[str], labelled: Iterator[tuple[int, int, int]]) -> Iterator[_Run]:
    run: _Run | None = None
    for at, label, score in labelled:
        if run is not None and label == run.label and _joins(words, run.last, at, label):
            run.last = at
            run.scores.append(score)
            continue
        if run is not None:
            yield run
        run = _Run(label, at, at, [score])
    if run is not None:
        yield run


def _joins(words: list[str], left: int, right: int, label: int) -> bool:
    """Whether all that stands between two labelled words belongs to one name or place."""
    between = words[left + 1 : right]
    if len(between) > (_ADDRESS_REACH if label == PLACE else _NAME_REACH):
        return False
    if "." in between and between[0] == "." and len(words[left]) > _ABBREVIATION:
        return False  # the end of a sentence
    return all(_is_inner(word) or (label == PLACE and _is_address(word)) for word in between)


def _is_inner(word: str) -> bool:
    return word in _INNER or word.lower() in _PARTICLES or (len(word) == 1 and word.isupper())


def _is_address(word: str) -> bool:
    """What stands between the parts of an address."""
    is_state = len(word) == 2 and word.isupper()
    return is_state or word.isdecimal() or word in ",\n#/" or word.lower() in _UNITS


def _finding(tokens: Tokens, run: _Run, model: Model) -> Found | None:
    words = tokens.words
    while run.first < run.last and (words[run.first] in TITLES or words[run.first] == "."):
        run.first += 1
    parts = [folded(word) for word in words[run.first : run.last + 1] if word[0].isalpha()]
    least = min(run.scores) / model.scale
    if _is_wide(parts) or "_".join(parts) in _FAMOUS or _is_eponym(words, run, model):
        return None
    if words[run.first] in TITLES or (
        words[run.first] in PUBLIC and _follows_title(words, run.first)
    ):
        return None
    if len(run.scores) == 1 and not _is_credible(words[run.first], run, model):
        return None
    first, last = _widened(words, run)
    start, end = tokens.start_of(first), tokens.start_of(last) + len(words[last])
    if run.label == PLACE:
        return Found(start, end, Kind.GEO, is_strong=False)
    is_full = sum(len(part) > 1 for part in parts) > 1
    return Found(start, end, Kind.NAME, is_strong=is_full and least >= _STRONG)


_FAMOUS = frozenset(folded(name.replace(".", "").replace("-", "_")) for name in PUBLIC_FIGURES)
_WIDE = frozenset(folded(place).replace("-", "_") for place in WIDE_PLACES)


def _is_wide(parts: list[str]) -> bool:
    return "_".join(parts) in _WIDE or all(part in _WIDE for part in parts)


def _is_credible(word: str, run: _Run, model: Model) -> bool:
    """A lone word in small letters may be a misspelt one, and one in capitals an acronym."""
    if word.islower():
        return run.scores[0] >= _LEAST_SMALL * model.scale
    if not word.isupper() or len(word) > _ACRONYM_CHARS:
        return True
    known = _FREQUENT if len(word) < _ACRONYM_CHARS else _KNOWN[run.label]
    return bool(model.lexicon.flags_of(key_of(folded(word))) & known)


def _follows_title(words: list[str], at: int) -> bool:
    """ "Dr. Pepper" is no doctor."""
    before = at - 2 if at and words[at - 1] == "." else at - 1
    return before >= 0 and words[before] in TITLES


def _is_eponym(words: list[str], run: _Run, model: Model) -> bool:
    """Whether a disease, a sign or a law follows that bears the name of its finder.

    "Maria's disease" and "Jane Roe's test" are theirs; "Hansen's disease" or "Coombs test" are not.
    """
    owner, at = words[run.last], run.last + 1
    is_given = bool(model.lexicon.flags_of(key_of(folded(words[run.first]))) & _GIVEN)
    if run.first < run.last and "-" not in words[run.first : run.last] and is_given:
        return False
    is_owned = words[at : at + 1] == ["'s"]
    if is_owned and owner in BARE_EPONYMS and run.first == run.last:
        return True
    at += is_owned
    while words[at : at + 1] == ["-"] and words[at + 1 : at + 2]:  # "Andersen-Tawil syndrome"
        at += 2
    following = [word.lower() for word in words[at : at + 2]]
    if not following:
        return False
    if owner not in OWNERS and (is_owned or is_given) and following[0] in _MAY_BE_OWNED:
        return following[0] in OWNED_BY_GIVEN and not (is_owned and is_given)
    return (
        following[0] in EPONYM_HEADS
        or (following[0].endswith(EPONYM_ENDINGS) and not is_given)
        or (following[-1] in EPONYM_HEADS and following[0].isalpha() and words[at][0].isupper())
    )


def _widened(words: list[str], run: _Run) -> tuple[int, int]:
    """Titles and initials belong to a name, house numbers, flats and codes to a place."""
    if run.label == NAME:
        return _before_name(words, run.first), _behind_name(words, run.last)
    first, last = run.first, run.last
    while first and words[first - 1].isdecimal() and run.first - first < _NAME_REACH:
        first -= 1
    at = last + 1
    while at < len(words) and at - run.last <= _ADDRESS_REACH and _is_behind_place(words[at]):
        last = at if words[at].isdecimal() else last
        at += 1
    return first, last


def _is_behind_place(word: str) -> bool:
    return _is_address(word) or folded(word) in _WIDE


def _before_name(words: list[str], first: int) -> int:
    while first >= 2 and words[first - 1] == "." and _is_initial(words[first - 2]):
        first -= 2
    if first and words[first - 1] in TITLES:
        return first - 1
    return first - 2 if _follows_title(words, first) else first


def _behind_name(words: list[str], last: int) -> int:
    if last + 1 < len(words) and _is_initial(words[last + 1]):
        return last + 1 + (words[last + 2 : last + 3] == ["."])
    return last


def _is_initial(word: str) -> bool:
    return len(word) == 1 and word.isupper()
