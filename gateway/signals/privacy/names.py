# SPDX-License-Identifier: Apache-2.0
"""Names that a title or a cue word gives away: "Dr Roe", "patient John Q. Public", "Name: ...".

A name without a cue is not found here; that is the work of a later stage. A single surname or
first name is a weak hit: it counts only beside a health context.
"""

from __future__ import annotations

import re

from gateway.signals.privacy.found import Exact, Found, Locate, Recogniser, first_unless
from gateway.signals.privacy.name_stops import EPONYMS, FOLLOWERS, NOT_NAMES, PUBLIC, QUALIFIERS
from gateway.signals.privacy.verdict import Kind

# Letters that can start and continue a name: Latin with its supplements, Greek, Cyrillic.
_UPPER = (
    r"A-Z\u00c0-\u00d6\u00d8-\u00de\u0100-\u0178\u0179\u017b\u017d"
    r"\u0386-\u03ab\u0400-\u042f\u1e00-\u1eff"
)
_ANY = r"A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0370-\u03ff\u0400-\u052f\u1e00-\u1eff"
_REST = rf"(?:[{_ANY}]|'(?=[{_UPPER}])){{1,24}}(?:-[{_UPPER}][{_ANY}]{{1,24}})?"
_WORD = rf"[{_UPPER}]{_REST}"
# First letters: of a name before its number, and of one before an initial.
_OF_FULL = first_unless(f"{_ANY}'", _UPPER) + rf"(?<![{_ANY}]-.)"
_OF_SHORT = first_unless(f"{_ANY}'.-", _UPPER)
_PARTICLE = r"(?:de|da|del|della|der|den|di|do|dos|du|van|von|bin|ibn|al|el|la|le|ten|ter|y)"
_INITIAL = rf"[{_UPPER}]\b\.?"
_MORE = rf"(?:[ ](?:{_PARTICLE}[ ]){{0,2}}(?:{_WORD}|{_INITIAL})){{0,3}}"
_NAME = rf"(?P<name>(?:{_WORD}|(?:[{_UPPER}]\.[ ]?){{1,2}}{_WORD}){_MORE})"
_MORE_OF_FULL = rf"(?:,?[ ](?:{_WORD}|{_INITIAL})){{1,3}}"
_FULL = rf"(?P<name>{_WORD}{_MORE_OF_FULL})"

_TITLE = (
    r"mr|mrs|ms|mx|miss|mister|dr|drs|prof|professor|doctor|nurse|sr|sra|señora?|herr|frau|mme|pt"
)
_PERSON = (
    r"patients?|pt|client|member|resident|veteran|male|female|man|woman|boy|girl|gentleman|lady"
    r"|child|infant|baby|newborn|toddler|teen(?:ager)?|adolescent|yo|y/o"
)
_KIN = (
    r"mother|mom|mum|father|dad|wife|husband|spouse|partner|son|daughter|brother|sister|friend"
    r"|boss|neighbou?r|uncle|aunt|cousin|grandmother|grandma|grandfather|grandpa|colleague|doctor"
    r"|girlfriend|boyfriend|fianc[eé]e?|guardian|client|patient"
)
_LIKE = r"named|called|like|such as|similar to|name is|by the name of|is|with name|identified as"
_ACTED = (
    r"seen|referred|reviewed|treated|diagnosed|performed|prescribed|operated|evaluated|managed"
    r"|recommended|ordered|signed|written|noted|referenced|done|admitted"
)
_CLAUSE = (
    r"who|whose|whom|last seen|seen|admitted|living|residing|presents|treated|diagnosed|previously"
    r"|recently|evaluated"
)


def _name(strong_words: int) -> Locate:
    """A hit unless a stop list knows better; strong from `strong_words` words on."""

    def locate(match: re.Match[str]) -> Found | None:
        text = match.group("name")
        words = text.replace(",", "").split(" ")
        while words and words[-1].rstrip(".") in FOLLOWERS:  # "Dr Smith On", "John Smith MRN"
            text = text[: len(text) - len(words.pop())].rstrip(" ,")
        if not words or _is_public_term(words):
            return None
        if text in PUBLIC or words[0] in PUBLIC:
            return None
        start = match.start("name")
        return Found(start, start + len(text), Kind.NAME, len(words) >= strong_words)

    return locate


