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
