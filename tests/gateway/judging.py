# SPDX-License-Identifier: Apache-2.0
"""Judged requests for tests of what comes after the decision; the decision is the real one."""

from __future__ import annotations

from typing import Any

from gateway.facts import Wishes, make_facts
from gateway.identity import Principal
from gateway.judgement import Judged
from gateway.routing.plan import Attempt, Plan, Planner, Route
from gateway.rules import Rules
from gateway.signals.capability import Snapshot
from gateway.signals.reading import Signals
from policies import DataClass, Findings, Policy, Tier, decide
from tests.gateway.fakes import TODAY, chat_request, open_policy

READY = Snapshot(is_ready=True, model="small", context_tokens=2048)
WHO = Principal("ada", "acme", "user")


def rules_of(policy: Policy) -> Rules:
    """`policy`, and a planner over a device and a cloud with one model each."""
    routes = [
        Route("device", Tier.DEVICE, {"small": "small"}),
        Route("c1", Tier.CLOUD, {"big": "up-big"}),
    ]
    return Rules(policy, Planner(routes, aliases={}, strong_fraction=0.3))


def signals_of(
    findings: Findings | None = None,
    *,
    complexity: float = 0.1,
    device: Snapshot = READY,
    prompt_tokens: int = 10,
) -> Signals:
    """Signals of an easy, clean prompt on a ready device, unless told otherwise."""
    return Signals(
        findings or Findings(DataClass.PUBLIC), 0, lambda: complexity, device, prompt_tokens
    )


def judged_of(
    policy: Policy | None = None,
    *,
    findings: Findings | None = None,
    wishes: Wishes | None = None,
    device: Snapshot = READY,
    request_id: str = "d" * 32,
    **body: Any,
) -> Judged:
    """A request and its real decision, by default under the open pack with clouds c1 and c2."""
    request = chat_request(**body)
    wishes = wishes or Wishes()
    facts = make_facts(request_id, WHO, request, wishes, floor=DataClass.INTERNAL, today=TODAY)
    signals = signals_of(findings, device=device)
    rules = rules_of(policy or open_policy("c1", "c2"))
    decision = decide(facts, signals.findings, rules.policy)
    return Judged(request_id, WHO, request, wishes, facts, signals, decision, rules)


def attempt_at(name: str) -> Attempt:
    """An attempt at the device or a cloud."""
    tier = Tier.DEVICE if name == "device" else Tier.CLOUD
    return Attempt(name, f"{name}-model", tier, "" if name == "device" else "eu-west-1")


def plan_of(*names: str) -> Plan:
    """Attempts in this order."""
    return Plan(tuple(map(attempt_at, names)), "asked_for_model")
