# SPDX-License-Identifier: Apache-2.0
"""Whatever is done to a log but cutting its end is found, and found where it is.

In both formats: logs of the first one, which had no tree, must verify for ever.
"""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.records.chain import Entry, Fault, Link, Seal
from gateway.records.check import WorkerCheck
from gateway.records.series import Series, torn_digest

KEY = b"k" * 32
GENESIS = bytes(32)
Segments = list[tuple[str, bytes]]


def old_log(*, torn: bytes = b"") -> Segments:
    """Three segments of four records; the second ends in `torn` bytes that the third declares."""
    link, previous, log = Link(0, GENESIS), "", []
    for number in range(3):
        name = f"0-{number + 1:08d}.jsonl"
        declared = len(torn) if number == 2 else 0
        opening: Entry = {"event": "open", "previous": previous, "torn_bytes": declared}
        data = b""
        for entry in [opening, *({"event": "intent", "id": f"r{number}{i}"} for i in range(3))]:
            line, link = Seal(KEY).seal(link, entry)
            data += line
        log.append((name, data + (torn if number == 1 else b"")))
        previous = name
    return log


def new_log(*, torn: bytes = b"") -> Segments:
    """The same, as it is written today; the third segment follows a crash."""
    series, previous, log = Series(Seal(KEY)), "", []
    for number, cause in enumerate(["start", "rotation", "start"]):
        name = f"0-{number + 1:08d}.jsonl"
        entries: list[Entry] = [
            {
                "event": "open",
                "previous": previous,
                "torn_bytes": len(torn) if number == 2 else 0,
                **({"torn_digest": torn_digest(torn)} if torn and number == 2 else {}),
                **series.opening(cause),  # type: ignore[arg-type]
            },
            *({"event": "intent", "id": f"r{number}{i}", "to": "c1"} for i in range(3)),
        ]
        lines = series.seal(entries)
        series.commit(entries, lines)
        log.append((name, b"".join(lines) + (torn if number == 1 else b"")))
        previous = name
    return log


def check(log: Segments, key: bytes = KEY) -> WorkerCheck:
    checked = WorkerCheck(Seal(key), 0)
    for name, data in log:
        checked.segment(name, io.BytesIO(data))
    checked.finish()
    return checked


def verify(log: Segments) -> tuple[int, Fault | None]:
    """Records found whole, and the first fault."""
    checked = check(log)
    return checked.records, checked.faults[0] if checked.faults else None


LOGS = {"old": old_log(), "new": new_log()}
TORN_BYTES = b'{"seq":9,"event":"int'
TORN_LOGS = {"old": old_log(torn=TORN_BYTES), "new": new_log(torn=TORN_BYTES)}
both = pytest.mark.parametrize("kind", ["old", "new"])


def changed(log: Segments, index: int, data: bytes) -> Segments:
    return [(name, data if i == index else old) for i, (name, old) in enumerate(log)]


def found(log: Segments) -> Fault:
    _, fault = verify(log)
    assert fault is not None
    return fault


@both
def test_a_whole_log_is_whole(kind: str) -> None:
    """Untouched logs verify, with and without a declared torn tail; so does an empty one."""
    assert verify(LOGS[kind]) == (12, None)
    assert verify(TORN_LOGS[kind]) == (12, None)
    assert verify([]) == (0, None)


@both
def test_another_key_fits_nothing(kind: str) -> None:
    """Without the key no record verifies."""
    assert check(LOGS[kind], b"x" * 32).records == 0


@both
def test_every_flipped_byte_is_found(kind: str) -> None:
    """Each byte of the log, flipped in one bit or replaced, is found in its own line.

    The newline at the end of a segment that is not the last may show in the next one.
    """
    log = LOGS[kind]
    for index, (name, data) in enumerate(log):
        for at in range(len(data)):
            for mask in (0x01, 0x20, 0x80):
                broken = bytearray(data)
                broken[at] ^= mask
                fault = found(changed(log, index, bytes(broken)))
                assert fault.segment == name
                line = data[:at].count(b"\n") + 1
                assert line - 1 <= fault.line <= line + 1


@given(
    st.sampled_from(["old", "new"]),
    st.integers(0, 2),
    st.integers(0, 10_000),
    st.binary(min_size=1, max_size=3),
)
def test_inserted_bytes_are_found(kind: str, index: int, place: int, more: bytes) -> None:
    """Bytes put in anywhere but behind the last newline are found."""
    log = LOGS[kind]
    name, data = log[index]
    at = place % len(data)

    assert found(changed(log, index, data[:at] + more + data[at:])).segment == name


