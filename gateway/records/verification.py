# SPDX-License-Identifier: Apache-2.0
"""Checks a whole log on disk: every worker's series, and what checkpoints say about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.records.chain import Fault, Seal
from gateway.records.check import WorkerCheck
from gateway.records.checkpoint import Checkpoint
from gateway.records.custody import read_public_key
from gateway.records.segment import read_lines, segment_name, segments, workers
from gateway.records.series import Head
from gateway.records.witnesses import Witness, unwitnessed

_START = b'{"heads":['  # of each line in an anchor
_LARGE_BYTES = 64 * 1024 * 1024  # a second's work: less is not worth a process

Anchored = tuple[Head, str]


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. `lost` intents never got an outcome, and the log says so; `waiting` ones
    have none yet: their requests are under way, or the writer died and was not started again.
    `dropped` records, of outcomes and refusals, found no room while the log could not be written.
    """

    records: int
    segments: int
    lost: int
    dropped: int
    waiting: int
    faults: list[Fault]


@dataclass(frozen=True, slots=True)
class _Finding:
    """What WorkerCheck found in one worker's log; can be sent between processes."""

    worker: int
    records: int
    segments: int
    lost: int
    dropped: int
    waiting: int
    faults: list[Fault]
    named: list[tuple[Head, str]]
    roots: dict[int, bytes]
    first_size: int


def verify_log(directory: Path, anchored: Sequence[Anchored] = (), *, processes: int = 1) -> Report:
    """Check every record; `anchored` are heads from outside, each with who saw them.

    Large logs of several workers are spread over `processes`. Raises FileNotFoundError without a
    log or its key.
    """
    key = (directory / "key").read_bytes()
    named = sorted({*workers(directory), *(head.worker for head, _ in anchored)})
    check = partial(_check, directory, key)
    wanted = [[pair for pair in anchored if pair[0].worker == worker] for worker in named]
    size_bytes = sum(path.stat().st_size for path in directory.iterdir())
    if processes > 1 and len(named) > 1 and size_bytes >= _LARGE_BYTES:
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            findings = list(pool.map(check, named, wanted))
    else:
        findings = list(map(check, named, wanted))
    return Report(
        sum(found.records for found in findings),
        sum(found.segments for found in findings),
        sum(found.lost for found in findings),
        sum(found.dropped for found in findings),
        sum(found.waiting for found in findings),
        [fault for found in findings for fault in found.faults] + _disagreements(findings),
    )


@dataclass(frozen=True, slots=True)
class Checked:
    """A report, and who was asked besides the log itself: how many heads, and which outside it.

    `missing` are the anchors that are not there, `fragments` where others have less than a
    checkpoint.
    """

    report: Report
    heads: int
    witnesses: list[Witness]
    workers: list[int]
    missing: list[str]
    fragments: list[str]

    @property
    def is_anchored(self) -> bool:
        """Whether somebody outside the log saw each of its workers."""
        return bool(self.witnesses) and not unwitnessed(self.witnesses, self.workers)


def verify_known(
    directory: Path,
    anchors: Sequence[Path] = (),
    *,
    public_key: Path | None = None,
    processes: int = 1,
) -> Checked:
    """Check a log against all that is known: what workers published, and these anchors' files.

    An anchor that is not there cannot be asked and is named. Raises as `verify_log` and
    `read_anchor` do.
    """
    missing = [str(path) for path in anchors if not path.exists()]
    files = [*sorted(directory.glob("*.checkpoint")), *(path for path in anchors if path.exists())]
    anchored: list[Anchored] = []
    witnesses, fragments = [], []
    for path in dict.fromkeys(files):
        kept = read_anchor(path, read_public_key(public_key or directory / "signing.pub"))
        anchored += kept.heads
        fragments += kept.fragments
        if path.resolve().parent != directory.resolve():
            witnesses.append(Witness.of(str(path), (head for head, _ in kept.heads)))
    report = verify_log(directory, anchored, processes=processes)
    return Checked(report, len(anchored), witnesses, workers(directory), missing, fragments)


