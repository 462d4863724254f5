# SPDX-License-Identifier: Apache-2.0
"""audit on the command line: verify."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

from gateway.records.anchors import FileAnchor
from gateway.records.audit import AuditLog
from tests.gateway.cli.conftest import failed, run


def write(directory: Path, anchor: Path | None = None) -> None:
    """Three intents, two of them with an outcome; a checkpoint of it all if there is an anchor."""

    async def run() -> None:
        log = AuditLog(directory, clock=time.time, stall_s=10)
        for number in range(3):
            await log.intent({"event": "intent", "id": f"r{number}", "to": "c1"}, sync=False)
        for number in range(2):
            log.outcome({"event": "outcome", "id": f"r{number}", "to": "c1"})
        if anchor is not None:
            made = await log.checkpoint()
            assert made is not None
            await FileAnchor(anchor).put(made)
        log.close()

    asyncio.run(run())


def test_verify(state_dir: Path) -> None:
    """A whole log verifies, losses counted; a changed byte is named with file and line, exit 1."""
    failed(run("audit", "verify"), 2, "no audit log here yet")
    write(state_dir / "audit")
    assert run("audit", "verify").stdout == (
        "intents without an outcome: 1 lost, 0 still open\nwhole: 7 records in 1 segments\n"
    )

    (path,) = (state_dir / "audit").glob("*.jsonl")
    path.write_bytes(path.read_bytes().replace(b'"r1"', b'"r7"'))
    result = run("audit", "verify")
    assert result.exit_code == 1
    assert f"NOT WHOLE  {path}:3: " in result.stdout


def test_verify_against_an_anchor(state_dir: Path, tmp_path: Path) -> None:
    """The anchor fits, shows a deleted end, and is itself checked."""
    anchor = tmp_path / "anchor.jsonl"
    write(state_dir / "audit", anchor)
    result = run("audit", "verify", "--anchor", anchor)
    assert result.stdout.endswith("whole: 8 records in 1 segments; 1 anchored heads\n")

    (path,) = (state_dir / "audit").glob("*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))
    assert run("audit", "verify").exit_code == 0
    result = run("audit", "verify", "--anchor", anchor)
    assert result.exit_code == 1
    assert "anchor.jsonl:1 saw 4 records where 2 are left: the end was deleted" in result.stdout

    failed(run("audit", "verify", "--anchor", tmp_path / "no"), 2, "cannot be read")
    failed(run("audit", "verify", "--anchor", anchor, "--public-key", anchor), 2, "no public key")
    anchor.write_bytes(anchor.read_bytes().replace(b'"size":4', b'"size":2'))
    failed(run("audit", "verify", "--anchor", anchor), 1, f"{anchor}:1: not signed by this key")


def test_audit_that_cannot_be_read(state_dir: Path) -> None:
    """A key that is a directory is one line."""
    (state_dir / "audit" / "key").mkdir(parents=True)

    failed(run("audit", "verify"), 2, "cannot be read")


def test_show(state_dir: Path) -> None:
    """Records as JSON lines."""
    write(state_dir / "audit")
    shown = [json.loads(x) for x in run("audit", "show", "--last", 2).stdout.splitlines()]
    assert [e["event"] for e in shown] == ["outcome", "close"]
