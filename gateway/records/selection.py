# SPDX-License-Identifier: Apache-2.0
"""Picks records out of a log, over all workers in the order of time. Reads, verifies nothing."""

from __future__ import annotations

import datetime
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from gateway.records.chain import Entry
from gateway.records.segment import read_lines, read_opening, segments, workers

_EARLIEST_S = 946_684_800.0  # 2000-01-01
_LATEST_S = 4_102_444_800.0  # 2100-01-01


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records; "" and the whole of time mean any.

    A request is chosen by its intent or refusal, and its outcome comes with it, which names neither
    class nor tenant itself.
    """

    since: float = 0.0
    until: float = float("inf")
    data_class: str = ""
    destination: str = ""
    tenant: str = ""
    id: str = ""
    event: str = ""

    def matches(self, entry: Entry) -> bool:
        """Whether a record is chosen by what it says itself."""
        wanted = (
            (self.data_class, "class"),
            (self.destination, "to"),
            (self.tenant, "tenant"),
            (self.id, "id"),
        )
        return all(not value or entry.get(key) == value for value, key in wanted)


def select(directory: Path, selection: Selection) -> Iterator[tuple[int, Entry]]:
    """(worker, record) of each chosen record, by time.

    Raises OSError or ValueError where the log cannot be read; `audit verify` says more then.
    """
    streams = (_of_worker(directory, worker, selection) for worker in workers(directory))
    for _, worker, _, entry in heapq.merge(*streams, key=lambda found: found[:3]):
        yield worker, entry


def _of_worker(
    directory: Path, worker: int, selection: Selection
) -> Iterator[tuple[float, int, int, Entry]]:
    chosen: set[str] = set()
    t = 0.0
    for entry in entries(directory, worker, selection.since):
        # Never backwards, so that streams can be merged though a clock was set.
        t = max(t, entry.get("t", t))
        if not selection.since <= entry.get("t", t) <= selection.until:
            continue
        if _is_chosen(entry, selection, chosen) and selection.event in ("", entry.get("event")):
            yield t, worker, entry.get("seq", 0), entry


def _is_chosen(entry: Entry, selection: Selection, chosen: set[str]) -> bool:
    event, name = entry.get("event"), entry.get("id", "")
    if event == "outcome" and name in chosen:
        chosen.discard(name)
        return True
    if not selection.matches(entry):
        return False
    if event == "intent":
        chosen.add(name)
    return True


def entries(directory: Path, worker: int, since: float = 0.0) -> Iterator[Entry]:
    """The whole records of one worker, oldest first; not of segments that ended before `since`."""
    paths = segments(directory, worker)
    for path, following in zip(paths, [*paths[1:], None], strict=True):
        if since and following and read_opening(following).get("t", since) < since:
            continue
        for line in read_lines(path):
            if line.endswith(b"\n"):
                yield orjson.loads(line)


def records_of(directory: Path, decision_id: str) -> list[Entry]:
    """All records of one request, by time; its worker is in each. Newest segments are read first.

    Raises OSError or ValueError where the log cannot be read.
    """
    wanted = decision_id.encode()
    for worker in workers(directory):
        found: list[Entry] = []
        for path in reversed(segments(directory, worker)):
            lines = [x for x in read_lines(path) if wanted in x and x.endswith(b"\n")]
            entries_here = [e for e in map(orjson.loads, lines) if e.get("id") == decision_id]
            if found and not entries_here:
                break  # a request is in one segment, or in two that follow each other
            found = [*entries_here, *found]
        if found:
            return [{"worker": worker, **entry} for entry in found]
    return []


def moment(text: str) -> float:
    """Seconds since 1970 of an ISO 8601 date or time, UTC if unsaid, or of a number of them.

    A number is 0, the beginning of all, or within this century: a year or a date with digits left
    out would be another time than the one that is meant. Raises ValueError.
    """
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        seconds = float(text)
        if seconds != 0.0 and not _EARLIEST_S <= seconds < _LATEST_S:
            raise
        return seconds
    return found.replace(tzinfo=found.tzinfo or datetime.UTC).timestamp()


def written(t: float) -> str:
    """A moment for people: ISO 8601 in UTC, to the millisecond."""
    found = datetime.datetime.fromtimestamp(t, datetime.UTC)
    return found.isoformat(timespec="milliseconds").replace("+00:00", "Z")
