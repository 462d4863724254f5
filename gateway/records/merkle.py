# SPDX-License-Identifier: Apache-2.0
"""Merkle trees as in RFC 6962 section 2.1, kept as compact ranges. Pure; no I/O.

Theory of operation
-------------------
A tree over n leaves is never held whole. A *compact range* [begin, end) holds one hash for each of
the largest aligned subtrees that make it up, at most 2 log2(n) of them:

    leaf hash = SHA-256(0x00 || leaf)        node hash = SHA-256(0x01 || left || right)

Rule 1. Two neighbours of equal size merge when the left one begins at a multiple of twice that
        size; the nodes of [0, n) are then exactly what the RFC's root of n leaves is made of.
Rule 2. Ranges that touch can be joined: [a, b) + [b, c) = [a, c), without the leaves.
Rule 3. So every proof is a range. Inclusion of leaves [a, b) in a tree of n: the nodes of [0, a)
        and of [b, n). Consistency of m with n: the nodes of [0, m) and of [m, n).
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

_EMPTY_ROOT = sha256().digest()


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of one leaf."""
    return sha256(b"\0" + leaf).digest()


class CompactRange:
    """The leaves [begin, end) of a tree, as the hashes of their largest aligned subtrees."""

    __slots__ = ("begin", "end", "nodes")

    def __init__(self, begin: int = 0, end: int | None = None, nodes: Iterable[bytes] = ()) -> None:
        """Raises ValueError when there are not as many nodes as the range has subtrees."""
        self.begin = begin
        self.end = begin if end is None else end
        self.nodes = list(nodes)
        if len(self.nodes) != len(_sizes(self.begin, self.end)):
            raise ValueError("a Merkle range with too many or too few hashes")

    def copy(self) -> CompactRange:
        """The same range, to go on from without changing this one."""
        return CompactRange(self.begin, self.end, self.nodes)

    def append(self, leaf: bytes) -> None:
        """Add the leaf at `end`, given as its leaf hash."""
        self._push(1, leaf)

    def extend(self, other: CompactRange) -> None:
        """Add the range that begins where this one ends (rule 2); ValueError if it does not."""
        if other.begin != self.end:
            raise ValueError("Merkle ranges that do not touch")
        for size, node in zip(_sizes(other.begin, other.end), other.nodes, strict=True):
            self._push(size, node)

    def _push(self, size: int, node: bytes) -> None:
        nodes, begin = self.nodes, self.begin
        self.end = end = self.end + size
        size *= 2
        while not end % size and end - size >= begin:
            node = sha256(b"\1" + nodes.pop() + node).digest()
            size *= 2
        nodes.append(node)

    def root(self) -> bytes:
        """The RFC's Merkle tree hash of leaves 0 to end; ValueError for a range within a tree."""
        if self.begin:
            raise ValueError("only a range from the first leaf has a root")
        if not self.nodes:
            return _EMPTY_ROOT
        *rest, root = self.nodes
        for node in reversed(rest):
            root = sha256(b"\1" + node + root).digest()
        return root


def _sizes(begin: int, end: int) -> list[int]:
    """How many leaves each subtree of [begin, end) has, from left to right."""
    if not 0 <= begin <= end:
        raise ValueError("a Merkle range that ends before it begins")
    sizes = []
    while begin < end:
        room = 1 << ((end - begin).bit_length() - 1)
        size = min(begin & -begin, room) if begin else room
        sizes.append(size)
        begin += size
    return sizes
