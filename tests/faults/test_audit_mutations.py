# SPDX-License-Identifier: Apache-2.0
"""F17: random damage to a log that a checkpoint covers. All of it is found."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.records.archive import Archive
from gateway.records.audit import AuditLog
from gateway.records.chain import Seal
from gateway.records.segment import segments
from gateway.records.series import Head
from gateway.records.verification import verify_log
from gateway.records.writer import recover
from tests.gateway.fakes import FakeClock

Files = dict[Path, bytes]
Damage = Callable[[random.Random, Files], None]


async def segment(directory: Path, worker: int) -> None:
    """One more, with six requests, one of which was lost, and a checkpoint."""
    log = AuditLog(directory, clock=FakeClock(), worker=worker, stall_s=10)
    for request in range(6):
        name = f"{worker}.{request}"
        await log.intent({"event": "intent", "id": name, "to": "c1"}, sync=False)
        if request != 3:
            log.outcome({"event": "outcome", "id": name, "to": "c1"})
    await log.checkpoint()
    log.close()


@pytest.fixture
async def log(tmp_path: Path) -> tuple[Path, list[tuple[Head, str]]]:
    """Two workers with four segments each, one torn, one packed; and heads over all of it."""
    directory = tmp_path / "audit"
    heads = []
    for worker in (0, 1):
        await segment(directory, worker)
        AuditLog(directory, clock=FakeClock(), worker=worker).close()
        Archive(directory, worker).compress()
        await segment(directory, worker)
        path = segments(directory, worker)[-1]
        path.write_bytes(path.read_bytes()[:-30])
        await segment(directory, worker)
        series, _ = recover(Seal(b""), segments(directory, worker))
        heads.append((series.head(worker), "the checkpoint"))
    assert verify_log(directory, heads).faults == []
    return directory, heads


def one(chance: random.Random, files: Files) -> Path:
    return chance.choice(sorted(files))


def lines_of(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def flip_bit(chance: random.Random, files: Files) -> None:
    path = one(chance, files)
    data = bytearray(files[path])
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    files[path] = bytes(data)


def change_bytes(chance: random.Random, files: Files) -> None:
    path = one(chance, files)
    data, size = files[path], chance.randint(1, 40)
    at = chance.randrange(len(data) - size)
    files[path] = data[:at] + chance.randbytes(size) + data[at + size :]


def delete_bytes(chance: random.Random, files: Files) -> None:
    path = one(chance, files)
    data = files[path]
    at = chance.randrange(len(data))
    files[path] = data[:at] + data[at + chance.randint(1, 600) :]


def insert_bytes(chance: random.Random, files: Files) -> None:
    path = one(chance, files)
    data = files[path]
    at = chance.randrange(len(data))
    files[path] = data[:at] + chance.randbytes(chance.randint(1, 40)) + data[at:]


def truncate(chance: random.Random, files: Files) -> None:
    path = one(chance, files)
    files[path] = files[path][: chance.randrange(len(files[path]))]


def delete_lines(chance: random.Random, files: Files) -> None:
    path = one(chance, files)
    lines = lines_of(files[path])
    at = chance.randrange(len(lines))
    del lines[at : at + chance.randint(1, 4)]
    files[path] = b"".join(lines)


def duplicate_line(chance: random.Random, files: Files) -> None:
    source, target = one(chance, files), one(chance, files)
    line = chance.choice(lines_of(files[source]))
    lines = lines_of(files[target])
    # Before the last: half a line behind it is what a crash leaves.
    lines.insert(chance.randrange(len(lines)), line)
    files[target] = b"".join(lines)


def swap_lines(chance: random.Random, files: Files) -> None:
    path = one(chance, files)
    lines = lines_of(files[path])
    a, b = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    files[path] = b"".join(lines)


def drop_segment(chance: random.Random, files: Files) -> None:
    del files[one(chance, files)]


def swap_segments(chance: random.Random, files: Files) -> None:
    a, b = one(chance, files), one(chance, files)
    files[a], files[b] = files[b], files[a]


def drop_from(chance: random.Random, files: Files) -> None:
    """A segment and all behind it: nothing of the chain is broken."""
    first = one(chance, files)
    worker = first.name.split("-", 1)[0]
    for path in [p for p in files if p.name.startswith(f"{worker}-") and p >= first]:
        del files[path]


def rename_segment(chance: random.Random, files: Files) -> None:
    path = one(chance, files)
    number = path.name.split("-", 1)[1]
    other = path.with_name(f"{chance.choice('012')}-{chance.randrange(1, 9)}{number[1:]}")
    files[other] = files.pop(path)


DAMAGES: list[Damage] = [
    flip_bit,
    change_bytes,
    delete_bytes,
    insert_bytes,
    truncate,
    delete_lines,
    duplicate_line,
    swap_lines,
    drop_segment,
    swap_segments,
    drop_from,
    rename_segment,
]


def damaged(
    directory: Path, heads: list[tuple[Head, str]], rounds: int, seed: int
) -> list[tuple[int, str]]:
    """What was not found: (round, kind). Each round damages the whole log afresh."""
    chance = random.Random(seed)
    # Packed segments are damaged as what they hold: gzip's own checksum would find it too soon.
    whole = {
        path: gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for worker in (0, 1)
        for path in segments(directory, worker)
    }
    missed = []
    for number in range(rounds):
        damage = chance.choice(DAMAGES)
        files = dict(whole)
        while files == whole:
            damage(chance, files)
        put(directory, whole, files)
        if not verify_log(directory, heads).faults:
            missed.append((number, damage.__name__))
        put(directory, files, whole)
    return missed


def put(directory: Path, old: Files, new: Files) -> None:
    """Turn one state of the files into another."""
    for path in old.keys() - new.keys():
        path.unlink()
    for path, data in new.items():
        if old.get(path) != data:
            path.write_bytes(gzip.compress(data, 1) if path.suffix == ".gz" else data)


def test_every_damage_is_found(log: tuple[Path, list[tuple[Head, str]]]) -> None:
    """Flipped, deleted, inserted, cut, repeated, swapped, dropped: each is a fault."""
    assert damaged(*log, rounds=200, seed=11) == []


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_ten_thousand_damages_are_found(log: tuple[Path, list[tuple[Head, str]]]) -> None:
    """The same, ten thousand times."""
    assert damaged(*log, rounds=10_000, seed=12) == []
