# SPDX-License-Identifier: Apache-2.0
"""Unknown words in small letters that are no names: slips of the pen, joined and cut words,
pronunciations, jargon; and texts spoiled with them, as real prompts are.
"""

from __future__ import annotations

import random
import re

_STEMS = (
    "quant hyper cyto neuro token micro proto vaso photo electro immuno lipo gluco throm derm osteo"
    " meta para trans inter over under multi cloud edge data cache batch stream shard embed prompt"
    " scrub crack drib flop grind jumb knit mutt plod quib rust scramb stump twid wobb"
).split()
_ENDINGS = (
    "ized izes izing ation ations ness less ment ments able ably ally ful fully ing ings ed er ers"
    " est ish ist ists ism ous ously ive ives ity ities cyte cytes blast gen genic lysis tion tions"
    " phage in ine ase oid oids emic uric plasm ler lers ling lings y"
).split()
_TERM_STEMS = (
    "deco fila hyc ald nyct myo lam cad fibr coll ten vim kerat ela versic perl nest dys cry bran"
    " chol xanth mel alb phen tyr hist cit gal fuc mann sial gang sphing cer neur gli astr olig"
    " morph brach arachn campt synd poly microceph acr chondr ect hol oro pach por"
).split()
_TERM_ENDINGS = (
    "in an on orin amin ectin ose ase ia osis oma itis opathy emia uria inum ella ium us is ein"
    " ogen actyly ysplasia odes idium eria antha ilus ensis"
).split()
_BRAND_SYLLABLES = (
    "za xe vi lo ra ty qu ne bri zy xo fa tri cla ver lum ox ju ka zo el in or ul ax en tal mir"
    " pre nu kes ev ila gen aub dup lyn cos skyr opz rem hul"
).split()
_BRAND_ENDS = (
    "va ra ta ya ia ix ex yx iq eo yn ent ity vo za zo xa ga ta rel da tis qa vi ro xia lta brio"
    " trel ficor zim prez dyn"
).split()
_PLAIN = (
    "patient treatment disease muscle weakness different symptoms because people usually children"
    " infection research protein kidney the and with from blood pressure through growth problems"
    " another condition affected breathing increase severe mutation inherited before their which"
).split()
_SYLLABLES = (
    "ah uh ko lan ri tis mee see teh ler os sis ber ol ek tro de hi dra shun nef roh".split()
)
_WORD = re.compile(r"\b[a-z]{5,}\b")
_SOUP = (
    "patient ward chest pain reports daily aspirin discharge letter policy list follow please and"
    " the since up with for dates actions summarise cloud edge takes nurse clinic dose renal plan"
    " review model prompt system note today Tuesday Monday Topic visit scan result fever cough"
).split()


def odd_word(draw: random.Random) -> str:
    """One word that stands in no dictionary, or hardly."""
    chance = draw.random()
    if chance < 0.45:
        return draw.choice(_STEMS) + draw.choice(_ENDINGS)
    if chance < 0.65:
        return draw.choice(_PLAIN) + draw.choice(_PLAIN)
    return _slip(draw.choice(_PLAIN), draw)


def _slip(word: str, draw: random.Random) -> str:
    at = draw.randrange(len(word) - 1)
    return (
        draw.choice(
            (
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word[:at] + word[at + 1 :],
                word[:at] + word[at] + word[at:],
                word[: at + 1],
                word[:at] + draw.choice("aeiourstln") + word[at + 1 :],
            )
        )
        or word
    )


def pronunciation(draw: random.Random) -> str:
    """In brackets, one syllable loud."""
    parts = [draw.choice(_SYLLABLES) for _ in range(draw.choice((3, 4, 5)))]
    loud = draw.randrange(len(parts))
    parts[loud] = parts[loud].upper()
    return f"({'-'.join(parts)})"


def spoiled(text: str, draw: random.Random) -> str:
    """The text with some words misspelt, joined, hyphened or explained, cut off at its end."""

    def change(match: re.Match[str]) -> str:
        word = match.group()
        chance = draw.random()
        if chance < 0.90:
            return word
        if chance < 0.94:
            return _slip(word, draw)
        if chance < 0.955:
            return word + draw.choice(_PLAIN)
        if chance < 0.97:
            middle = len(word) // 2
            return f"{word[:middle]}-{word[middle:]}"
        if chance < 0.985:
            return f"{word} {pronunciation(draw)}"
        return odd_word(draw)

    changed = _WORD.sub(change, text)
    if draw.random() < 0.5 and len(changed) > 80:
        changed = changed[: draw.randrange(60, len(changed))]
    return changed


def term(draw: random.Random) -> str:
    """A substance, a sickness or a creature as textbooks name them, of no dictionary."""
    return (draw.choice(_TERM_STEMS) + draw.choice(_TERM_ENDINGS)).capitalize()


def brand(draw: random.Random) -> str:
    """A drug's brand that nobody has heard of."""
    start = "".join(draw.choice(_BRAND_SYLLABLES) for _ in range(draw.choice((1, 2, 2))))
    return (start + draw.choice(_BRAND_ENDS)).capitalize()


def soup(draw: random.Random, odd: list[str]) -> str:
    """A few words over and over without a sentence, as load tests send; some are in `odd`."""
    words = draw.sample(_SOUP, 24) + [odd_word(draw) for _ in range(draw.randrange(1, 4))]
    words += draw.sample(odd, min(len(odd), 2))
    return " ".join(draw.choice(words) for _ in range(draw.randrange(20, 120)))