def _check(directory: Path, key: bytes, worker: int, wanted: Sequence[Anchored]) -> _Finding:
    check = WorkerCheck(Seal(key), worker, wanted)
    paths = segments(directory, worker)
    for path in paths:
        check.segment(segment_name(path), read_lines(path))
    check.finish()
    return _Finding(
        worker,
        check.records,
        len(paths),
        check.lost,
        check.dropped,
        check.waiting,
        check.faults,
        check.named,
        check.roots,
        check.first_size,
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """What an anchor's file holds: heads, each with where it stands, and where it has fragments.

    `newest` says of each worker when it made its last checkpoint; others' name the head that they
    last heard of, however old. `seen_at` says when a head was first seen.
    """

    heads: list[Anchored]
    fragments: list[str]
    newest: dict[int, float]
    seen_at: dict[Head, float]

    @classmethod
    def joined(cls, those: Iterable[Kept]) -> Kept:
        """What several anchors keep together."""
        whole = cls([], [], {}, {})
        for kept in those:
            whole.heads.extend(kept.heads)
            whole.fragments.extend(kept.fragments)
            for worker, t in kept.newest.items():
                whole.newest[worker] = max(whole.newest.get(worker, t), t)
            for head, t in kept.seen_at.items():
                whole.seen_at[head] = min(whole.seen_at.get(head, t), t)
        return whole


def read_anchor(path: Path, key: Ed25519PublicKey) -> Kept:
    """A file of checkpoints, one JSON object a line.

    What is left of a line whose writer was cut off, by a full disk or its own end, is a fragment.
    Raises OSError, and ValueError for a line that is no checkpoint or is not signed by `key`.
    """
    heads: dict[Head, str] = {}
    fragments: list[str] = []
    newest: dict[int, float] = {}
    seen_at: dict[Head, float] = {}
    for number, line in enumerate(read_lines(path), start=1):
        where = f"{path.name}:{number}"
        made, is_cut = _checkpoint_in(line, where)
        if is_cut:
            fragments.append(where)
        if made is None:
            continue
        if not made.is_signed_by(key):
            raise ValueError(f"{where}: not signed by this key, or changed since")
        for head in made.heads:
            heads.setdefault(head, f"the checkpoint {where}")
            seen_at[head] = min(seen_at.get(head, made.t), made.t)
        newest[made.worker] = max(newest.get(made.worker, made.t), made.t)
    return Kept(list(heads.items()), fragments, newest, seen_at)


def _checkpoint_in(line: bytes, where: str) -> tuple[Checkpoint | None, bool]:
    """The checkpoint in a line, and whether there is a fragment in front or instead of it."""
    begin = max(0, line.rfind(_START))
    before, rest = line[:begin], line[begin:].rstrip(b"\n")
    try:
        if not _is_beginning(before):
            raise ValueError
        if line.endswith(b"\n"):
            return Checkpoint.from_json(orjson.loads(rest)), bool(before)
    except orjson.JSONDecodeError:
        if not _is_beginning(rest):
            raise ValueError(f"{where}: not a checkpoint") from None
    except ValueError:
        raise ValueError(f"{where}: not a checkpoint") from None
    return None, bool(rest)


def _is_beginning(text: bytes) -> bool:
    """Whether a checkpoint's line may begin like this."""
    return _START.startswith(text[: len(_START)])


def anchored_heads(path: Path, key: Ed25519PublicKey) -> list[Anchored]:
    """The heads in a file of checkpoints; raises as `read_anchor` does."""
    return read_anchor(path, key).heads


def _disagreements(findings: Sequence[_Finding]) -> list[Fault]:
    """Heads that one worker's checkpoints name and the other's records do not have."""
    by_worker = {found.worker: found for found in findings}
    faults: dict[int, Fault] = {}
    for found in findings:
        for head, where in found.named:
            other = by_worker.get(head.worker)
            if other is not None and (other.faults or head.size < other.first_size):
                continue  # said already; or retired since
            if other is None or other.roots.get(head.size) != head.root:
                problem = f"a checkpoint in {where} saw {head.size} records that are not here"
                faults.setdefault(head.worker, Fault(f"worker {head.worker}", 0, problem))
    return list(faults.values())


def verify_directory(directory: Path) -> tuple[int, int, list[Fault]]:
    """(records, segments, faults) over all workers; FileNotFoundError without a log or its key."""
    report = verify_log(directory)
    return report.records, report.segments, report.faults
