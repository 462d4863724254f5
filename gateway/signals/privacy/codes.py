# SPDX-License-Identifier: Apache-2.0
"""Codes without a keyword: letters and digits as record numbers have them, or digits in a field.

Weak hits: a code alone names nobody, beside a health context it is a record number until shown
otherwise. Codes of public registers (trials, papers, variants, classifications) are left out.
"""

from __future__ import annotations

import re

from gateway.signals.privacy.found import (
    Exact,
    Found,
    Recogniser,
    always,
    around,
    digits_of,
    first_unless,
)
from gateway.signals.privacy.verdict import Kind

_REGISTER = re.compile(
    r"(?:NCT|PMID|PMC|ISBN|ISRCTN|EUDRACT|CVE|RFC|ISO|DOI|ICD|CPT|OMIM|SNOMED|LOINC|RS|CHEMBL|GO"
    r"|HP|CAS|UTC|GMT|USD|EUR|GBP|FY|PY|KV|MHZ|GHZ|KB|MB|GB|RTX|GTX|IEEE|ANSI|SKU)[- ]?\d",
    re.IGNORECASE,
)
_LETTER = first_unless(r"\w.$/-", "A-Z")
# What is billed: a letter and four digits, or a determination of coverage.
_BILLED = re.compile(r"[A-VZ]\d{4}|L\d{5}")
_OF_BILLING = ("hcpcs", "j-code", "cpt", "lcd", "ncd", "billing code")
_VARIANT = re.compile(r"[ACGT]\d{2,5}[ACGT]")  # one base in the place of another

_LEAST_OF_PARTS = 6
_LEAST_DIGITS = 4
_COUNTED = re.compile(
    r" ?(?:(?:people|patients|persons|participants|women|men|children|adults|cases|deaths|births"
    r"|live births|records|rows|samples|subjects|iu|units|copies|cells|per|euros?|dollars|usd)\b"
    r"|\u20ac)",
    re.IGNORECASE,
)
_CITED = re.compile(
    r"\b(?:pmid|pmc|doi|nct|isrctn|isbn|issn|cid|chembl|rxcui|sctid|cui|rs|build|port|cas)"
    r"[ :#]{0,2}\Z",
    re.IGNORECASE,
)
_CITED_CHARS = 12
_REGISTERS = ("snomed", "rxnorm", "loinc", "pubmed", "pubchem")
# Of programs, genes and enzymes: digits between letters as well.
_NO_LEET = re.compile(r"cyp|ugt|hla|sha|md5|utf|x86|h[0-9]n|http", re.IGNORECASE)


def _is_near(match: re.Match[str], words: tuple[str, ...]) -> bool:
    near = around(match)
    return any(word in near for word in words)


def _code(match: re.Match[str]) -> Found | None:
    text = match.group(1)
    digits = digits_of(text)
    if digits and not digits.strip("0"):  # a placeholder
        return None
    if _REGISTER.match(text) or _VARIANT.fullmatch(text):
        return None
    if _BILLED.fullmatch(text) and _is_near(match, _OF_BILLING):
        return None
    return Found(match.start(1), match.end(1), Kind.OTHER_ID, is_strong=False)


def _code_apart(match: re.Match[str]) -> Found | None:
    """The digits only, so that a keyword before them is heard first: "MRN 482771"."""
    if _REGISTER.match(match.group()):
        return None
    return Found(match.start(2), match.end(2), Kind.OTHER_ID, is_strong=False)


def _code_parts(match: re.Match[str]) -> Found | None:
    """With digits as many as a record number has; "ICD-10-CM" and "2019-nCoV" are none."""
    return _code(match) if len(digits_of(match.group(1))) >= _LEAST_DIGITS else None


def _number(match: re.Match[str]) -> Found | None:
    """Neither round nor counted, nor of a public register."""
    text, start = match.string, match.start()
    is_round = match.group(1).endswith("000") or match.group(1) in "1234567890"
    is_cited = _CITED.search(text[max(0, start - _CITED_CHARS) : start])
    if is_round or is_cited or _COUNTED.match(text, match.end()):
        return None
    if _is_near(match, _REGISTERS):
        return None
    return Found(start, match.end(), Kind.OTHER_ID, is_strong=False)


