# SPDX-License-Identifier: Apache-2.0
"""Dates told otherwise than as figures or in English: in other languages, in words, by a feast, of
birth in any shape, and ages above 89 in a sentence.

In the patterns a dot stands for a letter beyond ASCII.
"""

from __future__ import annotations

import re

from gateway.signals.privacy.dates import MONTH, is_day
from gateway.signals.privacy.found import Exact, Found, Locate, Recogniser, always, first_unless
from gateway.signals.privacy.verdict import Kind

_OF_DAY = first_unless(r"\w.$", "0-9")
# Spanish, French, German, Portuguese, Italian, Dutch.
_MONTH_ABROAD = (
    r"(?:enero|febrero|marzo|abril|mayo|junio|julio|agosto|sep?tiembre|octubre|noviembre"
    r"|diciembre|janvier|f.vrier|mars|avril|mai|juin|juillet|ao.t|septembre|octobre|novembre"
    r"|d.cembre|januar|j.nner|februar|m.rz|juni|juli|okt|oktober|dezember|jan\.|feb\.|dez\.|okt\."
    r"|janeiro|fevereiro|mar.o|maio|junho|julho|setembro|outubro|novembro|dezembro|gennaio"
    r"|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre|januari|februari|maart|mei"
    r"|augustus)"
)
_WEEKDAY = (
    r"(?:mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun)|(?:mon|tues|wednes|thurs|fri|satur|sun)day"
    r"|lunes|martes|mi.rcoles|jueves|viernes|lundi|mardi|mercredi|jeudi|vendredi|montag|dienstag"
    r"|mittwoch|donnerstag|freitag|segunda|ter.a|quarta|quinta|sexta|luned.|marted.|mercoled."
    r"|gioved.|venerd.|maandag|dinsdag|woensdag|donderdag|vrijdag"
)
_BORN = (
    r"d\.?o\.?b\.?|born|birth ?da(?:te|y)|date of birth|geb\.?|geboren|n.e?|ddn|d\.d\.n\."
    r"|f\.? ?nac\.?|nac|nacid[oa]|nascid[oa]|nat[oa]|data nasc\.?|fecha de nacimiento"
    r"|geboortedatum|geburtsdatum|ngs|sinh"
)
_ON = r"(?: ng.y| le| am| el| il| em| op| on| is)?[\"' :=(]{1,4}"
_ORDINAL = (
    r"(?:first|second|third|(?:four|fif|six|seven|eigh|nin|ten|eleven|twelf|thirteen|fourteen"
    r"|fifteen|sixteen|seventeen|eighteen|nineteen|twentie|thirtie)th"
    r"|(?:twenty|thirty)[ -](?:first|second|third|(?:four|fif|six|seven|eigh|nin)th))"
)
_SPOKEN_YEAR = r"(?:nineteen|twenty)[ -][a-z]{3,9}(?:[ -][a-z]{3,5})?"
# Days that everybody can date when the year is known, or is this one.
_FEAST = (
    r"(?:christmas(?: eve| day)?|new year'?s(?: eve| day)?|boxing day|thanksgiving(?: day)?"
    r"|halloween|easter(?: sunday| monday)?|good friday|valentine'?s day|labor day|memorial day"
    r"|diwali|eid)"
)
_SINCE = r"(?:on|since|until|till|before)"
_NINETY = r"ninety(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?"
_GROWN = r"(?:woman|man|lady|gentleman|male|female) (?:aged |of )"
_YEARS_ABROAD = r"(?:a.os|ans|jahre|anni|anos|jaar|tu.i|sui)"
_WHO = r"(?:s?he|who|(?:grand)?(?:mother|father)|mum|mom|dad|nana|gran(?:dma|dpa)?|patient|pt|i)"
_IS = r"(?:.[sm]| is| was) (?:now |already |just )?"
# "He is 95 %", "95 kg", "she was 92 on room air": no age.
_MEASURED = (
    r"[\d%/:]|[.,]\d| ?(?:%|percent|kg|lbs?|cm|mg|bpm|minutes?|days?|weeks?|months?|hours?|pounds?"
    r"|f\b|degrees|on (?:room )?air)"
)


def _of_day(match: re.Match[str]) -> Found | None:
    if not is_day(int(match.group(1)), int(match.group(2))):
        return None
    return Found(match.start(), match.end(), Kind.DATE, is_strong=False)


def _last_group(kind: Kind) -> Locate:
    """Every match is a hit: the group of the alternative that matched."""

    def locate(match: re.Match[str]) -> Found | None:
        group = match.lastindex or 0
        return Found(match.start(group), match.end(group), kind, is_strong=False)

    return locate


