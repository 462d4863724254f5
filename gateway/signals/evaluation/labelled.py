# SPDX-License-Identifier: Apache-2.0
"""Labelled prompts: one row shape for all sources, our kinds, and the part that is held back.

A tenth of every file, chosen by the hash of the row's id, is for measuring only: training and
tuning read `trained_on` rows and nothing else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.signals.privacy import Kind

_HELD_SHARE = 10
_KINDS: dict[Kind, str] = {
    Kind.NAME: "NAME PERSON FULL FIRST LAST",
    Kind.GEO: "GEOGRAPHIC_LOCATION ADDRESS ADDR STREET_ADDRESS STREET CITY HOSP ZIP_CODE",
    Kind.DATE: "DATE DOB",
    Kind.AGE_90: "AGE90",
    Kind.PHONE: "PHONE_NUMBER PHONE",
    Kind.FAX: "FAX_NUMBER",
    Kind.EMAIL: "EMAIL_ADDRESS EMAIL",
    Kind.SSN: "SOCIAL_SECURITY_NUMBER US_SSN SSN",
    Kind.MRN: "MEDICAL_RECORD_NUMBER MEDICAL_RECORD MRN PATIENT_ID PID",
    Kind.HEALTH_PLAN: "HEALTH_PLAN_BENEFICIARY_NUMBER PLAN INSURANCE_ID INSURANCE_POLICY_NUM",
    Kind.ACCOUNT: "ACCOUNT_NUMBER ACCOUNT ACCOUNT_NUM BANK_ACCOUNT BANK_ACCOUNT_NUM IBAN"
    " IBAN_CODE ACCT ROUTING_NUMBER",
    Kind.LICENSE: "CERTIFICATE_LICENSE_NUMBER DRIVERS_LICENSE DRIVER_LICENSE DRIVER_LICENSE_NUM"
    " LICENSE US_DRIVER_LICENSE DEA NPI",
    Kind.DEVICE: "DEV",
    Kind.URL: "URL DOMAIN_NAME",
    Kind.IP: "IP IP_ADDRESS",
    Kind.CARD: "CREDIT_CARD",
    Kind.SECRET: "PASSWORD",
    Kind.OTHER_ID: "UNIQUE_IDENTIFIER AADHAR EMPLOYEE_ID PAN PASSPORT PASSPORT_NUM POLICE_ID_NUM"
    " TAXID TAX_ID USERID USERNAME USER_ID VOTER_ID",
}
_KIND_OF = {label: kind for kind, labels in _KINDS.items() for label in labels.split()}
_PLACE_LABELS = frozenset({"GPE", "LOCATION"})  # towns, but states and countries as well


@dataclass(frozen=True, slots=True)
class Gold:
    """A labelled identifier; without a `kind` it is none of Safe Harbor's (a title, an age)."""

    start: int
    end: int
    label: str
    kind: Kind | None

    @property
    def may_be_place(self) -> bool:
        """Labelled as a place of any size."""
        return self.label in _PLACE_LABELS


@dataclass(frozen=True, slots=True)
class Row:
    """One prompt with its labels. `is_positive` is None where only labels out of scope stand."""

    id: str
    text: str
    source: str
    spans: tuple[Gold, ...]
    is_positive: bool | None

    @property
    def identifiers(self) -> tuple[Gold, ...]:
        """The labels that are identifiers."""
        return tuple(span for span in self.spans if span.kind is not None)

    @property
    def is_held_back(self) -> bool:
        """Whether the row is for measuring only."""
        return int(hashlib.sha256(self.id.encode()).hexdigest()[:8], 16) % _HELD_SHARE == 0


def rows_of(directory: Path) -> Iterator[Row]:
    """Every row of every JSONL file, in order of file name."""
    for path in sorted(directory.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield _row(path.stem, json.loads(line))


def trained_on(directory: Path) -> Iterator[Row]:
    """The rows that training and tuning may see."""
    return (row for row in rows_of(directory) if not row.is_held_back)


def _row(stem: str, fields: dict[str, object]) -> Row:
    labelled = fields["spans"]
    assert isinstance(labelled, list)
    # Some labels were never located in their text: they have no place, and cannot be measured.
    spans = tuple(Gold(s, e, label, _KIND_OF.get(label)) for s, e, label, _ in labelled if s >= 0)
    is_positive: bool | None = any(span.kind for span in spans)
    if "phi" in fields:
        is_positive = bool(fields["phi"])
    elif labelled and not is_positive:
        is_positive = None
    source = f"{stem}/{fields['src']}"
    return Row(str(fields["id"]), str(fields["text"]), source, spans, is_positive)
