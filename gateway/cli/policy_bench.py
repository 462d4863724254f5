# SPDX-License-Identifier: Apache-2.0
"""How long a decision takes: `hipaa` over 20 destinations, beside Cedar with the same rules.

Both are given the same five requests in turn, in alternating blocks of one run, so that whatever
else the machine does falls on both. A decision of ours is about all destinations at once; Cedar
answers for one at a time, and is timed both for one and, in its batch call, for all of them.
Before anything is timed the two are compared on every request and destination.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

from policies.engine import effective_class, known_class
from policies.model import Destination
from policies.workload import DESTINATIONS, TODAY, Asked, workload

_ROUNDS, _OURS, _THEIRS = 40, 500, 10
_ACTION = 'Action::"send"'
_CEDAR = """
permit(principal, action, resource) when { context.rank <= 2 };
permit(principal, action, resource) when { resource.baa };
forbid(principal, action, resource)
  when { context.rank == 10 && !(context.break_glass && resource.baa) };
forbid(principal, action, resource)
  when { context.known >= 8 || context.kinds.containsAny(["SECRET", "CARD"]) };
forbid(principal, action, resource) when { context.known >= 5 && context.known <= 7 };
forbid(principal, action, resource) when { context.rank >= 2 && resource.trains };
"""


def measure() -> dict[str, object]:
    """The figures in microseconds; those of Cedar only where cedarpy is installed."""
    away, requests = workload()
    calls: list[tuple[str, int, Sequence[Callable[[], object]]]] = [
        ("decide", _OURS, [asked.answer for asked in requests])
    ]
    if find_spec("cedarpy") is not None:
        one, batch = _cedar_calls(away, requests)
        calls += [("cedar_one_destination", _THEIRS, one), ("cedar_all", _THEIRS, batch)]
    taken: dict[str, list[int]] = {name: [] for name, _, _ in calls}
    for _ in range(_ROUNDS):
        for name, count, variants in calls:
            _time(taken[name], count, variants)
    figures: dict[str, object] = {"pack": "hipaa", "destinations": DESTINATIONS}
    for name, times in taken.items():
        times.sort()
        figures[f"{name}_p50_us"] = round(times[len(times) // 2] / 1000, 2)
        figures[f"{name}_p99_us"] = round(times[len(times) * 99 // 100] / 1000, 2)
        figures[f"{name}_calls"] = len(times)
    return figures


def _time(taken: list[int], count: int, variants: Sequence[Callable[[], object]]) -> None:
    for number in range(count):
        call = variants[number % len(variants)]
        began = time.perf_counter_ns()
        call()
        taken.append(time.perf_counter_ns() - began)


def _cedar_calls(
    away: Sequence[Destination], requests: Sequence[Asked]
) -> tuple[list[Callable[[], object]], list[Callable[[], object]]]:
    import cedarpy

    rules = cedarpy.PolicySet.from_str(_CEDAR)
    entities = cedarpy.Entities.from_json_str(json.dumps([_entity(there) for there in away]))
    one: list[Callable[[], object]] = []
    batch: list[Callable[[], object]] = []
    for request in requests:
        asked = [_question(there, request) for there in away]
        answers = cedarpy.is_authorized_batch(asked, rules, entities)
        theirs = {d.name for d, answer in zip(away, answers, strict=True) if answer.allowed}
        if theirs != set(request.answer().cleared):
            raise AssertionError("the two engines do not decide alike, so there is nothing to time")
        one.append(partial(cedarpy.is_authorized, asked[0], rules, entities))
        batch.append(partial(cedarpy.is_authorized_batch, asked, rules, entities))
    return one, batch


def _entity(there: Destination) -> dict[str, Any]:
    has_baa = there.is_covered("chat", TODAY, frozenset())
    return {
        "uid": {"type": "Destination", "id": there.name},
        "attrs": {"baa": has_baa, "trains": there.trains_on_data},
        "parents": [],
    }


def _question(there: Destination, request: Asked) -> dict[str, Any]:
    facts, findings = request.facts, request.findings
    return {
        "principal": 'User::"u"',
        "action": _ACTION,
        "resource": f'Destination::"{there.name}"',
        "context": {
            "rank": effective_class(facts, findings).rank,
            "known": known_class(facts, findings).rank,
            "kinds": sorted(findings.kinds),
            "break_glass": facts.break_glass,
        },
    }
