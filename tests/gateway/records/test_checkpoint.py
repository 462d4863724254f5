# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: what is signed cannot be changed, and nothing else can be read as one."""

from __future__ import annotations

import dataclasses
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.records.checkpoint import Checkpoint
from gateway.records.series import Head

KEY = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
HEADS = [Head(2, 5, 9, b"b" * 32), Head(0, 0, 7, b"a" * 32)]
MADE = Checkpoint.sign(KEY, HEADS, worker=2, t=1_790_000_000.25)


def test_a_checkpoint_survives_its_line() -> None:
    """Written and read again it is the same, its heads in order, and signed."""
    read = Checkpoint.from_json(orjson.loads(MADE.to_line()))

    assert read == MADE
    assert [head.worker for head in read.heads] == [0, 2]
    assert read.is_signed_by(KEY.public_key())
    assert MADE.to_line().count(b"\n") == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"t": 1_790_000_000.5},
        {"worker": 0},
        {"heads": (HEADS[1],)},
        {"heads": (HEADS[1], Head(2, 5, 8, b"b" * 32))},
        {"heads": (HEADS[1], Head(2, 4, 9, b"b" * 32))},
        {"heads": (HEADS[1], Head(2, 5, 9, b"c" * 32))},
        {"signature": bytes(64)},
        {"signature": b""},
    ],
)
def test_every_part_is_signed(changed: dict[str, Any]) -> None:
    """Another time, maker, worker, size or root does not carry the signature."""
    assert not dataclasses.replace(MADE, **changed).is_signed_by(KEY.public_key())


def test_another_key_signs_nothing_of_ours() -> None:
    """A checkpoint that somebody else signed is none of ours."""
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32)

    assert not MADE.is_signed_by(other.public_key())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["heads", "sig", "t"]), inner),
)


@given(json_values)
def test_anything_else_is_refused(found: Any) -> None:
    """Any JSON that is no checkpoint is a ValueError."""
    with pytest.raises(ValueError, match="not a checkpoint"):
        Checkpoint.from_json(found)
