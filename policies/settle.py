# SPDX-License-Identifier: Apache-2.0
"""From "which rule matches which destination" to the outcome of a decision.

    allowed = reachable and within max_tier
              and permitted by EVERY pack and forbidden by NONE

The device is outside of this: it is always allowed. A rule that could not be evaluated permits
nothing; a forbid or oblige rule that could not be evaluated forbids everything. Runs once per
distinct input (see plan.py), so it is written to be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from policies.decision import Outcome, Reason, ReasonCode
from policies.model import Destination, Obligation, Tier
from policies.pack import Pack
from policies.rules import Effect, Rule

Masks = tuple[int, ...]
"""One bit mask per rule, in the order of packs and rules; bit i stands for destination i."""


@dataclass(frozen=True, slots=True)
class _Row:
    pack: Pack
    rule: Rule
    mask: int
    is_failed: bool

    def does(self, effect: Effect) -> bool:
        return self.rule.effect is effect

    @property
    def is_forbidding(self) -> bool:
        return self.does(Effect.FORBID) or (self.does(Effect.OBLIGE) and self.is_failed)

    @property
    def code(self) -> ReasonCode:
        return ReasonCode.POLICY_ERROR if self.is_failed else self.rule.reason

    @property
    def rule_id(self) -> str:
        return f"{self.pack.name}/{self.rule.id}"


def mask_of(there: tuple[Destination, ...], is_in: Callable[[Destination], bool]) -> int:
    """The mask of the destinations for which `is_in` holds."""
    return sum(1 << i for i, destination in enumerate(there) if is_in(destination))


def settle(
    packs: tuple[Pack, ...],
    there: tuple[Destination, ...],
    masks: Masks,
    within: int,
    failed: frozenset[int],
) -> Outcome:
    """The outcome of rule masks, of the mask that `max_tier` leaves, and of the failed rules."""
    rules = [(pack, rule) for pack in packs for rule in pack.rules]
    every = (1 << len(there)) - 1
    rows = [
        _Row(pack, rule, _failed_mask(rule, every) if i in failed else masks[i], i in failed)
        for i, (pack, rule) in enumerate(rules)
    ]
    device = mask_of(there, lambda d: d.tier is Tier.DEVICE)
    reachable = mask_of(there, lambda d: d.origin != "") & ~device
    allowed = reachable & within & (every if packs else 0)
    for row in rows:
        allowed &= ~row.mask if row.is_forbidding else every
    unpermitted = [(pack, every & ~_permitted(pack, rows)) for pack in packs]
    for _, mask in unpermitted:
        allowed &= ~mask

    away = every & ~device
    stopping: list[Reason] = []
    for row in (row for row in rows if row.is_forbidding):
        stopping += _reasons(row.code, row.rule_id, there, row.mask & away)
    for pack, mask in unpermitted:
        stopping += _reasons(pack.otherwise, f"{pack.name}/otherwise", there, mask & away)
    if not packs:
        stopping += _reasons(ReasonCode.NO_PERMIT, "", there, away)
    stopping += _reasons(ReasonCode.MAX_TIER, "", there, away & ~within)
    stopping += _reasons(ReasonCode.NO_ORIGIN, "", there, away & ~reachable)
    letting = _matched(Effect.PERMIT, rows, there, allowed)
    owed = [row for row in rows if row.does(Effect.OBLIGE) and row.mask & (allowed | device)]
    none: frozenset[Obligation] = frozenset()
    leaving = list(_picked(there, allowed))
    decisive = letting if leaving else stopping
    return Outcome(
        allowed=tuple(d.name for d in [*_picked(there, device), *leaving]),
        leaving={d.name: d.origin for d in leaving},
        obligations=none.union(*(row.rule.obligations for row in owed)),
        reasons=(*stopping, *letting, *_matched(Effect.OBLIGE, owed, there, allowed | device)),
        primary_reason=decisive[0].code if decisive else ReasonCode.ONLY_DEVICE,
    )


def _failed_mask(rule: Rule, every: int) -> int:
    return 0 if rule.effect is Effect.PERMIT else every


def _permitted(pack: Pack, rows: list[_Row]) -> int:
    mask = 0
    for row in rows:
        if row.pack is pack and row.does(Effect.PERMIT):
            mask |= row.mask
    return mask


def _matched(
    effect: Effect, rows: list[_Row], there: tuple[Destination, ...], among: int
) -> list[Reason]:
    reasons: list[Reason] = []
    for row in rows:
        if row.does(effect) and not row.is_failed:
            reasons += _reasons(row.code, row.rule_id, there, row.mask & among)
    return reasons


def _reasons(
    code: ReasonCode, rule_id: str, there: tuple[Destination, ...], mask: int
) -> list[Reason]:
    return [Reason(code, rule_id, d.name) for d in _picked(there, mask)]


def _picked(there: tuple[Destination, ...], mask: int) -> Iterator[Destination]:
    return (destination for i, destination in enumerate(there) if mask >> i & 1)
