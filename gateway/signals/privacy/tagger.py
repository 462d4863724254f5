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

from gateway.signals.privacy.dismissal import follows_title, is_no_finding, names_in
from gateway.signals.privacy.features import NEWLINE, Signs
from gateway.signals.privacy.found import Found, Refused
from gateway.signals.privacy.model import PLACE_SHIFT, Model
from gateway.signals.privacy.name_stops import FOLLOWERS
from gateway.signals.privacy.recognisers import Document
from gateway.signals.privacy.renown import is_part_of_wide
from gateway.signals.privacy.run import NAME, NEITHER, PLACE, Run
from gateway.signals.privacy.terms import Terms
from gateway.signals.privacy.tokens import TITLES, Tokens, candidates
from gateway.signals.privacy.verdict import Kind

# More candidates than these, in all or for the length of the text, would break the time bound.
_CANDIDATES_FLOOR = 2_000
_CHARS_PER_CANDIDATE = 80
# Log odds above the threshold from which on a full name identifies without a health context.
_STRONG = 1.7

_PARTICLES = frozenset(
    "de da del della di der den do dos das du van von bin ibn al el la le lo ten ter y e".split()
)
_HALF = 1 << PLACE_SHIFT - 1
_INNER = frozenset("-'.\u2019")
_NAME_REACH, _ADDRESS_REACH, _ABBREVIATION = 3, 8, 2
_WITHIN = frozenset("-'")
_OF_HOUSES = frozenset("van von der den ter ten della del dos da bin ibn al".split())
_BULLETS, _BULLET_REACH = frozenset({".", ")", "-", "*", "|", "\u2022", "#"}), 3
_QUOTES = frozenset(">?|")  # at the beginning of lines that are quoted
_JOINTS = frozenset({",", NEWLINE, "#", "/"})
_UNITS = frozenset(
    "apt apartment suite ste unit flat room floor st street ave road rd rue via calle box".split()
)


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
        terms = Terms(tokens.words, model.lexicon.common)
        for run in _runs(tokens.words, _labelled(tokens.words, chosen, model)):
            found = _finding(tokens, run, model, terms)
            if found is not None:
                yield found


def _labelled(words: list[str], chosen: list[int], model: Model) -> Iterator[tuple[int, int, int]]:
    """Position, label and score of every candidate that is a name or a place."""
    signs = Signs(words, model.vocabulary)
    name_least, place_least = model.name_least, model.place_least
    last, label = -9, NEITHER
    for at in chosen:
        both = signs.sum_of(at, label if last == at - 1 else NEITHER)
        if both is None:
            last, label = at, NEITHER
            continue
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


def _runs(words: list[str], labelled: Iterator[tuple[int, int, int]]) -> Iterator[Run]:
    run: Run | None = None
    for at, label, score in labelled:
        if run is not None and label == run.label and _joins(words, run.last, at, label):
            run.last = at
            run.scores.append(score)
            continue
        if run is not None:
            yield run
        run = Run(label, at, at, [score])
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
    return is_state or word.isdecimal() or word in _JOINTS or word.lower() in _UNITS


def _finding(tokens: Tokens, run: Run, model: Model, terms: Terms) -> Found | None:
    words = tokens.words
    while run.first < run.last and (words[run.first] in TITLES or words[run.first] == "."):
        run.first += 1
    if is_no_finding(words, run, model, terms):
        return None
    first, last = _widened(words, run)
    if run.label == NAME:
        last = _hyphened(tokens, last)
    start, end = tokens.start_of(first), tokens.start_of(last) + len(words[last])
    if run.label == PLACE:
        return Found(start, end, Kind.GEO, is_strong=False)
    is_full = run.first < run.last and names_in(words[run.first : run.last + 1], model) > 1
    is_sure = min(run.scores) >= _STRONG * model.scale
    return Found(start, end, Kind.NAME, is_strong=is_full and is_sure)


def _widened(words: list[str], run: Run) -> tuple[int, int]:
    """Titles and initials belong to a name, house numbers, flats and codes to a place."""
    if run.label == NAME:
        last = _given_behind(words, run.last) if run.first == run.last else run.last
        return _before_name(words, run.first), _behind_name(words, last)
    first, last = run.first, run.last
    while first and words[first - 1].isdecimal() and run.first - first < _NAME_REACH:
        if words[first - 2 : first - 1] == ["-"]:  # the end of a longer number, not of a house
            break
        first -= 1
    at = last + 1
    while at < len(words) and at - run.last <= _ADDRESS_REACH and _is_behind_place(words[at]):
        last = at if words[at].isdecimal() else last
        at += 1
    return first, last


def _is_behind_place(word: str) -> bool:
    return _is_address(word) or word in _QUOTES or is_part_of_wide(word)


def _before_name(words: list[str], first: int) -> int:
    while first >= 1 and words[first - 1] in _OF_HOUSES:
        first -= 1
    while first >= 2 and words[first - 1] == "." and _is_initial(words[first - 2]):
        first -= 2
    if first and words[first - 1] in TITLES:
        return first - 1
    return first - 2 if follows_title(words, first) else first


def _leads_line(words: list[str], first: int) -> bool:
    """Whether a word stands first in its line, but for a number or a bullet."""
    at = first - 1
    while (
        at >= 0 and first - at <= _BULLET_REACH and (words[at] in _BULLETS or words[at].isdecimal())
    ):
        at -= 1
    return at < 0 or words[at] == NEWLINE


def _given_behind(words: list[str], last: int) -> int:
    """The given name's place behind a surname that leads its line; the surname's without one."""
    given = "".join(words[last + 2 : last + 3])
    if words[last + 1 : last + 2] != [","] or not given.isalpha() or given in FOLLOWERS:
        return last
    return last + 2 if given[0].isupper() and _leads_line(words, last) else last


def _behind_name(words: list[str], last: int) -> int:
    if last + 1 < len(words) and _is_initial(words[last + 1]):
        return last + 1 + (words[last + 2 : last + 3] == ["."])
    return last


def _hyphened(tokens: Tokens, last: int) -> int:
    """The end of a word with a hyphen or an apostrophe in it: "Ha-eun", "Fa'asavalu"."""
    words = tokens.words
    while last + 2 < len(words) and words[last + 1] in _WITHIN and words[last + 2].isalpha():
        if tokens.start_of(last + 2) != tokens.start_of(last) + len(words[last]) + 1:
            break
        last += 2
    return last


def _is_initial(word: str) -> bool:
    return len(word) == 1 and word.isupper()
