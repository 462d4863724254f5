# SPDX-License-Identifier: Apache-2.0
"""New rules take the place of old ones whole or not at all, and a fault changes nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.config_file import ConfigError
from gateway.records.metrics import Metrics
from gateway.reload import LIVE_DESTINATION, Reload, needs_restart
from gateway.rules import Rules, make_rules
from gateway.settings import DestinationSettings, Settings, load_settings
from policies import DataClass, Facts, Findings, decide
from tests.gateway.fakes import TODAY

CONFIG = """device: {{enabled: false}}
policy: {{packs: [open], files: [{pack}]}}
destinations:
  - name: c1
    tier: cloud
    base_url: https://{host}.example/v1
    models: {{big: up-big}}
    region: {region}
"""
PACK = """pack: house
version: "1"
description: What the house adds.
otherwise: no_permit
rules:
  - id: anything
    effect: permit
    when: {}
    reason: permitted
    description: Anything that the other packs permit.
    citation: House rules.
"""
FORBID = """  - id: pii-stays
    effect: forbid
    when: {data_class: {at_least: pii}}
    reason: forbidden
    description: Personal data stays.
    citation: House rules.
"""
TESTS = """tests:
  - name: a clean request may leave
    findings: {data_class: public}
    allow: true
    reason: permitted