RECOGNISERS = (
    Recogniser(
        "date_joined",  # "19Nov2026", "19620704"
        rf"(?i)[0-9]{MONTH}(?:19|20)?[0-9]{{2}}"
        r"|(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])[0-3][0-9]",
        Exact(
            rf"(?<![\d.])(?:\d{{1,2}}{MONTH}(?:19|20)?\d{{2}}"
            r"|(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))(?![\d.-])"
        ),
        always(Kind.DATE, is_strong=False),
        is_lowered=True,
        needs_digit=True,
    ),
    Recogniser(
        "date_spaced",
        r"[0-9]\. [0-9]{1,2}\. (?:19|20)[0-9]{2}",
        Exact(r"(?<![\d.,])(\d{1,2})\. (\d{1,2})\. (?:19|20)\d{2}(?!\d)"),
        _of_day,
    ),
    Recogniser(
        "date_short",  # no fraction and no score: one of both is above twelve, or has a zero
        rf"(?i)\b(?:on|{_WEEKDAY}) [0-9]{{1,2}}/[0-9]{{1,2}}",
        Exact(
            rf"\b(?:on|{_WEEKDAY}) ((?:0?[1-9]|1[0-2])/(?:1[3-9]|2\d|3[01])"
            r"|(?:1[3-9]|2\d|3[01])/(?:0?[1-9]|1[0-2])|(?:0[1-9]|1[0-2])/(?:0[1-9]|1[0-2]))"
            r"(?![\d/%]|-\d| (?:of|patients|scale))"
        ),
        always(Kind.DATE, 1, is_strong=False),
        is_lowered=True,
        needs_digit=True,
    ),
    Recogniser(
        "date_of_birth",  # in any shape: "DOB 6.6.66", "born 120578"
        rf"(?i)(?:{_BORN}){_ON}[0-9]{{1,2}}[0-9./ -]",
        Exact(
            rf"(?<![a-z])(?:{_BORN}){_ON}"
            r"(\d{1,2}[./ -]\d{1,2}[./ -](?:\d{4}|\d{2})|\d{6}|\d{8})(?!\d)"
        ),
        always(Kind.DATE, 1, is_strong=False),
        is_lowered=True,
        needs_digit=True,
    ),
    Recogniser(
        "date_abroad",
        rf"(?i)[0-9](?:\.|er|.)? ?(?:de |di |del )?{_MONTH_ABROAD}",
        Exact(
            rf"{_OF_DAY}\d?(?:\.|er|\u00ba|\u00b0)?[ ]?(?:de |di |del )?{_MONTH_ABROAD}(?![a-z])"
            r"(?:[ ,.](?:de |del |di |do )?[ ]?(?:19|20)\d\d\b)?"
        ),
        always(Kind.DATE, is_strong=False),
        is_lowered=True,
        needs_digit=True,
    ),
    Recogniser(
        "date_asian",  # Vietnamese, and Chinese in Latin letters
        r"(?i)[0-9] th.ng [0-9]|[0-9] ?nian ?[0-9]",
        Exact(
            r"(?<!\d)\d{1,2} th.ng \d{1,2}(?:,? n.m \d{4})?(?!\d)"
            r"|(?<!\d)\d{4} ?nian ?\d{1,2} ?yue(?: ?\d{1,2} ?(?:ri|hao))?"
        ),
        always(Kind.DATE, is_strong=False),
        is_lowered=True,
        needs_digit=True,
    ),
    Recogniser(
        "date_in_words",
        (rf"(?i){_ORDINAL} (?:of )?{MONTH}|{MONTH},? (?:the )?{_ORDINAL}"),
        Exact(
            rf"\b(?:{_ORDINAL} (?:of )?{MONTH}|{MONTH},? (?:the )?{_ORDINAL})\b"
            rf"(?:,? (?:\d{{4}}\b|{_SPOKEN_YEAR}))?"
        ),
        always(Kind.DATE, is_strong=False),
        is_lowered=True,
    ),
    Recogniser(
        "date_of_feast",
        rf"(?i){_FEAST},? (?:of )?(?:19|20)[0-9]{{2}}|{_SINCE} {_FEAST}",
        Exact(rf"\b(?:({_FEAST},? (?:of )?(?:19|20)\d{{2}})|{_SINCE} ({_FEAST}))\b"),
        _last_group(Kind.DATE),
        is_lowered=True,
    ),
    Recogniser(
        "age_90_told",
        rf"(?i){_WHO}{_IS}(?:9[0-9]|10[0-9]|11[0-5])|turn(?:ed|s|ing) (?:9[0-9]|1[01][0-9])",
        Exact(rf"\b(?:{_WHO}{_IS}|turn(?:ed|s|ing) )(9\d|10\d|11[0-5])(?!{_MEASURED})"),
        always(Kind.AGE_90, 1, is_strong=False),
        is_lowered=True,
        needs_digit=True,
    ),
    Recogniser(
        "age_90_behind_name",  # "Remedios Bautista, 92: ..."
        r"[A-Za-z\xc3'-], (?:9[0-9]|10[0-9])",
        Exact(
            r"(?<!\w)[A-Z\u00c0-\u00de][A-Za-z\u00c0-\u024f'-]{1,24}, (9\d|10\d)"
            r"(?=[:;)\n]|,(?!\d)|\.(?!\d)|$| (?:from|with|and|who|was|is|in|on|living|room)\b)"
        ),
        always(Kind.AGE_90, 1, is_strong=False),
        needs_digit=True,
    ),
    Recogniser(
        "age_90_in_words",
        rf"(?i){_NINETY}[ -]years?|{_GROWN}(?:ninety|9[0-9]|10[0-9])"
        rf"|(?:9[0-9]|10[0-9]) {_YEARS_ABROAD}",
        Exact(
            rf"\b({_NINETY})[ -]years?\b|\b{_GROWN}({_NINETY}|9\d|10\d)\b"
            rf"|(?<![\d.,])(9\d|10\d) {_YEARS_ABROAD}\b"
        ),
        _last_group(Kind.AGE_90),
        is_lowered=True,
    ),
)
