# SPDX-License-Identifier: Apache-2.0
"""The key file: private, atomic, hashes only."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import orjson
import pytest

from gateway.config_file import ConfigError
from gateway.state.keys import KeyFile, StoredKey, digest_of, new_secret


def key(name: str = "a", secret: str = "s") -> StoredKey:
    return StoredKey(name, digest_of(secret), "acme", "user", "2026-11-01T00:00:00+00:00")


def test_no_file_is_no_keys(tmp_path: Path) -> None:
    """Before the first key there is nothing."""
    assert KeyFile(tmp_path / "absent").read() == []


def test_keys_are_kept(tmp_path: Path) -> None:
    """What was added can be read, in order, by another instance."""
    KeyFile(tmp_path).add(key("a"))
    KeyFile(tmp_path).add(key("b"))

    assert KeyFile(tmp_path).read() == [key("a"), key("b")]


def test_file_is_private_and_holds_no_secret(tmp_path: Path) -> None:
    """Mode 0600 in a directory 0700, with the hash and not the key in it."""
    secret = new_secret()
    KeyFile(tmp_path / "state").add(key(secret=secret))

    path = tmp_path / "state" / "keys.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert secret.encode() not in path.read_bytes()
    assert [p.name for p in path.parent.iterdir()] == ["keys.json"]


def test_ids_are_unique(tmp_path: Path) -> None:
    """A second key of the same name is refused and changes nothing."""
    KeyFile(tmp_path).add(key("a", "one"))
    with pytest.raises(ConfigError, match="'a' exists"):
        KeyFile(tmp_path).add(key("a", "two"))

    assert KeyFile(tmp_path).read() == [key("a", "one")]


def test_revoke(tmp_path: Path) -> None:
    """A revoked key is gone; an unknown one is an error."""
    KeyFile(tmp_path).add(key("a"))
    KeyFile(tmp_path).add(key("b"))
    KeyFile(tmp_path).revoke("a")

    assert KeyFile(tmp_path).read() == [key("b")]
    with pytest.raises(ConfigError, match="no key named 'a'"):
        KeyFile(tmp_path).revoke("a")


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"5", b"null", b'["x"]', b"[{}]", b'[{"id":"a"}]', b"\xff", b"[[]]"),
        orjson.dumps([{"id": "a", "sha256": "zz", "tenant": "t", "role": "r", "created": ""}]),
        orjson.dumps([{"id": "a", "sha256": "ab", "tenant": "t", "role": "r", "created": ""}]),
        orjson.dumps([{"id": "a", "sha256": 5, "tenant": "t", "role": "r", "created": ""}]),
    ],
)
def test_damaged_file_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    """Damage is an error with the path, never an empty list: that would lock everyone out."""
    (tmp_path / "keys.json").write_bytes(content)

    with pytest.raises(ConfigError, match=r"keys\.json: damaged"):
        KeyFile(tmp_path).read()


def test_unreadable_file_is_one_clear_error(tmp_path: Path) -> None:
    """A directory in its place is an error with the path."""
    (tmp_path / "keys.json").mkdir()

    with pytest.raises(ConfigError, match=r"keys\.json: cannot be read"):
        KeyFile(tmp_path).read()


def test_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full the old keys stay, nothing half-written is left, and it is told."""
    KeyFile(tmp_path).add(key("a"))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="No space"):
        KeyFile(tmp_path).add(key("b"))

    assert KeyFile(tmp_path).read() == [key("a")]
    assert [p.name for p in tmp_path.iterdir()] == ["keys.json"]


def test_secrets_are_long_and_differ() -> None:
    """256 bits each time."""
    secrets = {new_secret() for _ in range(100)}

    assert len(secrets) == 100
    assert all(s.startswith("nw-") and len(s) >= 3 + 43 for s in secrets)
