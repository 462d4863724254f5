# SPDX-License-Identifier: Apache-2.0
"""What a candidate policy would change, as a table."""

from __future__ import annotations

from collections.abc import Iterator

from policies.simulate import Change, Difference

_HEAD = ("requests", "class", "verdict", "opens", "closes", "obligations", "reason")


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
            "rules that name these may change more than is said here"
        )


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