# "MS" is a disease, "miss" a verb.
_CIVIL = re.compile(r"(?:Mrs?|Ms|Mx)\.?[ ]")


def _titled(match: re.Match[str]) -> Found | None:
    """A name; behind what is a person's title only, also a word or an eponym: "Ms. Down"."""
    found = _two_words_strong(match)
    if found is not None or not _CIVIL.match(match.string, match.start()):
        return found
    word = match.group("name").split(" ")[0].rstrip(",")
    start = match.start("name")
    return None if word in PUBLIC else Found(start, start + len(word), Kind.NAME, is_strong=False)


_two_words_strong = _name(2)


def _aged(match: re.Match[str]) -> Found | None:
    """Behind a comma even a country is a given name: "SMITH,JORDAN A"."""
    if "," in match.group("name"):
        return Found(*match.span("name"), Kind.NAME)
    return _two_words_strong(match)


def _is_public_term(words: list[str]) -> bool:
    if len(words) == 1 and words[0] in EPONYMS:
        return True
    ends = words[0].rstrip("."), words[-1]
    return any(word in NOT_NAMES or word.capitalize() in NOT_NAMES for word in ends)


def _labelled(match: re.Match[str]) -> Found | None:
    qualifier = match.group("qualifier")
    if qualifier and qualifier.strip(" _-").lower() not in QUALIFIERS:
        return None  # "product name: ...", "file_name = ..."
    return _two_words_strong(match)


_CAPITAL = r"[A-Z\xc3]"  # an ASCII capital, or a letter beyond ASCII

