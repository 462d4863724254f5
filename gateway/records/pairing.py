# SPDX-License-Identifier: Apache-2.0
"""Which intents still wait for the record that says how they ended. Pure; no I/O.

Rules
-----
1. An `intent` opens its request; a request that is tried again opens it anew, at its new place.
2. An `outcome` or `refused` record closes it. An outcome of another place than the device must
   find the intent for that place: without one something left that nobody had put on record.
   What stays on the device may lack its intent: it is served while the log cannot be written.
3. A `dropped` record closes the requests whose outcome found no room while the log could not be
   written: these are lost, and it names them.
4. Whatever is open when a writer starts (the one before it died) or stops is lost: its number
   stands in the `open` or `close` record, so that a loss is on record and none can be hidden.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.records.chain import Entry

_DEVICE = "device"


class Pairing:
    """Follows one worker's records in their order."""

    __slots__ = ("_open",)

    def __init__(self, waiting: Iterable[tuple[str, str]] = ()) -> None:
        """`waiting`: (request, place) of each intent that is open already."""
        self._open = dict(waiting)

    @property
    def waiting(self) -> list[tuple[str, str]]:
        """(request, place) of each open intent, oldest first."""
        return list(self._open.items())

    def follow(self, entry: Entry) -> str:
        """Take note of one record; returns what is wrong with it, "" when nothing is."""
        event = entry.get("event")
        if event == "intent":
            self._open[entry.get("id", "")] = entry.get("to", "")
        elif event == "outcome":
            place = self._open.pop(entry.get("id", ""), None)
            if entry.get("to") not in (place, _DEVICE):
                return "an outcome whose intent is not on record"
        elif event == "refused":
            self._open.pop(entry.get("id", ""), None)
        elif event == "dropped":
            self.give_up(entry.get("ids", ()))
        elif event == "close":
            self._open.clear()
        return ""

    def __contains__(self, name: object) -> bool:
        """Whether this request's intent is open."""
        return name in self._open

    def give_up(self, names: Iterable[str]) -> int:
        """Lose the intents of these requests (rule 3); how many were open."""
        return sum(self._open.pop(name, None) is not None for name in names)

    def lose(self) -> int:
        """Give up all open intents (rule 4); how many they were."""
        lost = len(self._open)
        self._open.clear()
        return lost
