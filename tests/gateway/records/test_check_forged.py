# SPDX-License-Identifier: Apache-2.0
"""Records with a right mac and wrong content, as a faulty writer would make them."""

from __future__ import annotations

import io
from typing import Any

import pytest

from gateway.records.chain import FIRST, Entry, Seal
from gateway.records.check import WorkerCheck
from gateway.records.series import Head, Series

KEY = b"k" * 32


def story() -> list[list[Entry]]:
    """Two segments of a log that is whole; each list begins with its `open` record."""
    series = Series(Seal(KEY))
    first: list[Entry] = [
        {"event": "open", "worker": 0, "previous": "", "torn_bytes": 0, **series.opening("start")},
        {"event": "intent", "id": "a", "to": "c1"},
        {"event": "intent", "id": "b", "to": "c1"},
        {"event": "outcome", "id": "a", "to": "c1"},
    ]
    series.commit(first, series.seal(first))
    heads = [series.head(0).to_json(), Head(7, 0, 3, bytes(32)).to_json()]
    rest: list[Entry] = [{"event": "checkpoint", "heads": heads}]
    series.commit(rest, series.seal(rest))
    second: list[Entry] = [
        {
            "event": "open",
            "worker": 0,
            "previous": "0-00000001.jsonl",
            "torn_bytes": 0,
            **series.opening("rotation"),
        },
        {"event": "close", "dropped": 0, "lost": 1},
    ]
    return [first + rest, second]


def checked(segments: list[list[Entry]]) -> WorkerCheck:
    """What is found when the entries are sealed as they are."""
    link, check = FIRST, WorkerCheck(Seal(KEY), 0)
    for number, entries in enumerate(segments, start=1):
        data = b""
        for entry in entries:
            line, link = Seal(KEY).seal(link, entry)
            data += line
        check.segment(f"0-{number:08d}.jsonl", io.BytesIO(data))
    check.finish()
    return check


def test_the_story_is_whole() -> None:
    """Unchanged it verifies, its loss is counted, and what it names of others is handed on."""
    check = checked(story())

    assert (check.records, check.faults, check.lost) == (7, [], 1)
    assert [(head.worker, where) for head, where in check.named] == [(7, "0-00000001.jsonl")]


@pytest.mark.parametrize(
    ("at", "change", "problem"),
    [
        ((0, 0), {"event": "intent"}, "must begin with an `open` record"),
        ((0, 2), {"event": "open"}, "stands inside a segment"),
        ((0, 3), {"id": "x"}, "an outcome whose intent is not on record"),
        ((0, 3), {"to": "c2"}, "an outcome whose intent is not on record"),
        ((0, 4), {"heads": [Head(0, 0, 4, bytes(32)).to_json()]}, "does not fit the records"),
        ((0, 4), {"heads": [{"worker": 0}]}, "not the head of a worker's tree"),
        ((1, 0), {"previous": "0-00000009.jsonl"}, "this segment follows '0-00000009.jsonl'"),
        ((1, 0), {"torn_bytes": 3}, "0 torn bytes, not declared"),
        ((1, 0), {"waiting": []}, "`waiting` does not fit"),
        ((1, 0), {"tree": {"size": 5, "nodes": []}}, "`tree` does not fit"),
        ((1, 0), {"mac_before": "00" * 32}, "`mac_before` does not fit"),
        ((1, 0), {"cause": "start", "lost": 0}, "`lost` does not fit"),
        ((1, 1), {"lost": 0}, "1 intents are lost here"),
    ],
)
def test_what_does_not_fit(at: tuple[int, int], change: dict[str, Any], problem: str) -> None:
    """Each part of a record that others depend on is checked for itself."""
    segments = story()
    segments[at[0]][at[1]] = {**segments[at[0]][at[1]], **change}
    faults = checked(segments).faults

    assert problem in faults[0].problem
    assert (faults[0].segment, faults[0].line) == (f"0-{at[0] + 1:08d}.jsonl", at[1] + 1)


@pytest.mark.parametrize("line", [b"[]\n", b"7\n", b'"x"\n'])
def test_a_first_line_that_is_no_record(line: bytes) -> None:
    """JSON of another shape is a fault like any other."""
    check = WorkerCheck(Seal(KEY), 0)
    check.segment("0-00000001.jsonl", io.BytesIO(line))

    assert check.faults[0].problem == "the line is no record"
