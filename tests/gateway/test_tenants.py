# SPDX-License-Identifier: Apache-2.0
"""Packs of tenants: they come on top of everybody's, and can only tighten."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateway.config_file import ConfigError
from gateway.records.metrics import Metrics
from gateway.reload import Reload
from gateway.rules import Rules, make_rules
from gateway.settings import Settings, load_settings
from policies import DataClass, Facts, Findings, decide
from tests.gateway.cli.conftest import run
from tests.gateway.fakes import TODAY

CONFIG = """\
device: {{enabled: false}}
keys:
  - {{id: a, hash: "sha256:{zeros}", tenant: acme}}
policy:
  packs: [{base}]
  tenants: {{{tenant}: [{packs}]}}
destinations:
  - name: plain
    tier: cloud
    base_url: http://api.example/v1
    models: {{m: m}}
  - name: covered
    tier: cloud
    base_url: https://api.example/v1
    models: {{m: m}}
    jurisdiction: US
    agreements: [dpf, glba]
    trains_on_data: false
    retention: {{zero_data: true}}
    baa: {{id: b, expires: 2027-06-30, scope: ["*"]}}
"""
NAMES = ("open", "hipaa", "hipaa-strict", "gdpr", "part2", "finance")
MINE = """\
pack: mine
version: "1"
description: {}
rules:
  - {{id: all, effect: allow, when: {{}}, reason: permitted, description: d, citation: c}}
  - {{id: no, effect: forbid, when: {}, reason: forbidden, description: d, citation: c}}
"""
CLEAN = Findings(DataClass.PUBLIC)


def config(base: str = "open", tenant: str = "acme", packs: str = "hipaa-strict") -> str:
    return CONFIG.format(base=base, tenant=tenant, packs=packs, zeros="0" * 64)


def rules_of(directory: Path, text: str) -> Rules:
    path = directory / "nearward.yaml"
    path.write_text(text + f"state_dir: {directory / 'state'}\n")
    return make_rules(load_settings(path, {}))


def facts(tenant: str, **more: object) -> Facts:
    return Facts(request_id="r", tenant=tenant, role="user", today=TODAY, **more)  # type: ignore[arg-type]


def reach(rules: Rules, tenant: str) -> set[str]:
    return set(decide(facts(tenant), CLEAN, rules.of(tenant).policy).allowed)


def test_a_tenant_has_its_packs_besides(tmp_path: Path) -> None:
    """The others have those of everybody; each set has its own hash."""
    rules = rules_of(tmp_path, config())

    assert reach(rules, "other") == {"device", "plain", "covered"}
    assert reach(rules, "acme") == {"device"}  # nothing was declared public
    assert [p.name for p in rules.of("acme").policy.packs] == ["open", "hipaa-strict"]
    assert len(rules.hashes) == 2


def test_a_pack_that_all_have_is_not_counted_twice(tmp_path: Path) -> None:
    """Naming it again changes nothing."""
    rules = rules_of(tmp_path, config("hipaa, gdpr", packs="hipaa"))

    assert rules.of("acme").policy == rules.policy


@cache
def composed(base: tuple[str, ...], extra: tuple[str, ...], directory: Path) -> Rules:
    return rules_of(directory, config(", ".join(base), packs=", ".join(extra)))


SOME = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True).map(tuple)
ASKED = st.builds(
    facts,
    st.just("acme"),
    declared_class=st.none() | st.sampled_from(DataClass),
    mfa=st.booleans(),
    break_glass=st.booleans(),
    approved=st.booleans(),
)
FOUND = st.builds(Findings, st.sampled_from(DataClass), st.just(frozenset[str]()))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tenants")


@settings(deadline=None)  # packs are loaded when they are first drawn
@given(packs=st.tuples(SOME, SOME), asked=ASKED, found=FOUND)
def test_a_tenant_never_gets_more(
    here: Path, packs: tuple[tuple[str, ...], tuple[str, ...]], asked: Facts, found: Findings
) -> None:
    """Whatever packs it takes: no destination more, no obligation less."""
    rules = composed(*packs, here)
    mine = decide(asked, found, rules.of("acme").policy)
    everybodys = decide(asked, found, rules.policy)

    assert set(mine.allowed) <= set(everybodys.allowed)
    if set(mine.allowed) == set(everybodys.allowed):
        assert mine.obligations >= everybodys.obligations
        assert mine.terms == mine.terms.joined(everybodys.terms)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (config(base=""), "nearward.yaml:6: policy.tenants: there is no pack for everybody"),
        (config(tenant="amce"), "nearward.yaml:6: policy.tenants: no key is of the tenant amce"),
        (config(packs="hipa"), "nearward.yaml:6: 'hipa': no such built-in pack"),
        (config(packs="none.yaml"), "nearward.yaml:6: none.yaml: cannot be read"),
        (config(packs=""), "nearward.yaml:6: policy.tenants.acme: "),
        (config(base="hipaa").replace("tenants:", "tenant:"), "policy.tenant: unknown key"),
    ],
)
def test_faults_are_named_with_their_line(tmp_path: Path, text: str, message: str) -> None:
    """A slip in a tenant's name would leave the one that is meant without its packs."""
    with pytest.raises(ConfigError) as caught:
        rules_of(tmp_path, text)

    assert message in str(caught.value)


