# SPDX-License-Identifier: Apache-2.0
"""Whether a text reads as English. Asked only when the answer would relax the verdict.

The health gate knows English alone, so an identifier in any other language counts as protected.
"""

from __future__ import annotations

import re

_SAMPLE_CHARS = 2_000
# So many words without one small English word are another language, or no sentence at all.
_WORDS_THAT_TELL = 5
_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH = frozenset(
    (
        "the a an is are was were of to and in on for with my your his her their our it this that i"
        " you he she we they what how why who when where which can could do does did please be been"
        " have has had not from by at as or if about write give name email phone call me"
    ).split()
)
# Function words of Spanish, Portuguese, French, Italian, German, Dutch, Swedish, Polish, Turkish,
# Indonesian and Vietnamese without accents that English does not use.
_OTHER = frozenset(
    "el la los las una del por para con que es su sus se le lo como pero muy mi esta este nombre"
    " os das dos uma com nao seu sua ao pelo foi ele ela meu minha"
    " quand quel quelle hier elle cuando ayer tiene quiere desde ieri hanno quando ontem gestern"
    " les des un une du et est dans pour avec sur qui ce cette vous je nous mon ma sont pas au aux"
    " il gli di per sono della che suo mio nel alla"
    " der die das und ist ein eine einen dem den mit von fur ich nicht auf sein seine mein wurde"
    " het een en van zijn haar niet voor mijn naar"
    " och att det som ar jag inte hans hon"
    " w z na jest sie nie do jego moja pan pani"
    " ve bir bu icin ile benim adi hasta yang dan dengan saya untuk nama tidak"
    " benh nhan cua toi la ten ong ba va co khong".split()
)


def reads_as_english(text: str) -> bool:
    """False for mostly non-Latin letters, and for no or fewer English than foreign small words."""
    sample = text[:_SAMPLE_CHARS]
    if sample.isascii():  # no letter to look at, and splitting is enough to find the small words
        return not _is_foreign(sample.lower().split(), 0)
    words = _WORD.findall(sample.lower())
    letters = "".join(words)
    if len(letters.encode("ascii", "ignore")) < 0.7 * len(letters):
        return False
    return not _is_foreign(words, len(words) - sum(map(str.isascii, words)))


def _is_foreign(words: list[str], accented: int) -> bool:
    other = sum(map(_OTHER.__contains__, words))
    foreign = other + accented
    if other and foreign >= 2 and foreign >= sum(map(_ENGLISH.__contains__, words)):
        return True
    return len(words) >= _WORDS_THAT_TELL and _ENGLISH.isdisjoint(words)
