# SPDX-License-Identifier: Apache-2.0
"""Checks a whole log on disk: every worker's series, and what checkpoints say about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.records.chain import Fault, Seal
from gateway.records.check import WorkerCheck
from gateway.records.checkpoint import Checkpoint
from gateway.records.segment import read_lines, segment_name, segments, workers
from gateway.records.series import Head


@dataclass(slots=True)
class Report:
    """What was found. `lost` intents never got an outcome, and the log says so; `waiting` ones
    have none yet: their requests are under way, or the writer died and was not started again.
    """

    records: int = 0
    segments: int = 0
    lost: int = 0
    waiting: int = 0
    faults: list[Fault] = field(default_factory=list)


def verify_log(directory: Path, anchored: Sequence[tuple[Head, str]] = ()) -> Report:
    """Check every record; `anchored` are heads from outside, each with who saw them.

    Raises FileNotFoundError without a log or its key.
    """
    seal = Seal((directory / "key").read_bytes())
    report = Report()
    here = workers(directory)
    checks = {}
    for worker in sorted({*here, *(head.worker for head, _ in anchored)}):
        wanted = [(head, who) for head, who in anchored if head.worker == worker]
        check = checks[worker] = WorkerCheck(seal, worker, wanted)
        for path in segments(directory, worker):
            check.segment(segment_name(path), read_lines(path))
            report.segments += 1
        check.finish()
        report.records += check.records
        report.lost += check.lost
        report.waiting += check.waiting
        report.faults += check.faults
    report.faults += _disagreements(checks)
    return report


def anchored_heads(path: Path, key: Ed25519PublicKey) -> list[tuple[Head, str]]:
    """The heads in a file of checkpoints, one JSON object a line, each with where it stands.

    A last line without its newline is left out: its writer was cut off. Raises OSError, and
    ValueError for a line that is no checkpoint or is not signed by `key`.
    """
    heads: dict[Head, str] = {}
    for number, line in enumerate(read_lines(path), start=1):
        if not line.endswith(b"\n"):
            break
        where = f"{path.name}:{number}"
        try:
            made = Checkpoint.from_json(orjson.loads(line))
        except ValueError:
            raise ValueError(f"{where}: not a checkpoint") from None
        if not made.is_signed_by(key):
            raise ValueError(f"{where}: not signed by this key, or changed since")
        for head in made.heads:
            heads.setdefault(head, f"the checkpoint {where}")
    return list(heads.items())


def _disagreements(checks: dict[int, WorkerCheck]) -> list[Fault]:
    """Heads that one worker's checkpoints name and the other's records do not have."""
    faults = []
    for check in checks.values():
        for head, where in check.named:
            other = checks.get(head.worker)
            if other is not None and (other.faults or head.size < other.first_size):
                continue  # said already; or retired since
            if other is None or other.roots.get(head.size) != head.root:
                problem = f"a checkpoint in {where} saw {head.size} records that are not here"
                faults.append(Fault(f"worker {head.worker}", 0, problem))
                break
    return faults


def verify_directory(directory: Path) -> tuple[int, int, list[Fault]]:
    """(records, segments, faults) over all workers; FileNotFoundError without a log or its key."""
    report = verify_log(directory)
    return report.records, report.segments, report.faults
