# SPDX-License-Identifier: Apache-2.0
"""A signed statement of how far the log has grown, to be kept where the log's owner cannot reach.

Pure, save for the signature. A checkpoint names the head of every worker's tree (series.py), the
one of its maker exact, the others as last published, and the root of a tree over these heads:

    {"heads":[{"base":0,"root":"<hex>","size":812,"worker":0},...],"root":"<hex>",
     "t":1790000000.123,"worker":0,"sig":"<hex>"}

    sig = Ed25519("nearward checkpoint\\n" || the same object without `sig`, keys sorted)

It holds counts and hashes, nothing about any request. Whoever has one can tell later whether a
record that it covers was changed or is gone (check.py, bundle.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.records.chain import Entry
from gateway.records.merkle import CompactRange, leaf_hash
from gateway.records.series import Head

_DOMAIN = b"nearward checkpoint\n"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`t` in seconds since 1970 by the maker's clock; `heads` in the order of their workers."""

    t: float
    worker: int
    heads: tuple[Head, ...]
    signature: bytes

    @classmethod
    def sign(
        cls, key: Ed25519PrivateKey, heads: Sequence[Head], *, worker: int, t: float
    ) -> Checkpoint:
        """State these heads."""
        ordered = tuple(sorted(heads, key=lambda head: head.worker))
        return cls(t, worker, ordered, key.sign(_statement(t, worker, ordered)))

    @classmethod
    def from_json(cls, found: Any) -> Checkpoint:
        """Read one, unverified; raises ValueError when it is none."""
        try:
            heads = tuple(map(Head.from_json, found["heads"]))
            signature = bytes.fromhex(found["sig"])
            return cls(float(found["t"]), int(found["worker"]), heads, signature)
        except (KeyError, TypeError, ValueError):
            raise ValueError("not a checkpoint") from None

    def to_json(self) -> Entry:
        """As it stands in the log, in anchors and in bundles."""
        return {**_body(self.t, self.worker, self.heads), "sig": self.signature.hex()}

    def to_line(self) -> bytes:
        """One JSON line."""
        return orjson.dumps(self.to_json(), option=orjson.OPT_SORT_KEYS) + b"\n"

    def is_signed_by(self, key: Ed25519PublicKey) -> bool:
        """Whether the signature is that of `key` over just this."""
        try:
            key.verify(self.signature, _statement(self.t, self.worker, self.heads))
        except InvalidSignature:
            return False
        return True


def _statement(t: float, worker: int, heads: tuple[Head, ...]) -> bytes:
    return _DOMAIN + orjson.dumps(_body(t, worker, heads), option=orjson.OPT_SORT_KEYS)


def _body(t: float, worker: int, heads: tuple[Head, ...]) -> Entry:
    tree = CompactRange()
    stated = [head.to_json() for head in heads]
    for head in stated:
        tree.append(leaf_hash(orjson.dumps(head, option=orjson.OPT_SORT_KEYS)))
    return {"heads": stated, "root": tree.root().hex(), "t": t, "worker": worker}
