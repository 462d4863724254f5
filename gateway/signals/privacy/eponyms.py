# SPDX-License-Identifier: Apache-2.0
"""What bears somebody's name and is none: diseases, signs, methods, kinds, bodies, schools.

Known by the word beside the name, in the order of the language: "Murphy's sign", "síndrome de
Sjögren", "Morbus Crohn", "Sjögren-Syndrom".

1. A word behind a name that patients have, too (a test, a tumour, an anaemia), is a finder's only
   if the lexicon knows him, and if nobody is spoken of: "Zorvanek anemia" is Zorvanek's.
2. Behind 's it is a finder's if the pair is known: "Paget's melanoma" is a patient's.
3. A name that the lexicon does not know makes a sign or a syndrome where nobody is spoken of.
"""

from __future__ import annotations

import re

from gateway.signals.privacy import health_words
from gateway.signals.privacy.lexicon import Flag, folded
from gateway.signals.privacy.model import Model
from gateway.signals.privacy.name_stops import (
    ABROAD_HEADS,
    ABROAD_OWNED,
    BARE_EPONYMS,
    BODIES,
    DIRECT_HEADS,
    EPONYM_ENDINGS,
    EPONYM_HEADS,
    FOUND_BY,
    JOINED_HEADS,
    JOINED_OWNED,
    OWNED,
    OWNED_BY_GIVEN,
    OWNERS,
    PLACE_HEADS,
    PREFIXES,
    THING_HEADS,
)
from gateway.signals.privacy.renown import is_wide
from gateway.signals.privacy.run import NAME, PLACE, Run, lower_at
from gateway.signals.privacy.terms import Terms

_HEAD_REACH, _RULES_REACH, _BODY_REACH, _PAIR_REACH = 4, 5, 3, 6
_ILLNESSES = frozenset(
    "asthma diabetes hypertension cancer pneumonia copd stroke sepsis biopsy surgery".split()
)
_OF_PLACES = frozenset({"fever", "virus"})
# Of nobody, whoever is spoken of: a patient has none.
_UNOWNED = EPONYM_HEADS - OWNED
# Before the others a patient may stand, as in "Roe reaction to penicillin".
_OF_UNKNOWN = _UNOWNED - frozenset(
    "signs reaction law laws effect cycle spots membrane staining curve curves disorder diseases"
    " layer line lines loop hypothesis bodies retractor model apparatus approach".split()
)
_PREPOSITIONS = frozenset("of de di da do des du del della von d".split())
_BETWEEN = frozenset({"-", "'s", "'", "and", "or", "/", ",", "the", "ankle", "knee"})
_THRONES = frozenset("King Queen Prince Princess Pope Emperor Empress Tsar Czar Sultan".split())
_ROMAN = re.compile(r"(?=[XVI])X{0,2}(?:I[XV]|V?I{0,3})")
_OF_FINDERS = frozenset(
    "syndrome tetralogy triad law theorem phenomenon pouch circle loop canal islets space"
    " ligament sphincter foramen valve tunnel organ bundle antrum fascia".split()
)
# What is owned is left out before these: "how is Paget's treated". A person's is told.
_NO_NOUNS = frozenset(
    "treated diagnosed managed inherited caused cured confirmed staged and or versus vs is ? . ,"
    " ; ) with without in".split()
)
_ADJECTIVES = ("al", "ic", "ar", "ous", "ary", "ile", "oid", "ive")
_NAMES = int(Flag.GIVEN | Flag.SURNAME)
_GIVEN, _FREQUENT, _EPONYM = int(Flag.GIVEN), int(Flag.FREQUENT_NAME), int(Flag.EPONYM)


def is_eponym(words: list[str], run: Run, model: Model, terms: Terms) -> bool:
    """Whether a disease, a sign or a law follows that bears the name of its finder.

    "Maria's disease" and "Jane Roe's test" are theirs; "Hansen's disease" or "Coombs test" are not.
    """
    before, behind = _beside(words, run)
    if _is_named_after(words, run, before, behind, terms) or (
        run.label == PLACE and _names_rules(words, run)
    ):
        return True
    if "-" in (before, behind) and _is_in_pairs(words, run):
        return True
    is_given = bool(run.flags[0] & _GIVEN)
    if run.first < run.last and "-" not in words[run.first : run.last] and is_given:
        return _are_finders(words, run, model)
    if _stands_for_disease(words, run, model, terms, is_owned=behind == "'s"):
        return True
    return bool(behind) and _has_head(words, run, is_given, terms)


