# SPDX-License-Identifier: Apache-2.0
"""The nouns of a decision: what is asked (Facts), what was found (Findings), where it may go.

Plain immutable values. They check nothing: `decide` treats a value of the wrong type as a reason
to stay on the device, and `load_policy` refuses destinations that make no sense.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from enum import StrEnum

from policies.residency import Baa, Retention
from policies.terms import Obligation

__all__ = [
    "IDENTIFIERS", "KINDS", "RELAXABLE", "Baa", "DataClass", "Destination", "Facts", "Findings",
    "Obligation", "Retention", "Tier",
]  # fmt: skip


class DataClass(StrEnum):
    """How sensitive a request is: one chain, from what anyone may read up to "we cannot tell".

    The order is that of the members; UNKNOWN is the top because a failed detector may have
    missed anything, a secret included.
    """

    rank: int

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    PII = "pii"
    PHI = "phi"
    PART2 = "part2"
    PSYCHOTHERAPY = "psychotherapy"
    GENETIC = "genetic"
    PCI = "pci"
    SECRET = "secret"  # noqa: S105  the name of a class, not a password
    UNKNOWN = "unknown"

    def __new__(cls, value: str) -> DataClass:
        """Number the members in the order in which they are written."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.rank = len(cls.__members__)
        return member

    @staticmethod
    def join(*classes: DataClass) -> DataClass:  # type: ignore[override]  # not str.join
        """The most sensitive of `classes`; PUBLIC when there are none."""
        return max(classes, key=lambda c: c.rank, default=DataClass.PUBLIC)


RELAXABLE = frozenset(member for member in DataClass if member.rank <= DataClass.PII.rank)
"""What an operator can give a caller the right to overrule. Nobody relaxes what is above."""


class Tier(StrEnum):
    """How far from the user a destination is, nearest first."""

    DEVICE = "device"
    ONPREM = "onprem"
    CLOUD = "cloud"


# fmt: off
KINDS = frozenset({
    "NAME", "GEO", "DATE", "AGE_90", "PHONE", "FAX", "EMAIL", "SSN", "MRN", "HEALTH_PLAN",
    "ACCOUNT", "LICENSE", "VEHICLE", "DEVICE", "URL", "IP", "BIOMETRIC", "PHOTO", "OTHER_ID",
    "SECRET", "CARD", "HEALTH",
})
# fmt: on
"""What a detector can find: the Safe Harbor identifiers of 45 CFR 164.514(b)(2) and three more."""

IDENTIFIERS = KINDS - {"HEALTH"}
"""What points to somebody or opens something; a word about health alone does neither."""


# Addresses, and no name but the one that RFC 6761 reserves: any other is what a resolver says.
_LOOPBACK = re.compile(r"http://(localhost|127(\.[0-9]{1,3}){3}|\[::1\]):[0-9]{1,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A place that can answer, all of whose attributes hold for all that it serves.

    What differs by account, model or feature is another destination. What is not stated is
    assumed to be the worse. `features` are the provider's own that are switched on there, such
    as web search. `origin` is "https://host:port" in lower case with the port written out, and
    "" for the device. Nothing is ever cleared for another tier without an origin.
    """

    name: str
    tier: Tier
    region: str = ""
    jurisdiction: str = ""
    baa: Baa | None = None
    retention: Retention | None = None
    trains_on_data: bool = True
    origin: str = ""
    provider: str = ""
    account: str = ""
    models: frozenset[str] = frozenset()
    features: frozenset[str] = frozenset()
    agreements: frozenset[str] = frozenset()

    @property
    def is_encrypted(self) -> bool:
        """Whether what is sent there travels over TLS, or never leaves this machine."""
        return self.origin.startswith("https://") or bool(_LOOPBACK.fullmatch(self.origin))

    def is_covered(self, endpoint: str, today: datetime.date, uses: frozenset[str]) -> bool:
        """Whether a BAA covers it: the day, the endpoint, its models, and every feature used."""
        baa = self.baa
        if baa is None:
            return False
        return baa.covers(endpoint, today) and baa.extends_to(self.models, self.features | uses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Who asks for what. `today` is the caller's clock: policies have none.

    `may_relax` holds the classes that this principal may overrule with a lower
    `declared_class`, as far as they are RELAXABLE; everybody else can only raise. `break_glass` is
    emergency access that the caller has checked and will put on record. `uses` names features of
    the provider's, besides tools and media, that the request switches on: an agreement must cover
    them, too. `mfa` says that whoever asks was authenticated by more than one factor, `approved`
    that a person approved this very request; False where nobody vouches for it.
    """

    request_id: str
    tenant: str
    role: str
    today: datetime.date
    endpoint: str = "chat"
    declared_class: DataClass | None = None
    default_class: DataClass = DataClass.INTERNAL
    may_relax: frozenset[DataClass] = frozenset()
    purpose: str = ""
    subject_region: str = ""
    max_tier: Tier | None = None
    has_media: bool = False
    has_tools: bool = False
    uses: frozenset[str] = frozenset()
    break_glass: bool = False
    mfa: bool = False
    approved: bool = False


@dataclass(frozen=True, slots=True)
class Findings:
    """What the detectors say. PUBLIC means scanned and nothing found."""

    data_class: DataClass
    kinds: frozenset[str] = frozenset()
    errors: tuple[str, ...] = ()

    @classmethod
    def unknown(cls, reason_code: str) -> Findings:
        """The findings of a detector that failed; `reason_code` says how, without any text."""
        return cls(DataClass.UNKNOWN, frozenset(), (reason_code,))
