# SPDX-License-Identifier: Apache-2.0
"""What the tagger labels and is no person or place all the same, for reasons that can be said.

1. Public by itself: a country, a people, a person of public life, a brand with a doctor's title.
2. A disease, sign, method or law that bears the name of its finder.
3. A lone word whose look speaks against it: a slip of the pen or a syllable in small letters, an
   acronym, a word that the end of the text cuts off, a term (`terms.py`).
4. A town in an article, where a sentence tells of research, of origin or of a year.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.signals.privacy import health_words
from gateway.signals.privacy.features import NEWLINE
from gateway.signals.privacy.lexicon import Flag, folded
from gateway.signals.privacy.model import Model
from gateway.signals.privacy.name_stops import (
    ABROAD_HEADS,
    BARE_EPONYMS,
    BODIES,
    DIRECT_HEADS,
    EPONYM_ENDINGS,
    EPONYM_HEADS,
    JOINED_HEADS,
    OWNED,
    OWNED_BY_GIVEN,
    OWNERS,
    PLACE_HEADS,
    PREFIXES,
    PUBLIC,
    THING_HEADS,
    WIDE_GROUPS,
)
from gateway.signals.privacy.public_figures import PUBLIC_FIGURES
from gateway.signals.privacy.terms import Terms
from gateway.signals.privacy.tokens import TITLES
from gateway.signals.privacy.wide_places import WIDE_PLACES

NEITHER, NAME, PLACE = 0, 1, 2
# Log odds above the threshold that a lone word in small letters must reach: one that the lexicon
# knows as a name, any other, and one that stands in a dictionary.
_LEAST_SMALL, _LEAST_UNKNOWN, _LEAST_WORD, _LEAST_ACCENTED = 1.4, 2.4, 3.4, 5.0
# The same of a lone word in a long text that speaks of nobody in particular.
_LEAST_IMPERSONAL = 3.0
_ACRONYM_CHARS, _SHORT_ACRONYM_CHARS = 6, 3
# A text that ends sooner is a message, and its last word as likely a name.
_LONG_WORDS = 24
# Behind these a name may stand, and be the last word.
_BEFORE_NAMES = frozenset("with for to from by of and or is see ask tell call in at near".split())
_HEAD_REACH, _RULES_REACH, _BODY_REACH, _PAIR_REACH = 4, 5, 3, 6
_ENDS = frozenset({".", "?", "!", NEWLINE, "-", ":"})
_SUBSTANCES = ("ase", "ases", "oside", "amine", "idine", "mycin", "omas", "oses", "globin")
_PREPOSITIONS = frozenset("of de di da do des du del della von d".split())
_BETWEEN = frozenset({"-", "'s", "'", "and", "or", "/", ","})
# Before a surname they make no full name.
_RANKS = frozenset(
    "Farmer Prince Princess King Queen Captain Coach Chef Officer Teacher Uncle Aunt Grandma"
    " Grandpa Sir Lady Lord Saint Mayor Principal CEO President Judge Detective Sergeant Baker"
    " Miss".split()
)
_OF_FINDERS = frozenset(
    "syndrome tetralogy triad law theorem phenomenon method pouch circle loop canal islets space"
    " ligament sphincter foramen valve tunnel organ bundle antrum fascia".split()
)
# What is owned is left out before these: "how is Paget's treated". A person's is told.
_NO_NOUNS = frozenset(
    "treated diagnosed managed inherited caused cured confirmed staged and or versus vs is ? . ,"
    " ; ) with without in".split()
)
_ADJECTIVES = ("al", "ic", "ar", "ous", "ary", "ile", "oid", "ive")
_MAY_BE_OWNED = OWNED | OWNED_BY_GIVEN
_GIVEN, _FREQUENT, _EPONYM = int(Flag.GIVEN), int(Flag.FREQUENT_NAME), int(Flag.EPONYM)
_NAMES = int(Flag.GIVEN | Flag.SURNAME)
_LOWER, _WORD = int(Flag.LOWER), int(Flag.WORD)
_KNOWN = {NAME: _NAMES, PLACE: int(Flag.TOWN)}
_FAMOUS = frozenset(folded(name.replace(".", "").replace("-", "_")) for name in PUBLIC_FIGURES)
_WIDE = frozenset(folded(place).replace("-", "_") for place in WIDE_PLACES).union(WIDE_GROUPS)

_KNOWN_TO_ALL = _FAMOUS | _WIDE
_WORDS_KNOWN_TO_ALL = frozenset(word for name in _KNOWN_TO_ALL for word in name.split("_"))
_WIDE_WORDS = frozenset(word for place in _WIDE for word in place.split("_") if len(word) > 3)


@dataclass(slots=True)
class Run:
    """Labelled words in a row: first and last position, and by how much each passed."""

    label: int
    first: int
    last: int
    scores: list[int]
    flags: tuple[int, int] = (0, 0)  # what the lexicon knows of the first and the last word


def is_no_finding(words: list[str], run: Run, model: Model, terms: Terms) -> bool:
    """Whether one of the reasons holds; `terms` looks at all words of the text."""
    first, is_place = words[run.first], run.label == PLACE
    parts = [folded(word) for word in words[run.first : run.last + 1] if word[0].isalpha()]
    may_be_known = not _WORDS_KNOWN_TO_ALL.isdisjoint(parts)
    if may_be_known and (is_wide(parts) or _is_famous(words, run, parts)):
        return True
    if first in TITLES or (first in PUBLIC and follows_title(words, run.first)):
        return True
    flags_of = model.vocabulary.flags_of
    run.flags = flags_of(first), flags_of(words[run.last])
    if is_eponym(words, run, model, terms) or terms.is_cited(run.first, run.last):
        return True
    if _is_kind_or_body(words, run) or terms.prose.tells_of_finders(run.first):
        return True
    if is_place and terms.prose.tells_of_research(run.first):
        return True
    if is_place:  # "60 kJ, B. 90 kJ"
        parts = [part for part in parts if len(part) > 1]
    if len(set(parts)) <= 1:
        return _is_no_lone_word(words, run, model, terms)
    return _is_list(words, run, model)


def _is_no_lone_word(words: list[str], run: Run, model: Model, terms: Terms) -> bool:
    if _is_unsure(words[run.first], run, model, terms):
        return True
    return terms.is_term(run.first, run.flags[0]) or not is_credible(words, run, model, terms)


def _is_unsure(word: str, run: Run, model: Model, terms: Terms) -> bool:
    """Whether a text speaks of nobody, and a lone word is no more than likely a name; frequent
    names are, if they are no words as well.
    """
    flags = run.flags[0]
    if flags & _EPONYM and not flags & _GIVEN and terms.prose.is_article():
        return not terms.prose.tells_of_deeds(run.first)
    if flags & _FREQUENT and not flags & _LOWER:
        return False
    is_weak = run.scores[0] < _LEAST_IMPERSONAL * model.scale
    if not flags & _FREQUENT:
        is_weak |= word.islower()
    return is_weak and terms.prose.is_impersonal() and not terms.prose.tells_of_deeds(run.first)


def _is_list(words: list[str], run: Run, model: Model) -> bool:
    """Whether one thing ends and another begins, as in "on the face Hernias Short stature"."""
    first, *others = words[run.first : run.last + 1]
    are_plain = all(_flags(word, model) & _LOWER for word in others if word[0].isalpha())
    return are_plain and _is_made_of_word(first, _flags(first, model), model)


def is_wide(parts: list[str]) -> bool:
    """Whether all folded words together, or each alone, are a place as wide as a state."""
    return "_".join(parts) in _WIDE or all(folded(part) in _WIDE for part in parts)


def _is_famous(words: list[str], run: Run, parts: list[str]) -> bool:
    """Whether a person or place known to all; the tagger may have taken one word of the name."""
    before = [folded(word) for word in words[max(0, run.first - 1) : run.first]]
    behind = [folded(word) for word in words[run.last + 1 : run.last + 2]]
    whole = (parts, parts + behind, before + parts)
    return any("_".join(name) in _KNOWN_TO_ALL for name in whole)


def is_part_of_wide(word: str) -> bool:
    """Whether it is a word of such a place: "Rica", "Africa"."""
    return folded(word) in _WIDE_WORDS


def names_in(words: list[str], model: Model) -> int:
    """How many words of a run can be parts of a full name: in "Then Mark" it is one."""
    parts = [word for word in words if len(word) > 1 and word[0].isalpha()]
    if not all(map(str.islower, parts)):  # in "did Mrs. Harrington sell" the verb is none
        parts = [word for word in parts if not word.islower() and word not in _RANKS]
    return sum(not _is_plain(word, model) for word in parts)


def _is_plain(word: str, model: Model) -> bool:
    return _flags(word, model) & (_LOWER | _NAMES) == _LOWER


def _flags(word: str, model: Model) -> int:
    return model.vocabulary.flags_of(word)


def is_credible(words: list[str], run: Run, model: Model, terms: Terms) -> bool:
    """Whether a lone word can be a name, by its look and its place."""
    word, flags = words[run.first], run.flags[0]
    if not word.isalpha() and word[-1] != "\u2019":  # a code: no name has a digit
        return False
    if not flags & _NAMES and _is_variety(words, run.last + 1):
        return False
    if _is_cut_off(words, run, flags, model) or _is_made_of_word(word, flags, model):
        return False
    if word.islower():
        is_likely = flags & _FREQUENT or (flags & _NAMES and not terms.uses_capitals())
        least = _LEAST_SMALL if is_likely else _LEAST_UNKNOWN
        least = _LEAST_WORD if flags & _WORD else least
        if not word.isascii() and terms.uses_capitals():  # "la dosis máxima"
            least = _LEAST_ACCENTED
        return run.scores[0] >= least * model.scale and not _is_syllable(words, run.first)
    if not word.isupper() or len(word) > _ACRONYM_CHARS:
        return word.istitle() or len(word) > _ACRONYM_CHARS
    if _is_syllable(words, run.first) or _lower_at(words, run.last + 1) in EPONYM_HEADS:
        return False
    known = _FREQUENT if len(word) <= _SHORT_ACRONYM_CHARS else _KNOWN[run.label]
    return bool(flags & known)


def _is_variety(words: list[str], at: int) -> bool:
    """Whether a letter follows as in "Filamin B"; an initial has a point behind it."""
    letter, behind = words[at : at + 1], words[at + 1 : at + 2]
    if not letter or len(letter[0]) > 1 or not letter[0].isupper():
        return False
    return not behind or not (behind[0] == "." or behind[0][0].isupper())


def _is_cut_off(words: list[str], run: Run, flags: int, model: Model) -> bool:
    """Whether the end of a long text stands in the middle of a common word."""
    if not run.last == len(words) - 1 > _LONG_WORDS or flags & _FREQUENT:
        return False
    before = words[run.first - 1]
    goes_on = before.islower() and before not in _BEFORE_NAMES  # or a sentence begins
    if not (goes_on or before in _ENDS or not flags & _NAMES):
        return False
    return model.lexicon.is_beginning(folded(words[run.last]))


def _is_made_of_word(word: str, flags: int, model: Model) -> bool:
    """Whether a word is a drug or a condition, or unknown and the plural of a common one, or a
    substance by its ending.
    """
    if folded(word) in health_words.WORDS:
        return True
    if flags & _NAMES:
        return False
    if (
        word.endswith("s")
        and _flags(word[:-1] or word, model) & (_LOWER | _NAMES | _WORD) == _LOWER | _WORD
    ):
        return True
    return word.endswith(_SUBSTANCES)


def _is_syllable(words: list[str], at: int) -> bool:
    """Whether a hyphen parts the word from one in small letters, as in "a-RITH-me-a"."""
    before = words[at - 1 : at] == ["-"] and words[at - 2 : at - 1]
    behind = words[at + 1 : at + 2] == ["-"] and words[at + 2 : at + 3]
    return bool((before and before[0].islower()) or (behind and behind[0].islower()))


def _lower_at(words: list[str], at: int) -> str:
    return words[at].lower() if at < len(words) else ""


def follows_title(words: list[str], at: int) -> bool:
    """Whether a title stands before; "Dr. Pepper" is no doctor all the same."""
    before = at - 2 if at and words[at - 1] == "." else at - 1
    return before >= 0 and words[before] in TITLES


def is_eponym(words: list[str], run: Run, model: Model, terms: Terms) -> bool:
    """Whether a disease, a sign or a law follows that bears the name of its finder.

    "Maria's disease" and "Jane Roe's test" are theirs; "Hansen's disease" or "Coombs test" are not.
    """
    if _is_named_after(words, run) or (run.label == PLACE and _names_rules(words, run)):
        return True
    if _is_in_pairs(words, run):
        return True
    is_given = bool(run.flags[0] & _GIVEN)
    if run.first < run.last and "-" not in words[run.first : run.last] and is_given:
        return _are_finders(words, run, model)
    if _stands_for_disease(words, run, model):
        return True
    return _has_head(words, run, is_given, terms)


def _stands_for_disease(words: list[str], run: Run, model: Model) -> bool:
    """ "Hashimoto's and celiac disease", "how is Paget's treated": what is owned is left out."""
    owner, flags = words[run.last], run.flags[1]
    if words[run.last + 1 : run.last + 2] == ["'s"]:
        if owner in BARE_EPONYMS and run.first == run.last:
            return True
        is_rare = flags & _EPONYM and not flags & _FREQUENT
        if is_rare and _lower_at(words, run.last + 2) in _NO_NOUNS:
            return True
    return bool(flags & _EPONYM) and _is_finders(words, run, model)


def _has_head(words: list[str], run: Run, is_given: bool, terms: Terms) -> bool:
    """Whether a disease, a sign or the like stands behind the name."""
    owner, at = words[run.last], run.last + 1
    is_owned = words[at : at + 1] == ["'s"]
    at += is_owned
    while words[at : at + 1] == ["-"] and words[at + 1 : at + 2]:  # "Andersen-Tawil syndrome"
        if folded(words[at + 1]) in JOINED_HEADS:  # "Sjögren-Syndrom"
            return True
        at += 2
    head = _lower_at(words, at)
    if not head:
        return False
    if owner not in OWNERS and (is_owned or is_given) and head in _MAY_BE_OWNED:
        return head in OWNED_BY_GIVEN and not (is_owned and is_given)
    if head in EPONYM_HEADS or _leads_to(words, at, EPONYM_HEADS):
        return True
    # A word and a diagnosis behind it are one term: a given name's if they come again.
    return head.endswith(EPONYM_ENDINGS) and (not is_given or terms.occur_twice(owner, head))


def _are_finders(words: list[str], run: Run, model: Model) -> bool:
    """ "Grey Turner sign", though it looks like a full name."""
    if _lower_at(words, run.last + 1) not in EPONYM_HEADS:
        return False
    return all(_flags(word, model) & _EPONYM for word in words[run.first : run.last + 1])


def _is_kind_or_body(words: list[str], run: Run) -> bool:
    """ "anti-Kell antibodies", "Sociedad Española de Cardiología"."""
    before = [folded(word) for word in words[max(0, run.first - _BODY_REACH) : run.first + 1]]
    if before[-2:-1] == ["-"] and before[-3:-2] and before[-3] in PREFIXES:
        return True
    return not BODIES.isdisjoint(before) and words[run.first - 1][0] != NEWLINE


def _is_in_pairs(words: list[str], run: Run) -> bool:
    """ "Santavuori-Haltia, Jansky-Bielschowsky and Spielmeyer-Vogt" are names of one disease."""
    near = words[max(0, run.first - _PAIR_REACH) : run.last + 1 + _PAIR_REACH]
    pairs = sum(
        sign == "-" and left.istitle() and right.istitle()
        for left, sign, right in zip(near, near[1:], near[2:], strict=False)
    )
    return pairs > 1 and "-" in words[max(0, run.first - 1) : run.last + 2]


def _names_rules(words: list[str], run: Run) -> bool:
    """ "the Maastricht VI/Florence consensus", "the Manchester triage system"."""
    for word in words[run.last + 1 : run.last + 1 + _RULES_REACH]:
        if word.lower() in PLACE_HEADS:
            return True
        if word[0] in ".,;:?!\0":
            return False
    return False


def _is_named_after(words: list[str], run: Run) -> bool:
    """ "syndrome of Moynahan", "síndrome de Sjögren", "Herbert Hoover Elementary School"."""
    before = words[run.first - 1] if run.first else ""
    if before.lower() in DIRECT_HEADS:  # "Morbus Basedow"
        return True
    is_of_head = before in _PREPOSITIONS and folded(words[run.first - 2]) in ABROAD_HEADS
    if is_of_head and run.first > 1 and not run.flags[0] & _GIVEN:
        return True
    if before == "of":
        head = words[max(0, run.first - 2)]
        if head.lower() in _OF_FINDERS:
            return True
        if head == "University" and (run.first == run.last or is_wide([words[run.first]])):
            return True
    return _leads_to(words, run.last + 1, THING_HEADS)


def _leads_to(words: list[str], at: int, heads: frozenset[str]) -> bool:
    """Capitalised words up to a head: "Edinburgh Postnatal Depression Scale"."""
    for word in words[at : at + _HEAD_REACH]:
        if not word[0].isupper():
            return words[at][0].isupper() and word in heads
        if word.lower() in heads:
            return True
    return False


def _is_finders(words: list[str], run: Run, model: Model) -> bool:
    """Whether a finder's name is joined to another's, or stands close before what bears it."""
    others = (
        words[run.first - 2 : run.first - 1] if words[run.first - 1 : run.first] == ["-"] else []
    ) + (words[run.last + 2 : run.last + 3] if words[run.last + 1 : run.last + 2] == ["-"] else [])
    if any(_flags(each, model) & _EPONYM for each in others if each[0].isupper()):
        return True
    for word in words[run.last + 1 : run.last + 1 + _HEAD_REACH]:
        if word in EPONYM_HEADS or word.endswith(EPONYM_ENDINGS):
            return True
        is_finder = word[0].isupper() and (_flags(word, model) & _EPONYM or word.isupper())
        if word not in _BETWEEN and not is_finder and not word.endswith(_ADJECTIVES):
            return False
    return False
