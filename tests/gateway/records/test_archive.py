# SPDX-License-Identifier: Apache-2.0
"""Closed segments: packed without a change, retired in order, and the rest still verifies."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from gateway.records.archive import Archive
from gateway.records.audit import AuditLog
from gateway.records.chain import Link, Seal
from gateway.records.custody import audit_key, read_public_key
from gateway.records.segment import read_lines, segments
from gateway.records.verification import anchored_heads, verify_log
from tests.gateway.fakes import FakeClock


@pytest.fixture
async def directory(tmp_path: Path) -> Path:
    """Four segments, a day apart; anchored in the second and the last."""
    directory, clock = tmp_path / "audit", FakeClock(1000.0)
    anchor = tmp_path / "anchor.jsonl"
    for number in range(4):
        log = AuditLog(directory, clock=clock, stall_s=10)
        await log.intent({"event": "intent", "id": f"r{number}", "to": "c1"}, sync=False)
        if number in (1, 3):
            made = await log.checkpoint()
            assert made is not None
            with anchor.open("ab") as file:
                file.write(made.to_line())
        log.close()
        clock.now += 86_400
    return directory


def names(directory: Path) -> list[str]:
    return [path.name for path in segments(directory, 0)]


def test_compression_keeps_every_byte(directory: Path) -> None:
    """Closed segments are packed, the last is not; the log verifies as before."""
    before = [path.read_bytes() for path in segments(directory, 0)]
    records = verify_log(directory).records

    assert Archive(directory, 0).compress() == 3
    assert Archive(directory, 0).compress() == 0

    paths = segments(directory, 0)
    assert [path.suffix for path in paths] == [".gz", ".gz", ".gz", ".jsonl"]
    assert [b"".join(read_lines(path)) for path in paths] == before
    assert not list(directory.glob(".packing-*"))
    report = verify_log(directory)
    assert (report.records, report.faults) == (records, [])


def test_a_segment_that_is_packed_while_somebody_reads(directory: Path) -> None:
    """A list of segments that was made before still leads to their records."""
    listed = segments(directory, 0)
    before = [list(read_lines(path)) for path in listed]
    Archive(directory, 0).compress()

    assert [list(read_lines(path)) for path in listed] == before


def test_a_crash_while_packing_leaves_the_plain_segment(directory: Path) -> None:
    """With both there the plain one counts, and is packed again."""
    Archive(directory, 0).compress()
    packed = directory / "0-00000002.jsonl.gz"
    plain = directory / "0-00000002.jsonl"
    plain.write_bytes(gzip.decompress(packed.read_bytes()))
    packed.write_bytes(b"half")
    (directory / ".packing-0-00000002.jsonlabc").write_bytes(b"half")

    assert verify_log(directory).faults == []
    assert Archive(directory, 0).compress() == 1
    assert not plain.exists()
    assert not list(directory.glob(".packing-*"))
    assert verify_log(directory).faults == []


@pytest.mark.parametrize("tail", [b"", b"xxxxxxxxx"], ids=["cut", "changed"])
def test_a_damaged_packed_segment_is_a_fault(directory: Path, tail: bytes) -> None:
    """Cut or changed, it is named; the ones behind it are still checked."""
    Archive(directory, 0).compress()
    path = directory / "0-00000002.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-9] + tail)

    assert {fault.segment for fault in verify_log(directory).faults} == {"0-00000002.jsonl"}


async def retire(directory: Path, before_t: float) -> None:
    log = AuditLog(directory, clock=FakeClock(400_000.0), stall_s=10)
    archive = Archive(directory, 0)
    expired = archive.expired(before_t)
    assert expired is not None
    await log.note(expired.to_entry(400_000.0))
    archive.delete(expired)
    log.close()


async def test_retired_segments_leave_a_log_that_verifies(directory: Path) -> None:
    """The oldest go, on record; what is left is whole, and fits anchors younger than itself."""
    Archive(directory, 0).compress()
    await retire(directory, 1000.0 + 2.5 * 86_400)

    assert names(directory) == [
        "0-00000003.jsonl.gz",
        "0-00000004.jsonl",
        "0-00000005.jsonl",
    ]
    heads = anchored_heads(
        directory.parent / "anchor.jsonl", read_public_key(directory / "signing.pub")
    )
    assert verify_log(directory, heads).faults == []


async def test_more_than_was_retired_is_missed(directory: Path) -> None:
    """Deleting one segment more than the record says is found."""
    await retire(directory, 1000.0 + 1.5 * 86_400)
    assert verify_log(directory).faults == []
    segments(directory, 0)[0].unlink()

    (fault,) = verify_log(directory).faults
    assert "is gone, and no record says that it was retired" in fault.problem


def test_the_oldest_deleted_by_hand_is_missed(directory: Path) -> None:
    """Without a record the beginning of a log cannot go."""
    segments(directory, 0)[0].unlink()

    (fault,) = verify_log(directory).faults
    assert fault.problem.startswith("0-00000001.jsonl is gone")


def test_nothing_young_expires(directory: Path) -> None:
    """A segment goes only when the next one was begun before the limit; the last never goes."""
    archive = Archive(directory, 0)

    assert archive.expired(1000.0 + 86_400) is None
    one = archive.expired(1000.0 + 86_401)
    every = archive.expired(1e12)
    assert one is not None
    assert every is not None
    assert [path.name for path in one.paths] == ["0-00000001.jsonl"]
    assert len(every.paths) == 3


def test_a_segment_of_the_old_format_is_never_the_first_to_stay(tmp_path: Path) -> None:
    """It does not say what was before it, so it goes only together with its successor."""
    link, previous, seal = Link(0, bytes(32)), "", Seal(audit_key(tmp_path))
    for number in (1, 2, 3):
        opening = {"t": number, "event": "open", "previous": previous, "torn_bytes": 0}
        line, link = seal.seal(link, opening)
        previous = f"0-{number:08d}.jsonl"
        (tmp_path / previous).write_bytes(line)
    archive = Archive(tmp_path, 0)
    assert archive.expired(100.0) is None

    AuditLog(tmp_path, clock=FakeClock(50.0)).close()

    assert verify_log(tmp_path).faults == []
    expired = archive.expired(100.0)
    assert expired is not None
    assert len(expired.paths) == 3


@pytest.mark.parametrize("content", [b"garbage\n", b"[]\n", b""])
def test_a_segment_that_cannot_be_read_stays(directory: Path, content: bytes) -> None:
    """What makes no sense is kept, with all around it, for somebody to look at."""
    segments(directory, 0)[1].write_bytes(content)

    assert Archive(directory, 0).expired(1e12) is None
