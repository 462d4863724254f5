# SPDX-License-Identifier: Apache-2.0
"""Which texts can be meant: a value that nothing will ever have is a slip, and a slip in a forbid

is a hole. Fields are of three kinds.

    closed     role, endpoint, jurisdiction, subject_region: any other value is refused
    formed     purpose: what callers say is brought into one form, so a rule must have that form
    open       provider, account, region, models, features, tenant: what destinations and keys
               have. One that none has is legitimate (a pack may serve several gateways), so it
               is noted where the operator looks, and not refused.

`name` is refused when no destination has it; see load.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from policies.model import Destination
from policies.pack import Pack
from policies.rules import Value, Values, atoms, attribute

ROLES: Final = ("user", "admin", "auditor")
ENDPOINTS: Final = (
    *("chat", "completions", "embeddings", "responses", "messages"),
    *("audio", "images", "batch", "files"),
)
"""The endpoints that a request can have come by, and agreements can be about."""

# ISO 3166-1, the officially assigned two-letter codes.
COUNTRIES: Final = frozenset(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR
    BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ
    EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW
    GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY
    KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV
    MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY
    QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG
    TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM
    ZW
    """.split()
)
JURISDICTIONS: Final = COUNTRIES | {"EU", "EEA"}
"""What a destination's jurisdiction can be."""

_WORD_BREAKS = re.compile(r"[\s_-]+")
_A_COUNTRY = "a country's ISO 3166 code in capitals, such as DE or GB"
_CLOSED: Mapping[str, tuple[frozenset[str], str]] = MappingProxyType(
    {
        "role": (frozenset(ROLES), f"one of: {', '.join(ROLES)}"),
        "endpoint": (frozenset(ENDPOINTS), f"one of: {', '.join(ENDPOINTS)}"),
        "jurisdiction": (JURISDICTIONS, f"{_A_COUNTRY}, or EU or EEA"),
        "subject_region": (COUNTRIES | {"EU"}, f"{_A_COUNTRY}, without a subdivision"),
    }
)
_OPEN = ("provider", "account", "region", "models", "features")


def as_purpose(text: str) -> str:
    """`Legal-Proceeding` as `legal_proceeding`: the form in which purposes are compared."""
    return "_".join(_WORD_BREAKS.sub(" ", text).lower().split())


def wanted_instead(field: str, text: str) -> str:
    """What is expected when no request or destination can ever have this value; "" when one can.

    The empty text is "not stated" in every field.
    """
    if not text:
        return ""
    if field == "purpose" and text != as_purpose(text):
        return "lower-case words joined by '_', which is how purposes are compared"
    known, expected = _CLOSED.get(field, (frozenset({text}), ""))
    return "" if text in known else expected


def unmatched(
    packs: Iterable[Pack], destinations: Iterable[Destination], tenants: frozenset[str]
) -> Iterator[str]:
    """A line for each value of an open field that none of these has, with file and line.

    `tenants` are those of the keys that there are.
    """
    there = tuple(destinations)
    known: dict[str, frozenset[Value]] = {
        name: frozenset().union(*(_each(attribute(d, name)) for d in there)) for name in _OPEN
    }
    known["tenant"] = tenants
    for pack in packs:
        for rule in pack.rules:
            for atom in atoms(rule.when):
                lacking = atom.values - known.get(atom.field, atom.values) - {""}
                for value in sorted(map(str, lacking)):
                    owner = "key" if atom.field == "tenant" else "destination"
                    yield (
                        f"{pack.file}:{rule.line}: rule {rule.id!r} names the {atom.field} "
                        f"{value!r}, which no {owner} has"
                    )


def _each(value: Values) -> frozenset[Value]:
    return value if isinstance(value, frozenset) else frozenset({value})
