# SPDX-License-Identifier: Apache-2.0
"""A whole log against itself and against what was anchored elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from gateway.records.anchors import FileAnchor
from gateway.records.audit import AuditLog
from gateway.records.chain import Fault
from gateway.records.custody import read_public_key, signing_key
from gateway.records.verification import Report, anchored_heads, read_anchor, verify_log
from tests.gateway.fakes import FakeClock


@pytest.fixture
async def directory(tmp_path: Path) -> Path:
    """Two workers, two segments each, a checkpoint of each in the last; anchored beside it."""
    directory = tmp_path / "audit"
    anchor = FileAnchor(tmp_path / "anchor.jsonl")
    for _ in range(2):
        for worker in (0, 1):
            log = AuditLog(directory, clock=FakeClock(), worker=worker, stall_s=10)
            for number in range(4):
                name = f"r{worker}{number}"
                await log.intent({"event": "intent", "id": name, "to": "c1"}, sync=False)
                log.outcome({"event": "outcome", "id": name, "to": "c1"})
            made = await log.checkpoint()
            assert made is not None
            await anchor.put(made)
            log.close()
    return directory


def verified(directory: Path) -> Report:
    """Against the anchor beside it."""
    key = read_public_key(directory / "signing.pub")
    return verify_log(directory, anchored_heads(directory.parent / "anchor.jsonl", key))


def test_a_whole_log_fits_its_anchor(directory: Path) -> None:
    """Nothing is missing and nothing is lost."""
    report = verified(directory)

    assert (report.records, report.segments) == (44, 4)
    assert (report.faults, report.lost, report.waiting) == ([], 0, 0)


def test_several_processes_find_the_same(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large log of several workers is spread over processes, with the same result."""
    monkeypatch.setattr("gateway.records.verification._LARGE_BYTES", 0)
    alone = verify_log(directory)
    drop_tail(directory)

    assert verify_log(directory, processes=2) == verify_log(directory) != alone


def drop_tail(directory: Path) -> None:
    path = directory / "1-00000002.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:4]))


def drop_segment(directory: Path) -> None:
    (directory / "1-00000002.jsonl").unlink()


def drop_worker(directory: Path) -> None:
    for path in directory.glob("1-*"):
        path.unlink()


def begin_anew(directory: Path) -> None:
    """Worker 1 as somebody who has the key would write it afresh, with other records."""
    drop_worker(directory)
    log = AuditLog(directory, clock=FakeClock(5.0), worker=1)
    for number in range(30):
        log._pending.append({"event": "outcome", "id": f"x{number}", "to": "device"})
    log.close()


@pytest.mark.parametrize(
    ("damage", "where", "problem"),
    [
        (drop_tail, "1-00000002.jsonl", "records where 15 are left: the end was deleted"),
        (drop_segment, "1-00000001.jsonl", "records where 11 are left: the end was deleted"),
        (drop_worker, "worker 1", "records where 0 are left: the end was deleted"),
        (begin_anew, "1-00000001.jsonl", "are not those that the checkpoint anchor.jsonl:2 saw"),
    ],
)
def test_what_only_an_anchor_shows(
    directory: Path, damage: Callable[[Path], None], where: str, problem: str
) -> None:
    """A deleted end, last segment or worker, and a forgery by who has the key."""
    damage(directory)
    for path in directory.glob("0-*"):  # worker 0 saw worker 1: without it nobody here knows
        path.unlink()
    key = read_public_key(directory / "signing.pub")
    heads = anchored_heads(directory.parent / "anchor.jsonl", key)

    alone = verify_log(directory)
    report = verify_log(directory, [pair for pair in heads if pair[0].worker == 1])

    assert [f for f in alone.faults if f.segment != "worker 0"] == []
    assert report.faults[0].segment == where
    assert problem in report.faults[0].problem


def test_another_worker_saw_it(directory: Path) -> None:
    """Without any anchor a worker's deletion shows in the checkpoints of the others."""
    drop_worker(directory)

    assert verify_log(directory).faults == [
        Fault("worker 1", 0, "a checkpoint in 0-00000002.jsonl saw 8 records that are not here")
    ]


def test_the_first_bad_record_of_each_segment(directory: Path) -> None:
    """A damaged segment does not hide the next one's damage."""
    for name in ("0-00000001.jsonl", "0-00000002.jsonl"):
        path = directory / name
        lines = path.read_bytes().splitlines(keepends=True)
        lines[3] = lines[3].replace(b'"intent"', b'"INTENT"').replace(b'"outcome"', b'"OUTCOME"')
        path.write_bytes(b"".join(lines))

    assert [(f.segment, f.line) for f in verify_log(directory).faults] == [
        ("0-00000001.jsonl", 4),
        ("0-00000002.jsonl", 4),
    ]


def test_an_anchor_that_was_changed(directory: Path) -> None:
    """A line that is not signed by the log's key is named, and so is one that is none."""
    anchor = directory.parent / "anchor.jsonl"
    key = read_public_key(directory / "signing.pub")
    first, *rest = anchor.read_bytes().splitlines(keepends=True)
    forged = {**orjson.loads(first), "t": 1.0}
    anchor.write_bytes(b"".join([*rest, orjson.dumps(forged), b"\n"]))
    with pytest.raises(ValueError, match=r"anchor\.jsonl:4: not signed"):
        anchored_heads(anchor, key)

    anchor.write_bytes(b"hello\n" + first)
    with pytest.raises(ValueError, match=r"anchor\.jsonl:1: not a checkpoint"):
        anchored_heads(anchor, key)


def test_an_anchor_that_was_cut_off_while_written(directory: Path) -> None:
    """The last line of an anchor may be torn; so may others, a later one glued to the rest."""
    anchor = directory.parent / "anchor.jsonl"
    key = read_public_key(directory / "signing.pub")
    whole = anchored_heads(anchor, key)
    first, *rest = anchor.read_bytes().splitlines(keepends=True)
    torn = [b'{"he', first[:60] + b"\n", b"\n", first[:90], *rest, b'{"heads":[']
    anchor.write_bytes(b"".join([first, *torn]))
    kept = read_anchor(anchor, key)

    assert [head for head, _ in kept.heads] == [head for head, _ in whole]
    assert kept.fragments == [f"anchor.jsonl:{number}" for number in (2, 4, 7)]
    for line in (b"hello" + first, first + b"{}\n", b'{"heads":[]}\n'):
        anchor.write_bytes(line)
        with pytest.raises(ValueError, match=r"anchor\.jsonl:\d: not a checkpoint"):
            read_anchor(anchor, key)


def test_keys_are_made_once(tmp_path: Path) -> None:
    """The signing key stays, and its public half fits."""
    first, second = signing_key(tmp_path), signing_key(tmp_path)

    assert first.private_bytes_raw() == second.private_bytes_raw()
    assert read_public_key(tmp_path / "signing.pub") == first.public_key()


def test_a_public_key_of_another_kind(tmp_path: Path) -> None:
    """Only an Ed25519 key will do."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    path = tmp_path / "other.pub"
    other = X25519PrivateKey.generate().public_key()
    path.write_bytes(other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    with pytest.raises(ValueError, match="Ed25519"):
        read_public_key(path)


def test_a_log_without_its_key(directory: Path) -> None:
    """Nothing can be verified without the key: that is no success."""
    shutil.copytree(directory, directory.parent / "copy", ignore=shutil.ignore_patterns("key"))

    with pytest.raises(FileNotFoundError):
        verify_log(directory.parent / "copy")
