# SPDX-License-Identifier: Apache-2.0
"""One record: sealed and unsealed. What a chain of them shows is in test_check.py."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.records.chain import FIRST, Link, Seal, stated_mac

KEY = b"k" * 32


@given(st.binary(max_size=100), st.binary(max_size=200))
def test_mac_is_hmac_sha256(key: bytes, data: bytes) -> None:
    """The prepared states give what the standard library's HMAC gives, for keys of any length."""
    assert Seal(key).mac(data) == hmac.digest(key, data, hashlib.sha256)


@given(st.dictionaries(st.sampled_from(["a", "b", "mac", "event"]), st.text(), min_size=1))
def test_unseal_gives_back_what_was_sealed(entry: dict[str, str]) -> None:
    """A sealed line is JSON with entry, number and mac; unsealing gives them back."""
    link = Link(6, b"m" * 32)
    line, after = Seal(KEY).seal(link, entry)

    assert line.endswith(b'"}\n')
    assert json.loads(line)["seq"] == 7
    assert Seal(KEY).unseal(link, line[:-1]) == ({"seq": 7, **entry}, after)
    assert stated_mac(line) == after.mac


@pytest.mark.parametrize("line", [b"", b"{}", b'"}', b"x" * 200, b'{"seq":1}'])
def test_unseal_refuses_lines_without_a_mac(line: bytes) -> None:
    """A line of another form is refused as such."""
    with pytest.raises(ValueError, match="no mac"):
        Seal(KEY).unseal(FIRST, line)
