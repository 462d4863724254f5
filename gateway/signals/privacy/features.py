# SPDX-License-Identifier: Apache-2.0
"""The signs by which a word is judged: its look, what is known of it, and its neighbours.

Each sign is hashed into one of 2**20 weights (the hashing trick; Weinberger et al. 2009,
"Feature Hashing for Large Scale Multitask Learning"). Training and judging share this module, so
that both see the same. Every part of a sign is cut to 20 bits when a word is first looked at, so
that a sign is no more than an exclusive or of parts and a number of its own.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from gateway.signals.privacy.lexicon import Flag, Lexicon, folded, key_of

WEIGHT_BITS = 20
_MASK = (1 << WEIGHT_BITS) - 1
_SPREAD = 0x9E3779B1  # 2**32 divided by the golden ratio: spreads small numbers over all bits

_LOWER, _CAPITAL, _UPPER, _INITIAL, _MIXED, _DIGITS, _SIGN, _EDGE = range(8)
_FLAG_SHIFT = 3
# Words that say what follows. The nearest of them before a word is a sign.
_CUES = {
    key_of(folded(word)): number
    for number, words in enumerate(
        (
            "mr mrs ms miss dr doctor prof nurse sr sra herr frau mme",
            "patient pt named name called client member resident veteran baby",
            "my his her their our mother father mom dad wife husband son daughter sister brother",
            "dear hi hello regards sincerely thanks signed attn cc",
            "from in near at lives living resident residing moved born city town vive wohnt habite",
            "disease syndrome score sign scale test law theorem reflex criteria",
            "who discovered invented wrote painted published theory novel film song president",
            "by seen referred admitted treated discharged",
            "paciente patiente patientin bệnh bingren señor señora herrn",
        ),
        start=1,
    )
    for word in words.split()
}
_CUE_REACH = 5


class Facts(NamedTuple):
    """What one word contributes to its own signs and to those of its neighbours."""

    key: int
    key_thrice: int
    known: int  # shape and flags
    look: int  # the same, as that of the word itself ...
    before: int  # ... of the one before ...
    after: int  # ... and of the one behind
    ending: int
    cue: int


_PLAIN_WORD = int(_LOWER | Flag.WORD << _FLAG_SHIFT)
_LOWER_FLAG = int(Flag.LOWER << _FLAG_SHIFT)
_SAYS_NOTHING = int((Flag.LOWER | Flag.EPONYM) << _FLAG_SHIFT)
_MAY_BE_NAME = int((Flag.LOWER | Flag.FREQUENT_NAME | Flag.TOWN) << _FLAG_SHIFT)
_EDGE_FACTS = Facts(0x1ED27, 0x5C775, _EDGE, 0x4B1D9, 0x7A6C3, 0x2E8F1, 0, 0)
_BEFORE_TEXT, _BEHIND_TEXT = [_EDGE_FACTS] * _CUE_REACH, [_EDGE_FACTS] * 2


def _facts(key: int, known: int, ending: int) -> Facts:
    return Facts(
        key & _MASK,
        key * 3 & _MASK,
        known,
        known * _SPREAD & _MASK,
        known * 0x85EBCA6B & _MASK,
        known * 0xC2B2AE35 & _MASK,
        ending & _MASK,
        _CUES.get(key, 0),
    )


class Vocabulary:
    """Facts of words. `common` remembers those of common words and signs, never of any other."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self.common: dict[str, Facts] = {}

    def facts_of(self, word: str) -> Facts:
        """The facts of one token, worked out anew."""
        facts = self._worked_out(word)
        # Bounded: the common words, and the signs of ASCII.
        if word.isascii() and (len(word) == 1 or word.encode("ascii") in self._lexicon.common):
            self.common[word] = facts
        return facts

    def _worked_out(self, word: str) -> Facts:
        ending = key_of(word[-3:])
        if not word[0].isalpha():
            length = min(len(word), 6)
            if word[0].isdecimal():
                return _facts(length * _SPREAD, _DIGITS | length << _FLAG_SHIFT, ending)
            return _facts(ord(word[0]) * _SPREAD, _SIGN | length << _FLAG_SHIFT, ending)
        key = key_of(folded(word))
        flags = self._lexicon.flags_of(key)
        return _facts(key, _shape_of(word) | flags << _FLAG_SHIFT, ending)


def _shape_of(word: str) -> int:
    if word.islower():
        return _LOWER
    if len(word) == 1:
        return _INITIAL
    if word.isupper():
        return _UPPER
    return _CAPITAL if word[1:].islower() else _MIXED


