# SPDX-License-Identifier: Apache-2.0
"""What the tagger labels and is no person or place all the same, for reasons that can be said.

1. Public by itself: a country, a people, a person of public life, a brand with a doctor's title.
2. A disease, sign, method or law that bears the name of its finder.
3. A lone word whose look speaks against it: a slip of the pen or a syllable in small letters, an
   acronym, a word that the end of the text cuts off, a term (`terms.py`).
4. A lone word that is no more than likely a name, in an article.
"""

from __future__ import annotations

from gateway.signals.privacy import health_words
from gateway.signals.privacy.eponyms import is_eponym, is_kind_or_body
from gateway.signals.privacy.features import NEWLINE
from gateway.signals.privacy.lexicon import Flag, folded
from gateway.signals.privacy.model import Model
from gateway.signals.privacy.name_stops import EPONYM_HEADS, PUBLIC
from gateway.signals.privacy.renown import is_famous, is_wide, may_be_known
from gateway.signals.privacy.run import NAME, PLACE, Run, lower_at
from gateway.signals.privacy.terms import Terms
from gateway.signals.privacy.tokens import TITLES

# Log odds above the threshold that a lone word in small letters must reach: one that the lexicon
# knows as a name, any other, and one that stands in a dictionary.
_LEAST_SMALL, _LEAST_UNKNOWN, _LEAST_WORD, _LEAST_ACCENTED = 1.7, 2.7, 3.7, 5.3
# The same of a lone word in a long text that speaks of nobody in particular.
_LEAST_IMPERSONAL = 2.5
_ACRONYM_CHARS, _SHORT_ACRONYM_CHARS = 6, 3
# A text that ends sooner is a message, and its last word as likely a name.
_LONG_WORDS = 24
# Behind these a name may stand, and be the last word.
_BEFORE_NAMES = frozenset("with for to from by of and or is see ask tell call in at near".split())
_ENDS = frozenset({".", "?", "!", NEWLINE, "-", ":"})
_SUBSTANCES = ("ase", "ases", "oside", "amine", "idine", "mycin", "omas", "oses", "globin")
# Before a surname they make no full name.
_RANKS = frozenset(
    "Farmer Prince Princess King Queen Captain Coach Chef Officer Teacher Uncle Aunt Grandma"
    " Grandpa Sir Lady Lord Saint Mayor Principal CEO President Judge Detective Sergeant Baker"
    " Miss".split()
)
_GIVEN, _FREQUENT, _EPONYM = int(Flag.GIVEN), int(Flag.FREQUENT_NAME), int(Flag.EPONYM)
_PERSONS = int(Flag.GIVEN | Flag.FREQUENT_NAME)
_NAMES = int(Flag.GIVEN | Flag.SURNAME)
_LOWER, _WORD = int(Flag.LOWER), int(Flag.WORD)
_KNOWN = {NAME: _NAMES, PLACE: int(Flag.TOWN)}


def is_no_finding(words: list[str], run: Run, model: Model, terms: Terms) -> bool:
    """Whether one of the reasons holds; `terms` looks at all words of the text."""
    first = words[run.first]
    parts = [folded(word) for word in words[run.first : run.last + 1] if word[0].isalpha()]
    flags_of = model.vocabulary.flags_of
    run.flags = flags_of(first), flags_of(words[run.last])
    if may_be_known(parts) and _is_known(words, run, parts):
        return True
    is_lone = run.first == run.last or words[run.last].islower()  # not "Dr. House Roe"
    if first in TITLES or (is_lone and first in PUBLIC and follows_title(words, run.first)):
        return True
    if is_eponym(words, run, model, terms) or terms.is_cited(run.first, run.last):
        return True
    if is_kind_or_body(words, run, terms):
        return True
    if run.label == PLACE:  # "60 kJ, B. 90 kJ"
        parts = [part for part in parts if len(part) > 1]
    if len(set(parts)) <= 1:
        return _is_no_lone_word(words, run, model, terms)
    return _is_list(words, run, model)


def _is_known(words: list[str], run: Run, parts: list[str]) -> bool:
    """Whether all know who or what it is; "Jordan has asthma" tells of a patient."""
    is_lone = run.label == NAME and run.first == run.last
    if is_lone and run.flags[0] & _PERSONS == _PERSONS and is_wide(parts):
        return is_famous(words, run, parts, is_whole=False)
    return is_wide(parts) or is_famous(words, run, parts)


def _is_no_lone_word(words: list[str], run: Run, model: Model, terms: Terms) -> bool:
    if _is_unsure(words[run.first], run, model, terms):
        return True
    return terms.is_term(run.first, run.flags[0]) or not is_credible(words, run, model, terms)


def _is_unsure(word: str, run: Run, model: Model, terms: Terms) -> bool:
    """Whether a text speaks of nobody, and a lone word is no more than likely a name; frequent
    names are, if they are no words as well.
    """
    flags = run.flags[0]
    is_known = flags & _FREQUENT or (flags & _NAMES and not flags & _WORD)
    if is_known and not flags & _LOWER:
        return False
    if flags & _EPONYM and not flags & _GIVEN and terms.prose.is_article():
        return not terms.prose.tells_of_somebody(run.first)
    is_weak = run.scores[0] < _LEAST_IMPERSONAL * model.scale
    if not flags & _FREQUENT:
        is_weak |= word.islower()
    return is_weak and terms.prose.is_impersonal() and not terms.prose.tells_of_somebody(run.first)


def _is_list(words: list[str], run: Run, model: Model) -> bool:
    """Whether one thing ends and another begins, as in "on the face Hernias Short stature"."""
    first, *others = words[run.first : run.last + 1]
    are_plain = all(_flags(word, model) & _LOWER for word in others if word[0].isalpha())
    return are_plain and _is_made_of_word(first, _flags(first, model), model)


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
    if _is_syllable(words, run.first) or lower_at(words, run.last + 1) in EPONYM_HEADS:
        return False
    known = _FREQUENT if len(word) <= _SHORT_ACRONYM_CHARS else _KNOWN[run.label]
    return bool(flags & known)


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


def follows_title(words: list[str], at: int) -> bool:
    """Whether a title stands before; "Dr. Pepper" is no doctor all the same."""
    before = at - 2 if at and words[at - 1] == "." else at - 1
    return before >= 0 and words[before] in TITLES
