# SPDX-License-Identifier: Apache-2.0
"""The signs by which a word is judged: its look, what is known of it, and its neighbours.

Each sign is hashed into one of 2**20 weights (the hashing trick; Weinberger et al. 2009,
"Feature Hashing for Large Scale Multitask Learning"). Training and judging share this module, so
that both see the same. Every part of a sign is cut to 20 bits when a word is first looked at, so
that a sign is no more than an exclusive or of parts and a number of its own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple, cast

from gateway.signals.privacy.lexicon import Flag, Lexicon, folded, key_of
from gateway.signals.privacy.persons import spoken_of

WEIGHT_BITS = 20
NEWLINE = "\x00"  # stands for a line end among the words
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
_CUE_REACH, _CUE = 5, 7  # the place of `Facts.cue`
_LENGTHS = (25, 60)  # words from which on a text is more than a message, and an article


class Facts(NamedTuple):
    """What one word contributes to the signs of its neighbours, and with weights, to their sums."""

    key: int
    key_thrice: int
    known: int  # shape and flags
    look: int  # the same, as that of the word itself ...
    before: int  # ... of the one before ...
    after: int  # ... and of the one behind
    ending: int
    cue: int
    # Weights of the signs that are about this word alone, as a neighbour at that distance.
    before_1: int
    before_2: int
    after_1: int
    after_2: int
    is_plain: bool  # not worth judging: it can be no part of a name


_PLAIN_WORD = int(_LOWER | Flag.WORD << _FLAG_SHIFT)
_LOWER_FLAG = int(Flag.LOWER << _FLAG_SHIFT)
_SAYS_NOTHING = int((Flag.LOWER | Flag.EPONYM) << _FLAG_SHIFT)
_MAY_BE_NAME = int((Flag.LOWER | Flag.FREQUENT_NAME | Flag.TOWN) << _FLAG_SHIFT)
# Small letters of ASCII to five bits, everything else to 27; 0 is the edge of a word.
_LETTER_CODES = bytes(each - 96 if 97 <= each <= 122 else 27 for each in range(256))
MOST_TRIPLES = 16
# The parts of a sign that stand for the labels of a word: neither, name, place.
_LABELS = (0, 0x59F11, 2 * 0x59F11)
_LABELS_OF_KEY = tuple(label ^ 0x9F111 for label in _LABELS)
_BEFORE_1, _BEFORE_2, _AFTER_1, _AFTER_2 = 0x7D4EB, 0xCF5AD, 0x656A5, 0x6D2A1
# Of words and of sums remembered; all are forgotten when there are more.
_MOST_REMEMBERED = 20_000


class Vocabulary:
    """Facts of words, and sums of weights.

    `common` remembers the facts of common words and signs; those of other words, among them
    names, are remembered under the process's own hash of the word, never with the word.
    """

    def __init__(self, lexicon: Lexicon, weights: Sequence[int] = ()) -> None:
        self._lexicon = lexicon
        self.weights = weights or (0,) * (1 << WEIGHT_BITS)
        self.weight = self.weights.__getitem__
        self.common: dict[str, Facts] = {}
        self._others: dict[int, Facts] = {}
        self.sums: dict[tuple[int, int], int] = {}
        self.edge = self._facts(0x1ED27, _EDGE, 0)

    def facts_of(self, word: str) -> Facts:
        """The facts of one token that `common` does not hold."""
        number = hash(word)
        facts = self._others.get(number)
        if facts is not None:
            return facts
        facts = self._worked_out(word)
        # Bounded: the common words, and the signs of ASCII.
        if word.isascii() and (len(word) == 1 or word.encode("ascii") in self._lexicon.common):
            self.common[word] = facts
        else:
            if len(self._others) >= _MOST_REMEMBERED:
                self._others.clear()
            self._others[number] = facts
        return facts

    def flags_of(self, word: str) -> int:
        """What the lexicon knows of one token."""
        facts = self.common.get(word) or self._others.get(hash(word)) or self.facts_of(word)
        return facts[2] >> _FLAG_SHIFT if word[0].isalpha() else 0

    def own_sum(self, word: str, facts: Facts) -> int:
        """The weights of the signs that are about the word alone."""
        number = hash(word), facts.known
        found = self.sums.get(number)
        if found is None:
            found = sum(map(self.weight, own_signs(word, facts)))
            if len(self.sums) >= _MOST_REMEMBERED:
                self.sums.clear()
            self.sums[number] = found
        return found

    def _worked_out(self, word: str) -> Facts:
        word = "\n" if word == NEWLINE else word
        ending = key_of(word[-3:])
        if not word[0].isalpha():
            length = min(len(word), 6)
            if word[0].isdecimal():
                return self._facts(length * _SPREAD, _DIGITS | length << _FLAG_SHIFT, ending)
            return self._facts(ord(word[0]) * _SPREAD, _SIGN | length << _FLAG_SHIFT, ending)
        key = key_of(folded(word))
        flags = self._lexicon.flags_of(key)
        return self._facts(key, _shape_of(word) | flags << _FLAG_SHIFT, ending)

    def forgotten(self, word: str, kept_flags: int, added_flags: int = 0) -> Facts:
        """The facts of a word never seen before, of which the lexicon knows at most `kept_flags`.

        And `added_flags`, as many a name stands in a dictionary.
        """
        facts = self.facts_of(word)
        known = facts.known & (7 | kept_flags << _FLAG_SHIFT) | added_flags << _FLAG_SHIFT
        return self._facts(0, known, facts.ending)

    def _facts(self, key: int, known: int, ending: int) -> Facts:
        cut, weights = key & _MASK, self.weights
        return Facts(
            cut,
            key * 3 & _MASK,
            known,
            known * _SPREAD & _MASK,
            known * 0x85EBCA6B & _MASK,
            known * 0xC2B2AE35 & _MASK,
            ending & _MASK,
            _CUES.get(key, 0),
            weights[cut ^ _BEFORE_1],
            weights[cut ^ _BEFORE_2],
            weights[cut ^ _AFTER_1],
            weights[cut ^ _AFTER_2],
            _is_plain(known),
        )


def own_signs(word: str, facts: Facts) -> list[int]:
    """The signs that are about the word alone: its look, its letters."""
    plain = folded(word)
    shape = (facts.known & 7) * 0x2545F & _MASK
    ending = key_of(plain[-3:]) & _MASK
    codes = b"\0" + plain[: MOST_TRIPLES - 1].encode("ascii", "replace").translate(_LETTER_CODES)
    codes += b"\0"
    return [
        facts.look ^ 0xB8735,
        facts.key ^ 0xCC9E2,
        ending ^ 0x8B34A,
        key_of(plain[-2:]) & _MASK ^ 0xA1F0E,
        key_of(plain[:3]) & _MASK ^ 0xF4A7C,
        ending ^ shape ^ 0x65667,
        (min(len(plain), 12) * 0x1C5ED ^ shape ^ 0xB1C5E) & _MASK,
        *(
            ((a << 10 | b << 5 | c) * _SPREAD ^ 0x3D8A5) & _MASK
            for a, b, c in zip(codes, codes[1:], codes[2:], strict=False)
        ),
    ]


def _shape_of(word: str) -> int:
    if word.islower():
        return _LOWER
    if len(word) == 1:
        return _INITIAL
    if word.isupper():
        return _UPPER
    return _CAPITAL if word[1:].islower() else _MIXED


def _is_plain(known: int) -> bool:
    """In small letters: a dictionary word and nothing else. In capitals: a word that is mostly
    written small, and neither a frequent name nor a town.
    """
    if known & 7 == _UPPER:
        return known & _MAY_BE_NAME == _LOWER_FLAG
    return known & ~_SAYS_NOTHING == _PLAIN_WORD


def _cue(near: list[Facts]) -> int:
    """The nearest cue among the words before the third last."""
    if number := near[4][_CUE]:
        back = 1
    elif number := near[3][_CUE]:
        back = 2
    elif number := near[2][_CUE]:
        back = 3
    elif number := near[1][_CUE]:
        back = 4
    elif number := near[0][_CUE]:
        back = 5
    else:
        return 0
    return (number * 8 + back) * _SPREAD & _MASK


class Signs:
    """Looks at the words of one text."""

    def __init__(
        self,
        words: list[str],
        vocabulary: Vocabulary,
        forgotten: frozenset[int] = frozenset(),
        kept_flags: int = 0,
        added_flags: int = 0,
    ) -> None:
        self._words = words
        self._vocabulary = vocabulary
        self._facts_of = vocabulary.facts_of
        self._weights, self._sums = vocabulary.weights, vocabulary.sums
        # None: not a common word; worked out when a candidate stands close.
        facts: list[Facts | None] = list(map(vocabulary.common.get, words))
        # In training: words whose context must tell.
        for at in forgotten:
            facts[at] = vocabulary.forgotten(words[at], kept_flags, added_flags)
        edge = vocabulary.edge
        self._facts = [edge, edge, edge, edge, edge, *facts, edge, edge]
        has_small = any(map(str.islower, words))
        has_capital = any(map(str.istitle, words))
        length = bisect_right(_LENGTHS, len(words))
        style = 1 + has_small + 2 * has_capital + 4 * (length + 3 * spoken_of(words))
        self._style = style * 0x27D4EB2F & _MASK
        # By the label of the word before.
        self._styles = tuple(label ^ self._style ^ 0x956C2 for label in _LABELS)

    def is_plain(self, at: int) -> bool:
        """Whether a word is not worth judging: it can be no part of a name."""
        return self._near(at, at + 1)[0].is_plain

    def _near(self, first: int, end: int) -> list[Facts]:
        """The facts of the words from `first` up to, not including, `end`."""
        facts = self._facts
        near = facts[first + _CUE_REACH : end + _CUE_REACH]
        if not all(near):  # facts are never empty; `None in` would compare them
            for at in range(first, end):
                if facts[at + _CUE_REACH] is None:
                    facts[at + _CUE_REACH] = self._facts_of(self._words[at])
            near = facts[first + _CUE_REACH : end + _CUE_REACH]
        return cast("list[Facts]", near)

    def of(self, at: int, label_before: int) -> tuple[int, ...]:
        """All signs of word `at`, given the label of the word before it; for training."""
        near = self._near(at - _CUE_REACH, at + 3)
        *_, two_before, one_before, itself, one_after, two_after = near
        return (
            *self._between(near, label_before),
            one_before.key ^ _BEFORE_1,
            two_before.key ^ _BEFORE_2,
            one_after.key ^ _AFTER_1,
            two_after.key ^ _AFTER_2,
            *own_signs(self._words[at], itself),
        )

    def sum_of(self, at: int, label_before: int) -> int | None:
        """The weights of all signs of word `at`, as `of` tells them; None where it is plain.

        The hot loop of the tagger: the signs of `_between` once more, without a tuple of them, and
        parts of facts by number, which takes half as long as by name.
        """
        near = cast("list[Facts]", self._facts[at : at + _CUE_REACH + 3])
        if not all(near):  # facts are never empty; `None in` would compare them
            near = self._near(at - _CUE_REACH, at + 3)
        itself = near[5]
        if itself[12]:
            return None
        further, behind, ahead, beyond = near[3], near[4], near[6], near[7]
        weights = self._weights
        p1, n1, p2, n2 = behind[0], ahead[0], further[0], beyond[0]
        key, look, before, after = itself[0], itself[3], behind[4] ^ itself[3], ahead[5]
        # Few words have a cue near, and to call for none costs as much as two weights.
        has_cue = behind[7] or further[7] or near[2][7] or near[1][7] or near[0][7]
        word = self._words[at]
        own = self._sums.get((hash(word), itself[2]))
        return (
            weights[behind[1] ^ p2 ^ 0xC8E9C]
            + weights[ahead[1] ^ n2 ^ 0xF0B4A]
            + weights[before ^ 0x1C886]
            + weights[after ^ look ^ 0xC6EF3]
            + weights[before ^ after ^ 0x10E52]
            + weights[p1 ^ look ^ 0xF83D9]
            + weights[n1 ^ look ^ 0xBE0CD]
            + weights[p2 ^ look ^ 0x28A2F]
            + weights[n2 ^ look ^ 0x13744]
            + weights[ahead[6] ^ look ^ 0x5C0FB]
            + weights[behind[6] ^ look ^ 0x9B5DB]
            + weights[self._styles[label_before] ^ look]
            + weights[_LABELS_OF_KEY[label_before] ^ p1 ^ key]
            + weights[(_cue(near) if has_cue else 0) ^ look ^ 0x23F82]
            + behind[8]
            + further[9]
            + ahead[10]
            + beyond[11]
            + (self._vocabulary.own_sum(word, itself) if own is None else own)
        )

    def _between(self, near: list[Facts], label_before: int) -> tuple[int, ...]:
        """The signs that are about two words or more."""
        # By number: to unpack a tuple, or to ask for an attribute, takes twice as long.
        behind, ahead, itself = near[4], near[6], near[5]
        p1, n1, p2, n2 = behind[0], ahead[0], near[3][0], near[7][0]
        key, look, before, after = itself[0], itself[3], behind[4], ahead[5]
        label = _LABELS[label_before]
        return (
            behind[1] ^ p2 ^ 0xC8E9C,
            ahead[1] ^ n2 ^ 0xF0B4A,
            before ^ look ^ 0x1C886,
            after ^ look ^ 0xC6EF3,
            before ^ after ^ look ^ 0x10E52,
            p1 ^ look ^ 0xF83D9,
            n1 ^ look ^ 0xBE0CD,
            p2 ^ look ^ 0x28A2F,
            n2 ^ look ^ 0x13744,
            ahead[6] ^ look ^ 0x5C0FB,
            behind[6] ^ look ^ 0x9B5DB,
            label ^ self._style ^ look ^ 0x956C2,
            label ^ p1 ^ key ^ 0x9F111,
            _cue(near) ^ look ^ 0x23F82,
        )
