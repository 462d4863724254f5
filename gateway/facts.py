# SPDX-License-Identifier: Apache-2.0
"""Principal, request and headers to the Facts that policy decides on.

A header and its `metadata` twin (`x-nearward-data-class`, `nearward_data_class`) may both be
sent; the stricter one counts. A value that is not known is refused, never ignored: a caller who
misspells `phi` must hear of it.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from gateway.break_glass import Claim, read_claim
from gateway.errors import BadRequest
from gateway.identity import Principal
from gateway.limits import Headers
from gateway.needs import uses_of
from gateway.wire import ChatRequest
from policies import DataClass, Facts, Tier
from policies.words import as_purpose

_PREFIX = b"x-nearward-"
_NAMES = frozenset(
    {
        "data-class",
        "purpose",
        "subject-region",
        "session",
        "max-tier",
        "latency-budget-ms",
        "dry-run",
        "break-glass",
        "mfa",
    }
)
# Said by an authenticating proxy, which does not write the body.
_HEADER_ONLY = frozenset({"mfa"})
_TIER_ORDER = (Tier.DEVICE, Tier.ONPREM, Tier.CLOUD)
_LABEL_CHARS = 64
_COUNTRY = re.compile(r"([A-Z]{2})(?:-[A-Z0-9]{1,3})?")
_ALSO = {"UK": "GB", "EL": "GR"}  # reserved codes that are in use
_LONGEST_BUDGET_MS = 600_000
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the caller asked of nearward itself, as sent; absent is absent."""

    data_class: DataClass | None = None
    purpose: str = ""
    subject_region: str = ""
    max_tier: Tier | None = None
    is_dry_run: bool = False
    session: str = ""
    latency_budget_s: float | None = None
    break_glass: Claim | None = None
    mfa: bool | None = None


_NO_WISHES = Wishes()


def read_wishes(headers: Headers, metadata: Mapping[str, str]) -> Wishes:
    """The `x-nearward-*` headers and `nearward_*` metadata; BadRequest on an unknown one."""
    sent = _labels(headers, metadata)
    if not sent:
        return _NO_WISHES
    classes = [_member(DataClass, v, "data-class") for v in sent.get("data-class", ())]
    tiers = [_member(Tier, v, "max-tier") for v in sent.get("max-tier", ())]
    return Wishes(
        data_class=max(classes, key=lambda c: c.rank) if classes else None,
        purpose=as_purpose(_one(sent, "purpose")),
        subject_region=_region(_one(sent, "subject-region")),
        max_tier=min(tiers, key=_TIER_ORDER.index) if tiers else None,
        is_dry_run=any(_flag(v, "dry-run") for v in sent.get("dry-run", ())),
        session=_one(sent, "session"),
        latency_budget_s=_budget_s(_one(sent, "latency-budget-ms")),
        break_glass=read_claim(_same(sent, "break-glass")) if "break-glass" in sent else None,
        mfa=_flag(_one(sent, "mfa"), "mfa") if "mfa" in sent else None,
    )


def make_facts(
    request_id: str,
    principal: Principal,
    request: ChatRequest,
    wishes: Wishes,
    *,
    floor: DataClass,
    today: datetime.date,
    break_glass: bool = False,
) -> Facts:
    """The facts of one request; `floor` is the class of an undeclared, clean one."""
    return Facts(
        request_id=request_id,
        tenant=principal.tenant,
        role=principal.role,
        endpoint=request.endpoint,
        declared_class=wishes.data_class,
        default_class=floor,
        may_relax=principal.may_relax,
        purpose=wishes.purpose,
        subject_region=wishes.subject_region,
        max_tier=wishes.max_tier,
        today=today,
        has_media=request.has_media,
        has_tools=request.has_tools,
        uses=uses_of(request.body),
        break_glass=break_glass,
        mfa=_mfa(principal, wishes),
    )


