# SPDX-License-Identifier: Apache-2.0
"""Records that found no room while the log could not be written, until the log itself says so.

Rules
-----
1. What was lost is told by one `dropped` record, the last of the next batch: how many records, and
   the requests among them whose intent is on record, so that none of these waits for ever.
2. It is told when that batch is in the file. One that the disk did not take leaves all as it was.
3. Only ids of requests with an intent are kept. While nothing can be written no intent is added, so
   they are no more than the requests that were under way.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from gateway.records.chain import Entry


class Losses:
    """Counts what was dropped. For one event loop."""

    def __init__(self, open_intents: Container[str]) -> None:
        """`open_intents` are the requests whose intent is in the file; read while it is written."""
        self._open = open_intents
        self._batch: Sequence[Entry] = ()
        self._in_batch: frozenset[str] | None = None
        self._telling: tuple[int, int] = (0, 0)
        self._orphans: list[str] = []
        self.total = 0
        self.untold = 0

    def add(self, entry: Entry) -> None:
        """This record is dropped."""
        self.total += 1
        self.untold += 1
        name = entry.get("id", "")
        if name in self._open or name in self._intents_under_way():
            self._orphans.append(name)

    def take_along(self, batch: list[Entry], t: float) -> None:
        """A batch goes to the disk: put what is to be told at its end (rule 1)."""
        self._telling = (self.untold, len(self._orphans))
        if self.untold:
            told = {"t": t, "event": "dropped", "records": self.untold, "ids": [*self._orphans]}
            batch.append(told)
        self._batch, self._in_batch = batch, None

    def returned(self, left: Sequence[Entry]) -> Sequence[Entry]:
        """The disk took the batch but for `left`: what of that is to be tried again (rule 2)."""
        records, orphans = self._telling
        self._telling = (0, 0)
        if records and left:
            return left[:-1]
        self.untold -= records
        del self._orphans[:orphans]
        return left

    def _intents_under_way(self) -> frozenset[str]:
        """Of the batch that is being written: whoever asked for them may have been refused."""
        if self._in_batch is None:
            intents = (e for e in self._batch if e["event"] == "intent")
            self._in_batch = frozenset(e.get("id", "") for e in intents)
        return self._in_batch