def _beside(words: list[str], run: Run) -> tuple[str, str]:
    """The word before and the one behind; empty at the ends of the text."""
    at = run.last + 1
    return words[run.first - 1] if run.first else "", words[at] if at < len(words) else ""


def _stands_for_disease(
    words: list[str], run: Run, model: Model, terms: Terms, *, is_owned: bool
) -> bool:
    """ "Hashimoto's and celiac disease", "how is Paget's treated": what is owned is left out."""
    flags = run.flags[1]
    if is_owned:
        head = lower_at(words, run.last + 2)
        if words[run.last] in BARE_EPONYMS and run.first == run.last:
            return not _is_condition(head) or _bears(head, run, words[run.last], terms, "'s")
        is_rare = flags & _EPONYM and not flags & _FREQUENT
        if is_rare and head in _NO_NOUNS and not terms.prose.speaks_of_somebody():
            return True
    return bool(flags & _EPONYM) and _is_finders(words, run, model, terms)


def _is_condition(head: str) -> bool:
    """Whether a patient may have it, so that a name before it may be the patient's."""
    if head in OWNED or head in _ILLNESSES:
        return True
    return head in health_words.WORDS or head.endswith(EPONYM_ENDINGS)


def _bears(head: str, run: Run, owner: str, terms: Terms, behind: str) -> bool:
    """Whether a disease, a sign or the like can bear the name of `owner`; see the rules above."""
    is_known = bool(run.flags[1] & _EPONYM) or owner in OWNERS
    if run.label == PLACE and head in _OF_PLACES:  # "Omsk hemorrhagic fever"
        return True
    if head not in _UNOWNED and _is_condition(head):
        if folded(owner) in FOUND_BY.get(head, ()):
            return True
        is_no_name = not run.flags[1] & _NAMES  # "Meniere"
        is_free = is_no_name or not terms.prose.speaks_of_somebody()
        return is_known and behind != "'s" and is_free
    if head in _OF_UNKNOWN or (run.label == PLACE and head in EPONYM_HEADS):
        return is_known or not terms.prose.speaks_of_somebody()
    return is_known and head in EPONYM_HEADS


def _has_head(words: list[str], run: Run, is_given: bool, terms: Terms) -> bool:
    """Whether a disease, a sign or the like stands behind the name."""
    owner, at = words[run.last], run.last + 1
    behind = words[at]
    at += behind == "'s"
    while at < len(words) - 1 and words[at] == "-":  # "Andersen-Tawil syndrome"
        if folded(words[at + 1]) in JOINED_HEADS:  # "Sjögren-Syndrom", but "Roe-Tumor"
            return bool(run.flags[1] & _EPONYM) or folded(words[at + 1]) not in JOINED_OWNED
        at += 2
    head = lower_at(words, at)
    if not head or words[at + 1 : at + 2] == ["-"]:  # "Roe's sign-out"
        return False
    is_persons = is_given and owner not in OWNERS
    if is_persons and (head in OWNED or (behind == "'s" and head in OWNED_BY_GIVEN)):
        return False
    heads = EPONYM_HEADS if run.label == PLACE else _UNOWNED  # "Omsk Hemorrhagic Fever"
    if _bears(head, run, owner, terms, behind) or _leads_to(words, at, heads):
        return True
    # A word and a diagnosis behind it are one term if they come again.
    return head.endswith(EPONYM_ENDINGS) and terms.occur_twice(owner, head)


def _are_finders(words: list[str], run: Run, model: Model) -> bool:
    """ "Grey Turner sign", though it looks like a full name."""
    if lower_at(words, run.last + 1) not in EPONYM_HEADS:
        return False
    return all(
        model.vocabulary.flags_of(word) & _EPONYM for word in words[run.first : run.last + 1]
    )


def _is_monarch(words: list[str], run: Run) -> bool:
    """ "King George III", "Pope Urban II". "King Zorvanek" may be called so, and "Jane Roe III"."""
    first = run.first + (words[run.first] in _THRONES)
    if run.last > first or not first or words[first - 1] not in _THRONES:
        return False
    return _ROMAN.fullmatch(_beside(words, run)[1]) is not None


