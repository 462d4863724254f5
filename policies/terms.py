# SPDX-License-Identifier: Apache-2.0
"""How far obligations go: which kinds to redact, how many turns to keep, what to log.

`Obligation` says that something is owed, `Terms` how much. Terms of several rules join to the
strictest of each, so that a rule more never asks for less.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Obligation(StrEnum):
    """What whoever carries out a decision must also do.

    A destination that cannot be used in keeping with all of them is not used.
    """

    NO_STORE = "no_store"
    NO_CACHE = "no_cache"
    NO_TOOLS = "no_tools"
    REDACT = "redact"
    MINIMUM_NECESSARY = "minimum_necessary"
    CACHE_SCOPE = "cache_scope"
    LOG_LEVEL = "log_level"
    RECORD = "record"  # the use of break-glass gets a record of its own


class CacheScope(StrEnum):
    """Among whom a cached answer may be shared, widest first."""

    TENANT = "tenant"
    KEY = "key"
    SESSION = "session"


class LogLevel(StrEnum):
    """What the operational log may say about a request, most first."""

    FULL = "full"
    CODES = "codes"
    NOTHING = "nothing"


# fmt: off
DROPPABLE = frozenset({"metadata", "name", "system", "tools", "user"})
# fmt: on
"""The parts of a chat request that a rule may have dropped before it leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """`keep_turns` is how many of the last turns may leave, None for all of them."""

    redact: frozenset[str] = frozenset()
    drop: frozenset[str] = frozenset()
    keep_turns: int | None = None
    cache_scope: CacheScope = CacheScope.TENANT
    log_level: LogLevel = LogLevel.FULL

    def joined(self, other: Terms) -> Terms:
        """The stricter of the two in every respect."""
        turns = [n for n in (self.keep_turns, other.keep_turns) if n is not None]
        return Terms(
            redact=self.redact | other.redact,
            drop=self.drop | other.drop,
            keep_turns=min(turns, default=None),
            cache_scope=max(self.cache_scope, other.cache_scope, key=list(CacheScope).index),
            log_level=max(self.log_level, other.log_level, key=list(LogLevel).index),
        )

    def asks_no_less(self, other: Terms) -> bool:
        """Whether it is as strict as `other` in every respect."""
        return self.joined(other) == self

    def about(self, obligation: Obligation) -> Terms:
        """What of it is the measure of one obligation."""
        match obligation:
            case Obligation.REDACT:
                return Terms(redact=self.redact)
            case Obligation.MINIMUM_NECESSARY:
                return Terms(drop=self.drop, keep_turns=self.keep_turns)
            case Obligation.CACHE_SCOPE:
                return Terms(cache_scope=self.cache_scope)
            case Obligation.LOG_LEVEL:
                return Terms(log_level=self.log_level)
        return NO_TERMS


NO_TERMS = Terms()
