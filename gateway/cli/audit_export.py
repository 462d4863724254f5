# SPDX-License-Identifier: Apache-2.0
"""Files that leave an audit log: records as JSON lines or CSV, and evidence bundles."""

from __future__ import annotations

import csv
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any

import orjson

from gateway.cli.terminal import fail, say
from gateway.records.bundle import Verdict, make_bundle
from gateway.records.bundle_text import class_of
from gateway.records.chain import Entry
from gateway.records.custody import signing_key
from gateway.records.evidence import Question
from gateway.records.selection import Selection, select, written
from gateway.records.verification import verify_known
from gateway.records.witnesses import Witness, testimony
from gateway.settings import AuditSettings

# fmt: off
COLUMNS = (
    "worker", "seq", "t", "event", "id", "attempt", "tenant", "key", "class", "detected", "kinds",
    "errors", "to", "tier", "region", "model", "rules", "policy", "bytes", "attempts", "status",
    "result", "error", "tokens_in", "tokens_out", "ms", "owed", "approval", "outcome",
)
# fmt: on


def write_records(directory: Path, out: Path | None, chosen: Selection, *, as_csv: bool) -> None:
    """The chosen records, oldest first, into a file or printed; ends the command on any error."""
    count = 0
    try:
        with _fresh(out) if out else nullcontext(sys.stdout.buffer) as file:
            table = csv.writer(_Text(file)) if as_csv else None
            if table:
                table.writerow(COLUMNS)
            for worker, entry in select(directory, chosen):
                count += 1
                if table:
                    table.writerow(_row({"worker": worker, **entry}))
                else:
                    file.write(orjson.dumps({"worker": worker, **entry}) + b"\n")
    except (OSError, ValueError) as error:
        fail(f"{out or 'records'}: not written ({error})")
    if out:
        say(f"{count} records in {out}")


def write_bundle(directory: Path, out: Path, question: Question, settings: AuditSettings) -> None:
    """A bundle over a log that is whole, also against its anchors; ends the command otherwise."""
    try:
        checked = verify_known(directory, settings.anchor_files, processes=os.cpu_count() or 1)
        if faults := checked.report.faults:
            fail(f"{faults[0].segment}: {faults[0].problem}; run: nearward audit verify", 1)
        with _fresh(out) as file:
            verdict = make_bundle(
                directory,
                Path(file.name),
                question,
                signing_key(directory),
                t=time.time(),
                # Where it lies is nobody's business: the bundle goes to others.
                witnesses=[Witness(Path(w.name).name, w.through) for w in checked.witnesses],
            )
    except FileNotFoundError:
        fail(f"{directory}: no audit log here yet")
    except (OSError, ValueError) as error:
        fail(f"{out}: no bundle ({error})")
    say(said(verdict))
    say(f"written: {out}; verifies with {directory / 'signing.pub'}")


def said(verdict: Verdict) -> str:
    """What a bundle says, in a few lines."""
    asked, answer = verdict.question, verdict.answer
    places = ", ".join(asked.regions) or "the device"
    is_yes = "YES, or it may have" if answer["left"] else "no, by these records"
    lines = [
        f"whole: {verdict.records} records, signed at {written(verdict.checkpoint.t)}",
        f"did {asked.data_class} or above leave {places} between {written(asked.since)} and "
        f"{written(asked.until)}? {is_yes}",
    ]
    lines += [
        f"  {r['count']} requests of class {class_of(r)} to {r['destination']} "
        f"({r['region'] or 'region not stated'})"
        for r in answer["requests"]
    ]
    lines.append("by its maker's word, at that time:")
    if verdict.claimed is None:
        lines.append("  nothing is said about anchors outside the log")
    else:
        workers = [head.worker for head in verdict.checkpoint.heads]
        lines += [f"  {line}" for line in testimony(verdict.claimed, workers)]
    return "\n".join(lines)


def _row(entry: Entry) -> list[Any]:
    values = [entry.get(name, "") for name in COLUMNS]
    return [";".join(map(str, v)) if isinstance(v, list) else v for v in values]


@contextmanager
def _fresh(out: Path) -> Iterator[IO[bytes]]:
    """A file that takes its name when it is complete, so that none is ever half of one."""
    partial = out.with_name(f".{out.name}.partial")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)


class _Text:
    """What csv writes to: text, encoded into a file of bytes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode())
