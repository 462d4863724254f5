# SPDX-License-Identifier: Apache-2.0
"""Numbers that only the word before them makes an identifier: "MRN 99-1234", "member id: X1".

One pattern for all kinds: the keyword says the kind, then a few linking words, then a token with
a digit. Words that are also everyday words ("case", "group", "lot") need a linking word.
"""

from __future__ import annotations

import re

from gateway.signals.privacy import checksums
from gateway.signals.privacy.found import Exact, Found, Recogniser, alternatives, digits_of
from gateway.signals.privacy.verdict import Kind

# Keywords as regular expressions; a space stands for one of space, underscore, hyphen or nothing.
_KEYWORDS: dict[Kind, str] = {
    Kind.MRN: r"mrn|mr ?#|m\.r\.n\.?|medical record|medical chart|chart(?= ?(?:n|#|id|\d))"
    r"|hospital(?= (?:n|id|#))|patient(?: ?(?:id|identifier|number|no)\b|(?= ?#))|pid|empi|emr"
    r"|med ?rec(?:ord)?s?|hosp ?(?:number|num|no)\b|uhid|nhi(?= ?(?:n|#|:|\d))"
    r"|folder(?= ?(?:n|#|\d))|historia cl.nica|expediente|prontu.rio|dossier(?= ?(?:n|#|\d))"
    r"|fall-?n(?:umme)?r|pat(?:ienten)?-?n(?:umme)?r|pati.ntnummer|cartella clinica|m. bn",
    Kind.HEALTH_PLAN: r"member(?:ship)?|policy|p.liza|subscriber|beneficiary|health plan"
    r"|plan(?= ?(?:id|n|#))"
    r"|insurance(?: (?:policy|plan|card))?|insur|insurer|ins(?= ?(?:id|n|#|:|is))|medicaid"
    r"|medicare|mbi|hicn|hbn|hpbn|group(?= ?(?:id|n|#))|nhs|chi(?= ?(?:n|#|:|\d))|ohip|ramq|phn|ihi"
    r"|health card|kvnr|versicherten-?n(?:umme)?r|polis-?n(?:umme)?r|n.mero de seguro|philhealth"
    r"|bpjs|nhif|imss|nss|s.curit. sociale"
    r"|carte vitale|tessera sanitaria|cart.o sus|utente|bhyt",
    Kind.ACCOUNT: r"account|acct|a/c|routing|iban|bank account|invoice(?= ?(?:n|#|id))|claim"
    r"|kontonummer|konto|cuenta|compte|conta|rib",
    Kind.LICENSE: r"licen[cs]e(?! ?plate)|dea|npi|driver'?s? licen[cs]e|dl(?= ?(?:n|#|:))"
    r"|certificate|cert(?= ?(?:n|#))|gmc|nmc|ahpra|permis|f.hrerschein|cnh|dvla|badge"
    r"|driving licen[cs]e|registration(?= ?(?:n|#))",
    Kind.VEHICLE: r"vin|licen[cs]e plate|number plate|plate|vehicle(?= ?(?:id|n|#|reg))",
    Kind.DEVICE: r"serial|s/n|sn|device|udi|imei|lot(?= ?(?:n|#|:))|implant|mac address"
    r"|unit(?= ?(?:id|n[ou]|#))|asset(?= ?(?:id|n|tag|#))",
    Kind.BIOMETRIC: r"fingerprint|retina(?:l)? scan|iris scan|voice ?print|face ?print|biometric"
    r"|thumb ?print|afis|template(?= ?id)",
    Kind.SSN: r"ssn|social security",
    Kind.OTHER_ID: r"accession|specimen|encounter|passport|aadhaa?r|pan(?= (?:n|c|#))|voter"
    r"|tax(?:payer)?|tin|ein|itin|national|employee|student|user(?= ?id)|site(?= ?(?:id|n|#))"
    r"|(?:case|study|ticket|order|reference|ref|file)(?= ?(?:id\b|n[ou]|#|:))"
    r"|id(?= ?(?:[#:]|n[ou]))|identification(?= n)|(?:policy|account) ?holder|cedula"
    r"|bsn|oib|pesel|ppsn?|nino|ni n|personnummer|f.dselsn(?:umme)?r|hetu|amka|tckn|kimlik|cnp"
    r"|egn|jmbg"
    r"|ahv|avs|nric|hkid|my ?kad|nik|cnic|bvn|emirates id|iqama|kra pin|rut|uan|abha|ration card"
    r"|wechat|weixin|zalo|kakao(?:talk)?|line id|telegram|instagram|insta|snapchat|tiktok"
    r"|user ?name"
    r"|(?:subject|record|rx|wristband|order|prescription)(?= ?(?:id\b|is|n[ou]|#|:|\d))"
    r"|personnr|hao shi|op(?= ?n[ou])"
    r"|nin(?= ?(?:n|#|:))|sin(?= ?(?:n|#|:))|participant(?= ?(?:id|n|#|\d))|enroll?ee"
    r"|(?:screening|sample|barcode|tracking|visit|appointment|booking)(?= ?(?:id\b|n[ou]|#|:))"
    r"|dni|nie|curp|cpf|nif|codice fiscale|steuer|versicherten|ausweis|cccd|cmnd|shenfenzheng",
}
_SORTED = [
    (kind, words.replace(" ?", "~?").replace(" ", "~").replace("~", "[ _-]"))
    for kind, words in _KEYWORDS.items()
]
_LINK = (
    r"(?:identification|identifier|number|num|no|nr|id|code|card|key|record|is|was|of|the|ending"
    r"|n\.?[\u00ba\u00b0o]|in|with|address|template|hash|reg|\#|:|=)"
)


