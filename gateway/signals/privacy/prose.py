# SPDX-License-Identifier: Apache-2.0
"""What whole sentences show: whether a text is an article about a disease, and what one tells of.

1. An article is long, speaks of people in general and not of one, and in whole sentences.
2. A sentence that says what somebody does, wants or is given may have that person in it, and so may
   a short one before or behind the article.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.signals.privacy.features import NEWLINE
from gateway.signals.privacy.persons import ANYBODY, NOBODY, SOMEBODY, spoken_of

# An article has some of these: it speaks of people in general.
_OF_ALL = frozenset(
    "people individuals patients persons adults children doctors males females men women families"
    " researchers scientists studies infants babies someone anyone individual".split()
)
_LEAST_OF_ALL = 2
_SENTENCE_ENDS = frozenset({".", "?", "!", ";", NEWLINE})
_OF_STUDIES = frozenset(
    "study studies trial trials paper review article guideline guidelines found showed reported"
    " described published proposed according".split()
)
_IN_PROSE = frozenset("the is are was were of may can that which".split())
# What is done by or to one person, in words that articles have little use for: a gene has a "copy",
# nerves "send", experts "say".
_DEEDS = frozenset(
    "wants wanted wishes asks asked asking told telling refuses refused denies denied complains"
    " complained complaining insists declined consented retired weighs rang phoned wrote forgot"
    " spoke ward appointment referral admitted discharged operated handover yesterday tomorrow"
    " tonight monday tuesday wednesday thursday friday saturday sunday".split()
)
_LEAST_IMPERSONAL_WORDS, _LEAST_ARTICLE_WORDS, _LINE_WORDS = 60, 50, 12
_REACH_WORDS = 32


class Prose:
    """Looks at the words of one text when it is asked."""

    __slots__ = ("_is_article", "_spoken_of", "_words")

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self._spoken_of: int | None = None
        self._is_article: bool | None = None

    def is_impersonal(self) -> bool:
        """Whether the text is long and has no word that somebody is spoken of with."""
        is_long = len(self._words) >= _LEAST_IMPERSONAL_WORDS
        return (is_long and self.speaks_of_nobody()) or self.is_article()

    def is_article(self) -> bool:
        """Whether the text is long, and speaks of people in general only."""
        if self._is_article is None:
            self._is_article = (
                len(self._words) >= _LEAST_ARTICLE_WORDS
                and self._who() <= ANYBODY
                and (self._has_many(_OF_ALL, _LEAST_OF_ALL) or self._is_prose())
            )
        return self._is_article

    def tells_of_study(self, at: int) -> bool:
        """Whether the sentence around a word is one of studies and what they found."""
        return not _OF_STUDIES.isdisjoint(self._sentence(at))

    def tells_of_somebody(self, at: int) -> bool:
        """Whether the sentence around a word says what somebody does, or is to be done to him; or
        is a short one before or behind all others, as what is to be done with an article.
        """
        first, last = self._bounds(at)
        is_outer = first == 0 or last >= len(self._words) - 1
        is_whole = last < len(self._words) or self._words[first - 1 : first] == [NEWLINE]
        if is_outer and is_whole and last - first <= _LINE_WORDS:
            return True
        return not _DEEDS.isdisjoint(self._sentence(at))

    def _bounds(self, at: int) -> tuple[int, int]:
        """The first word of the sentence around a word, and the sign behind its last; of a very
        long one a part.
        """
        first = last = at
        least, most = max(0, at - _REACH_WORDS), min(len(self._words), at + _REACH_WORDS)
        while first > least and self._words[first - 1] not in _SENTENCE_ENDS:
            first -= 1
        while last < most and self._words[last] not in _SENTENCE_ENDS:
            last += 1
        return first, last

    def _sentence(self, at: int) -> Iterator[str]:
        """Its words in small letters."""
        first, last = self._bounds(at)
        return map(str.lower, self._words[first:last])

    def _is_prose(self) -> bool:
        """Whether whole sentences say what is; notes leave their small words out."""
        return self.speaks_of_nobody() and self._has_many(_IN_PROSE, len(self._words) // 12)

    def _has_many(self, listed: frozenset[str], least: int) -> bool:
        return sum(map(listed.__contains__, self._words)) >= least

    def speaks_of_nobody(self) -> bool:
        """Whether no word is one that people are spoken of with."""
        return self._who() == NOBODY

    def speaks_of_somebody(self) -> bool:
        """Whether a word is one that one person is spoken of with."""
        return self._who() == SOMEBODY

    def _who(self) -> int:
        if self._spoken_of is None:
            self._spoken_of = spoken_of(self._words)
        return self._spoken_of
