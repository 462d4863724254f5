# SPDX-License-Identifier: Apache-2.0
"""Numbers that states and health services give to people, told by their shape and check digits.

A shape of letters and digits, or with separators of its own, is enough; a plain run of digits also
has to add up. Others are found by the word before them (`keyword_ids.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from gateway.signals.privacy.checksums import dni, nhs, nir, ppsn
from gateway.signals.privacy.found import Exact, Found, Recogniser, digits_of
from gateway.signals.privacy.verdict import Kind

_DAY, _MONTH = r"(?:0[1-9]|[12]\d|3[01])", r"(?:0[1-9]|1[0-2])"

# What starts with a letter: the group's name says who gives it out.
_LETTERED: Final = {
    # Agenzia delle Entrate: six letters, year, month letter, day (women: plus 40), town, check.
    "codice_fiscale": r"[A-Z]{6}\d{2}[A-EHLMPRST](?:[04][1-9]|[1256]\d|[37][01])[A-Z]\d{3}[A-Z]",
    # RENAPO: the names' letters, day of birth, sex, state, consonants, two digits.
    "curp": rf"[A-Z]{{4}}\d{{2}}{_MONTH}{_DAY}[HM][A-Z]{{5}}[A-Z0-9]\d",
    # RAMQ: letters of the name, year, month (women: plus 50), day, order.
    "ramq": rf"[A-Z]{{4}} ?\d{{2}}(?:0[1-9]|1[0-2]|5[1-9]|6[0-2]) ?{_DAY}\d{{2}}",
    # HMRC: the two letters leave some out, the last is A to D.
    "nino": r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]",
    "nric": r"[STFGM]\d{7}[A-Z]",  # Singapore
    "hkid": r"[A-Z]{1,2}\d{6} ?\([0-9A]\)",
    "pan": r"[A-Z]{3}[PCHFATBLJG][A-Z]\d{4}[A-Z]",  # India, Income Tax Department
    # DVLA: five characters of the surname, day of birth in parts, initials, check.
    "dvla": r"[A-Z][A-Z9]{4} ?\d[0156]\d[0-3]\d{2} ?[A-Z9]{2}\d[A-Z]{2}",
}
# What starts with a digit.
_NUMBERED: Final = {
    "cpf": r"\d{3}\.\d{3}\.\d{3}-\d{2}",
    "rut": r"\d{1,2}\.\d{3}\.\d{3}-[0-9kK]",
    "rrn": rf"\d{{2}}{_MONTH}{_DAY}-[1-4]\d{{6}}",  # Korea
    "mykad": rf"\d{{2}}{_MONTH}{_DAY}-\d{{2}}-\d{{4}}",  # Malaysia
    "cnic": r"\d{5}-\d{7}-\d",  # Pakistan
    "ahv": r"756\.\d{4}\.\d{4}\.\d{2}",  # Switzerland
    "rijksregister": rf"\d{{2}}\.{_MONTH}\.{_DAY}-\d{{3}}\.\d{{2}}",  # Belgium
    "emirates": r"784-(?:19|20)\d{2}-\d{7}-\d",
    "nir": rf"[12] ?\d{{2}} ?{_MONTH} ?(?:\d{{2}}|2[AB]) ?\d{{3}} ?\d{{3}}(?: ?\d{{2}})?",  # France
    "personnummer": rf"(?:19|20)?\d{{2}}{_MONTH}{_DAY}[-+]\d{{4}}",  # Sweden, Denmark
    "hetu": rf"{_DAY}{_MONTH}\d{{2}}[-+A-F]\d{{3}}[0-9A-FHJ-NPR-Y]",  # Finland
    # CMS: the letters leave out S, L, O, I, B and Z.
    "mbi": r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?"
    r"[AC-HJKMNP-RT-Y]{2}\d{2}",
    # Czechia and Slovakia: women have 50 more in the month.
    "rodne_cislo": rf"\d{{2}}(?:[05][1-9]|[16][0-2]){_DAY}/\d{{3,4}}",
    "shenfenzheng": rf"[1-9]\d{{5}}(?:19|20)\d{{2}}{_MONTH}{_DAY}\d{{3}}[0-9X]",  # China
    "nhs": r"\d{3} \d{3} \d{4}",
    "dni": r"\d{8}-?[A-Z]",  # Spain
    "ppsn": r"\d{7}[A-W][A-I]?",  # Ireland
}
# What is no OTHER_ID.
_KINDS: Final = {
    "dvla": Kind.LICENSE,
    "ramq": Kind.HEALTH_PLAN,
    "mbi": Kind.HEALTH_PLAN,
    "nhs": Kind.HEALTH_PLAN,
}
_CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "nhs": lambda text: text != "000 000 0000" and nhs(digits_of(text)),
    "nir": lambda text: " " in text or nir(text),
    "dni": lambda text: dni(text.replace("-", "")),
    "ppsn": ppsn,
}


def _locate(match: re.Match[str]) -> Found | None:
    name = match.lastgroup
    assert name is not None, "one of the groups matched"
    adds_up = _CHECKS.get(name)
    if adds_up is not None and not adds_up(match.group()):
        return None
    return Found(match.start(), match.end(), _KINDS.get(name, Kind.OTHER_ID))


def _exact(shapes: dict[str, str], first: str) -> Exact:
    named = "|".join(f"(?P<{name}>{shape})" for name, shape in shapes.items())
    return Exact(rf"(?<![\w.,/$+-])(?={first})(?:{named})(?![\w-]|[.,/]\d)")


def _trigger(shapes: dict[str, str]) -> str:
    return "|".join(rf"\b(?:{shape})" for shape in shapes.values()).replace(r"\d", "[0-9]")


RECOGNISERS = (
    Recogniser(
        "national_lettered",
        _trigger(_LETTERED),
        _exact(_LETTERED, "[A-Z]"),
        _locate,
        needs_digit=True,
    ),
    Recogniser(
        "national_numbered",
        _trigger(_NUMBERED),
        _exact(_NUMBERED, "[0-9]"),
        _locate,
        needs_digit=True,
    ),
)
