# SPDX-License-Identifier: Apache-2.0
"""What a log can prove to somebody without its key: a question, its answer, and the proof. Pure.

Rules
-----
1. The question: did data of at least this class leave these regions between two moments?
2. An intent is on record before anything is sent. So where there is none nothing left; where there
   is one, something may have, and counts as having left. A class or region that is unknown counts
   as protected, and as outside. Who may relax a class does not change what was sent: the highest
   counts of what was decided on, found, declared, and carried or given before anybody declared.
3. The records of the period stand in the tree as one range of leaves; the ranges before and behind
   complete it to the root that a checkpoint signs (merkle.py). None can be left out or added.
   On the way it grows past checkpoints behind the period, whose roots can be held against those
   that others kept: only these say that the period itself was not written anew (`is_vouched_for`).
4. That the range is the whole period shows in its edges: it begins with a record from before, or
   with the log; it ends with one from after, or with the log.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.records.chain import Entry
from gateway.records.merkle import CompactRange, leaf_hash
from gateway.records.series import Head
from policies import DataClass, Tier


@dataclass(frozen=True, slots=True)
class Question:
    """Rule 1. `regions` hold those below them too: "eu" holds "eu-west-1"."""

    since: float
    until: float
    data_class: DataClass
    regions: tuple[str, ...]

    def to_json(self) -> Entry:
        """As it stands in a bundle."""
        return {
            "since": self.since,
            "until": self.until,
            "class": self.data_class,
            "regions": list(self.regions),
        }

    @classmethod
    def from_json(cls, found: Any) -> Question:
        """Raises ValueError when it is none."""
        try:
            since, until = float(found["since"]), float(found["until"])
            if not (math.isfinite(since) and math.isfinite(until) and since <= until):
                raise ValueError
            return cls(since, until, DataClass(found["class"]), tuple(map(str, found["regions"])))
        except (KeyError, TypeError, ValueError):
            raise ValueError("not a question") from None

    def is_about(self, entry: Entry) -> bool:
        """Whether the record says that data in question may have left (rule 2)."""
        return (
            entry.get("event") == "intent"
            and entry.get("tier") != Tier.DEVICE
            and self.since <= entry.get("t", self.since) <= self.until
            and self._is_protected(highest_class(entry))
            and not self._is_inside(str(entry.get("region", "")))
        )

    def _is_protected(self, found: DataClass) -> bool:
        return DataClass.join(found, self.data_class) is found

    def _is_inside(self, region: str) -> bool:
        return any(region == inside or region.startswith(f"{inside}-") for inside in self.regions)


def highest_class(entry: Entry) -> DataClass:
    """The highest class that an intent speaks of (rule 2); UNKNOWN for what it does not say."""
    facts = entry.get("facts")
    if not isinstance(facts, dict):
        return DataClass.UNKNOWN
    said = [entry.get("class"), entry.get("detected"), facts.get("default_class")]
    said += [facts["declared_class"]] if "declared_class" in facts else []
    try:
        highest = DataClass.join(*(DataClass(str(name)) for name in said))
    except ValueError:
        return DataClass.UNKNOWN
    # Media cannot be read, so they are taken for health information unless somebody relaxes that.
    return DataClass.join(highest, DataClass.PHI) if facts.get("has_media") else highest


class Answer:
    """Counts what left, by the class decided on, the highest, destination and region."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.left: Counter[tuple[str, str, str, str]] = Counter()

    def follow(self, entry: Entry) -> None:
        """Take note of one record."""
        if self.question.is_about(entry):
            place = entry.get("to", ""), entry.get("region", "")
            self.left[entry.get("class", ""), highest_class(entry).value, *place] += 1

    def to_json(self) -> Entry:
        """As it stands in a bundle."""
        return {
            "left": bool(self.left),
            "requests": [
                {"class": c, "highest": h, "destination": d, "region": r, "count": n}
                for (c, h, d, r), n in sorted(self.left.items())
            ],
        }