def _trigger() -> str:
    """The same words; what they look ahead for is matched, as triggers cannot look ahead."""
    whole: list[str] = []
    ahead: list[str] = []
    for _, words in _SORTED:
        for word in alternatives(words):
            plain = re.sub(r"\(\?!(?:[^()]|\([^()]*\))*\)|\\b", "", word)
            (ahead if "(?=" in plain else whole).append(plain.replace("(?=", "(?:"))
    return rf"(?i)(?:\b|_)(?:(?:{'|'.join(whole)})s?[^a-z]|{'|'.join(ahead)})"


_PATTERN = (
    r"(?<![a-z0-9])(?:"
    + "|".join(f"(?P<{kind.value}>{words})" for kind, words in _SORTED)
    + rf")s?(?![a-z])(?P<link>[\"'.]?(?:[ \t_\n-]{{0,2}}{_LINK}(?![a-z])\.?){{0,4}})"
    r"[\"']?[ \t\n\"'(\[\#:=_-]{0,4}"
    r"(?P<value>(?=[a-z/._-]{0,12}\d)[a-z0-9]"
    r"(?:[a-z0-9]|[/._-](?=[a-z0-9])){2,29}(?: \d{2,6}){0,3})"
)
_YEAR = re.compile(r"(?:19|20)\d\d(?:[/-]\d{2,4}|s)?")
_QUANTITY = re.compile(
    r"\d{1,2}(?:-?(?:year|yr|yo|month|day|week|hour)\w*|st|nd|rd|th|mg|ml|x|kg)", re.I
)
# Without a linking word these must be followed by a token that cannot be a plain quantity.
_LOOSE = frozenset({Kind.ACCOUNT, Kind.HEALTH_PLAN, Kind.DEVICE, Kind.LICENSE, Kind.OTHER_ID})


def _is_number(kind: Kind, link: str, value: str) -> bool:
    digits = digits_of(value)
    if len(digits) < 2 or _YEAR.fullmatch(value) or _QUANTITY.match(value):
        return False
    if link.strip(" \t\n-_\"'."):
        return len(digits) >= (4 if kind is Kind.OTHER_ID else 3)
    return len(digits) >= (5 if kind in _LOOSE else 3)


def _kind_of(kind: Kind, value: str) -> Kind:
    """DEA and NPI numbers have check digits: a token that passes is a licence whatever the word."""
    return Kind.LICENSE if checksums.dea(value.upper()) else kind


def _locate(match: re.Match[str]) -> Found | None:
    kind = next(kind for kind, _ in _SORTED if match.group(kind.value) is not None)
    # The sign that ends the link is eaten by the separators behind it.
    between = match.string[match.end(kind.value) : match.start("value")]
    if not _is_number(kind, between, match.group("value")):
        return None
    return Found(match.start("value"), match.end("value"), _kind_of(kind, match.group("value")))


RECOGNISERS = (
    Recogniser(
        "keyword_id",
        _trigger(),
        Exact(_PATTERN),
        _locate,
        is_lowered=True,
        needs_digit=True,
        leads=True,
    ),
)
