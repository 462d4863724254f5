# SPDX-License-Identifier: Apache-2.0
"""Packs and destinations, compiled: every rule becomes a function from a request to a bit mask.

Theory of operation. Bit i of a mask stands for destination i. What a condition says about a
destination is known when the policy is built, so it becomes a constant mask; what it says about
the request becomes "all bits or none"; and, or, not become &, |, ^. No destination is ever
looped over: a request costs one evaluation of one expression, whatever their number. The one
attribute that moves is the BAA (by endpoint, features and day): its mask is a parameter, cached.

The masks of all rules then fix everything else about the decision (Outcome), which is therefore
put together once per distinct tuple of masks and kept. Both caches are bounded.

The generated source holds integers and names from `_READ` only, never text from a pack: sets of
values are bound by generated names.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from policies.decision import Outcome
from policies.model import DataClass, Destination, Facts, Tier
from policies.pack import Pack
from policies.rules import All, Condition, In, Not, Value, attribute, is_in
from policies.settle import Masks, after_detector_error, mask_of, settle

Given = tuple[DataClass, DataClass, frozenset[str], bool, int, Facts]
"""Class, known class, kinds, whether a detector failed, mask of BAAs in force, and the facts."""
Weigh = Callable[[DataClass, DataClass, frozenset[str], bool, int, Facts], Masks]
_KEPT_OUTCOMES = 1024
_KEPT_DAYS = 64  # endpoints x features used x days

_READ = {
    "data_class": "data_class",
    "known_class": "known",
    "errors": "errors",
    "declared_class": "(f.declared_class or 'none')",
    "has_media": "f.has_media",
    "has_tools": "f.has_tools",
    "break_glass": "f.break_glass",
    "mfa": "f.mfa",
    "approved": "f.approved",
    "may_relax": "(not not f.may_relax)",
    "endpoint": "f.endpoint",
    "purpose": "f.purpose",
    "role": "f.role",
    "tenant": "f.tenant",
    "subject_region": "f.subject_region",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What `decide` runs on.

    `weigh` gives the masks of all rules at once and may raise; `weigh_one` the same, rule by
    rule. `covered` is the mask of destinations with a BAA in force for an endpoint, a day and
    the features used, `within` the mask that `max_tier` leaves, `settle` the outcome of (masks,
    mask within, indices of failed rules), `settle_unread` the same where a detector failed.
    """

    rule_ids: tuple[str, ...]
    weigh: Weigh
    weigh_one: tuple[Weigh, ...]
    covered: Callable[[str, datetime.date, frozenset[str]], int]
    within: dict[Tier | None, int]
    settle: Callable[[Masks, int, frozenset[int]], Outcome]
    settle_unread: Callable[[Masks, int, frozenset[int]], Outcome]


def make_plan(packs: tuple[Pack, ...], destinations: tuple[Destination, ...]) -> Plan:
    """Compiles `packs` for `destinations`."""
    every = (1 << len(destinations)) - 1
    rules = [(pack, rule) for pack in packs for rule in pack.rules]
    constants: dict[str, Any] = {"A": every, "__builtins__": {}}
    sources = [_source(rule.when, destinations, every, constants) for _, rule in rules]

    @lru_cache(maxsize=_KEPT_DAYS)
    def covered(endpoint: str, today: datetime.date, uses: frozenset[str]) -> int:
        return mask_of(destinations, lambda d: d.is_covered(endpoint, today, uses))

    settled = lru_cache(maxsize=_KEPT_OUTCOMES)(partial(settle, packs, destinations))

    @lru_cache(maxsize=_KEPT_OUTCOMES)
    def settled_unread(masks: Masks, within: int, failed: frozenset[int]) -> Outcome:
        return after_detector_error(settled(masks, within, failed))

    return Plan(
        rule_ids=tuple(f"{pack.name}/{rule.id}" for pack, rule in rules),
        weigh=_compiled(sources, constants),
        weigh_one=tuple(_compiled([source], constants) for source in sources),
        covered=covered,
        within={None: every} | {tier: _within(tier, destinations) for tier in Tier},
        settle=settled,
        settle_unread=settled_unread,
    )


def _within(limit: Tier, destinations: tuple[Destination, ...]) -> int:
    nearest_first = tuple(Tier)
    reach = nearest_first[: nearest_first.index(limit) + 1]
    return mask_of(destinations, lambda d: d.tier in reach)


def _source(
    condition: Condition, there: tuple[Destination, ...], every: int, bound: dict[str, Any]
) -> str:
    """A Python expression for the mask of a condition; its constants go into `bound`."""
    match condition:
        case In(field, values):
            return _source_in(field, values, there, bound)
        case Not(part):
            return f"(A ^ {_source(part, there, every, bound)})"
        case All(parts):
            return f"({' & '.join(_source(p, there, every, bound) for p in parts) or every})"
        case _:
            anyone = (_source(part, there, every, bound) for part in condition.parts)
            return f"({' | '.join(anyone) or 0})"


def _source_in(
    field: str, values: frozenset[Value], there: tuple[Destination, ...], bound: dict[str, Any]
) -> str:
    if field == "baa":
        return f"({'baa' if True in values else 0} | {'(A ^ baa)' if False in values else 0})"
    if field in _READ or field == "kinds":
        name = f"c{len(bound)}"
        bound[name] = values
        if field == "kinds":
            return f"(0 if {name}.isdisjoint(kinds) else A)"
        return f"(A if {_READ[field]} in {name} else 0)"
    return str(mask_of(there, lambda d: is_in(attribute(d, field), values)))


def _compiled(sources: list[str], constants: dict[str, Any]) -> Weigh:
    body = "".join(f"{source}, " for source in sources)
    weigh: Weigh = eval(  # noqa: S307  see the module's docstring for what the source can hold
        f"lambda data_class, known, kinds, errors, baa, f: ({body})", constants
    )
    return weigh