def _mfa(principal: Principal, wishes: Wishes) -> bool:
    """Whether somebody who may vouch for it says that more than one factor was asked for."""
    if principal.mfa != "header" and wishes.mfa is not None:
        raise BadRequest(
            "this key may not say x-nearward-mfa", code="bad_header", param="x-nearward-mfa"
        )
    return principal.mfa == "always" or (principal.mfa == "header" and wishes.mfa is True)


def _labels(headers: Headers, metadata: Mapping[str, str]) -> dict[str, list[str]]:
    sent: dict[str, list[str]] = {}
    for name, value in headers.items():
        if name.startswith(_PREFIX):
            label = name[len(_PREFIX) :].decode("latin-1")
            sent.setdefault(_known(label), []).append(_filled(label, _decoded(value)))
    for key, text in metadata.items():
        if key.startswith("nearward_"):
            label = key[len("nearward_") :].replace("_", "-")
            if label in _HEADER_ONLY:
                raise BadRequest(f"x-nearward-{label} is a header only", code="unknown_header")
            sent.setdefault(_known(label), []).append(_filled(label, text.strip()))
    return sent


def _filled(label: str, text: str) -> str:
    """An empty label is a template that found no value: as absent it would lose, say, a session."""
    if not text:
        raise BadRequest(
            f"x-nearward-{label} is empty: give it a value or leave it out",
            code="bad_header",
            param=f"x-nearward-{label}",
        )
    return text


def _decoded(value: bytes) -> str:
    """UTF-8, as the same label in `metadata` has it: else one session would be two."""
    try:
        return value.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise BadRequest("an x-nearward- header is not UTF-8", code="bad_header") from None


def _region(text: str) -> str:
    """The country of an ISO 3166 code, in capitals, as rules have it; refused when it is none."""
    match = _COUNTRY.fullmatch(text.upper())
    if text and match is None:
        raise BadRequest(
            "x-nearward-subject-region must be a code such as DE, GB or US-CA",
            code="bad_header",
            param="x-nearward-subject-region",
        )
    return _ALSO.get(match[1], match[1]) if match else ""


def _known(label: str) -> str:
    if label not in _NAMES:
        raise BadRequest("unknown x-nearward- header or metadata key", code="unknown_header")
    return label


def _member(kind: type[E], value: str, label: str) -> E:
    try:
        return kind(value.lower())
    except ValueError:
        known = ", ".join(kind)
        raise BadRequest(
            f"x-nearward-{label} must be one of: {known}",
            code="bad_header",
            param=f"x-nearward-{label}",
        ) from None


def _same(sent: Mapping[str, list[str]], label: str) -> str:
    values = set(sent.get(label, ()))
    if len(values) > 1:
        raise BadRequest(f"x-nearward-{label} and its metadata disagree", code="bad_header")
    return values.pop() if values else ""


def session_named(text: str) -> str:
    """The session that `text` stands for in a request; BadRequest when no request could name it."""
    return _printable(_filled("session", text.strip()), "session")


def _one(sent: Mapping[str, list[str]], label: str) -> str:
    return _printable(_same(sent, label), label)


def _printable(value: str, label: str) -> str:
    if len(value) > _LABEL_CHARS or not value.isprintable():
        raise BadRequest(f"x-nearward-{label} is too long or unprintable", code="bad_header")
    return value


def _flag(value: str, label: str) -> bool:
    if value.lower() not in {"true", "false", "1", "0"}:
        raise BadRequest(f"x-nearward-{label} must be true or false", code="bad_header")
    return value.lower() in {"true", "1"}


def _budget_s(milliseconds: str) -> float | None:
    if not milliseconds:
        return None
    if not milliseconds.isdecimal() or not 1 <= int(milliseconds) <= _LONGEST_BUDGET_MS:
        raise BadRequest("x-nearward-latency-budget-ms must be 1 to 600000", code="bad_header")
    return int(milliseconds) / 1000
