# SPDX-License-Identifier: Apache-2.0
"""What a privacy scan returns. Values only: spans are offsets, the text itself is never kept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from policies import DataClass

Mode = Literal["auto", "phi", "ident"]


class Kind(StrEnum):
    """The 18 identifiers of HIPAA's Safe Harbor, 45 CFR 164.514(b)(2), and three of our own."""

    NAME = "NAME"
    GEO = "GEO"
    DATE = "DATE"
    AGE_90 = "AGE_90"
    PHONE = "PHONE"
    FAX = "FAX"
    EMAIL = "EMAIL"
    SSN = "SSN"
    MRN = "MRN"
    HEALTH_PLAN = "HEALTH_PLAN"
    ACCOUNT = "ACCOUNT"
    LICENSE = "LICENSE"
    VEHICLE = "VEHICLE"
    DEVICE = "DEVICE"
    URL = "URL"
    IP = "IP"
    BIOMETRIC = "BIOMETRIC"
    PHOTO = "PHOTO"
    OTHER_ID = "OTHER_ID"
    SECRET = "SECRET"  # noqa: S105  (a kind of finding, not a credential)
    CARD = "CARD"
    HEALTH = "HEALTH"


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` up to, not including, `end` of the text that was scanned."""

    start: int
    end: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Verdict:
    """The class of a text and why. `reasons` are codes, see `gateway/signals/design.md`.

    Whether there is a health context is only looked at where something identifies a person.
    """

    data_class: DataClass
    spans: tuple[Span, ...]
    has_health_context: bool
    reasons: tuple[str, ...]
