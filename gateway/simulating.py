# SPDX-License-Identifier: Apache-2.0
"""A candidate policy over recorded requests: for `nearward policy simulate` and the endpoint."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from gateway.records.segment import workers
from gateway.records.selection import entries
from policies import Destination, PackSource, Policy
from policies.features import OTHER, Recorded, read_features, texts_named
from policies.load import load_packs, refuse_widening
from policies.pack import Pack
from policies.simulate import Difference, compare

_ENDS = ("outcome", "refused")
Records = Iterable[tuple[str, int, object]]
"""(file, line, record) of each."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The packs of everybody, those of tenants who have more, and the destinations.

    `widening` names the packs that may give more in an emergency: `policy.break_glass_widens`.
    """

    packs: tuple[Pack, ...]
    tenants: Mapping[str, tuple[Pack, ...]]
    destinations: tuple[Destination, ...]
    widening: frozenset[str] = frozenset()


def simulate(current: InForce, sources: Sequence[PackSource], records: Records) -> Difference:
    """What would change. A candidate takes the place of the pack of its name, or is added.

    One whose name only tenants have is for these tenants.

    Raises PolicyError when a record is not what it should be, or a candidate not what a policy in
    force could be.
    """
    candidates = load_packs(sources, current.destinations)
    refuse_widening(candidates, current.widening)
    everybodys = _names(current.packs)
    tenants_own = frozenset().union(*map(_names, current.tenants.values())) - everybodys

    def pair(packs: tuple[Pack, ...]) -> tuple[Policy, Policy]:
        has = _names(packs)
        new = [pack for pack in candidates if pack.name in has or pack.name not in tenants_own]
        kept = [pack for pack in packs if pack.name not in _names(new)]
        changed = Policy.of([*kept, *new], current.destinations)
        return Policy.of(packs, current.destinations), changed

    tenants = {name: pair(packs) for name, packs in current.tenants.items()}
    every = [*current.packs, *(pack for packs in current.tenants.values() for pack in packs)]
    is_new = not texts_named(candidates) <= texts_named(every)
    return compare(*pair(current.packs), _requests(records, is_new), tenants)


def _names(packs: Iterable[Pack]) -> frozenset[str]:
    return frozenset(pack.name for pack in packs)


def simulate_log(
    current: InForce, sources: Sequence[PackSource], directory: Path, since: float, most: int
) -> dict[str, object]:
    """The same over the first `most` records of a log since a moment, as data.

    `is_complete` says whether that was all of them; where it is not, workers whose records come
    last may be missing altogether.
    """
    records, read = recorded(directory, since), 0

    def taken() -> Iterator[tuple[str, int, object]]:
        nonlocal read
        for record in islice(records, most):
            read += 1
            yield record

    found = as_data(simulate(current, sources, taken()))
    return {"records": read, "is_complete": next(records, None) is None, **found}


def recorded(directory: Path, since: float = 0.0) -> Iterator[tuple[str, int, object]]:
    """The records of all workers of an audit log."""
    for worker in workers(directory):
        for entry in entries(directory, worker, since):
            if entry.get("t", since) >= since:
                yield f"worker {worker}", int(entry.get("seq", 0)), entry


def _requests(records: Records, is_new: bool) -> Iterator[Recorded]:
    """`is_new`: the candidate names purposes or regions that no rule did, so none is on record."""
    today = datetime.datetime.now(datetime.UTC).date()
    once = Once()
    for file, line, record in records:
        if isinstance(record, Mapping) and once.is_new(record):
            request = read_features(record, file, line, today=today)
            if request is not None:
                yield _with_doubt(request) if is_new else request


class Once:
    """Tells a request's first record from the one of its end, where both say what it rested on.

    A request that was sent somewhere and got no answer has an intent and is refused as well. Its id
    is kept between the two, and no longer.
    """

    def __init__(self) -> None:
        self._open: set[str] = set()

    def is_new(self, record: Mapping[str, object]) -> bool:
        """Whether nothing was read of its request yet."""
        event, request_id = record.get("event"), record.get("id")
        if not isinstance(request_id, str):
            return True
        if event == "intent" and record.get("attempt", 1) == 1:
            self._open.add(request_id)
        elif event in _ENDS and request_id in self._open:
            self._open.remove(request_id)
            return False
        return True


def _with_doubt(request: Recorded) -> Recorded:
    """What a caller said and no rule named then was written down as `other`."""
    facts = request.facts
    said = {"purpose": facts.purpose, "subject_region": facts.subject_region}
    hidden = {name for name, text in said.items() if text == OTHER}
    return replace(request, missing=request.missing | hidden) if hidden else request


def as_data(difference: Difference) -> dict[str, object]:
    """The same for a program."""
    return {
        "requests": difference.requests,
        "changed": difference.changes.total(),
        "opened": difference.opened,
        "missing": dict(sorted(difference.missing.items())),
        "changes": [
            {
                "requests": count,
                "data_class": change.data_class,
                "verdicts": list(change.verdicts),
                "opened": list(change.opened),
                "closed": list(change.closed),
                "obligations_added": list(change.added),
                "obligations_dropped": list(change.dropped),
                "reasons": list(change.reasons),
            }
            for change, count in difference.changes.most_common()
        ],
    }