RECOGNISERS = (
    Recogniser(
        "name_titled",
        rf"(?i:{_TITLE.replace('ñ', '.')})\.? ?[ ]{_CAPITAL}",
        Exact(rf"(?<![{_ANY}'])(?i:{_TITLE})\.?[ ]{{1,2}}{_NAME}"),
        _titled,
        leads=True,
    ),
    Recogniser(
        "name_person",
        rf"(?i:{_PERSON})[ ,:;(\"'-]{{0,3}}(?i:{_LIKE}|name:?)?[ :,\"'(-]{{1,3}}{_CAPITAL}",
        Exact(
            rf"(?<![{_ANY}])(?i:{_PERSON})[ ,:;(\"'-]{{0,3}}"
            rf"(?i:{_LIKE}|name:?)?[ :,\"'(-]{{1,3}}{_NAME}"
        ),
        _name(2),
        leads=True,
    ),
    Recogniser(
        "name_kin",
        rf"(?i:my|his|her|their|our)[ ](?i:{_KIN.replace('é', '.').replace('[e.]', '.')})"
        rf"'?s?[ ,]{{1,2}}(?i:named |called |is )?(?i:mr|mrs|ms|dr)?\.?[ ]?{_CAPITAL}",
        Exact(
            rf"(?<![{_ANY}])(?i:my|his|her|their|our)[ ](?i:{_KIN})"
            rf"'?s?[ ,]{{1,2}}(?i:named |called |is )?{_NAME}"
        ),
        _name(2),
        leads=True,
    ),
    Recogniser(
        "name_is",
        rf"(?i:name is|name's|named|attn|dear|re:|cc:)[ :.]{{1,3}}{_CAPITAL}",
        Exact(rf"(?<![{_ANY}])(?i:name is|name's|named|attn|dear|re:|cc:)[ :.]{{1,3}}{_NAME}"),
        _name(2),
        leads=True,
    ),
    Recogniser(
        "name_label",
        rf"(?i:name)s?[\"']?[ \t]*[:=][ \t]*[\"']?{_CAPITAL}",
        Exact(
            r"(?P<qualifier>\b[A-Za-z]{2,20}[ _-]?)?(?<![A-Za-z])(?i:name)s?[\"']?[ \t]{0,4}[:=]"
            rf"[ \t]{{0,4}}[\"']?(?:{_NAME})"
        ),
        _labelled,
    ),
    Recogniser(
        "name_key",
        rf"(?i:name)[\"' :=]+{_CAPITAL}",
        Exact(
            rf"(?i:\b(?:patient|first|last|full|given|family|sur|member|client)[ _-]?name)"
            rf"[\"' :=]{{1,6}}{_NAME}"
        ),
        _name(2),
    ),
    Recogniser(
        "name_before",
        r"[A-Z\x80-\xff](?:[A-Za-z\x80-\xff'-]{1,52}|\.)?"
        r"[ ,;|(]{1,3}(?i:dob|d\.o\.b|date of birth|mrn|ssn|born)",
        Exact(
            rf"(?P<name>{_OF_FULL}{_REST}{_MORE_OF_FULL})"
            r"[ ,;|(]{1,3}"
            r"(?i:dob|d\.o\.b|date of birth|mrn|ssn|born)\b"
        ),
        _name(2),
    ),
    Recogniser(
        "name_listed",  # the surname first, in a field of its own
        rf"{_CAPITAL}[A-Za-z\xc3'-]+, {_CAPITAL}[A-Za-z\xc3'-]+ ?[|\t;(]",
        Exact(rf"(?:(?<=[|\n\t;])[ ]?|^)(?P<name>{_WORD}, {_WORD})(?=[ ]?[|\t;(])"),
        _name(9),
    ),
    Recogniser(
        "name_aged",  # and sex: "Long, Amy - 29F", "PUBLIC,JOHN Q  M 45Y"
        rf"{_CAPITAL}[A-Za-z\xc3'.-]{{0,52}}[ ,;/|(-]{{1,4}}(?:[MF][ ,/-]{{1,3}}[0-9]"
        r"|[0-9]{1,3}[ -]?(?i:yo|y/o|yrs?|years?|y/?[mf]|y|[mf])\b)",
        Exact(
            # Behind a space alone "72F" is a temperature.
            rf"(?P<name>{_OF_FULL}{_REST}(?:,?[ ]|,)(?:{_WORD}|{_INITIAL}){_MORE})"
            r"(?:(?:[ ]{2}|[ ]?[,;/|(-][ ]?)(?:[MF][ ,/-]{1,3}\d{1,3}(?:[yY]|(?![\w.]))"
            r"|\d{1,3}[ -]?(?i:y|[mf])\b)"
            r"|(?:[ ]{1,2}|[ ]?[,;/|(-][ ]?)\d{1,3}[ -]?(?i:yo|y/o|yrs?|years?|y/?[mf])\b)"
        ),
        _aged,
    ),
    Recogniser(
        "name_by",
        rf"(?i:{_ACTED}) by[ ]{_CAPITAL}",
        Exact(rf"(?<![{_ANY}])(?i:{_ACTED}) by[ ]{_FULL}"),
        _name(4),
    ),
    Recogniser(
        "name_clause",
        rf"[A-Z\x80-\xff](?:[A-Za-z\x80-\xff'-]{{1,52}}|\.)?,? (?i:{_CLAUSE})",
        Exact(rf"(?P<name>[{_UPPER}](?<=[ ,(].){_REST}{_MORE_OF_FULL}),? (?i:{_CLAUSE})\b"),
        _name(9),
    ),
    Recogniser(
        "name_initial",
        r"[A-Za-z\x80-\xff] [A-Z\x80-\xff]{1,3}\.",
        Exact(
            rf"(?P<name>{_OF_SHORT}{_REST}[ ][{_UPPER}]\.)"
            r"(?=[,;)?!]|[ ][a-z(]|$)"
        ),
        _name(9),
    ),
    Recogniser(
        "name_hl7",
        r"\|[A-Z'-]+\^",
        Exact(r"(?<=\|)[A-Z'-]{2,30}(?:\^[A-Z'-]{1,30}){1,3}(?=[|^\n])"),
        lambda match: Found(match.start(), match.end(), Kind.NAME),
    ),
)