@pytest.mark.parametrize("log", [*LOGS.values(), *TORN_LOGS.values()])
def test_every_dropped_line_is_found(log: Segments) -> None:
    """Each line taken out is found, save the very last one (rule 4)."""
    for index, (name, data) in enumerate(log):
        lines = data.splitlines(keepends=True)
        for number in range(len(lines)):
            kept = b"".join(lines[:number] + lines[number + 1 :])
            if index == 2 and number == 3:
                assert verify(changed(log, index, kept)) == (11, None)
                continue
            fault = found(changed(log, index, kept))
            # A segment that lost its end is a valid prefix; the next one shows the gap.
            assert fault.segment == (log[index + 1][0] if number >= 3 else name)


@both
def test_every_swap_and_copy_of_lines_is_found(kind: str) -> None:
    """Any two lines exchanged, and any line said twice, within or across segments."""
    log = LOGS[kind]
    lines = [(i, n) for i in range(3) for n in range(4)]
    for a in lines:
        for b in lines:
            if a == b:
                continue
            split = [data.splitlines(keepends=True) for _, data in log]
            split[a[0]][a[1]], split[b[0]][b[1]] = split[b[0]][b[1]], split[a[0]][a[1]]
            swapped = [(n, b"".join(p)) for (n, _), p in zip(log, split, strict=True)]
            assert found(swapped).segment == log[min(a, b)[0]][0]

            split = [data.splitlines(keepends=True) for _, data in log]
            split[a[0]].insert(a[1] + 1, log[b[0]][1].splitlines(keepends=True)[b[1]])
            copied = [(n, b"".join(p)) for (n, _), p in zip(log, split, strict=True)]
            assert found(copied).segment == log[a[0]][0]


@both
@pytest.mark.parametrize("index", [0, 1])
def test_truncated_segment_before_the_last_is_found(kind: str, index: int) -> None:
    """Cut anywhere, a segment with a successor is found, in it or by that successor."""
    log = LOGS[kind]
    names = {log[index][0], log[index + 1][0]}
    for at in range(len(log[index][1])):
        assert found(changed(log, index, log[index][1][:at])).segment in names


@both
def test_truncated_last_segment_is_a_shorter_log(kind: str) -> None:
    """Cutting the last segment within a line leaves the lines before it (rule 4)."""
    log = LOGS[kind]
    data = log[2][1]
    for at in range(1, len(data)):
        count, fault = verify(changed(log, 2, data[:at]))
        whole = data[:at].count(b"\n")
        if whole:
            assert (count, fault) == (8 + whole, None)
        else:
            assert fault == Fault(log[2][0], 0, "the segment holds no complete record")


@both
def test_emptied_dropped_and_swapped_segments_are_found(kind: str) -> None:
    """Segments are chained like lines."""
    log = LOGS[kind]
    assert found(changed(log, 1, b"")) == Fault(
        log[1][0], 0, "the segment holds no complete record"
    )
    assert found(log[1:]).segment == log[1][0]
    assert found([log[0], log[2]]).segment == log[2][0]
    assert found([log[1], log[0], log[2]]).segment == log[1][0]
    assert found([log[0], log[1], log[1], log[2]]).segment == log[1][0]
    assert verify(log[:2]) == (8, None)  # the end as such: only a checkpoint shows it


@both
def test_renamed_segment_is_found(kind: str) -> None:
    """A segment's name follows from that of the one before, which it says."""
    log = LOGS[kind]
    assert "another name" in found([("0-00000009.jsonl", log[0][1]), *log[1:]]).problem
    assert "another name" in found([*log[:2], ("0-00000009.jsonl", log[2][1])]).problem
    assert "another name" in found([("1-00000001.jsonl", log[0][1])]).problem


@both
def test_torn_bytes_must_be_declared_exactly(kind: str) -> None:
    """A torn tail that grew, shrank or appeared is found by the segment after it."""
    log, torn_log = LOGS[kind], TORN_LOGS[kind]
    data = torn_log[1][1]
    for broken in (data[:-1], data + b"x", data.removesuffix(TORN_BYTES)):
        fault = found(changed(torn_log, 1, broken))
        assert fault.segment == torn_log[2][0]
        assert "torn" in fault.problem
    assert found(changed(log, 0, log[0][1] + b'{"seq')).segment == log[1][0]


def test_a_forged_record_with_a_right_mac_and_a_wrong_number_is_found() -> None:
    """The sequence is checked by itself, so a writer's fault is found too."""
    line, _ = Seal(KEY).seal(Link(5, GENESIS), {"event": "open", "previous": "", "torn_bytes": 0})

    assert "sequence number 6 where 1 was due" in found([("s", line)]).problem


def test_a_segment_must_open_with_open() -> None:
    """A valid chain that lacks its opening record is refused."""
    line, _ = Seal(KEY).seal(Link(0, GENESIS), {"event": "intent"})

    assert "open" in found([("s", line)]).problem


@given(st.lists(st.binary(max_size=120), max_size=4))
def test_verify_takes_anything(pieces: list[bytes]) -> None:
    """Garbage in place of segments is a fault, never an exception."""
    count, fault = verify([(str(i), data) for i, data in enumerate(pieces)])

    assert count == 0
    assert (fault is None) == (not pieces)
