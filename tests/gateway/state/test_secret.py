# SPDX-License-Identifier: Apache-2.0
"""The key for callers' words: one for all workers, private, and codes that cannot be confused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.config_file import ConfigError
from gateway.state.secret import Secret, stored_secret


def test_codes_tell_apart_what_differs() -> None:
    """Another key, purpose, word or split gives another code; the same gives the same."""
    secret = Secret(b"key")
    codes = [
        secret.code("a", "bc", "d"),
        secret.code("a", "b", "cd"),
        secret.code("ab", "c", "d"),
        secret.code("a", "bcd"),
        Secret(b"other").code("a", "bc", "d"),
    ]
    assert len(set(codes)) == len(codes)
    assert secret.code("a", "\udcff") == Secret(b"key").code("a", "\udcff")
    assert "key" not in repr(secret)


def test_all_workers_get_one_key(tmp_path: Path) -> None:
    """Who comes first makes it; the others, at the same time or later, read the same."""
    with ThreadPoolExecutor(8) as pool:
        secrets = list(pool.map(lambda _: stored_secret(tmp_path / "state"), range(8)))

    assert len({s.code("x") for s in secrets}) == 1
    (path,) = (tmp_path / "state").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert stored_secret(tmp_path / "other").code("x") != secrets[0].code("x")


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_damaged_key_is_an_error(tmp_path: Path, content: bytes) -> None:
    """Half a key is none: with it, sessions would have other codes."""
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ConfigError, match="damaged"):
        stored_secret(tmp_path)


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    """A file where the directory should be is one clear line."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be used"):
        stored_secret(tmp_path / "file" / "x")
