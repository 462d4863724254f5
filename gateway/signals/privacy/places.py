# SPDX-License-Identifier: Apache-2.0
"""Places smaller than a state: street addresses, state with ZIP code, facilities of care."""

from __future__ import annotations

import re

from gateway.signals.privacy.found import Exact, Found, Recogniser, always, around, first_unless
from gateway.signals.privacy.verdict import Kind

_UPPER = r"A-Z\u00c0-\u00de\u0100-\u017d"
_LOWER = r"a-z\u00df-\u00ff\u0100-\u017e"
_CAPITALISED = rf"[{_UPPER}][{_UPPER}{_LOWER}.'-]{{0,24}}"
_STREET = (
    r"Street|St|Avenue|Ave|Boulevard|Blvd|Road|Rd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq"
    r"|Terrace|Ter|Way|Parkway|Pkwy|Highway|Hwy|Circle|Cir|Trail|Trl|Loop|Alley|Row|Mews|Crescent"
    r"|Close|Gardens|Walk|Ridge|Plaza|Turnpike|Path|Pike"
)
# In front of a street's name, and at its end, in other languages.
_STREET_FIRST = (  # "via" and "c/" are also English, so these need their capital
    r"[Rr]ue|Via|Viale|[Cc]orso|[Pp]iazza|[Cc]alle|C/|[Aa]venida|[Cc]arrer|[Rr]ua|[Tt]ravessa"
    r"|[Uu]l\.|[Uu]lica|[Tt]rg|[Jj]alan|[Jj]l\.|[Qq]uai|[Ii]mpasse|[Cc]hemin"
)
_STREET_LAST = (
    r"stra.e|strasse|str\.|weg|gasse|platz|allee|damm|laan|straat|gracht|plein|kade|vej|gade|gata"
    r"|gatan|v.gen|veien|stien|utca|u\.|katu|braut|trg"
)
_SMALL = r"(?:de|del|della|delle|di|da|do|dos|das|du|des|la|le|les|los|las|el|l'|y|e)"
_STREET_NAME = (
    rf"(?: {_SMALL}){{0,2}} [{_UPPER}][{_UPPER}{_LOWER}.'-]{{2,24}}"
    rf"(?: (?:{_SMALL}|{_CAPITALISED})){{0,4}}"
)
_OF_HOUSE = first_unless(r"\w.,$#/-", "0-9")
_UNIT = r"(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Flat|Room|Rm)\.? ?#?[A-Z0-9-]{1,6})?"
# United States Postal Service, Publication 28, appendix B.
_STATE = (
    r"A[LKZRAEP]|C[AOT]|D[CE]|F[LM]|G[AU]|HI|I[DLNA]|K[SY]|LA|M[EDAINSOPTH]|N[EVHJMYCD]|O[HKR]|P[ARW]|RI"
    r"|S[CD]|T[NX]|UT|V[TAI]|W[AVIY]"
)
_FACILITY = (
    r"Hospital|Hosp|Clinic|Medical Center|Medical Centre|Med\.? Center|Health Center|Health System"
    r"|Health|Infirmary|Surgery Center|Cancer Center|Hospice|Nursing Home|Presbyterian|Sinai"
    r"|Medical Group|Memorial|Healthcare|VA|Heart Institute|General|Langone|Kettering|Kaiser"
)
# Wards and abbreviations that stand where an institution's could.
_WARDS = (
    r"ICU|NICU|PICU|MICU|SICU|CCU|PACU|SNF|OPD|ER|ED|OR|USA|EMS|PCP|GP|ENT|OB|GYN|OBGYN|IVF|CBT|EMR"
    r"|EHR|CPAP|PRN|IV|AHA|ACC|ADA|WHO|CDC|FDA|NICE|GOLD|GINA|KDIGO|NCCN|NIH|NHS"
)
_SITES = (
    r"UCSF|Johns Hopkins|MD Anderson|Cedars?[ -]Sinai|Mount Sinai|Mass General|NYU Langone|Baylor"
)
_NOT_A_FACILITY = re.compile(
    r"(?:World|Public|Mental|National|Global|Behavioral|Occupational|Department|Ministry|Institutes?"
    r"|Women's|Men's|US|Federal|European|American|International)\b.*(?:Health|General|VA)"
    r"|(?:Attorney|Surgeon|Major|Brigadier|Governor|Lieutenant|Secretary|Director) General"
    r"|the .*"
)


