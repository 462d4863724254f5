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
4. That the range is the whole period shows in its edges: it begins with a record from before, or
   with the log; it ends with one from after, or with the log.
"""

from __future__ import annotations

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
            return cls(
                float(found["since"]),
                float(found["until"]),
                DataClass(found["class"]),
                tuple(map(str, found["regions"])),
            )
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
        self._question = question
        self.left: Counter[tuple[str, str, str, str]] = Counter()

    def follow(self, entry: Entry) -> None:
        """Take note of one record."""
        if self._question.is_about(entry):
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
    """Where a worker's records stand in its tree: leaves [begin, end), and what completes it."""

    worker: int
    begin: int
    end: int
    size: int
    before: tuple[bytes, ...]
    after: tuple[bytes, ...]

    def to_json(self) -> Entry:
        """As it stands in a bundle."""
        return {
            "worker": self.worker,
            "begin": self.begin,
            "end": self.end,
            "size": self.size,
            "before": [node.hex() for node in self.before],
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
                tuple(map(bytes.fromhex, found["after"])),
            )
        except (KeyError, TypeError, ValueError):
            raise ValueError("not a proof") from None


def proven(
    proof: Proof,
    head: Head,
    lines: Iterable[bytes],
    question: Question,
    roots: Mapping[int, bytes],
) -> Iterator[Entry]:
    """The records in `lines`, and at the end ValueError unless they are what `head` signs for.

    `roots` by size, which were anchored, must be those of the tree as it grew, where it can be
    seen growing. Nothing of the records may be believed before the end is reached.
    """
    tree = CompactRange(0, proof.begin, proof.before)
    first: Entry = {}
    entry: Entry = {}
    for line in lines:
        entry = orjson.loads(line)
        first = first or entry
        tree.append(leaf_hash(line))
        if tree.end in roots and tree.root() != roots[tree.end]:
            raise ValueError(f"an anchor saw other records before number {tree.end}")
        yield entry
    if tree.end != proof.end:
        raise ValueError(f"{tree.end - proof.begin} records where the proof is for others")
    tree.extend(CompactRange(proof.end, proof.size, proof.after))
    if (proof.worker, proof.size, tree.root()) != (head.worker, head.size, head.root):
        raise ValueError("the records are not those that the checkpoint signs for")
    # Rule 4. What was before the tree (retired, or of the first format) is not known to be empty.
    is_beginning = proof.begin == 0 and head.base == 0
    if not is_beginning and first.get("t", question.since) >= question.since:
        raise ValueError("the period begins before the first record that is here")
    if proof.end < proof.size and entry.get("t", question.until) <= question.until:
        raise ValueError("the period ends after the last record that is here")
