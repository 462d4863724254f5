# SPDX-License-Identifier: Apache-2.0
"""From the config file to destinations that rules can read, and from verdicts to plans."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config_file import ConfigError
from gateway.errors import PolicyBlocked
from gateway.routing.plan import Planner, Route
from gateway.rules import make_policy
from gateway.settings import load_settings
from policies import (
    DataClass,
    Destination,
    Facts,
    Findings,
    Obligation,
    PackSource,
    Policy,
    Retention,
    Tier,
    decide,
    load_policy,
)
from tests.gateway.fakes import TODAY, away
from tests.gateway.judging import signals_of

CONFIG = """\
policy: {packs: [open]}
destinations:
  - name: eu
    tier: cloud
    base_url: https://api.example/v1
    models: {big: up-big, mid: up-mid}
    provider: somebody
    account: acme
    features: [web_search]
    region: eu-west-1
    jurisdiction: DE
    agreements: [scc, qsoa]
    baa: {id: b, expires: 2027-06-30, scope: [chat], models: [up-big, up-mid], features: [tools]}
    retention: {days: 30}
    trains_on_data: false
"""
PACK = """\
pack: halt
version: "1"
description: stops one class in one way
rules:
  - {id: all, effect: allow, when: {}, reason: permitted, description: d, citation: c}
  - {id: stop, effect: %s, when: {data_class: {at_least: pii}}, description: d, citation: c%s}
"""
EVERYTHING = frozenset(Obligation)


def planner() -> Planner:
    """A device and a cloud whose backend honours every obligation."""
    routes = [
        Route("device", Tier.DEVICE, {"small": "small"}),
        Route("cloud", Tier.CLOUD, {"big": "up-big"}, honours=EVERYTHING),
    ]
    return Planner(routes, aliases={}, strong_fraction=0.3)


def halting(effect: str, more: str = "") -> Policy:
    """Everything may go, but personal data is treated so."""
    source = PackSource("halt.yaml", (PACK % (effect, more)).encode())
    return load_policy([source], [Destination(name="device", tier=Tier.DEVICE), away("cloud")])


def test_what_the_config_says_of_a_destination_is_what_rules_read(tmp_path: Path) -> None:
    """Each setting reaches the policy; models are those of the destination, not of clients."""
    path = tmp_path / "nearward.yaml"
    path.write_text(CONFIG)
    (_, there) = make_policy(load_settings(path, {})).destinations

    assert (there.provider, there.account, there.jurisdiction) == ("somebody", "acme", "DE")
    assert there.models == {"up-big", "up-mid"}
    assert there.features == {"web_search"}
    assert there.agreements == {"scc", "qsoa"}
    assert there.baa is not None
    assert there.baa.models == {"up-big", "up-mid"}
    assert there.baa.features == {"tools"}
    assert not there.is_covered("chat", TODAY, frozenset())  # web search is not within it


def test_an_agreement_without_models_and_features_is_about_all(tmp_path: Path) -> None:
    """A config from before they could be said keeps its meaning."""
    path = tmp_path / "nearward.yaml"
    path.write_text(CONFIG.replace(", models: [up-big, up-mid], features: [tools]", ""))
    (_, there) = make_policy(load_settings(path, {})).destinations

    assert there.is_covered("chat", TODAY, frozenset({"tools", "media"}))


def test_a_rule_about_a_destination_that_is_not_there(tmp_path: Path) -> None:
    """The start is refused, with the line of the rule in the pack file."""
    pack, path = tmp_path / "halt.yaml", tmp_path / "nearward.yaml"
    pack.write_text(
        (PACK % ("forbid", ", reason: forbidden")).replace("when: {}", "when: {name: us}")
    )
    path.write_text(CONFIG.replace("[open]}", f"[], files: [{pack}]}}"))

    with pytest.raises(ConfigError, match=rf"{pack}:5: rule 'all' names the destination 'us'"):
        make_policy(load_settings(path, {}))


@pytest.mark.parametrize("effect", ["queue", "approve"])
def test_what_has_to_wait_is_answered_by_the_device(effect: str) -> None:
    """Nothing leaves for now; a request for the cloud by name hears why."""
    facts = Facts(request_id="r", tenant="t", role="user", today=TODAY)
    decision = decide(facts, Findings(DataClass.PII), halting(effect))
    plan = planner().plan("auto", decision, signals_of(complexity=1.0))

    assert decision.verdict == effect
    assert [attempt.destination for attempt in plan.attempts] == ["device"]
    with pytest.raises(PolicyBlocked, match=str(decision.primary_reason)):
        planner().plan("cloud/big", decision, signals_of())


@pytest.mark.parametrize("model", ["auto", "local/small", "cloud/big", "big"])
def test_what_is_blocked_is_answered_by_nobody(model: str) -> None:
    """Not by the device either, whatever model was named."""
    facts = Facts(request_id="r", tenant="t", role="user", today=TODAY)
    decision = decide(facts, Findings(DataClass.PII), halting("block"))

    assert (decision.allowed, decision.verdict) == ((), "block")
    with pytest.raises(PolicyBlocked):
        planner().plan(model, decision, signals_of(complexity=1.0))


@pytest.mark.parametrize("duty", sorted(EVERYTHING))
def test_a_backend_that_does_not_honour_an_obligation_is_not_used(duty: Obligation) -> None:
    """Any of them: an obligation that nobody implements closes destinations."""
    value = {
        "redact": "{redact: [NAME]}",
        "minimum_necessary": "{minimum_necessary: {keep_turns: 1}}",
        "cache_scope": "{cache_scope: session}",
        "log_level": "{log_level: codes}",
    }.get(duty, str(duty))
    policy = halting("oblige", f", reason: handle_with_care, obligations: [{value}]")
    facts = Facts(request_id="r", tenant="t", role="user", today=TODAY)
    decision = decide(facts, Findings(DataClass.PII), policy)
    routes = [
        Route("device", Tier.DEVICE, {"small": "small"}),
        Route("cloud", Tier.CLOUD, {"big": "up-big"}, honours=EVERYTHING - {duty}),
    ]
    without = Planner(routes, aliases={}, strong_fraction=0.3)

    def reached(planner: Planner) -> list[str]:
        plan = planner.plan("auto", decision, signals_of(complexity=1.0))
        return [attempt.destination for attempt in plan.attempts]

    assert "cloud" in reached(planner())
    assert reached(without) == ["device"]


def test_zero_retention_needs_no_days(tmp_path: Path) -> None:
    """What keeps nothing keeps it for no days; where nothing is said it is thirty."""
    path = tmp_path / "nearward.yaml"
    path.write_text(CONFIG.replace("retention: {days: 30}", "retention: {zero_data: true}"))
    (_, there) = make_policy(load_settings(path, {})).destinations
    assert there.retention == Retention(zero_data=True, days=0)

    path.write_text(CONFIG.replace("retention: {days: 30}", "retention: {}"))
    (_, there) = make_policy(load_settings(path, {})).destinations
    assert there.retention == Retention(zero_data=False, days=30)


def test_a_jurisdiction_that_is_none(tmp_path: Path) -> None:
    """A rule about DE would not see `de`: refused with file, line and what is expected."""
    path = tmp_path / "nearward.yaml"
    path.write_text(CONFIG.replace("jurisdiction: DE", "jurisdiction: de"))

    with pytest.raises(
        ConfigError, match=rf"{path}:11: destination eu: jurisdiction: expected a c"
    ):
        make_policy(load_settings(path, {}))
