# SPDX-License-Identifier: Apache-2.0
"""What `nearward bench policy` times: the pack `hipaa`, 20 destinations, five requests."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from policies.decision import Decision
from policies.engine import decide
from policies.load import builtin_pack, load_policy
from policies.model import Baa, DataClass, Destination, Facts, Findings, Tier
from policies.policy import Policy

DESTINATIONS = 20
TODAY = datetime.date(2026, 1, 1)
_REQUESTS = (
    (DataClass.INTERNAL, Findings(DataClass.PUBLIC)),
    (DataClass.INTERNAL, Findings(DataClass.PHI, frozenset({"NAME", "HEALTH", "MRN"}))),
    (DataClass.CONFIDENTIAL, Findings(DataClass.PUBLIC)),
    (DataClass.INTERNAL, Findings(DataClass.PHI, frozenset({"NAME", "SECRET"}))),
    (DataClass.INTERNAL, Findings.unknown("timeout")),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, and the call that decides it."""

    facts: Facts
    findings: Findings
    answer: Callable[[], Decision]


def workload() -> tuple[tuple[Destination, ...], list[Asked]]:
    """The destinations other than the device, and the requests about them."""
    baa = Baa(id="bench", expires=TODAY, scope=frozenset({"chat"}))
    away = tuple(
        Destination(
            name=f"cloud-{i}",
            tier=Tier.CLOUD,
            baa=baa if i % 2 else None,
            trains_on_data=i % 3 == 0,
            origin=f"https://cloud-{i}.invalid:443",
        )
        for i in range(DESTINATIONS)
    )
    device = Destination(name="device", tier=Tier.DEVICE)
    policy = load_policy([builtin_pack("hipaa")], [device, *away])
    return away, [_asked(policy, floor, findings) for floor, findings in _REQUESTS]


def _asked(policy: Policy, floor: DataClass, findings: Findings) -> Asked:
    facts = Facts(request_id="b", tenant="t", role="r", today=TODAY, default_class=floor)
    return Asked(facts, findings, partial(decide, facts, findings, policy))
