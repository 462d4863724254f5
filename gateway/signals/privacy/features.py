# SPDX-License-Identifier: Apache-2.0
"""The signs by which a word is judged: its look, what is known of it, and its neighbours.

Each sign is hashed into one of 2**20 weights (the hashing trick; Weinberger et al. 2009,
"Feature Hashing for Large Scale Multitask Learning"). Training and judging share this module, so
that both see the same.
"""

from __future__ import annotations

from gateway.signals.privacy.lexicon import Lexicon, folded, key_of

WEIGHT_BITS = 20
_MASK = (1 << WEIGHT_BITS) - 1
_SPREAD = 0x9E3779B1  # 2**32 divided by the golden ratio: spreads small numbers over 32 bits

_LOWER, _CAPITAL, _UPPER, _INITIAL, _MIXED, _DIGITS, _SIGN, _EDGE = range(8)
_FLAG_SHIFT = 3
# Words between which and a name others may stand: the nearest of them before a word is a sign.
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
            "paciente patiente patientin bệnh bingren se\u00f1or signora herrn",
        )
    )
    for word in words.split()
}
_CUE_REACH = 5

BOUNDARY = (0x51ED27, _EDGE)


class Signs:
    """Looks at the words of one text; remembers what it has worked out about each."""

    def __init__(
        self,
        words: list[str],
        lexicon: Lexicon,
        forgotten: frozenset[int] = frozenset(),
        kept_flags: int = 0,
    ) -> None:
        self._words = words
        self._flags_of = lexicon.flags_of
        self._seen: dict[int, tuple[int, int]] = {}
        # In training: words treated as never seen before, of which the lexicon knows at most
        # `kept_flags`, so that their context must tell.
        self._forgotten, self._kept = forgotten, 7 | kept_flags << _FLAG_SHIFT
        has_small = any(word.islower() for word in words)
        has_capital = any(word[0].isupper() for word in words)
        self._look = has_small + 2 * has_capital

    def word(self, at: int) -> tuple[int, int]:
        """The key of a word and its class: shape and flags."""
        if not 0 <= at < len(self._words):
            return BOUNDARY
        known = self._seen.get(at)
        if known is None:
            known = self._judge(self._words[at])
            if at in self._forgotten:
                known = 0, known[1] & self._kept
            self._seen[at] = known
        return known

    def _judge(self, word: str) -> tuple[int, int]:
        first = word[0]
        if not first.isalpha():
            if first.isdecimal():
                return min(len(word), 6) * _SPREAD & 0xFFFFFFFF, _DIGITS | min(len(word), 6) << 3
            return ord(first) * _SPREAD & 0xFFFFFFFF, _SIGN | len(word) << 3
        key = key_of(folded(word))
        if word.islower():
            shape = _LOWER
        elif len(word) == 1:
            shape = _INITIAL
        elif word.isupper():
            shape = _UPPER
        else:
            shape = _CAPITAL if word[1:].islower() else _MIXED
        return key, shape | self._flags_of(key) << _FLAG_SHIFT

    def _ending(self, at: int) -> int:
        if not 0 <= at < len(self._words):
            return 0
        return key_of(self._words[at][-3:])

    def _cue(self, at: int) -> int:
        for back in range(1, _CUE_REACH + 1):
            number = _CUES.get(self.word(at - back)[0])
            if number is not None:
                return number * 8 + back
        return 0

    def of(self, at: int, label_before: int) -> list[int]:
        """The weights that speak about word `at`, given the label of the word before it."""
        word = self.word
        (p1, p1c), (n1, n1c) = word(at - 1), word(at + 1)
        p2, n2 = word(at - 2)[0], word(at + 2)[0]
        key, known = word(at)
        plain = folded(self._words[at])
        look = known * _SPREAD
        before, after = p1c * 0x85EBCA6B, n1c * 0xC2B2AE35
        ends = key_of(plain[-3:]), key_of(plain[:3])
        shape = (known & 7) * 0x2545F491
        signs = (
            look ^ 0x1B873593,
            key ^ 0x0CC9E2D5,
            ends[0] ^ 0x38B34AE5,
            key_of(plain[-2:]) ^ 0x5A1F0E37,
            ends[1] ^ 0x7F4A7C15,
            ends[0] ^ shape ^ 0x165667B1,
            p1 ^ 0x27D4EB2F,
            n1 ^ 0x1656A5C3,
            p1 * 3 ^ p2 ^ 0x6C8E9CF5,
            n1 * 3 ^ n2 ^ 0x2F0B4A97,
            p2 ^ 0x4CF5AD43,
            n2 ^ 0x36D2A1B9,
            before ^ look ^ 0x61C88647,
            after ^ look ^ 0x3C6EF372,
            before ^ after ^ look ^ 0x510E527F,
            p1 ^ look ^ 0x1F83D9AB,
            n1 ^ look ^ 0x5BE0CD19,
            p2 ^ look ^ 0x428A2F98,
            n2 ^ look ^ 0x71374491,
            self._ending(at + 1) ^ look ^ 0x35C0FBCF,
            self._ending(at - 1) ^ look ^ 0x69B5DBA5,
            (label_before * 64 + self._look) * _SPREAD ^ look ^ 0x3956C25B,
            label_before * 0x59F111F1 ^ p1 ^ key ^ 0x59F111F1,
            self._cue(at) * _SPREAD ^ look ^ 0x123F82A4,
            min(len(plain), 12) * _SPREAD ^ shape ^ 0x2B1C5ED5,
        )
        return [(sign ^ sign >> 20) & _MASK for sign in signs]
