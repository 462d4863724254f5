# SPDX-License-Identifier: Apache-2.0
"""What a destination has promised: agreements and their reach, and how long it keeps things.

Every promise is read in the narrow way: one that has expired, or that leaves out a part of what
would be used, promises nothing.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Final

ANY: Final = frozenset({"*"})

# fmt: off
AGREEMENTS = frozenset({
    "dpf", "dpf_uk", "dpf_ch",  # EU-U.S. Data Privacy Framework, its UK extension, Swiss-U.S. DPF
    "scc", "bcr",               # standard contractual clauses, binding corporate rules (Art. 46)
    "glba",                     # service provider contract (16 CFR 314.4(f)(2))
    "qsoa",                     # qualified service organization agreement (42 CFR 2.11)
})
# fmt: on
"""What else than a BAA may be in force with a destination. The operator states each by name."""

RETENTIONS: Final = ("zero", "days_7", "days_30", "days_90", "longer")
"""How long a destination keeps what it is sent, shortest first, in steps that rules can name."""

_DAYS = (7, 30, 90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baa:
    """A business associate agreement: for these endpoints, models and features, until a day.

    Each of the three sets holds names, or "*" for all of them.
    """

    id: str
    expires: datetime.date
    scope: frozenset[str]
    models: frozenset[str] = ANY
    features: frozenset[str] = ANY

    def covers(self, endpoint: str, today: datetime.date) -> bool:
        """Whether it is in force for `endpoint`; the day on which it expires still counts."""
        return today <= self.expires and _holds(self.scope, frozenset({endpoint}))

    def extends_to(self, models: frozenset[str], features: frozenset[str]) -> bool:
        """Whether all of these models and features are within it.

        Where it names models, a destination that states none is without.
        """
        models = models or frozenset({""})
        return _holds(self.models, models) and _holds(self.features, features)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long a destination keeps what it is sent."""

    zero_data: bool
    days: int


def retention_step(retention: Retention | None) -> str:
    """The one of RETENTIONS that `retention` keeps within; "longer" when nothing is promised."""
    if retention is None:
        return RETENTIONS[-1]
    if retention.zero_data:
        return RETENTIONS[0]
    return next((f"days_{days}" for days in _DAYS if retention.days <= days), RETENTIONS[-1])


def _holds(named: frozenset[str], wanted: frozenset[str]) -> bool:
    return "*" in named or wanted <= named
