# SPDX-License-Identifier: Apache-2.0
"""Lone words that their own parts or the rest of the text show to be terms, not people or places.

For words that no list of names has:
1. They end as the words of medicine and biology do: "Bradycardia", "Papillomaviruses".
2. They begin a sentence and stand in small letters elsewhere, in a text that speaks of nobody.
3. A dose stands behind, or before them what is done with drugs: "Brilinta 90 mg", "should I hold
   Brilinta". "Give Jane 20 mg of it" and "start Jane on it" are another matter.
4. Units, symbols, abbreviations: "kJ", "Vb", "(Kf)", "SELENON" in a text that uses small letters.
For those that no list of frequent names has:
5. They are an answer of several to choose from: "A. Ferrous sulfate", "B. Folic acid".
6. A Latin word of no dictionary follows, in English: "Pasteurella multocida".
For all:
7. Brands in brackets behind a substance: "vardenafil (Levitra, Staxyn)".
8. Cited authors: "by Roe (2007)", "(Roe and Doe, 2014)", "Roe et al."; letters of the Greeks
   joined to a word: "Beta-globin"; what an equation sets.
9. It is only somewhat likely a name, in a long text that speaks of nobody in particular.
10. Drugs beside drugs that are known: "Nardil and Lexapro"; their forms: "Zubsolv tablets".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Sequence
from itertools import pairwise

from gateway.signals.privacy import health_words
from gateway.signals.privacy.features import NEWLINE
from gateway.signals.privacy.lexicon import Flag
from gateway.signals.privacy.prose import Prose
from gateway.signals.privacy.tokens import TITLES

_NAMES = int(Flag.GIVEN | Flag.SURNAME | Flag.TOWN)
_FREQUENT, _LOWER = int(Flag.FREQUENT_NAME | Flag.TOWN), int(Flag.LOWER)
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
_SUBSTANCE = re.compile(
    r"[a-z]{3,24}(?:in|ine|il|ol|ide|one|ate|am|an|en|ib|ab|ast|ir|ium|ax|ix|yl|ane|ene|al|on)"
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
_OF_PERSONS = frozenset("on to from home".split())  # "take Jane to ...", "start Jane on ..."
_GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron rho sigma tau"
    " upsilon phi chi psi omega".split()
)
_BEFORE_AUTHORS = frozenset({"(", ";", "and", "&"})
_AFTER_AUTHORS = frozenset({"and", "or", "&", ",", "(", "'s", "et"})
_BEHIND_AUTHORS = frozenset({"'s", "et", "("})
_CITING = frozenset("by see of and & in to from per".split())
_CITING_YEAR = frozenset("in see per from cf".split())
_FELLOWS = (["colleagues"], ["coworkers"], ["co"], ["associates"], ["others"])
_AND, _AFTER_YEAR = (["and"], ["or"], ["&"]), ([")"], [";"], [","])
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")

_LETTERS = frozenset("ABCDEFGHIJ")
_DOSE_REACH, _LIST_REACH = 4, 32
_DRUGS_REACH, _SYMBOL_CHARS = 8, 4
_LAST_JOINTS = frozenset("and or versus vs than / &".split())
_JOINTS = _LAST_JOINTS | {","}
_BEFORE_LISTED = _JOINTS | {"("}
_BEHIND_LETTERS = frozenset({".", ")"})
_DRUG_PREPOSITIONS = frozenset("with for on to by".split())
_FORMS = frozenset(
    "tablet tablets capsule capsules injection injections infusion infusions patch patches film"
    " inhaler inhalers spray cream ointment gel pen pens pump pumps vaccine vaccines catheter stent"
    " stents implant implants valve mask masks robot device devices assay kit drops syrup".split()
)
_SURE = int(Flag.FREQUENT_NAME | Flag.GIVEN)
_IN_LISTS = frozenset({",", "and", "or", "-"})
_LEAST_OPTIONS, _LEAST_ENGLISH = 2, 2
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
        "_options",
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
        self._options: bool | None = None
        self._capitals: bool | None = None
        self._pairs: Counter[tuple[str, str]] | None = None

    def is_term(self, at: int, flags: int) -> bool:
        """Whether one of the reasons holds; `flags` are the lexicon's for the word."""
        after = self._words[at + 1] if at + 1 < len(self._words) else ""
        if after == "=" or (after == "-" and self._words[at].lower() in _GREEK):
            return True
        before = self._before(at)
        if self._may_be_listed(before, after) and (
            self._is_brand(at) or (not flags & _SURE and self._is_beside_drug(at))
        ):
            return True
        if after in _FORMS and not flags & _SURE and before.lower() not in TITLES:
            return True
        if not flags & _NAMES and (self._is_unknown_term(at) or self._has_twin(at)):
            return True
        if not flags & _FREQUENT and self._is_genus(at, after):
            return True
        is_free = not flags & _FREQUENT or bool(flags & _LOWER)
        return is_free and before in _BEHIND_LETTERS and self._is_option(at)

    def _may_be_listed(self, before: str, after: str) -> bool:
        """Whether a list goes on before or behind a word."""
        return before in _BEFORE_LISTED or after in _JOINTS or before[:1].isupper() or before == "-"

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
        """Whether an author is meant: "Roe et al.", "Roe (2007)", "Roe's (2007) study"."""
        at = last + 1
        after = self._words[at] if at < len(self._words) else ""
        if self._before(first) not in _BEFORE_AUTHORS and after not in _AFTER_AUTHORS:
            return self._before(first) in _CITING_YEAR and _YEAR.fullmatch(after) is not None
        behind = list(self._words[at : at + 4])
        if first == last and self._is_author(first, behind):
            return True
        if self._before(first) != "(" and (not behind or behind[0] not in _BEHIND_AUTHORS):
            return False
        if behind[:1] == ["'s"]:
            behind = behind[1:]
        if behind[:2] == ["et", "al"]:
            return True
        if first < last:  # "Jane Roe (1985)" may tell when she was born
            return False
        if behind[:1] == ["("]:
            is_year = behind[2:3] == [")"] and _YEAR.fullmatch(behind[1]) is not None
            return is_year and (self._before(first) in _CITING or self._words[at] == "'s")
        is_bracketed = self._before(first) == "(" and behind[1:2] == [")"]
        return is_bracketed and _YEAR.fullmatch(behind[0]) is not None

    def _is_author(self, at: int, behind: list[str]) -> bool:
        """ "Roe and colleagues", "(Roe and Doe, 2014)", "in Roe 2014", "Roe and Doe (2014)"."""
        if behind[:1] == ["and"] and behind[1:2] in _FELLOWS:
            return True
        is_second = self._before(at) in {"and", "&"}
        if behind[:1] in _AND:
            behind = list(self._words[at + 3 : at + 7])
        elif not is_second and self._before(at) not in {"(", ";"}:
            return False
        if behind[:1] and behind[0] in {",", "("}:
            behind = behind[1:]
        return (
            bool(behind) and _YEAR.fullmatch(behind[0]) is not None and behind[1:2] in _AFTER_YEAR
        )

    def _is_beside_drug(self, at: int) -> bool:
        """Whether "and", "or" or a slash joins the word to a drug, in a list of them perhaps."""
        words = self._words
        if not words[at].istitle():
            return False
        for step in (1, -1):
            place, is_joined = at + step, False
            if not 0 <= place < len(words) or words[place] not in _JOINTS:
                continue
            while 0 <= place < len(words) and abs(place - at) <= _DRUGS_REACH:
                word = words[place]
                if word in _JOINTS:
                    is_joined |= word != ","
                elif word.lower() in health_words.WORDS:
                    is_joined |= self._is_joined_behind(place)
                    return is_joined and not self._is_taker(at)
                elif not word.istitle() or words[place - step] not in _JOINTS:
                    break
                place += step
        return False

    def _is_joined_behind(self, at: int) -> bool:
        """Whether the list goes on to its last member: "Jane, aspirin" is no list."""
        behind = self._words[at + 1 : at + 4]
        return bool(behind) and (behind[0] in _LAST_JOINTS or behind[2:3] in _AND)

    def _is_taker(self, at: int) -> bool:
        """Whether a word before says that somebody takes what is listed."""
        return self._before(at).lower() in _TAKERS - _DRUG_PREPOSITIONS

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

    def _is_brand(self, at: int) -> bool:
        """Whether a bracket with nothing else in it is open, and a substance stands before it."""
        words, place = self._words, at - 1
        while place > max(0, at - _LIST_REACH) and (
            words[place] in _IN_LISTS or words[place][0].isupper()
        ):
            place -= 1
        if place < 1 or words[place] != "(":
            return False
        before = words[place - 1]
        if _SUBSTANCE.fullmatch(before) is None:
            return False
        return before in health_words.WORDS or before.encode() not in self._common

    def _is_symbol(self, at: int) -> bool:
        word = self._words[at]
        if word[0].islower():
            return not word.islower() and not word.startswith(_PARTICLES)
        if word.isupper():
            return self._uses_small() and not self._is_named(at)
        if len(word) <= _SYMBOL_CHARS and _VOWELS.isdisjoint(word):
            return True
        return len(word) == 2 and self._stands_in_brackets(at)

    def _is_named(self, at: int) -> bool:
        """Whether a word says that a name stands there, or one does: "ZORVANEK, Marisela"."""
        behind = self._words[at + 1 : at + 3]
        if behind[:1] == [","] and behind[1:] and behind[1].istitle():
            return True
        return self._before(at).lower() in _TAKERS or self._before(at)[:1].isupper()

    def _stands_in_brackets(self, at: int) -> bool:
        return self._before(at) == "(" and self._words[at + 1 : at + 2] == [")"]

    def _is_dosed(self, at: int) -> bool:
        behind = self._words[at + 1 : at + 1 + _DOSE_REACH]
        if self._before(at).lower() in _DRUG_VERBS and _OF_PERSONS.isdisjoint(behind[:1]):
            return True
        if not behind or self._before(at).lower() in _TAKERS:
            return False
        if _DOSE.fullmatch(behind[0].lower()):
            return "of" not in behind
        is_number = _NUMBER.fullmatch(behind[0]) is not None
        return (
            is_number and behind[1:2] != [] and behind[1].lower() in _UNITS and "of" not in behind
        )

    def _begins(self, at: int) -> bool:
        """Whether the word begins a sentence, where any word has a capital."""
        return at == 0 or self._words[at - 1] in _ENDS

    def _is_option(self, at: int) -> bool:
        """Whether the word follows the letter of an answer, and there are several of them."""
        if not _is_letter(self._words, at - 2):
            return False
        if self._options is None:
            letters = {
                self._words[place - 1]
                for place, word in enumerate(self._words)
                if word in {".", ")"} and place and _is_letter(self._words, place - 1)
            }
            self._options = len(letters) >= _LEAST_OPTIONS
        return self._options

    def _before(self, at: int) -> str:
        return self._words[at - 1] if at else ""

    def _small_words(self) -> frozenset[str]:
        if self._small is None:
            self._small = frozenset(filter(str.islower, self._words))
        return self._small

    def _uses_small(self) -> bool:
        """Whether small letters are the rule, so that a word in capitals is meant to stand out."""
        return len(self._small_words()) > _LEAST_OPTIONS


def _is_letter(words: Sequence[str], at: int) -> bool:
    """Whether the letter of an answer stands there: alone at the beginning of a line."""
    if at < 0 or words[at] not in _LETTERS or words[at + 1] not in {".", ")"}:
        return False
    return at == 0 or words[at - 1] == NEWLINE
