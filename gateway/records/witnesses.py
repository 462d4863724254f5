# SPDX-License-Identifier: Apache-2.0
"""What the check of a log rests on besides the log: the anchors outside it that were asked. Pure.

Rules
-----
1. A chain shows what was changed inside it, and not that its end is missing. What lies beside the
   log (`N.checkpoint`) goes with it. Only who keeps checkpoints elsewhere can tell.
2. A witness speaks up to the last record that it saw of each worker, and for nothing behind that.
3. So words about a log name who was asked and up to where, and say what would not have been seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.records.chain import Entry
from gateway.records.series import Head

_UNSEEN = "records cut off its end, with the checkpoint files beside it, would not be missed here"


@dataclass(frozen=True, slots=True)
class Witness:
    """An anchor outside the log, and the last record that it saw of each worker."""

    name: str
    through: Mapping[int, int]

    @classmethod
    def of(cls, name: str, heads: Iterable[Head]) -> Witness:
        """The witness that saw these heads."""
        through: dict[int, int] = {}
        for head in heads:
            through[head.worker] = max(through.get(head.worker, 0), head.base + head.size)
        return cls(name, dict(sorted(through.items())))

    def to_json(self) -> Entry:
        """As it stands in a bundle and an answer."""
        seen = [{"worker": worker, "record": last} for worker, last in self.through.items()]
        return {"anchor": self.name, "through": seen}

    @classmethod
    def from_json(cls, found: Any) -> Witness:
        """Raises ValueError when it is none."""
        try:
            through = {int(seen["worker"]): int(seen["record"]) for seen in found["through"]}
            return cls(str(found["anchor"]), through)
        except (KeyError, TypeError, ValueError):
            raise ValueError("not an anchor and what it saw") from None

    def __str__(self) -> str:
        """For people."""
        seen = ", ".join(f"worker {worker} up to record {n}" for worker, n in self.through.items())
        return f"{self.name} ({seen or 'nothing yet'})"


def unwitnessed(witnesses: Sequence[Witness], workers: Iterable[int]) -> list[int]:
    """The workers that no witness saw."""
    seen = {worker for witness in witnesses for worker in witness.through}
    return sorted(set(workers) - seen)


def limits(witnesses: Sequence[Witness], workers: Iterable[int]) -> str:
    """What could be missing at the end of a log and would not be seen (rule 3)."""
    missing = unwitnessed(witnesses, workers)
    if not witnesses:
        return f"no anchor outside the log was checked: {_UNSEEN}"
    if missing:
        return f"no anchor saw worker {', '.join(map(str, missing))}: {_UNSEEN}"
    return f"behind what the anchors saw, {_UNSEEN}"


def testimony(witnesses: Sequence[Witness], workers: Iterable[int]) -> list[str]:
    """In lines for people: who was asked, and the limits of that."""
    asked = [f"anchor outside the log: {witness}" for witness in witnesses]
    return [*asked, limits(witnesses, workers)]
