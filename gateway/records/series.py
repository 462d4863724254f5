# SPDX-License-Identifier: Apache-2.0
"""One worker's records as one series across its segments: chain, tree and open intents together.

Pure; no I/O. Sealing and committing are two steps, since a disk may take some lines and not others:
only what is known to be in the file moves the series on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

import orjson

from gateway.records.chain import FIRST, Entry, Link, Seal, stated_mac
from gateway.records.merkle import CompactRange, leaf_hash
from gateway.records.pairing import Pairing

FORMAT = 2  # 1 had no tree, no mac of the segment before, and no counts of what was lost

_NAME = re.compile(r"\d+-(\d{8,})\.jsonl")

Cause = Literal["start", "rotation", "fault"]


def name_after(worker: int, previous: str) -> str:
    """The name of the segment after `previous`, "" for none; ValueError when that is no name."""
    match = _NAME.fullmatch(previous or "0-00000000.jsonl")
    if match is None:
        raise ValueError(f"{previous!r} is no segment")
    return f"{worker}-{int(match[1]) + 1:08d}.jsonl"


def torn_digest(torn: bytes) -> str:
    """What the next segment says about bytes torn off behind the last record, besides how many."""
    return sha256(torn).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Head:
    """How far a worker's tree has grown: `size` leaves, the first being record `base` + 1."""

    worker: int
    base: int
    size: int
    root: bytes

    def to_json(self) -> Entry:
        """As it stands in checkpoints."""
        return {
            "worker": self.worker,
            "base": self.base,
            "size": self.size,
            "root": self.root.hex(),
        }

    @classmethod
    def from_json(cls, found: Any) -> Head:
        """Raises ValueError when it is none."""
        try:
            head = cls(
                int(found["worker"]),
                int(found["base"]),
                int(found["size"]),
                bytes.fromhex(found["root"]),
            )
        except (KeyError, TypeError, ValueError):
            raise ValueError("not the head of a worker's tree") from None
        return head


class Series:
    """Where a worker's records stand. `base` is the last record before the tree began."""

    def __init__(
        self,
        seal: Seal,
        link: Link = FIRST,
        tree: CompactRange | None = None,
        pairing: Pairing | None = None,
    ) -> None:
        self.has_tree = True
        self._seal = seal
        self.link = link
        self.tree = tree or CompactRange()
        self.pairing = pairing or Pairing()

    @property
    def base(self) -> int:
        """The record before the first leaf: 0, or the last one in format 1."""
        return self.link.seq - self.tree.end

    def head(self, worker: int) -> Head:
        """The tree over all records so far."""
        return Head(worker, self.base, self.tree.end, self.tree.root())

    def seal(self, entries: Sequence[Entry]) -> list[bytes]:
        """Lines for `entries`, to be written in this order behind what is committed."""
        link, lines = self.link, []
        for entry in entries:
            line, link = self._seal.seal(link, entry)
            lines.append(line)
        return lines

    def commit(self, entries: Sequence[Entry], lines: Sequence[bytes]) -> None:
        """These records are in the file: go on from behind them."""
        for entry, line in zip(entries, lines, strict=True):
            self.pairing.follow(entry)
            self.tree.append(leaf_hash(line))
        if lines:
            self.link = Link(self.link.seq + len(lines), stated_mac(lines[-1]))

    def pass_by(self, line: bytes) -> None:
        """Go on behind a line that is in the file, unverified; one that is no record is passed."""
        try:
            entry = orjson.loads(line)
            link = Link(entry["seq"], stated_mac(line))
        except (ValueError, KeyError, TypeError):
            return
        self.pairing.follow(entry)
        if self.has_tree:
            self.tree.append(leaf_hash(line))
        self.link = link

    def opening(self, cause: Cause) -> Entry:
        """What the `open` record of a new segment says about the records before it.

        At a start what is open is lost; otherwise the requests are under way and are named.
        """
        entry: Entry = {
            "format": FORMAT,
            "cause": cause,
            "mac_before": self.link.mac.hex(),
            "tree": {"size": self.tree.end, "nodes": [n.hex() for n in self.tree.nodes]},
        }
        if cause == "start":
            entry["lost"] = self.pairing.lose()
        else:
            entry["waiting"] = self.pairing.waiting
        return entry


def begun(seal: Seal, line: bytes) -> Series | None:
    """The series behind the first line of a segment, unverified; None when it is no record."""
    try:
        entry = orjson.loads(line)
        link = Link(entry["seq"], stated_mac(line))
    except (ValueError, KeyError, TypeError):
        return None
    try:
        series = resumed(seal, entry)
    except ValueError:
        series = Series(seal, link)
        series.has_tree = False
    else:
        series.pass_by(line)
    return series


def resumed(seal: Seal, opening: Entry) -> Series:
    """The series before a segment, as its `open` record states it.

    Raises ValueError for a record of format 1, which does not say.
    """
    try:
        tree = opening["tree"]
        return Series(
            seal,
            Link(opening["seq"] - 1, bytes.fromhex(opening["mac_before"])),
            CompactRange(0, tree["size"], (bytes.fromhex(node) for node in tree["nodes"])),
            Pairing((str(name), str(place)) for name, place in opening.get("waiting", ())),
        )
    except (KeyError, TypeError):
        raise ValueError("the `open` record does not say what was before it") from None
