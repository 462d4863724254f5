# SPDX-License-Identifier: Apache-2.0
"""Merkle ranges against the tree of RFC 6962 as it is written there."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.records.merkle import CompactRange, leaf_hash

# The leaves and roots that implementations of Certificate Transparency test with.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in ("", "00", "10", "2021", "3031", "40414243", "50" * 8, "60" * 16)
]
leaves = st.lists(st.binary(max_size=4), max_size=70)


def naive_root(given: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if not given:
        return sha256(b"").digest()
    if len(given) == 1:
        return sha256(b"\0" + given[0]).digest()
    split = 1
    while split * 2 < len(given):
        split *= 2
    left, right = naive_root(given[:split]), naive_root(given[split:])
    return sha256(b"\1" + left + right).digest()


def range_of(given: list[bytes], begin: int = 0, end: int | None = None) -> CompactRange:
    found = CompactRange(begin)
    for leaf in given[begin:end]:
        found.append(leaf_hash(leaf))
    return found


def test_known_roots() -> None:
    """The first roots of the known test tree come out."""
    roots = [range_of(LEAVES[:size]).root().hex()[:16] for size in (0, 1, 2, 3)]

    assert roots == ["e3b0c44298fc1c14", "6e340b9cffb37a98", "fac54203e7cc696c", "aeb6bcfe274b70a1"]


@given(leaves)
def test_root_is_the_rfcs(given: list[bytes]) -> None:
    """A range from 0 has the root that the RFC's recursive definition gives."""
    assert range_of(given).root() == naive_root(given)


@given(leaves, st.data())
def test_ranges_that_touch_join(given: list[bytes], data: st.DataObject) -> None:
    """However a tree is cut into ranges, joined in any order they make the same root."""
    first = data.draw(st.integers(0, len(given)))
    second = data.draw(st.integers(first, len(given)))
    left, middle, right = (
        range_of(given, 0, first),
        range_of(given, first, second),
        range_of(given, second),
    )
    middle.extend(right)
    left.extend(middle)

    assert (left.begin, left.end, left.root()) == (0, len(given), naive_root(given))
    assert len(middle.nodes) <= 14


@given(st.lists(st.binary(max_size=4), min_size=2, max_size=40), st.data())
def test_a_proof_holds_for_its_leaf_only(given: list[bytes], data: st.DataObject) -> None:
    """The ranges before and behind a leaf prove it, and no other in its place (rule 3)."""
    at = data.draw(st.integers(0, len(given) - 1))

    def root_with(leaf: bytes) -> bytes:
        tree = range_of(given, 0, at)
        tree.append(leaf_hash(leaf))
        tree.extend(range_of(given, at + 1))
        return tree.root()

    assert root_with(given[at]) == naive_root(given)
    assert root_with(given[at] + b"x") != naive_root(given)


@pytest.mark.parametrize(
    ("begin", "end", "nodes"), [(0, 3, 1), (0, 0, 1), (1, 4, 1), (5, 4, 0), (-1, 0, 1)]
)
def test_a_range_has_the_nodes_that_it_must_have(begin: int, end: int, nodes: int) -> None:
    """A proof with too few or too many hashes, or an impossible range, is refused."""
    with pytest.raises(ValueError, match="Merkle range"):
        CompactRange(begin, end, [bytes(32)] * nodes)


def test_only_what_fits_is_joined_or_has_a_root() -> None:
    """Ranges with a gap between them do not join, and a range within a tree has no root."""
    with pytest.raises(ValueError, match="do not touch"):
        CompactRange(0).extend(CompactRange(1))
    with pytest.raises(ValueError, match="first leaf"):
        CompactRange(1).root()


def test_a_copy_goes_its_own_way() -> None:
    """Appending to a copy leaves the original as it was."""
    tree = range_of(LEAVES[:5])
    tree.copy().append(leaf_hash(b"x"))

    assert tree.root() == naive_root(LEAVES[:5])
