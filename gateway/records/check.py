# SPDX-License-Identifier: Apache-2.0
"""Checks one worker's series, line by line, in memory that does not grow with the log. Pure.

Rules (those of chain.py, pairing.py and checkpoint.py, read from the other side)
-----
1. The first fault ends its segment. The next one is checked from what its own `open` says, and
   that this is not what the damaged one ends with is the same fault, not another.
2. A log may begin behind segments that were retired, if a later record says so.
3. A checkpoint in the log must fit the records before it; one of another worker, or of an anchor,
   must fit the tree as it was at that size. A tree that never got so large has lost its end.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from gateway.records.chain import Entry, Fault, Link, Seal, whole_bytes
from gateway.records.merkle import leaf_hash
from gateway.records.series import Head, Series, name_after, resumed, torn_digest

_PAIRED = frozenset({"intent", "outcome", "refused"})


class WorkerCheck:
    """What is found in one worker's segments, given oldest first."""

    def __init__(self, seal: Seal, worker: int, wanted: Iterable[tuple[Head, str]] = ()) -> None:
        """`wanted`: heads that must be found, each with who names them."""
        self.worker = worker
        self.records = 0
        self.faults: list[Fault] = []
        self.lost = 0
        self.dropped = 0
        self.named: list[tuple[Head, str]] = []  # heads of other workers, and where they are named
        self.first_size = 0  # of the tree before the first segment that is here
        self.roots: dict[int, bytes] = {}  # by size, at each checkpoint of this worker
        self._seal = seal
        self._wanted = sorted(wanted, key=lambda pair: pair[0].size, reverse=True)
        # Where the next segment must go on; None: where it says, after a fault or at the start.
        self._series: Series | None = None
        self._name: str | None = None
        self._torn = b""
        self._is_legacy = False
        self._gap: tuple[Fault, Entry] | None = None

    @property
    def waiting(self) -> int:
        """Intents at the end of the log that no record has closed or given up yet."""
        return len(self._series.pairing.waiting) if self._series else 0

    def segment(self, name: str, lines: Iterable[bytes]) -> None:
        """Check the next segment; `lines` have their newlines and may raise OSError, ValueError."""
        number, torn = 0, b""
        try:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n"):
                    torn = line
                elif number == 1:
                    self._open(name, line)
                else:
                    self._line(name, line)
                self.records += not torn
            if number <= bool(torn):
                number = 0
                raise ValueError("the segment holds no complete record")
            if len(torn) > whole_bytes(torn):
                raise ValueError("the newline after this record was changed")
        except (OSError, ValueError) as error:
            self.faults.append(Fault(name, number, str(error)))
            self._series = None
        self._name, self._torn = name, torn

    def finish(self) -> None:
        """The end of the log: rules 2 and 3 for what has not been found by now."""
        if self._gap:
            self.faults.insert(0, self._gap[0])
        if self._name and not self._series:
            return  # the last segment is damaged, which is said: how far it went is not known
        while self._wanted:
            head, who = self._wanted.pop()
            have = self._series.tree.end if self._series else 0
            problem = f"{who} saw {head.size} records where {have} are left: the end was deleted"
            self.faults.append(Fault(self._name or f"worker {self.worker}", 0, problem))

    def _open(self, name: str, line: bytes) -> None:
        claims = orjson.loads(line)
        if not isinstance(claims, dict):
            raise ValueError("the line is no record")
        before = self._series or self._beginning(name, claims)
        entry, link = self._seal.unseal(before.link, line[:-1])
        if entry.get("event") != "open":
            raise ValueError("a segment must begin with an `open` record")
        if entry.get("worker", self.worker) != self.worker:
            raise ValueError(f"this segment is worker {entry.get('worker')}'s")
        previous = self._name or ""
        if entry.get("previous") != previous and not (self._name is None and self._gap):
            raise ValueError(f"this segment follows {entry.get('previous')!r}, not {previous!r}")
        if name != name_after(self.worker, str(entry.get("previous"))):
            raise ValueError("this segment has another name, or is another worker's")
        is_legacy = "format" not in entry
        if self._series is not None:
            self._check_continued(entry, self._series)
        self.lost += before.pairing.lose() if is_legacy else entry.get("lost", 0)
        if is_legacy:
            before = Series(self._seal, link)
        self._is_legacy = is_legacy
        self._series = before
        self._take(name, line, link)

    def _beginning(self, name: str, claims: Entry) -> Series:
        """What was before a segment as it says itself: the first here, or one after a fault."""
        if claims.get("previous") == "":
            return Series(self._seal)
        before = resumed(self._seal, claims)
        if self._name is None:
            gone = f"{claims.get('previous')} is gone, and no record says that it was retired"
            self._gap = Fault(name, 1, gone), claims
            self.first_size = before.tree.end
        return before

    def _check_continued(self, entry: Entry, before: Series) -> None:
        torn = self._torn
        if entry.get("torn_bytes") != len(torn):
            raise ValueError(f"the segment before ends in {len(torn)} torn bytes, not declared")
        if torn and entry.get("torn_digest", torn_digest(torn)) != torn_digest(torn):
            raise ValueError("the torn bytes behind the segment before are not those declared")
        if self._is_legacy or "format" not in entry:
            return
        expected = before.opening(entry["cause"])
        for name, value in expected.items():
            if entry.get(name) != orjson.loads(orjson.dumps(value)):
                raise ValueError(f"`{name}` does not fit the records before")

    def _line(self, name: str, line: bytes) -> None:
        series = self._series
        assert series is not None
        entry, link = self._seal.unseal(series.link, line[:-1])
        event = entry.get("event")
        if event in _PAIRED:
            problem = series.pairing.follow(entry)
            if problem and not self._is_legacy:
                raise ValueError(problem)
        elif event == "open":
            raise ValueError("an `open` record stands inside a segment")
        elif event == "dropped":
            self.dropped += entry.get("records", 0)
            self.lost += series.pairing.give_up(entry.get("ids", ()))
        elif event == "close":
            self._close(entry, series)
        elif event == "checkpoint":
            self._checkpoint(name, entry, series)
        elif event == "retired":
            self._retired(entry)
        self._take(name, line, link)

    def _take(self, name: str, line: bytes, link: Link) -> None:
        """The record is good: go on behind it."""
        series = self._series
        assert series is not None
        series.link = link
        if self._is_legacy:
            return
        tree = series.tree
        tree.append(leaf_hash(line))
        while self._wanted and self._wanted[-1][0].size <= tree.end:
            head, who = self._wanted.pop()
            if head.size == tree.end and head != series.head(self.worker):
                raise ValueError(f"the records up to here are not those that {who} saw")

    def _close(self, entry: Entry, series: Series) -> None:
        lost = series.pairing.lose()
        self.lost += lost
        self.dropped += entry.get("dropped", 0)
        if not self._is_legacy and entry.get("lost") != lost:
            raise ValueError(f"{lost} intents are lost here where the record says otherwise")

    def _checkpoint(self, name: str, entry: Entry, series: Series) -> None:
        for head in map(Head.from_json, entry["heads"]):
            if head.worker != self.worker:
                self.named.append((head, name))
            elif head != series.head(self.worker):
                raise ValueError("a checkpoint that does not fit the records before it")
            else:
                self.roots[head.size] = head.root

    def _retired(self, entry: Entry) -> None:
        if self._gap:
            claims = self._gap[1]
            if (entry["through"], entry["mac"]) == (claims.get("previous"), claims["mac_before"]):
                self._gap = None
