# SPDX-License-Identifier: Apache-2.0
"""Dates more exact than a month, and ages above 89. A bare year or month is no identifier.

45 CFR 164.514(b)(2)(i)(C) counts every element of a date but the year. A month with a year is
left out on purpose: it is common in clean questions ("reviewed in April 2022").
"""

from __future__ import annotations

import re

from gateway.signals.privacy.found import Exact, Found, Recogniser, always, first_unless
from gateway.signals.privacy.verdict import Kind

MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_WEEKDAY = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,? )?"
_OF_NUMBERS, _OF_DAY = first_unless(r"\d/.$-", "0-9"), first_unless(r"\w.$", "0-9")
_OF_CENTURY = first_unless(r"\d/.-", "12")
_YEAR = r"(?:'\d{2}|\d{4})"
_CUE = (
    r"dob|d\.o\.b\.?|born|birth ?date|date of birth|admitted|discharged|seen|visit(?:ed)?|drawn"
    r"|since|dos|date of service|deceased|died"
)


def is_day(first: int, second: int) -> bool:
    """Whether two numbers can be a day and a month, in either order."""
    return 0 < min(first, second) <= 12 and 0 < max(first, second) <= 31


def _numeric(match: re.Match[str]) -> Found | None:
    first, separator, second, year = match.groups()
    is_plausible = is_day(int(first), int(second))
    if len(year) == 2:  # "1.2.10" is a version and "1-2-10" a score; both need more digits
        is_plausible &= separator == "/" or (separator == "-" and len(first + second) == 4)
    return _date(match) if is_plausible else None


def _month_day(match: re.Match[str]) -> Found | None:
    return _date(match) if 0 < int(match.group("day")) <= 31 else None


_LED_CHARS = 9
_LEADS_TO_DAY = tuple(
    f" {word}" for word in "from on to until till by since between and before after dated".split()
)


def _day_month(match: re.Match[str]) -> Found | None:
    """In "only 3 may enter" the month is a verb: it needs a year, or a word like "from" before."""
    day = int(match.group("day"))
    is_word = match.group("month") in ("may", "mar") and match.group("year") is None
    if is_word:
        before = match.string[max(0, match.start() - _LED_CHARS) : match.start()]
        is_word = not before.lower().rstrip().endswith(_LEADS_TO_DAY)
    return _date(match) if 0 < day <= 31 and not is_word else None


# What an authority decides on a day is nobody's date: "the FDA approved it on 3/4/2021", and turned
# about. Nothing of a person may stand between: a device that it approved is implanted, too. As "FDA
# approved" is said of what is given, the date needs an "on" before it.
_AUTHORITY = (
    r"\b(?:fda|ema|cdc|uspstf|mhra|congress|world health organization"
    r"|food and drug administration)\b(?!-)"
)
_DECIDED = (
    r"\b(?:approved|declared|authori[sz]ed|published|announced|issued|updated|withdrew|warned|passed"
    r"|enacted|cleared)\b"
)
_OF_A_PERSON = (
    r"\b(?:i|my|he|his|him|she|her|patient|pt|born|dob|birth|seen|visit|admitted|discharged|implanted"
    r"|placed|given|started|took|taken|surgery|appointment|mrn|first|until|since|dose|infusion|infused"
    r"|injected|injection|biopsy|procedure|used|underwent|received|relapse|follow|our)\b"
)
_BETWEEN = rf"(?:(?!{_OF_A_PERSON})[^.,;?!\n])"
_BEFORE = re.compile(rf"{_AUTHORITY}{_BETWEEN}{{0,40}}{_DECIDED}{_BETWEEN}{{0,60}}\Z")
_BEHIND = re.compile(rf",?[ ](?:the )?(?:u\.?s\.? )?{_AUTHORITY}{_BETWEEN}{{0,20}}{_DECIDED}")
_REACH_CHARS = 160
_PARTS = ("fda", "ema", "cdc", "uspstf", "mhra", "congress", "world health org", "food and drug")