def _facility(match: re.Match[str]) -> Found | None:
    """Public bodies are no places of care, nor is "the Hospital", or one that is quoted."""
    text = match.group(1)
    if (
        match.string[max(0, match.start() - len("According ")) : match.start()].lower()
        == "according "
    ):
        return None
    near = around(match)
    if any(word in near for word in _OF_SCIENCE):
        return None
    if _NOT_A_FACILITY.fullmatch(text) or (" " not in text and text not in _KNOWN):
        return None
    return Found(match.start(1), match.end(1), Kind.GEO, is_strong=False)


# Those who work there: nobody is treated.
_OF_SCIENCE = ("researchers", "scientists", "investigators", "grantee")
_KNOWN = frozenset({"UCSF", "Baylor"})

RECOGNISERS = (
    Recogniser(
        "street",
        rf"[A-Za-z0-9.'\x80-\xff-] (?:{_STREET})",
        Exact(
            rf"{_OF_HOUSE}\d{{0,5}}[A-Z]? (?:(?:N|S|E|W|NE|NW|SE|SW)\.? )?"
            rf"(?:\d{{1,3}}(?:st|nd|rd|th)|{_CAPITALISED})(?: {_CAPITALISED}){{0,3}}(?<!\.) "
            rf"(?:{_STREET})\b\.?{_UNIT}"
        ),
        always(Kind.GEO),
    ),
    Recogniser(
        "street_abroad",  # the kind of street first, the number on either side
        rf"(?:{_STREET_FIRST})[ ]",
        Exact(
            rf"(?<![\w.,$#/-])\d{{1,4}}[a-zA-Z]?,? (?:{_STREET_FIRST}){_STREET_NAME}"
            rf"|(?<![\w/])(?:{_STREET_FIRST}){_STREET_NAME},? (?:n[.º°]? ?)?\d{{1,4}}[a-zA-Z]?\b"
        ),
        always(Kind.GEO),
        needs_digit=True,
    ),
    Recogniser(
        "street_joined",  # the kind of street ends its name, the number behind
        rf"(?:{_STREET_LAST})\.? [0-9]",
        Exact(
            rf"(?<![\w.,$#/-])(?:\d{{1,4}} )?[{_UPPER}][{_UPPER}{_LOWER}-]{{1,24}}"
            rf"(?:(?: [{_UPPER}{_LOWER}][{_LOWER}]{{1,24}})? )?"
            rf"(?:{_STREET_LAST})\.? \d{{1,4}}[a-z]?\b"
        ),
        always(Kind.GEO),
    ),
    Recogniser(
        "street_unit",
        r" (?:Apt|Apartment|Suite|Ste|Unit|Flat)\.? ?#?[A-Z0-9-]",
        Exact(
            rf"{_OF_HOUSE}\d{{0,5}}[A-Z]? {_CAPITALISED}(?: {_CAPITALISED}){{0,3}},?"
            r" (?:Apt|Apartment|Suite|Ste|Unit|Flat)\.? ?#?[A-Z0-9-]{1,6}\b"
        ),
        always(Kind.GEO),
    ),
    Recogniser(
        "street_told",
        r"(?i:(?:lives|living|resides|residing|address) ?(?:at|is|:)) [0-9]",
        Exact(
            r"(?i:(?:lives|living|resides|residing|address) ?(?:at|is|:)) "
            rf"\d{{1,6}}[A-Z]? {_CAPITALISED}(?: {_CAPITALISED}){{0,3}}"
        ),
        always(Kind.GEO),
        leads=True,
    ),
    Recogniser(
        "post_box",
        r"(?i)(?:p\.? ?o\.? ?|(?:unit|psc|cmr) [0-9]{1,6},? )box [0-9]",
        Exact(r"(?i)\b(?:p\.? ?o\.? ?|(?:unit|psc|cmr) \d{1,6},? )box \d{1,6}\b"),
        always(Kind.GEO),
    ),
    Recogniser(
        "zip",
        r"[A-Z][A-Z],?[ \t\n]{1,3}[0-9]{5}"
        r"|(?i:(?:lives?|living) in [0-9]|zip|postal code|postcode|plz|cap|cep|cp)",
        Exact(
            rf"(?:\b(?:{_STATE}),?[ \t\n]{{1,3}}\d{{5}}(?:-\d{{4}})?"
            r"|(?i:(?:(?<=lives in )|(?<=living in ))\d{5})"
            r"|(?i:\b(?:(?:zip(?: ?code)?|postal code|postcode)(?: is|:| =)? ?|(?:plz|cap|cep|cp)"
            r"(?: is|:| =|[ ]) ?(?=\d\d[\d -]\d))"  # CEP290 is a gene
            r"(?:\d{3} \d{2}|\d{2}-\d{3}|\d{3,6}(?:-\d{3,4})?)))(?![\d-])"
        ),
        always(Kind.GEO),
        needs_digit=True,
    ),
    Recogniser(
        "coordinates",
        r"[0-9]\.[0-9]{4,8}, ?-?[0-9]{1,3}\.[0-9]{4}",
        Exact(r"(?<![\w.])-?\d{1,2}\.\d{4,8}, ?-?\d{1,3}\.\d{4,8}(?![\w.])"),
        always(Kind.GEO, is_strong=False),
    ),
    Recogniser(
        "unit",
        r"(?i)(?:apt|apartment|suite|ste|flat|unit)\.? ?#?[0-9]",
        Exact(r"(?i)\b(?:apt|apartment|suite|ste|flat|unit)\.? ?#?\d{1,5}[a-z]?\b"),
        always(Kind.GEO, is_strong=False),
        needs_digit=True,
    ),
    Recogniser(
        "facility_acronym",
        r"(?:at|to|by|from|in) [A-Z]{3}",
        Exact(
            r"\b(?i:seen|admitted|treated|evaluated|managed|referred|followed|hospitali[sz]ed"
            r"|transferred|operated|surgery|care|visited|diagnosed) (?:at|to|by|from|in) "
            rf"(?!(?:{_WARDS})\b)([A-Z]{{3,6}})\b"
        ),
        always(Kind.GEO, 1, is_strong=False),
    ),
    Recogniser(
        # British, and Canadian with the letters it has (Canada Post); no formula, no coma scale.
        "postcode",
        r"[A-Z][0-9][A-Z0-9]? ?[0-9][A-Z]",
        Exact(
            r"\b(?:[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}"
            r"|(?!C\dH\d|E\dV\dM\d)[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z] ?"
            r"\d[ABCEGHJ-NPRSTV-Z]\d)\b"
        ),
        always(Kind.GEO, is_strong=False),
        needs_digit=True,
    ),
    Recogniser(
        "facility",
        rf"{_FACILITY}|{_SITES}",
        Exact(
            r"(?<![A-Za-z])(?:at|from|to|by|in|of|with|visited|our|@)[ ](?:the |our )?"
            rf"((?:{_CAPITALISED}(?:[ ](?:and|of|for|&))?[ ]){{1,4}}(?:{_FACILITY})\b"
            rf"|(?:{_SITES})\b)"
        ),
        _facility,
    ),
    Recogniser(
        "lives_in",
        r"(?i)(?:liv(?:es|ing)|resid(?:es|ing)|resident|based|office|home) (?:in|at|of|from) ",
        Exact(
            r"(?i:\b(?:liv(?:es|ing)|resid(?:es|ing)|resident|based)) (?:in|at|of|from) "
            rf"({_CAPITALISED}(?:,? {_CAPITALISED}){{0,3}})"
        ),
        always(Kind.GEO, 1, is_strong=False),
        leads=True,
    ),
)