def _number_parts(match: re.Match[str]) -> Found | None:
    first, second = match.groups()
    is_range = len(first) == len(second) and int(first) < int(second)
    if is_range or len(first + second) < _LEAST_OF_PARTS or first == "0" * len(first):
        return None
    return Found(match.start(), match.end(), Kind.OTHER_ID, is_strong=False)


def _leet(match: re.Match[str]) -> Found | None:
    """A name with digits for letters: "Y3w4nd3"."""
    if _NO_LEET.match(match.group(1)):
        return None
    return Found(match.start(1), match.end(1), Kind.NAME, is_strong=False)


RECOGNISERS = (
    Recogniser(
        "code",
        r"[A-Z][A-Z0-9]{0,3}[-/]?[0-9]{4}",
        Exact(
            rf"({_LETTER}[A-Z0-9]{{0,3}}[-/]?\d{{4,10}}(?:-\d{{1,4}}|[A-Z])?)"
            r"(?![\w/-]|\.\d)"
        ),
        _code,
        needs_digit=True,
    ),
    Recogniser(
        "code_parts",  # "VNT-0093-B4417", "07-KY-4821", "UNTH/0417/26"
        r"[A-Z0-9][-/][A-Z0-9]{1,9}[-/][A-Z0-9]",
        Exact(
            r"(?<![\w./-])(?=[0-9/-]{0,9}[A-Z])([A-Z0-9]{1,6}(?:[-/][A-Z0-9]{1,9}){2,4})(?![\w/-]|\.\d)"
        ),
        _code_parts,
        needs_digit=True,
    ),
    Recogniser(
        "code_apart",  # "RXH 0482917"
        r"[A-Z]{2} [0-9]{6}",
        Exact(r"(?<![\w./-])([A-Z]{2,4}) (\d{6,9})(?![\w/-]|[.,]\d)"),
        _code_apart,
        needs_digit=True,
    ),
    Recogniser(
        "number",  # six digits and more that count nothing
        r"[0-9]{6}",
        Exact(r"(?<![\w.,$/<>=+-])(\d{6,10})(?![\w/%-]|[.,]\d)"),
        _number,
        needs_digit=True,
    ),
    Recogniser(
        "number_parts",  # no range, no years: the second is shorter, or not above the first
        r"[0-9]{2}-[0-9]{3}",
        Exact(r"(?<![\w.,$/<>=+-])(\d{2,7})-(\d{3,7})(?![\w/%-]|[.,]\d)"),
        _number_parts,
        needs_digit=True,
    ),
    Recogniser(
        "leet",
        r"[0134578][A-Za-z]{1,6}[0134578]",
        Exact(
            r"(?<![\w./@:=-])((?=[A-Za-z0-9]{5,24}(?!\w))[A-Za-z]{0,6}"
            r"(?:[0134578][A-Za-z]{1,6}){2,6}[0134578]?)(?![\w/=-])"
        ),
        _leet,
        needs_digit=True,
    ),
    Recogniser(
        "handle",
        r"@[A-Za-z][A-Za-z0-9_.]{0,28}[0-9_]",
        Exact(r"(?<![\w@./-])(@[A-Za-z][A-Za-z0-9_.]{0,28}[0-9_][A-Za-z0-9_]{0,20})(?![\w(])"),
        _code,
    ),
    Recogniser(
        "photo_file",  # a picture with a camera's number, or said to be of a face
        r"(?i)(?:[0-9]{3}|face|selfie|photo)[a-z0-9_-]{0,60}\.(?:jpe?g|png|heic|dcm|tiff?)",
        Exact(
            r"(?i)(?<![\w/.])((?=[a-z0-9_-]{0,60}(?:\d{3}|face|selfie|photo))[a-z0-9_-]{3,80}"
            r"\.(?:jpe?g|png|heic|dcm|tiff?))\b"
        ),
        always(Kind.PHOTO, 1, is_strong=False),
    ),
    Recogniser(
        "field",
        r"[|;(\[\t#][ ]?[0-9]{6}",
        Exact(r"(?<=[|;(\[\t#])[ ]?(\d{6,12})(?=[ ]?(?:[|;)\],\t\n]|$))"),
        _code,
        needs_digit=True,
    ),
)
