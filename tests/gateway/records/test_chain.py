# SPDX-License-Identifier: Apache-2.0
"""The chain: whatever is done to a log but cutting its end is found, and found where it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.records.chain import GENESIS, Entry, Fault, Link, last_link, seal, unseal, verify

KEY = b"k" * 32
Segments = list[tuple[str, bytes]]


def make_log(*, torn: bytes = b"") -> Segments:
    """Three segments of four records; the second ends in `torn` bytes that the third declares."""
    link, previous, log = Link(0, GENESIS), "", []
    for number in range(3):
        name = f"0-{number + 1:08d}.jsonl"
        declared = len(torn) if number == 2 else 0
        opening: Entry = {"event": "open", "previous": previous, "torn_bytes": declared}
        data = b""
        for entry in [opening, *({"event": "intent", "id": f"r{number}{i}"} for i in range(3))]:
            line, link = seal(KEY, link, entry)
            data += line
        log.append((name, data + (torn if number == 1 else b"")))
        previous = name
    return log


LOG = make_log()
TORN = make_log(torn=b'{"seq":9,"event":"int')


def changed(log: Segments, index: int, data: bytes) -> Segments:
    return [(name, data if i == index else old) for i, (name, old) in enumerate(log)]


def found(log: Segments) -> Fault:
    _, fault = verify(KEY, log)
    assert fault is not None
    return fault


def test_a_whole_log_is_whole() -> None:
    """Untouched logs verify, with and without a declared torn tail; so does an empty one."""
    assert verify(KEY, LOG) == (12, None)
    assert verify(KEY, TORN) == (12, None)
    assert verify(KEY, []) == (0, None)


def test_another_key_fits_nothing() -> None:
    """Without the key no record verifies."""
    assert verify(b"x" * 32, LOG)[0] == 0


def test_every_flipped_byte_is_found() -> None:
    """Each byte of the log, flipped in one bit or replaced, is found in its own line.

    The newline at the end of a segment that is not the last may show in the next one.
    """
    for index, (name, data) in enumerate(LOG):
        for at in range(len(data)):
            for mask in (0x01, 0x20, 0x80):
                broken = bytearray(data)
                broken[at] ^= mask
                fault = found(changed(LOG, index, bytes(broken)))
                assert fault.segment == name
                line = data[:at].count(b"\n") + 1
                assert line - 1 <= fault.line <= line + 1


@given(st.integers(0, 2), st.integers(0, 10_000), st.binary(min_size=1, max_size=3))
def test_inserted_bytes_are_found(index: int, place: int, more: bytes) -> None:
    """Bytes put in anywhere but behind the last newline are found."""
    name, data = LOG[index]
    at = place % len(data)

    assert found(changed(LOG, index, data[:at] + more + data[at:])).segment == name


@pytest.mark.parametrize("log", [LOG, TORN], ids=["plain", "torn"])
def test_every_dropped_line_is_found(log: Segments) -> None:
    """Each line taken out is found, save the very last one (rule 4)."""
    for index, (name, data) in enumerate(log):
        lines = data.splitlines(keepends=True)
        for number in range(len(lines)):
            kept = b"".join(lines[:number] + lines[number + 1 :])
            if index == 2 and number == 3:
                assert verify(KEY, changed(log, index, kept)) == (11, None)
                continue
            fault = found(changed(log, index, kept))
            # A segment that lost its end is a valid prefix; the next one shows the gap.
            assert fault.segment == (log[index + 1][0] if number >= 3 else name)


def test_every_swap_and_copy_of_lines_is_found() -> None:
    """Any two lines exchanged, and any line said twice, within or across segments."""
    lines = [(i, n) for i in range(3) for n in range(4)]
    for a in lines:
        for b in lines:
            if a == b:
                continue
            split = [data.splitlines(keepends=True) for _, data in LOG]
            split[a[0]][a[1]], split[b[0]][b[1]] = split[b[0]][b[1]], split[a[0]][a[1]]
            swapped = [(n, b"".join(p)) for (n, _), p in zip(LOG, split, strict=True)]
            assert found(swapped).segment == LOG[min(a, b)[0]][0]

            split = [data.splitlines(keepends=True) for _, data in LOG]
            split[a[0]].insert(a[1] + 1, LOG[b[0]][1].splitlines(keepends=True)[b[1]])
            copied = [(n, b"".join(p)) for (n, _), p in zip(LOG, split, strict=True)]
            assert found(copied).segment == LOG[a[0]][0]


@pytest.mark.parametrize("index", [0, 1])
def test_truncated_segment_before_the_last_is_found(index: int) -> None:
    """Cut anywhere, a segment with a successor is found, in it or by that successor."""
    names = {LOG[index][0], LOG[index + 1][0]}
    for at in range(len(LOG[index][1])):
        assert found(changed(LOG, index, LOG[index][1][:at])).segment in names


def test_truncated_last_segment_is_a_shorter_log() -> None:
    """Cutting the last segment within a line leaves the lines before it (rule 4)."""
    data = LOG[2][1]
    for at in range(1, len(data)):
        count, fault = verify(KEY, changed(LOG, 2, data[:at]))
        whole = data[:at].count(b"\n")
        if whole:
            assert (count, fault) == (8 + whole, None)
        else:
            assert fault == Fault(LOG[2][0], 0, "the segment holds no complete record")


def test_emptied_dropped_and_swapped_segments_are_found() -> None:
    """Segments are chained like lines."""
    assert found(changed(LOG, 1, b"")) == Fault(
        LOG[1][0], 0, "the segment holds no complete record"
    )
    assert found(LOG[1:]).segment == LOG[1][0]
    assert found([LOG[0], LOG[2]]).segment == LOG[2][0]
    assert found([LOG[1], LOG[0], LOG[2]]).segment == LOG[1][0]
    assert found([LOG[0], LOG[1], LOG[1], LOG[2]]).segment == LOG[1][0]
    assert verify(KEY, LOG[:2]) == (8, None)  # the end as such: only a checkpoint shows it


def test_renamed_segment_is_found() -> None:
    """The next segment knows its predecessor's name."""
    assert "follows" in found([("0-00000009.jsonl", LOG[0][1]), *LOG[1:]]).problem