@dataclass(frozen=True, slots=True)
class Proof:
    """Where a worker's records stand in its tree: leaves [begin, end), and what completes it.

    `steps` are sizes behind `end` with the nodes from the size before; `after` are those from the
    last of them to `size`.
    """

    worker: int
    begin: int
    end: int
    size: int
    before: tuple[bytes, ...]
    steps: tuple[tuple[int, tuple[bytes, ...]], ...]
    after: tuple[bytes, ...]

    def to_json(self) -> Entry:
        """As it stands in a bundle."""
        return {
            "worker": self.worker,
            "begin": self.begin,
            "end": self.end,
            "size": self.size,
            "before": [node.hex() for node in self.before],
            "steps": [{"size": s, "nodes": [n.hex() for n in nodes]} for s, nodes in self.steps],
            "after": [node.hex() for node in self.after],
        }

    @classmethod
    def from_json(cls, found: Any) -> Proof:
        """Raises ValueError when it is none."""
        try:
            return cls(
                int(found["worker"]),
                int(found["begin"]),
                int(found["end"]),
                int(found["size"]),
                tuple(map(bytes.fromhex, found["before"])),
                tuple(
                    (int(step["size"]), tuple(map(bytes.fromhex, step["nodes"])))
                    for step in found.get("steps", ())
                ),
                tuple(map(bytes.fromhex, found["after"])),
            )
        except (KeyError, TypeError, ValueError):
            raise ValueError("not a proof") from None


class Growth:
    """A worker's tree as it grows along a proof, held against the roots that anchors saw, by size.

    `compared` are the sizes at which that was done.
    """

    def __init__(self, proof: Proof, roots: Mapping[int, bytes]) -> None:
        self.proof = proof
        self.compared: set[int] = set()
        self._roots = roots
        self._tree = CompactRange(0, proof.begin, proof.before)
        self._compare()

    @property
    def size(self) -> int:
        """How many leaves it has."""
        return self._tree.end

    def append(self, line: bytes) -> None:
        """Grow by a record; ValueError when an anchor saw another tree of this size."""
        self._tree.append(leaf_hash(line))
        self._compare()

    def finish(self) -> bytes:
        """Grow to the size that the proof is for, over its steps; the root there."""
        for size, nodes in (*self.proof.steps, (self.proof.size, self.proof.after)):
            self._tree.extend(CompactRange(self._tree.end, size, nodes))
            self._compare()
        return self._tree.root()

    def _compare(self) -> None:
        size = self._tree.end
        if size in self._roots:
            if self._tree.root() != self._roots[size]:
                raise ValueError(f"an anchor saw other records before number {size}")
            self.compared.add(size)

    def is_vouched_for(self, through: int, caused: int, *, is_later: bool) -> bool:
        """Whether anchors saw all of the period, whose last record is number `through`.

        Either they saw a record behind it, which is later; or they looked after the period, which
        is `is_later`, and behind all that they saw are only records that the log makes itself: the
        last that somebody caused is number `caused`.
        """
        seen = max(self.compared, default=-1)
        is_newest = seen == max(self._roots, default=0)
        return seen > through or (is_newest and is_later and seen >= caused)


def proven(
    growth: Growth, head: Head, lines: Iterable[bytes], question: Question
) -> Iterator[Entry]:
    """The records in `lines`, and at the end ValueError unless they are what `head` signs for.

    Nothing of the records may be believed before the end is reached.
    """
    proof = growth.proof
    first: Entry = {}
    entry: Entry = {}
    for line in lines:
        entry = orjson.loads(line)
        first = first or entry
        growth.append(line)
        yield entry
    if growth.size != proof.end:
        raise ValueError(f"{growth.size - proof.begin} records where the proof is for others")
    if (proof.worker, proof.size, growth.finish()) != (head.worker, head.size, head.root):
        raise ValueError("the records are not those that the checkpoint signs for")
    # Rule 4. What was before the tree (retired, or of the first format) is not known to be empty.
    is_beginning = proof.begin == 0 and head.base == 0
    if not is_beginning and first.get("t", question.since) >= question.since:
        raise ValueError("the period begins before the first record that is here")
    if proof.end < proof.size and entry.get("t", question.until) <= question.until:
        raise ValueError("the period ends after the last record that is here")
