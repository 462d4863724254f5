# SPDX-License-Identifier: Apache-2.0
"""Requests and destinations for tests, each with only what the test is about."""

import datetime
from dataclasses import replace
from typing import Any

from policies import Baa, DataClass, Destination, Facts, Findings, Policy, Tier
from policies.pack import Pack
from policies.rules import Rule

TODAY = datetime.date(2026, 7, 1)
DEVICE = Destination(name="device", tier=Tier.DEVICE)
CLOUD = Destination(name="cloud", tier=Tier.CLOUD, origin="https://cloud.invalid:443")
ONPREM = Destination(name="onprem", tier=Tier.ONPREM, origin="http://onprem.invalid:8000")
BAA = Baa(id="b", expires=TODAY, scope=frozenset({"chat"}))
COVERED = replace(CLOUD, name="covered", baa=BAA, trains_on_data=False)
CLEAN = Findings(DataClass.PUBLIC)
PHI = Findings(DataClass.PHI, frozenset({"NAME", "HEALTH"}))


def facts(**given: Any) -> Facts:
    """The facts of request r1, with what is given."""
    return replace(Facts(request_id="r1", tenant="t", role="user", today=TODAY), **given)


def policy(*rules: Rule, there: tuple[Destination, ...] = (DEVICE, CLOUD)) -> Policy:
    """A policy of one pack with these rules."""
    return Policy.of([Pack(name="p", rules=rules)], there)