def test_torn_bytes_must_be_declared_exactly() -> None:
    """A torn tail that grew, shrank or appeared is found by the segment after it."""
    name, data = TORN[1]
    for broken in (data[:-1], data + b"x", LOG[1][1]):
        fault = found(changed(TORN, 1, broken))
        assert fault.segment == TORN[2][0]
        assert "torn" in fault.problem
    assert found(changed(LOG, 0, LOG[0][1] + b'{"seq')).segment == LOG[1][0]
    assert name == LOG[1][0]


def test_a_forged_record_with_a_right_mac_and_a_wrong_number_is_found() -> None:
    """The sequence is checked by itself, so a writer's fault is found too."""
    line, _ = seal(KEY, Link(5, GENESIS), {"event": "open", "previous": "", "torn_bytes": 0})

    assert "sequence number 6 where 1 was due" in found([("s", line)]).problem


def test_a_segment_must_open_with_open() -> None:
    """A valid chain that lacks its opening record is refused."""
    line, _ = seal(KEY, Link(0, GENESIS), {"event": "intent"})

    assert "open" in found([("s", line)]).problem


@given(st.dictionaries(st.sampled_from(["a", "b", "mac", "event"]), st.text()))
def test_unseal_gives_back_what_was_sealed(entry: dict[str, str]) -> None:
    """A sealed line is JSON with entry, number and mac; unsealing gives them back."""
    link = Link(6, b"m" * 32)
    line, after = seal(KEY, link, entry)

    assert line.endswith(b'"}\n')
    assert json.loads(line)["seq"] == 7
    assert unseal(KEY, link, line[:-1]) == ({"seq": 7, **entry}, after)
    assert last_link(line) == (after, 0)


@pytest.mark.parametrize("line", [b"", b"{}", b'"}', b"x" * 200, b'{"seq":1}'])
def test_unseal_refuses_lines_without_a_mac(line: bytes) -> None:
    """A line of another form is refused as such."""
    with pytest.raises(ValueError, match="no mac"):
        unseal(KEY, Link(0, GENESIS), line)


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_last_link_of_anything(data: bytes) -> None:
    """Any bytes give a link or ValueError, never another error."""
    try:
        link, torn = last_link(data)
    except ValueError as error:
        assert str(error) == "no complete record"
    else:
        assert torn <= len(data)
        assert isinstance(link, Link)


def test_last_link_counts_torn_bytes() -> None:
    """The link is that of the last complete line; what follows is torn."""
    link, torn = last_link(TORN[1][1])

    assert (link.seq, torn) == (8, len(b'{"seq":9,"event":"int'))


@given(st.lists(st.binary(max_size=120), max_size=4))
def test_verify_takes_anything(pieces: list[bytes]) -> None:
    """Garbage in place of segments is a fault, never an exception."""
    count, fault = verify(KEY, ((str(i), data) for i, data in enumerate(pieces)))

    assert count == 0
    assert (fault is None) == (not pieces)
