# SPDX-License-Identifier: Apache-2.0
"""The section `privacy` of the settings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Word = Annotated[str, Field(min_length=2, max_length=512)]


class PatternSettings(BaseModel):
    """One pattern of the operator's own; `kind` as `nearward classify` tells it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    pattern: Annotated[str, Field(min_length=1, max_length=512)]
    kind: str = "OTHER_ID"
    # A strong finding identifies by itself, a weak one beside a health context.
    strong: bool = True


class PresidioSettings(BaseModel):
    """Presidio as a second opinion, in a process of its own. English only."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # The interpreter of the environment that has it; this one's with the extra `presidio`.
    python: Annotated[str, Field(max_length=4_096)] = ""
    model: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,64}$")] = "en_core_web_sm"
    # By Presidio's names. Its dates, addresses of pages and numbers of banks are left out: they
    # fire on most prompts.
    entities: Annotated[list[str], Field(min_length=1, max_length=16)] = [
        *("PERSON", "LOCATION", "PHONE_NUMBER", "EMAIL_ADDRESS", "US_SSN", "US_ITIN"),
        *("CREDIT_CARD", "IBAN_CODE", "MEDICAL_LICENSE", "US_PASSPORT", "UK_NHS", "IP_ADDRESS"),
    ]
    least_score: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    # A text that takes longer is unknown, the strictest class. It takes some 80 ms for each KB.
    timeout_ms: Annotated[int, Field(ge=10, le=60_000)] = 2_000


class PrivacySettings(BaseModel):
    """The privacy signal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Parts of long conversations that were scanned before are not scanned again. Nothing is stored;
    # turn it off to measure.
    remembers_verdicts: bool = True
    # What identifies here and nowhere else, as RE2 patterns and as words; words that never do.
    patterns: Annotated[list[PatternSettings], Field(max_length=64)] = []
    deny: Annotated[list[Word], Field(max_length=2_000)] = []
    allow: Annotated[list[Word], Field(max_length=2_000)] = []
    # What stands in redacted copies: `[PHONE_1_KXQTJW]`, or a telephone number that is nobody's
    # where a kind has such a range (gateway/redaction/surrogates.py).
    placeholders: Literal["typed", "format_preserving"] = "typed"
    presidio: PresidioSettings | None = None
