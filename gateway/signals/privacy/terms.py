# SPDX-License-Identifier: Apache-2.0
"""Lone words that their own parts or the rest of the text show to be terms, not people or places.

For words that no list of names has:
1. They end as the words of medicine and biology do: "Bradycardia", "Papillomaviruses".
2. They begin a sentence and stand in small letters elsewhere, in a text that speaks of nobody.
3. A dose stands behind and nothing that is taken, or before them what is done with drugs: "is
   Brilinta 90 mg better", "should I hold Brilinta before it". "Jane 5 mg warfarin" and "start Jane
   on it" are another matter.
4. Units and symbols: "kJ", "Vb", "(Kf)".
5. A Latin word of no dictionary follows, in English, where nobody is spoken of: "Pasteurella
   multocida".
For all:
6. Cited authors: "Roe et al."; where nobody is spoken of and a study is, "by Roe (2007)".
7. Letters of the Greeks joined to a word: "Beta-globin"; what an equation sets.

What stands beside a drug or before "tablets" is no reason: patients stand there, and the model
knows drugs by other signs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Sequence
from itertools import pairwise

from gateway.signals.privacy.features import NEWLINE
from gateway.signals.privacy.lexicon import Flag
from gateway.signals.privacy.prose import Prose
from gateway.signals.privacy.tokens import TITLES

_NAMES = int(Flag.GIVEN | Flag.SURNAME | Flag.TOWN)
# Endings of more than three letters, or that surnames of no language we know have.
_ENDING = re.compile(
    r"[a-z]{2,24}(?:itis|a?emi[ac]|opath(?:y|ies|ic)|ectom(?:y|ies)|plast(?:y|ies)|[ot]om(?:y|ies)"
    r"|algia|penia|uria|os[ie]s|plegi[ac]|trophy|megaly|scopy|cytes?|(?:dys|cata|myo)tonia|plasia|plasms?"
    r"|genesis|genic|lysis|lytic|phag(?:ia|es?)|phasia|pn(?:o?ea)|rrho?ea|rrhage|ycardia"
    r"|kinesia|yslexia|graphia|phobia|thermia|globulins?|globins?|(?:kin|pept|lip|prote|ligas"
    r"|oxid|transfer|reduct|synth|polymer|hydrol|phosphat)ases?|osides?|idines?|amines?|azepines?"
    r"|mycins?|statins?|olols?|sartans?|[uxz]umab|ximab|tinibs?|azoles?|cillins?|prazoles?"
    r"|gliptins?|gliflozins?|xabans?|dipines?|floxacins?|oxetines?|azepam|triptans?|virus(?:es)?"
    r"|virals?|viridae|aceae|coccus|cocci|bacter(?:ia|ium)?|spora|myces|trophs?|saccharides?"
    r"|phospholipids?|steroids?|blasts?|osomes?|zoites?|zoa|zoan)"
)
_BEGINNING = re.compile(
    r"(?:hypo|hyper|pseudo|neuro|cardio|gastro|hepato|nephro|osteo|immuno|electro|micro|macro|cyto"
    r"|chromo|thrombo|haemo|hemo|lympho|dermato|ophthalmo|broncho|cerebro|endocr|encephal)[a-z]{4,}"
)
_LATIN = re.compile(
    r"[a-z]{3,24}(?:us|um|is|ae|ii|ens|ans|oides|osa|osum|ica|icus|icum|ida|ata)|coli"
)
_NUMBER = re.compile(r"[0-9]{1,6}")
_DOSE = re.compile(r"[0-9]{1,5}(?:mg|mcg|ug|ml|g|iu|units?)")
_UNITS = frozenset("mg mcg ug ml g iu units unit % µg".split())
_TAKERS = frozenset("give gave given giving for with on to by patient pt".split()) | TITLES
_ENDS = frozenset({".", "?", "!", NEWLINE, ":", "-", "*", "\u2022", ")"})
_DRUG_VERBS = frozenset(
    "start starting started stop stopping stopped hold holding take takes taking took taper titrate"
    " discontinue discontinued prescribe prescribed prescribing refill switch resume".split()
)
# Behind a drug that is held, or a dose: "start Jane on it", "Jane 5 mg warfarin" are of a person.
_BEHIND_DRUGS = frozenset("before after or and if when ? . , ; )".split())
_BEHIND_DOSES = _BEHIND_DRUGS | frozenset(
    "better worse daily bid tid qid po iv once twice every per a is in as versus vs than".split()
)
_GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron rho sigma tau"
    " upsilon phi chi psi omega".split()
)
_AFTER_AUTHORS = frozenset({"and", "or", "&", ",", "(", "'s", "et"})
_AND, _AFTER_YEAR = (["and"], ["or"], ["&"]), ([")"], [";"], [","])
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")

_DOSE_REACH, _SYMBOL_CHARS, _LEAST_ENGLISH = 4, 4, 2
_ENGLISH = frozenset("the of and is are with by was has from".split())
_VOWELS = frozenset("aeiouyAEIOUY")
_PARTICLES = ("de", "di", "da", "du", "la", "le", "al", "el", "mc", "mac", "van", "o")


class Terms:
    """Looks at the words of one text. What needs a look at all of them waits until it is asked.

    `common` are the words that stand in the lexicon as common ones.
    """

    __slots__ = (
        "_capitals",
        "_common",
        "_pairs",
        "_small",
        "_words",
        "prose",
    )

    def __init__(self, words: Sequence[str], common: Container[bytes]) -> None:
        self._words = words
        self.prose = Prose(words)
        self._common = common
        self._small: frozenset[str] | None = None
        self._capitals: bool | None = None
        self._pairs: Counter[tuple[str, str]] | None = None

    def is_term(self, at: int, flags: int) -> bool:
        """Whether one of the reasons holds; `flags` are the lexicon's for the word."""
        after = self._words[at + 1] if at + 1 < len(self._words) else ""
        if after == "-" and self._words[at].lower() in _GREEK:
            return True
        if after == "=" and self._words[at + 2 : at + 3] and self._words[at + 2].isdecimal():
            return True
        if not flags & _NAMES and (self._is_unknown_term(at) or self._has_twin(at)):
            return True
        is_free = not flags & _NAMES and self.prose.speaks_of_nobody()
        return is_free and self._is_genus(at, after)

    def uses_capitals(self) -> bool:
        """Whether any word begins with a capital and goes on in small letters."""
        if self._capitals is None:
            self._capitals = any(map(str.istitle, self._words))
        return self._capitals

    def occur_twice(self, first: str, second: str) -> bool:
        """Whether two words stand side by side more than once."""
        if self._pairs is None:
            self._pairs = Counter(pairwise(self._words))
        return self._pairs[first, second] > 1

    def is_cited(self, first: int, last: int) -> bool:
        """Whether an author is meant: "Roe et al.", and where nobody is spoken of and a study is,
        "Roe (2007)", "Roe's (2007) study", "(Roe and Doe, 2014)", "Roe and colleagues".
        """
        at = last + 1
        after = self._words[at] if at < len(self._words) else ""
        if after not in _AFTER_AUTHORS and self._before(first) != "(":
            return False
        behind = list(self._words[at : at + 6])
        if after == "'s":
            del behind[0]
        if behind[:2] == ["et", "al"]:
            return True
        if behind[:1] in _AND:
            is_several = behind[1:2] == ["colleagues"]
            del behind[:2]
        else:
            is_several = False
        if first < last or not (is_several or _has_year(behind)):
            return False  # "Jane Roe (1985)" may tell when she was born
        return self.prose.speaks_of_nobody() and self.prose.tells_of_study(first)

    def _is_unknown_term(self, at: int) -> bool:
        word = self._words[at]
        lower = word.lower()
        return (
            _ENDING.fullmatch(lower) is not None
            or _BEGINNING.fullmatch(lower) is not None
            or self._is_symbol(at)
            or self._is_dosed(at)
        )

    def _has_twin(self, at: int) -> bool:
        word = self._words[at]
        return (
            word.istitle()
            and self._begins(at)
            and word.lower() in self._small_words()
            and self.prose.speaks_of_nobody()
        )

    def _is_genus(self, at: int, species: str) -> bool:
        return (
            self._words[at].istitle()
            and _LATIN.fullmatch(species) is not None
            and species.encode() not in self._common
            and len(_ENGLISH & self._small_words()) >= _LEAST_ENGLISH
        )

    def _is_symbol(self, at: int) -> bool:
        word = self._words[at]
        if word[0].islower():
            return not word.islower() and not word.startswith(_PARTICLES)
        if len(word) <= _SYMBOL_CHARS and _VOWELS.isdisjoint(word):
            return True
        return len(word) == 2 and self._stands_in_brackets(at)

    def _stands_in_brackets(self, at: int) -> bool:
        return self._before(at) == "(" and self._words[at + 1 : at + 2] == [")"]

    def _is_dosed(self, at: int) -> bool:
        before = self._before(at).lower()
        number, unit, *others = *self._words[at + 1 : at + 1 + _DOSE_REACH], "", ""
        if before in _DRUG_VERBS and number in _BEHIND_DRUGS:
            return True
        if before in _TAKERS:
            return False
        if _DOSE.fullmatch(number.lower()):
            return unit in _BEHIND_DOSES
        is_number = _NUMBER.fullmatch(number) is not None and unit.lower() in _UNITS
        return is_number and others[0] in _BEHIND_DOSES

    def _begins(self, at: int) -> bool:
        """Whether the word begins a sentence, where any word has a capital."""
        return at == 0 or self._words[at - 1] in _ENDS

    def _before(self, at: int) -> str:
        return self._words[at - 1] if at else ""

    def _small_words(self) -> frozenset[str]:
        if self._small is None:
            self._small = frozenset(filter(str.islower, self._words))
        return self._small


def _has_year(behind: list[str]) -> bool:
    """Whether a year follows and a bracket closes behind it."""
    if behind[:1] and behind[0] in {",", "("}:
        behind = behind[1:]
    return bool(behind) and _YEAR.fullmatch(behind[0]) is not None and behind[1:2] in _AFTER_YEAR
