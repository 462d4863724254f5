# SPDX-License-Identifier: Apache-2.0
"""The sections of a config that decide who may do what: keys, packs, and what destinations promise.

Names that nothing will ever have are errors here, as unknown keys are: a slip in a scope or a
tenant would silently mean less protection than the operator wrote down.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from policies import DataClass
from policies.model import RELAXABLE
from policies.words import ENDPOINTS

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


def is_file_name(pack: Path) -> bool:
    """Whether a pack is meant by its file, and not by the name of a built-in one."""
    return pack.suffix in {".yaml", ".yml"}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KeySettings(_Section):
    """One API key, stored as its SHA-256.

    `mfa`: whether its holder was authenticated by more than one factor before they got to use it
    (`always`), or says so of each request in `x-nearward-mfa` (`header`: for an authenticating
    proxy, which has to remove that header from what its own callers send), or neither.
    """

    id: Name
    hash: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    tenant: Name = "default"
    roles: Annotated[list[Literal["user", "admin", "auditor"]], Field(min_length=1)] = ["user"]
    may_relax: list[DataClass] = []
    may_break_glass: bool = False
    mfa: Literal["no", "always", "header"] = "no"

    @field_validator("may_relax")
    @classmethod
    def _only_what_may_be_relaxed(cls, classes: list[DataClass]) -> list[DataClass]:
        if not RELAXABLE.issuperset(classes):
            raise ValueError("only public, internal, confidential and pii can be relaxed")
        # Closed downwards: who may relax pii may relax what is below it.
        highest = max((c.rank for c in classes), default=-1)
        return [c for c in DataClass if c.rank <= highest]


class PolicySettings(_Section):
    """Which packs of rules apply; several packs can only tighten one another.

    `tenants` names more packs (built-in, or a file that ends in .yaml) for the keys of a tenant.
    `break_glass_widens` names packs in which emergency access may open what no BAA covers.
    """

    packs: list[str] = ["hipaa"]
    files: list[Path] = []
    tenants: dict[Name, Annotated[list[str], Field(min_length=1)]] = {}
    break_glass_widens: list[str] = []
    approval_ttl_s: Annotated[float, Field(ge=60, le=7 * 86_400)] = 86_400.0
    default_class: DataClass = DataClass.INTERNAL
    break_glass_max_s: Annotated[float, Field(ge=1, le=7 * 86_400)] = 3600.0

    @property
    def all_files(self) -> list[Path]:
        """The pack files of all tenants."""
        named = [Path(name) for names in self.tenants.values() for name in names]
        return list(dict.fromkeys([*self.files, *filter(is_file_name, named)]))


class BaaSettings(_Section):
    """A business associate agreement: the endpoints, models and features within it, or "*".

    `models` are the names that the destination itself uses. An agreement counts for nothing when
    it leaves out a model or feature of the destination: list what it covers as one of its own.
    """

    id: Annotated[str, Field(min_length=1)]
    expires: datetime.date
    scope: Annotated[list[str], Field(min_length=1)]
    models: Annotated[list[str], Field(min_length=1)] = ["*"]
    features: Annotated[list[str], Field(min_length=1)] = ["*"]

    @field_validator("scope")
    @classmethod
    def _only_endpoints(cls, scope: list[str]) -> list[str]:
        if not {"*", *ENDPOINTS}.issuperset(scope):
            raise ValueError(f"a scope holds names among: *, {', '.join(ENDPOINTS)}")
        return scope


class RetentionSettings(_Section):
    """What the destination keeps; 30 days where nothing is said."""

    zero_data: bool = False
    days: Annotated[int, Field(ge=0)] = 30

    @model_validator(mode="after")
    def _keeps_nothing_or_something(self) -> Self:
        if self.zero_data and self.days and "days" in self.model_fields_set:
            raise ValueError("zero_data: true and days above 0 contradict each other")
        return self