"""


class Files:
    """A config and a pack on disk, and the reload that watches them."""

    def __init__(self, directory: Path) -> None:
        self.config = directory / "nearward.yaml"
        self.pack = directory / "house.yaml"
        self.metrics = Metrics()
        self.make: Callable[[Settings], Rules] = make_rules
        self.write()
        self.reload = Reload(
            self.load(),
            make=self._made,
            load=self.load,
            config=self.config,
            metrics=self.metrics,
        )

    def _made(self, settings: Settings) -> Rules:
        return self.make(settings)

    def load(self) -> Settings:
        return load_settings(self.config)

    def write(self, *, host: str = "one", region: str = "eu", rules: str = "") -> None:
        self.config.write_text(CONFIG.format(host=host, region=region, pack=self.pack))
        self.pack.write_text(PACK + rules + TESTS)

    def may_leave(self, found: DataClass) -> bool:
        facts = Facts(request_id="r", tenant="t", role="user", today=TODAY)
        return "c1" in decide(facts, Findings(found), self.reload.rules().policy).allowed

    def value(self, name: str, **labels: str) -> float | None:
        self.metrics.flush()
        return self.metrics.registry.get_sample_value(f"nearward_{name}", labels)

    @property
    def hash(self) -> str:
        return self.reload.rules().policy.hash


@pytest.fixture
async def files(tmp_path: Path) -> Files:
    files = Files(tmp_path)
    # What was loaded at the start is looked at once more: a file may have changed since.
    assert [await files.reload.look() for _ in range(3)] == ["waiting", "unchanged", "waiting"]
    return files


async def test_a_changed_file_is_in_force_after_the_second_look(files: Files) -> None:
    """A new pack decides once it has stood still between two looks; its hash is in the metrics."""
    before = files.hash
    assert files.may_leave(DataClass.PII)
    files.write(rules=FORBID)
    assert await files.reload.look() == "waiting"
    assert files.may_leave(DataClass.PII)

    assert await files.reload.look() == "loaded"

    assert not files.may_leave(DataClass.PII)
    assert files.value("policy_info", hash=before) == 0
    assert files.value("policy_info", hash=files.hash) == 1
    assert files.value("policy_reloads_total", outcome="loaded") == 1
    assert files.value("policy_reload_failed") == 0


async def test_a_file_that_is_being_written_is_not_used(files: Files) -> None:
    """A pack that still grows between looks is never loaded, though its first half is valid."""
    files.write(rules=FORBID)
    whole = files.pack.read_text()
    assert [await files.reload.look(), await files.reload.look()] == ["waiting", "loaded"]
    strict = files.hash
    for size in range(len(PACK), len(whole), 60):
        files.pack.write_text(whole[:size])
        assert await files.reload.look() == "waiting"
    assert files.hash == strict


@pytest.mark.parametrize("half", [PACK, PACK + "  - id: [\n"])
@pytest.mark.parametrize("delay_s", [0.0, 0.01])
async def test_a_file_that_is_written_meanwhile_is_not_used(
    files: Files, half: str, delay_s: float
) -> None:
    """A reload asked for amid a write: half a pack, good or not, is neither used nor a fault.

    The rest comes during the build, or soon after it: before the last look is due.
    """
    files.write(rules=FORBID)
    await files.reload.reload()
    before, whole = files.hash, files.pack.read_text()
    loop = asyncio.get_running_loop()

    def write_rest() -> None:
        files.pack.write_text(whole)

    def make(settings: Settings) -> Rules:
        try:
            return make_rules(settings)
        finally:
            loop.call_soon_threadsafe(lambda: loop.call_later(delay_s, write_rest))

    files.pack.write_text(half)
    files.make = make
    assert await files.reload.reload() == "waiting"
    files.make = make_rules
    assert (files.hash, files.value("policy_reload_failed")) == (before, 0)
    assert [await files.reload.look(), await files.reload.look()] == ["waiting", "unchanged"]


async def test_a_file_that_is_written_again_is_not_used_yet(files: Files) -> None:
    """Also when it reads as before: somebody is writing it."""
    files.write(rules=FORBID)

    def make(settings: Settings) -> Rules:
        rules = make_rules(settings)
        os.utime(files.pack, ns=(0, 0))
        files.make = make_rules
        return rules

    files.make = make
    assert [await files.reload.reload(), await files.reload.reload()] == ["waiting", "loaded"]


@pytest.mark.parametrize(
    ("break_it", "where"),
    [
        (lambda f: f.pack.write_text(PACK + "  - id: [\n"), "house.yaml:"),
        (
            lambda f: f.pack.write_text(PACK.replace("effect: permit", "effect: let") + TESTS),
            "house.yaml:7",
        ),
        (lambda f: f.pack.unlink(), "house.yaml: cannot be read"),
        (lambda f: f.config.write_text("polices: {}\n"), "nearward.yaml:1: polices: unknown key"),
        (lambda f: f.config.write_text(""), "nearward.yaml: empty"),
        (lambda f: f.config.unlink(), "nearward.yaml: cannot be read"),
        (lambda f: f.write(host="two"), "destinations.c1.base_url cannot change without a restart"),
    ],
)
async def test_a_bad_file_keeps_the_old_rules(
    files: Files, break_it: Callable[[Files], object], where: str
) -> None:
    """A fault leaves the rules in force, raises the gauge, and is logged once with its place."""
    before = files.reload.rules()
    break_it(files)
    with capture_logs() as logs:
        outcomes = [await files.reload.look() for _ in range(4)]

    assert outcomes == ["waiting", "failed", "waiting", "waiting"]
    assert files.reload.rules() is before
    assert files.value("policy_reload_failed") == 1
    assert files.value("policy_reloads_total", outcome="failed") == 1
    (event,) = logs
    assert (event["event"], event["log_level"]) == ("policy_reload_failed", "error")
    assert where in event["fault"]

    files.write()
    assert [await files.reload.look(), await files.reload.look()] == ["waiting", "unchanged"]
    assert files.value("policy_reload_failed") == 0


async def test_a_file_that_is_new_in_the_config_is_watched_at_once(files: Files) -> None:
    """A pack that the config names for the first time, and that is at fault, can be mended."""
    other = files.pack.with_name("other.yaml")
    other.write_text("pack: [")
    config = files.config.read_text()
    files.config.write_text(config.replace(f"[{files.pack}]", f"[{files.pack}, {other}]"))
    outcomes = [await files.reload.look() for _ in range(4)]
    assert outcomes == ["waiting", "failed", "waiting", "waiting"]

    other.write_text((PACK + FORBID + TESTS).replace("pack: house", "pack: other"))
    assert [await files.reload.look(), await files.reload.look()] == ["waiting", "loaded"]
    assert not files.may_leave(DataClass.PII)


async def test_an_error_of_our_own_keeps_the_old_rules(files: Files) -> None:
    """An exception that nobody foresaw is a failed reload, told without its message."""

    def make(_: Settings) -> Rules:
        raise RuntimeError("words of a file")

    before = files.reload.rules()
    files.make = make
    with capture_logs() as logs:
        assert await files.reload.reload() == "failed"
    assert files.reload.rules() is before
    assert logs[0]["fault"] == "internal error (RuntimeError)"


async def test_policy_and_planner_change_together(files: Files) -> None:
    """A destination's new region is in the policy and in the planner's routes of one value."""
    before = files.reload.rules()
    files.write(region="us")
    await files.reload.reload()

    for rules, region in ((before, "eu"), (files.reload.rules(), "us")):
        assert rules.policy.destinations[1].region == region
        assert rules.planner._away[0].region == region


async def test_a_destination_may_go_and_come_back(files: Files) -> None:
    """Without its entry a destination is not allowed; as it was at the start it may return."""
    whole = files.config.read_text()
    files.config.write_text(whole.split("destinations:")[0])
    assert await files.reload.reload() == "loaded"
    assert not files.may_leave(DataClass.PUBLIC)
    assert files.reload.rules().planner._away == []

    files.config.write_text(whole)
    assert await files.reload.reload() == "loaded"
    assert files.may_leave(DataClass.PUBLIC)


async def test_the_watch_looks_and_hears_requests(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watch reloads at once when asked, and by itself when a file has changed."""
    watch = asyncio.create_task(files.reload.watch())
    async with asyncio.timeout(10):
        files.write(rules=FORBID)
        files.reload.request()
        while files.may_leave(DataClass.PII):
            await asyncio.sleep(0)
        monkeypatch.setattr("gateway.reload._POLL_S", 0.001)
        files.write()
        files.reload.request()  # ends the long wait that is under way
        files.write(rules=FORBID.replace("pii", "confidential"))
        while files.may_leave(DataClass.CONFIDENTIAL):
            await asyncio.sleep(0)
    watch.cancel()


