# SPDX-License-Identifier: Apache-2.0
"""Codes without a keyword: letters and digits as record numbers have them, or digits in a field.

Weak hits: a code alone names nobody, beside a health context it is a record number until shown
otherwise. Codes of public registers (trials, papers, variants, classifications) are left out.
"""

from __future__ import annotations

import re

from gateway.signals.privacy.found import Exact, Found, Recogniser, first_unless
from gateway.signals.privacy.verdict import Kind

_REGISTER = re.compile(
    r"(?:NCT|PMID|PMC|ISBN|ISRCTN|EUDRACT|CVE|RFC|ISO|DOI|ICD|CPT|OMIM|SNOMED|LOINC|RS|CHEMBL|GO"
    r"|HP|CAS|UTC|GMT|USD|EUR|GBP|FY|PY|KV|MHZ|GHZ|KB|MB|GB|RTX|GTX|IEEE|ANSI|SKU)[- ]?\d",
    re.IGNORECASE,
)
_LETTER = first_unless(r"\w.$/-", "A-Z")
_VARIANT = re.compile(r"[ACGT]\d{2,5}[ACGT]")  # one base in the place of another


def _code(match: re.Match[str]) -> Found | None:
    if _REGISTER.match(match.group(1)) or _VARIANT.fullmatch(match.group(1)):
        return None
    return Found(match.start(1), match.end(1), Kind.OTHER_ID, is_strong=False)


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
        "field",
        r"[|;(\[\t#][ ]?[0-9]{6}",
        Exact(r"(?<=[|;(\[\t#])[ ]?(\d{6,12})(?=[ ]?(?:[|;)\],\t\n]|$))"),
        _code,
        needs_digit=True,
    ),
)