def _cue(near: list[Facts]) -> int:
    """The nearest cue among the words before the third last."""
    for back in range(1, _CUE_REACH + 1):
        number = near[_CUE_REACH - back].cue
        if number:
            return (number * 8 + back) * _SPREAD & _MASK
    return 0


class Signs:
    """Looks at the words of one text."""

    def __init__(
        self,
        words: list[str],
        vocabulary: Vocabulary,
        forgotten: frozenset[int] = frozenset(),
        kept_flags: int = 0,
    ) -> None:
        self._words = words
        self._facts_of = vocabulary.facts_of
        # None: not a common word; worked out when a candidate stands close.
        facts: list[Facts | None] = list(map(vocabulary.common.get, words))
        # In training: words treated as never seen before, of which the lexicon knows at most
        # `kept_flags`, so that their context must tell.
        for at in forgotten:
            known = self._facts_of(words[at])
            kept = known.known & (7 | kept_flags << _FLAG_SHIFT)
            facts[at] = _facts(0, kept, known.ending)
        self._facts = [*_BEFORE_TEXT, *facts, *_BEHIND_TEXT]
        has_small = any(map(str.islower, words))
        has_capital = any(map(str.istitle, words))
        self._style = (1 + has_small + 2 * has_capital) * 0x27D4EB2F & _MASK

    def is_plain(self, at: int) -> bool:
        """Whether a word is not worth judging: it can be no part of a name.

        In small letters: a dictionary word and nothing else. In capitals: a word that is mostly
        written small, and neither a frequent name nor a town.
        """
        known = self._near(at, at + 1)[0].known
        if known & 7 == _UPPER:
            return known & _MAY_BE_NAME == _LOWER_FLAG
        return known & ~_SAYS_NOTHING == _PLAIN_WORD

    def _near(self, first: int, end: int) -> list[Facts]:
        """The facts of the words from `first` up to, not including, `end`."""
        facts = self._facts
        near = facts[first + _CUE_REACH : end + _CUE_REACH]
        if None in near:
            for at in range(first, end):
                if facts[at + _CUE_REACH] is None:
                    facts[at + _CUE_REACH] = self._facts_of(self._words[at])
            near = facts[first + _CUE_REACH : end + _CUE_REACH]
        return cast("list[Facts]", near)

    def of(self, at: int, label_before: int) -> tuple[int, ...]:
        """The weights that speak about word `at`, given the label of the word before it."""
        plain = folded(self._words[at])
        near = self._near(at - _CUE_REACH, at + 3)
        (
            (p2, _, _, _, _, _, _, _),
            (p1, p1_thrice, _, _, before, _, p1_ending, _),
            (key, _, known, look, _, _, _, _),
            (n1, n1_thrice, _, _, _, after, n1_ending, _),
            (n2, _, _, _, _, _, _, _),
        ) = near[-5:]
        ending, short_ending, beginning = (
            key_of(plain[-3:]) & _MASK,
            key_of(plain[-2:]) & _MASK,
            key_of(plain[:3]) & _MASK,
        )
        shape = (known & 7) * 0x2545F & _MASK
        label = label_before * 0x59F11
        return (
            look ^ 0xB8735,
            key ^ 0xCC9E2,
            ending ^ 0x8B34A,
            short_ending ^ 0xA1F0E,
            beginning ^ 0xF4A7C,
            ending ^ shape ^ 0x65667,
            p1 ^ 0x7D4EB,
            n1 ^ 0x656A5,
            p1_thrice ^ p2 ^ 0xC8E9C,
            n1_thrice ^ n2 ^ 0xF0B4A,
            p2 ^ 0xCF5AD,
            n2 ^ 0x6D2A1,
            before ^ look ^ 0x1C886,
            after ^ look ^ 0xC6EF3,
            before ^ after ^ look ^ 0x10E52,
            p1 ^ look ^ 0xF83D9,
            n1 ^ look ^ 0xBE0CD,
            p2 ^ look ^ 0x28A2F,
            n2 ^ look ^ 0x13744,
            n1_ending ^ look ^ 0x5C0FB,
            p1_ending ^ look ^ 0x9B5DB,
            label ^ self._style ^ look ^ 0x956C2,
            label ^ p1 ^ key ^ 0x9F111,
            _cue(near) ^ look ^ 0x23F82,
            (min(len(plain), 12) * 0x1C5ED ^ shape ^ 0xB1C5E) & _MASK,
        )
