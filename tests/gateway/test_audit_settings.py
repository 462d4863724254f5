# SPDX-License-Identifier: Apache-2.0
"""The audit section of the settings, and what is wired from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.bootstrap import build
from gateway.config_file import ConfigError
from gateway.reach import make_anchors
from gateway.settings import load_settings
from tests.gateway.serving_gateway import settings_for

FULL = """audit:
  durability: strict
  anchors:
    - file: /mnt/other/anchor.jsonl
    - {url: "https://log.example/checkpoints", token: "${env:LOG_TOKEN}"}
    - {url: "http://127.0.0.1:9/x?y=1"}
  checkpoint_s: 30
  checkpoint_records: 500
  rotate_mb: 8
  rotate_s: 3600
  retention_days: 30
  compress: false
"""


def settings_from(tmp_path: Path, text: str) -> object:
    path = tmp_path / "n.yaml"
    path.write_text(text)
    return load_settings(path, {"LOG_TOKEN": "t0ken"})


def test_every_key_is_read(tmp_path: Path) -> None:
    """All keys parse, secrets stay secret, and the anchors can be made, in order."""
    path = tmp_path / "n.yaml"
    path.write_text(FULL)
    settings = load_settings(path, {"LOG_TOKEN": "t0ken"})

    assert "t0ken" not in repr(settings)
    assert (settings.audit.retention_days, settings.audit.compress) == (30, False)
    assert [anchor.name for anchor in make_anchors(settings)] == [
        "file /mnt/other/anchor.jsonl",
        "http https://log.example:443",
        "http http://127.0.0.1:9",
    ]


def test_six_years_by_default() -> None:
    """What HIPAA asks for, without a word in the config."""
    assert load_settings(None, {}).audit.retention_days == 2192


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("audit: {retain_days: 3}\n", "retain_days: unknown key"),
        ("audit: {anchors: [{}]}\n", "an anchor is one of: file, url, redis"),
        ("audit: {anchors: [{file: /a, redis: 'redis://b'}]}\n", "an anchor is one of"),
        ("audit: {anchors: [{url: 'ftp://b'}]}\n", "url"),
        ("audit: {anchors: [{redis: 'http://b'}]}\n", "redis"),
        ("audit: {anchors: [{file: /a, path: /b}]}\n", "path: unknown key"),
        ("audit: {checkpoint_s: 0}\n", "checkpoint_s"),
        ("audit: {rotate_mb: 0}\n", "rotate_mb"),
        ("audit: {retention_days: 0}\n", "retention_days"),
    ],
)
def test_faults_are_named(tmp_path: Path, text: str, fault: str) -> None:
    """Unknown keys and impossible values are one line with file and line."""
    with pytest.raises(ConfigError, match=r"n\.yaml:1: ") as caught:
        settings_from(tmp_path, text)

    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("anchor", "fault"),
    [
        ({"url": "http://a.example:99999/"}, "audit.anchors.0: the port"),
        ({"url": "http://a.example/", "token": "a\nb"}, "audit.anchors.0: token or url"),
        ({"url": "https://a.example/", "ca_file": "/nowhere.pem"}, "ca_file cannot be read"),
    ],
)
def test_anchors_that_cannot_be_made(tmp_path: Path, anchor: dict[str, str], fault: str) -> None:
    """They stop the start, before a log is begun."""
    settings = settings_for(tmp_path, audit={"anchors": [anchor]})
    with pytest.raises(ConfigError, match=fault):
        build(settings)

    assert not (tmp_path / "audit").exists()


def test_a_redis_anchor_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "redis.asyncio", None)
    settings = settings_for(tmp_path, audit={"anchors": [{"redis": "redis://127.0.0.1"}]})

    with pytest.raises(ConfigError, match=r"nearward\[redis\]"):
        make_anchors(settings)