D: dict[str, Any] = {
    "name": "c1",
    "tier": "cloud",
    "base_url": "https://one.example/v1",
    "models": {"big": "up-big"},
}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"server": {"port": 1}}, "server"),
        ({"keys": [{"id": "a", "hash": "sha256:" + "0" * 64}]}, "keys"),
        ({"state": {"store": "redis://x"}}, "state"),
        ({"api_key": "another"}, "api_key"),
        ({"policy": {"default_class": "phi"}}, "policy.default_class"),
        ({"destinations": [D, {**D, "name": "c2"}]}, "destinations.c2 (new)"),
        ({"destinations": [{**D, "base_url": "https://two.example"}]}, "destinations.c1.base_url"),
        ({"destinations": [{**D, "api_key": "k"}]}, "destinations.c1.api_key"),
        ({"destinations": [{**D, "ca_file": "/ca"}]}, "destinations.c1.ca_file"),
        ({"destinations": [{**D, "trains_on_data": False, "region": "eu"}]}, ""),
        ({"destinations": [{**D, "tier": "onprem", "cost": {"input_per_mtok": 1}}]}, ""),
        ({"destinations": []}, ""),
        ({"policy": {"packs": ["open"]}, "aliases": {"a": "auto"}}, ""),
        ({"routing": {"strong_fraction": 0.9}}, ""),
    ],
)
def test_what_needs_a_restart(changes: dict[str, Any], named: str) -> None:
    """Whatever backends, keys and sockets were built from is refused by name; the rest is not."""
    before: dict[str, Any] = {"destinations": [D]}
    assert needs_restart(Settings(**before), Settings(**{**before, **changes})) == named


# What a destination's backend is built from, once.
FIXED_DESTINATION = {
    *("name", "kind", "base_url", "api_key", "timeouts", "ca_file", "max_connections")
}


def test_each_field_of_a_destination_is_live_or_fixed() -> None:
    """A new field of a destination is sorted on purpose: backends are built once."""
    assert set(DestinationSettings.model_fields) == LIVE_DESTINATION | FIXED_DESTINATION
    assert not LIVE_DESTINATION & FIXED_DESTINATION


def test_faulty_first_rules_are_an_error(tmp_path: Path) -> None:
    """At the start there is nothing to keep: the fault is raised."""
    given: dict[str, Any] = {"policy": {"files": [tmp_path / "none.yaml"]}}
    settings = Settings(**given)
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read"):
        Reload(settings, make=make_rules, load=lambda: settings, config=None, metrics=Metrics())