def _date(match: re.Match[str]) -> Found | None:
    start, end = match.span()
    if _is_decided(match.string, start, end):
        return None
    return Found(start, end, Kind.DATE, is_strong=False)


def _is_decided(text: str, start: int, end: int) -> bool:
    if text[max(0, start - 3) : start].lower() != "on ":
        return False
    before = text[max(0, start - _REACH_CHARS) : start].lower()
    behind = text[end : end + _REACH_CHARS].lower()
    if not any(each in before or each in behind for each in _PARTS):  # nearly always, and quick
        return False
    return bool(_BEHIND.match(behind) or _BEFORE.search(before))


RECOGNISERS = (
    Recogniser(
        "date_numeric",
        r"[0-9][-/.][0-9]{1,2}[-/.][0-9]{2}",
        Exact(
            rf"({_OF_NUMBERS}\d?)"
            r"([-/.])(\d{1,2})\2(\d{4}|\d{2})(?![\d/$-]|\.\d)"
        ),
        _numeric,
    ),
    Recogniser(
        "date_iso",
        r"(?:19|20)[0-9]{2}[-/.][0-9]{1,2}[-/.][0-9]",
        Exact(
            rf"{_OF_CENTURY}(?:(?<=1)9|(?<=2)0)\d\d"
            r"([-/.])(?:0?[1-9]|1[0-2])\1(?:3[01]|[12]\d|0?[1-9])"
            r"(?:[T ]\d{2}:\d{2}(?::\d{2})?)?(?!\d)"
        ),
        always(Kind.DATE, is_strong=False),
    ),
    Recogniser(
        "date_month_day",
        rf"(?i){MONTH}\.?,?[ \t\n-]{{1,3}}[0-9]",
        Exact(
            rf"\b{_WEEKDAY}(?P<month>{MONTH})\.?,?[ \t\n-]{{1,3}}(?P<day>\d{{1,2}})"
            rf"(?:st|nd|rd|th)?\b(?!\.\d)(?P<year>[ \t\n,.-]{{1,3}}{_YEAR}\b)?"
        ),
        _month_day,
        is_lowered=True,
    ),
    Recogniser(
        "date_day_month",
        rf"(?i)[0-9](?:st|nd|rd|th)?(?:[ \t\n]of)?[ \t\n./-]{{1,3}}{MONTH}",
        Exact(
            rf"(?P<day>{_OF_DAY}\d?)"
            r"(?:st|nd|rd|th)?(?:[ \t\n]of)?[ \t\n./-]{1,3}"
            rf"(?P<month>{MONTH})\b(?P<year>[ \t\n,./-]{{1,3}}(?:{_YEAR}|\d{{2}})\b)?"
        ),
        _day_month,
        is_lowered=True,
    ),
    Recogniser(
        "date_cued",
        rf"(?i)(?:{_CUE})[\"']?[ :=\"'on]*[0-9]",
        Exact(
            rf"(?i)\b(?:{_CUE})[\"']?(?:[ :=\"']|on){{0,6}}"
            r"((?:0?[1-9]|1[0-2])/(?:[12]\d|3[01]|0?[1-9])|(?:19|20)\d{6})(?![\d/])"
        ),
        always(Kind.DATE, 1, is_strong=False),
    ),
    Recogniser(
        "age_90",
        r"(?i)(?:9[0-9]|1[0-4][0-9])[ -]?(?:y|m/|f/)|age.{0,6}[0-9]{2}",
        Exact(
            r"(?i)(?<![\d.,$])(?:(9\d|1[0-4]\d)[ -]?(?:years?[ -]old|y\.?/?o\b|yrs?\b[ -]?(?:old)?"
            r"|year[ -])|\baged? ?(?:is|:|of)? ?(9\d|1[0-4]\d)(?![\d%.]))"
        ),
        always(Kind.AGE_90, is_strong=False),
    ),
)
