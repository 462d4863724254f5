# SPDX-License-Identifier: Apache-2.0
"""Recorded requests under a candidate policy, and the difference as a table or as data."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gateway.cli.terminal import fail
from policies import PackSource, Policy, PolicyError
from policies.features import Recorded, read_features
from policies.load import load_packs
from policies.simulate import Change, Difference, compare

_HEAD = ("requests", "class", "verdict", "opens", "closes", "obligations", "reason")


def run(
    current: Policy, sources: Sequence[PackSource], records: Iterable[tuple[str, int, object]]
) -> Difference:
    """Ends the command with one line when a candidate or a record is not what it should be."""
    try:
        packs = load_packs(sources, current.destinations)
        names = {pack.name for pack in packs}
        kept = [pack for pack in current.packs if pack.name not in names]
        candidate = Policy.of([*kept, *packs], current.destinations)
        return compare(current, candidate, _requests(records))
    except PolicyError as error:
        fail(error, 1)


def _requests(records: Iterable[tuple[str, int, object]]) -> Iterator[Recorded]:
    today = datetime.datetime.now(datetime.UTC).date()
    for file, line, record in records:
        if isinstance(record, Mapping):
            request = read_features(record, file, line, today=today)
            if request is not None:
                yield request


def as_table(difference: Difference) -> Iterator[str]:
    """A line for each change, the most frequent first, and the sum of them."""
    rows = [_row(change, count) for change, count in difference.changes.most_common()]
    if rows:
        rows = [_HEAD, *rows]
        widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            yield "  ".join(cells).rstrip()
    changed, opened = difference.changes.total(), difference.opened
    yield f"{difference.requests} requests: {changed} would change, {opened} would reach more"
    if difference.missing:
        yield (
            f"the records lack {', '.join(sorted(difference.missing))}: "
            "not given, as far as rules are concerned"
        )


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


def _row(change: Change, count: int) -> tuple[str, ...]:
    owed = [*(f"+{o}" for o in change.added), *(f"-{o}" for o in change.dropped)]
    return (
        str(count),
        change.data_class,
        _arrow(*change.verdicts),
        " ".join(change.opened) or "-",
        " ".join(change.closed) or "-",
        " ".join(owed) or "-",
        _arrow(*change.reasons),
    )


def _arrow(before: str, after: str) -> str:
    return before if before == after else f"{before} -> {after}"