def is_kind_or_body(words: list[str], run: Run, terms: Terms) -> bool:
    """ "anti-Kell antibodies", "Sociedad Española de Cardiología", "King George III"."""
    if run.label == NAME and _is_monarch(words, run) and terms.prose.speaks_of_nobody():
        return True
    before = words[max(0, run.first - _BODY_REACH) : run.first]
    if len(before) > 1 and before[-1] == "-" and before[-2].lower() in PREFIXES:
        return True
    for word in (words[run.first], *reversed(before)):
        if word in BODIES:
            return True
        if not word[0].isupper() and word not in _PREPOSITIONS:  # "Haute fièvre chez Roe"
            return False
    return False


def _is_in_pairs(words: list[str], run: Run) -> bool:
    """ "Santavuori-Haltia, Jansky-Bielschowsky and Spielmeyer-Vogt" are names of one disease."""
    near = words[max(0, run.first - _PAIR_REACH) : run.last + 1 + _PAIR_REACH]
    pairs = sum(
        sign == "-" and left.istitle() and right.istitle()
        for left, sign, right in zip(near, near[1:], near[2:], strict=False)
    )
    return pairs > 1 and not _UNOWNED.isdisjoint(near)


def _names_rules(words: list[str], run: Run) -> bool:
    """ "the Maastricht VI/Florence consensus", "the Manchester triage system"."""
    for word in words[run.last + 1 : run.last + 1 + _RULES_REACH]:
        if word.lower() in PLACE_HEADS:
            return True
        is_other = word[0].islower() and word not in _BETWEEN  # "and her symptom diary"
        if is_other or word[0] in ".,;:?!\0":
            return False
    return False


def _is_named_after(words: list[str], run: Run, before: str, behind: str, terms: Terms) -> bool:
    """ "syndrome of Moynahan", "síndrome de Sjögren", "Herbert Hoover Elementary School"."""
    if before in DIRECT_HEADS:  # "Morbus Basedow"
        return True
    if before in _PREPOSITIONS and run.first > 1 and behind != "'s":
        is_known = bool(run.flags[0] & _EPONYM)
        if _is_head(words, run, before, is_free=is_known or not terms.prose.speaks_of_somebody()):
            return True
    return _leads_to(words, run.last + 1, THING_HEADS)


def _is_head(words: list[str], run: Run, preposition: str, *, is_free: bool) -> bool:
    """Whether what stands before the preposition bears the name behind it."""
    head = words[run.first - 2]
    abroad = folded(head)
    if not run.flags[0] & _GIVEN and abroad in ABROAD_HEADS:
        return bool(run.flags[0] & _EPONYM) or abroad not in ABROAD_OWNED
    if preposition != "of":
        return False
    if head == "University" and (run.first == run.last or is_wide([words[run.first]])):
        return True
    return is_free and head.lower() in _OF_FINDERS


def _leads_to(words: list[str], at: int, heads: frozenset[str]) -> bool:
    """Capitalised words up to a head: "Edinburgh Postnatal Depression Scale"."""
    for word in words[at : at + _HEAD_REACH]:
        if not word[0].isupper():
            return words[at][0].isupper() and word in heads
        if word.lower() in heads:
            return True
    return False


def _is_finders(words: list[str], run: Run, model: Model, terms: Terms) -> bool:
    """Whether a finder's name is joined to another's, or stands close before what bears it."""
    others = (
        words[run.first - 2 : run.first - 1] if words[run.first - 1 : run.first] == ["-"] else []
    ) + (words[run.last + 2 : run.last + 3] if words[run.last + 1 : run.last + 2] == ["-"] else [])
    if any(model.vocabulary.flags_of(each) & _EPONYM for each in others if each[0].isupper()):
        return True
    for word in words[run.last + 1 : run.last + 1 + _HEAD_REACH]:
        if word in EPONYM_HEADS or word.endswith(EPONYM_ENDINGS):
            return _bears(word, run, words[run.last], terms, words[run.last + 1])
        is_finder = word[0].isupper() and (
            model.vocabulary.flags_of(word) & _EPONYM or word.isupper()
        )
        if word not in _BETWEEN and not is_finder and not word.endswith(_ADJECTIVES):
            return False
    return False