def test_a_file_of_a_tenants(tmp_path: Path) -> None:
    """It is refused with its own line, and as a double of a pack that everybody has."""
    pack = tmp_path / "mine.yaml"
    pack.write_text(MINE.format("d", "{tier: clouds}"))
    with pytest.raises(ConfigError, match=rf"^{pack}:6: unknown tier 'clouds'"):
        rules_of(tmp_path, config(packs=str(pack)))
    pack.write_text(MINE.format("d", "{tier: cloud}").replace("pack: mine", "pack: open"))
    with pytest.raises(ConfigError, match="there is a pack named open for all tenants"):
        rules_of(tmp_path, config(packs=str(pack)))
    pack.write_text(MINE.format("d", "{break_glass: false}"))
    with pytest.raises(ConfigError, match=rf"^{pack}:6: forbid rule 'no' gives more in an emerg"):
        rules_of(tmp_path, config(packs=str(pack)))
    known = config(packs=str(pack)).replace("policy:", "policy:\n  break_glass_widens: [mine]")
    assert reach(rules_of(tmp_path, known), "acme") == {"device"}
    unknown = known.replace("[mine]", "[mine, yours]")
    with pytest.raises(ConfigError, match=r"nearward\.yaml:5: .*no pack is named yours"):
        rules_of(tmp_path, unknown)


def test_a_pack_of_ones_own_does_not_pass_for_the_one_that_comes_along(tmp_path: Path) -> None:
    """Else a tenant that asks for hipaa would get what everybody has under that name."""
    pack = tmp_path / "mine.yaml"
    pack.write_text(MINE.format("d", "{tier: onprem}").replace("pack: mine", "pack: hipaa"))
    text = config(packs="hipaa").replace("policy:", f"policy:\n  files: [{pack}]")

    with pytest.raises(ConfigError, match="there is a pack named hipaa for all tenants"):
        rules_of(tmp_path, text)


async def test_a_tenants_file_is_watched(tmp_path: Path) -> None:
    """A change in it alone is put in force, although everybody's policy is the same."""
    pack, path = tmp_path / "mine.yaml", tmp_path / "nearward.yaml"
    pack.write_text(MINE.format("d", "{tier: onprem}"))
    path.write_text(config(packs=str(pack)) + f"state_dir: {tmp_path / 'state'}\n")

    def load() -> Settings:
        return load_settings(path, {})

    metrics = Metrics()
    reload = Reload(load(), make=make_rules, load=load, config=path, metrics=metrics)
    before = reload.rules()
    assert "covered" in reach(before, "acme")
    pack.write_text(MINE.format("d", "{tier: cloud}"))
    assert await reload.reload() == "loaded"

    assert reach(reload.rules(), "acme") == {"device"}
    assert reload.rules().policy.hash == before.policy.hash
    assert in_force(metrics) == dict.fromkeys(before.hashes, 0.0) | dict.fromkeys(
        reload.rules().hashes, 1.0
    )


def test_notes_are_in_the_log(tmp_path: Path) -> None:
    """At the start and after a reload: somebody may read them there only."""
    path = tmp_path / "nearward.yaml"
    path.write_text(config() + f"state_dir: {tmp_path / 'state'}\n")
    settings = load_settings(path, {})
    with capture_logs() as logs:
        Reload(settings, make=make_rules, load=lambda: settings, config=path, metrics=Metrics())

    assert [(e["event"], e["log_level"]) for e in logs] == [("policy_note", "warning")]
    assert "plain travels over a network" in logs[0]["note"]


def in_force(metrics: Metrics) -> Mapping[str, float]:
    return {
        sample.labels["hash"]: sample.value
        for metric in metrics.registry.collect()
        if metric.name == "nearward_policy_info"
        for sample in metric.samples
    }


def test_a_tenants_packs_are_proved_and_tested_with_the_rest(tmp_path: Path) -> None:
    """Without names all that is in force is meant."""
    path = tmp_path / "nearward.yaml"
    path.write_text(config("open", packs="part2") + f"state_dir: {tmp_path / 'state'}\n")
    tested = run("policy", "test", "-c", path)

    assert "ok     part2: " in tested.stdout
    assert "ok     open: " in tested.stdout


def test_check_says_what_tenants_have_and_what_may_be_a_slip(tmp_path: Path) -> None:
    """Both commands; a value that nothing has is a note, and so is a way in clear."""
    pack, path = tmp_path / "mine.yaml", tmp_path / "nearward.yaml"
    pack.write_text(MINE.format("d", "{region: atlantis}"))
    path.write_text(config(packs=str(pack)) + f"state_dir: {tmp_path / 'state'}\n")
    policy, whole = run("policy", "check", "-c", path), run("check", "-c", path)

    assert policy.exit_code == whole.exit_code == 0, policy.output + whole.output
    assert "for the tenant acme besides (sha256:" in policy.stdout
    assert "mine: 2 rules" in policy.stdout
    for result in (policy, whole):
        assert f"note: {pack}:6: rule 'no' names the region 'atlantis', which no" in result.stdout
        assert "note: what is sent to plain travels over a network without enc" in result.stdout
