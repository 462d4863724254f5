# SPDX-License-Identifier: Apache-2.0
"""Break-glass: a caller with the right says that an emergency outweighs the usual rules.

Rules
-----
1. Only a key with `may_break_glass` may, with a reason of 8 to 200 characters, and until a time
   that is at most `policy.break_glass_max_s` ahead; without `; until=` until that bound.
2. It is a fact for policy (`Facts.break_glass`), not a way round it: it opens nothing by itself.
3. Each use is on record before anything is sent, with a record of its own; so is each refusal.
4. The reason is the caller's text. Its keyed hash and length are kept, the words nowhere.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from gateway.errors import BadRequest, BreakGlassRefused
from gateway.identity import Principal
from gateway.state.secret import Secret

_PARAM = "x-nearward-break-glass"
_SHORTEST, _LONGEST = 8, 200
# Generous about spaces: an end that was overlooked would make the claim last longer.
_ENDED = re.compile(r"(?P<reason>.*);\s*until\s*=(?P<until>.*)", re.IGNORECASE | re.DOTALL)

Outcome = Literal["used", "no_right", "expired", "too_long"]


@dataclass(frozen=True, slots=True)
class Claim:
    """What the caller sent: the reason, and when the emergency is over at the latest."""

    reason: str = field(repr=False)
    until: datetime.datetime | None = None


@dataclass(frozen=True, slots=True)
class Glass:
    """What became of a claim. `reason_code` is the keyed hash of the reason."""

    outcome: Outcome
    reason_code: str
    reason_chars: int
    until: datetime.datetime

    @property
    def is_broken(self) -> bool:
        """Whether policy is told of an emergency."""
        return self.outcome == "used"


def read_claim(value: str) -> Claim:
    """`<reason>[; until=<RFC 3339>]` as a Claim; raises BadRequest, which quotes nothing."""
    ended = _ENDED.fullmatch(value)
    reason = (ended["reason"] if ended else value).strip()
    if not _SHORTEST <= len(reason) <= _LONGEST or not reason.isprintable():
        raise BadRequest(
            f"{_PARAM} needs a reason of {_SHORTEST} to {_LONGEST} printable characters",
            code="bad_header",
            param=_PARAM,
        )
    return Claim(reason, _time(ended["until"]) if ended else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlass:
    """Weighs claims. `now` is the wall clock in UTC."""

    secret: Secret
    longest_s: float
    now: Callable[[], datetime.datetime]

    def weigh(self, principal: Principal, claim: Claim) -> Glass:
        """Whether this principal's claim counts now."""
        now = self.now()
        latest = now + datetime.timedelta(seconds=self.longest_s)
        until = claim.until or latest
        outcome: Outcome = "used"
        if not principal.may_break_glass:
            outcome = "no_right"
        elif until <= now:
            outcome = "expired"
        elif until > latest:
            outcome = "too_long"
        code = self.secret.code("break-glass", principal.tenant, claim.reason)
        return Glass(outcome, code, len(claim.reason), until)


def refusal(glass: Glass) -> BreakGlassRefused:
    """The error for a claim that does not count."""
    why = {
        "no_right": "this key may not break the glass",
        "expired": "the time given as until is over",
        "too_long": "the time given as until is further ahead than policy.break_glass_max_s",
    }
    return BreakGlassRefused(why.get(glass.outcome, "refused"), param=_PARAM)


def _time(text: str) -> datetime.datetime:
    try:
        time = datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise BadRequest(
            f"{_PARAM}: until must be a time with its zone, such as 2026-11-24T12:00:00Z",
            code="bad_header",
            param=_PARAM,
        )
    return time
