# SPDX-License-Identifier: Apache-2.0
"""From "which rule matches which destination" to the outcome of a decision.

    may leave = reachable and within max_tier
                and permitted by EVERY pack and forbidden by NONE
    allowed   = the device, and what may leave
                queue or approve matches: the device alone, for now
                block matches: nothing, not even the device

Blocking, queueing and approval are about the request, so it is enough that such a rule matches
any destination. A rule that could not be evaluated permits nothing; one of any effect but permit
forbids everything but the device. Runs once per distinct input (see plan.py), so it is written
to be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import reduce

from policies.axioms import AXIOMS
from policies.decision import Outcome, Reason, ReasonCode, Verdict
from policies.model import Destination, Tier
from policies.pack import Pack
from policies.rules import Effect, Rule
from policies.terms import NO_TERMS, Obligation, Terms

Masks = tuple[int, ...]
"""One bit mask per rule, in the order of packs and rules; bit i stands for destination i."""

_HOLDS = {Effect.APPROVE: Verdict.APPROVE, Effect.QUEUE: Verdict.QUEUE}
"""What delays a request, the stronger first."""

_DETECTOR_FAILED = Reason(ReasonCode.DETECTOR_ERROR, "", "")


@dataclass(frozen=True, slots=True)
class _Row:
    pack: Pack
    rule: Rule
    mask: int
    is_failed: bool

    def does(self, effect: Effect) -> bool:
        """Whether it has this effect, and here."""
        return self.rule.effect is effect and not self.is_failed and self.mask != 0

    @property
    def is_forbidding(self) -> bool:
        return self.does(Effect.FORBID) or (
            self.is_failed and self.rule.effect is not Effect.PERMIT
        )

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
    every = (1 << len(there)) - 1
    device = mask_of(there, lambda d: d.tier is Tier.DEVICE)
    reachable = mask_of(there, lambda d: d.origin != "") & ~device
    rows = list(_rows(packs, masks, failed, every))
    packs = tuple(pack for pack in packs if pack is not AXIOMS)  # these are not asked to permit
    may_leave = reachable & within & (every if packs else 0)
    for row in rows:
        may_leave &= ~row.mask if row.is_forbidding else every
    for pack in packs:
        may_leave &= _permitted(pack, rows)

    verdict = _verdict(rows, may_leave)
    near = 0 if verdict is Verdict.BLOCK else device
    far = may_leave if verdict is Verdict.ALLOW else 0
    halting = [
        row
        for row in rows
        if row.does(Effect.BLOCK) or (verdict in _HOLDS.values() and row.rule.effect in _HOLDS)
    ]
    stopping = [
        *_said(sorted(halting, key=_strength), there, every),
        *_stopping(packs, rows, there, every & ~device),
        *_reasons(ReasonCode.MAX_TIER, "", there, every & ~device & ~within),
        *_reasons(ReasonCode.NO_ORIGIN, "", there, every & ~device & ~reachable),
    ]
    letting = list(_said([row for row in rows if row.does(Effect.PERMIT)], there, far))
    owing = [row for row in rows if row.rule.effect is Effect.OBLIGE and row.mask & (near | far)]
    decisive = letting if far else stopping
    none: frozenset[Obligation] = frozenset()
    leaving = list(_picked(there, far))
    return Outcome(
        allowed=tuple(d.name for d in [*_picked(there, near), *leaving]),
        leaving={d.name: d.origin for d in leaving},
        obligations=none.union(*(row.rule.obligations for row in owing)),
        reasons=(
            *stopping,
            *letting,
            *_said([r for r in owing if not r.is_failed], there, near | far),
        ),
        primary_reason=decisive[0].code if decisive else ReasonCode.ONLY_DEVICE,
        verdict=verdict,
        terms=reduce(Terms.joined, (row.rule.terms for row in owing), NO_TERMS),
    )


def after_detector_error(outcome: Outcome) -> Outcome:
    """The same outcome where a detector failed, which is a reason of its own to stay."""
    stays = outcome.verdict is Verdict.LOCAL_ONLY
    return replace(
        outcome,
        reasons=(_DETECTOR_FAILED, *outcome.reasons),
        primary_reason=ReasonCode.DETECTOR_ERROR if stays else outcome.primary_reason,
    )


def _rows(
    packs: tuple[Pack, ...], masks: Masks, failed: frozenset[int], every: int
) -> Iterator[_Row]:
    rules = [(pack, rule) for pack in packs for rule in pack.rules]
    for i, (pack, rule) in enumerate(rules):
        if i in failed:
            yield _Row(pack, rule, 0 if rule.effect is Effect.PERMIT else every, True)
        else:
            yield _Row(pack, rule, masks[i], False)


def _permitted(pack: Pack, rows: list[_Row]) -> int:
    mask = 0
    for row in rows:
        if row.pack is pack and row.does(Effect.PERMIT):
            mask |= row.mask
    return mask


def _verdict(rows: list[_Row], may_leave: int) -> Verdict:
    """What nothing would come of is not delayed: then it is the device's alone at once."""
    if any(row.does(Effect.BLOCK) for row in rows):
        return Verdict.BLOCK
    if not may_leave:
        return Verdict.LOCAL_ONLY
    for effect, verdict in _HOLDS.items():
        if any(row.does(effect) for row in rows):
            return verdict
    return Verdict.ALLOW


def _strength(row: _Row) -> int:
    return [Effect.BLOCK, *_HOLDS].index(row.rule.effect)


def _stopping(
    packs: tuple[Pack, ...], rows: list[_Row], there: tuple[Destination, ...], away: int
) -> Iterator[Reason]:
    """The rules that forbid, then the packs that permit nothing."""
    yield from _said([row for row in rows if row.is_forbidding], there, away)
    for pack in packs:
        unpermitted = away & ~_permitted(pack, rows)
        yield from _reasons(pack.otherwise, f"{pack.name}/otherwise", there, unpermitted)
    if not packs:
        yield from _reasons(ReasonCode.NO_PERMIT, "", there, away)


def _said(rows: list[_Row], there: tuple[Destination, ...], among: int) -> Iterator[Reason]:
    for row in rows:
        yield from _reasons(row.code, row.rule_id, there, row.mask & among)


def _reasons(
    code: ReasonCode, rule_id: str, there: tuple[Destination, ...], mask: int
) -> Iterator[Reason]:
    return (Reason(code, rule_id, d.name) for d in _picked(there, mask))


def _picked(there: tuple[Destination, ...], mask: int) -> Iterator[Destination]:
    return (destination for i, destination in enumerate(there) if mask >> i & 1)
