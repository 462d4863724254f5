# SPDX-License-Identifier: Apache-2.0
"""audit on the command line: verify, show, export."""

from __future__ import annotations

import asyncio
import csv
import json
import shutil
import time
from pathlib import Path

import pytest

from gateway.records.anchors import FileAnchor
from gateway.records.audit import AuditLog
from tests.gateway.cli.conftest import failed, run
from tests.gateway.fakes import FakeClock


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
    lines = run("audit", "verify").stdout.splitlines()
    assert lines[:2] == [
        "intents without an outcome: 1 lost, 0 still open",
        "unchanged as far as it goes: 7 records in 1 segments",
    ]
    assert lines[2].startswith("no anchor outside the log was checked: records cut off its end")
    assert len(lines) == 3

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
    told = result.stdout.splitlines()
    assert told[1:3] == [
        "whole: 8 records in 1 segments",
        f"anchor outside the log: {anchor} (worker 0 up to record 4)",
    ]
    assert told[3].startswith("behind what the anchors saw, records cut off its end")
    whole_anchor = anchor.read_bytes()
    anchor.write_bytes(whole_anchor[:40] + b"\n" + whole_anchor)
    cut = run("audit", "verify", "--anchor", anchor)
    assert (cut.exit_code, "passed over: anchor.jsonl:1, a checkpoint" in cut.stdout) == (0, True)
    anchor.write_bytes(whole_anchor)

    (path,) = (state_dir / "audit").glob("*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))
    beside = run("audit", "verify")  # the worker's own last checkpoint lies beside the log
    assert (beside.exit_code, "the end was deleted" in beside.stdout) == (1, True)
    (state_dir / "audit" / "0.checkpoint").unlink()
    unseen = run("audit", "verify")
    assert (unseen.exit_code, "whole" in unseen.stdout) == (0, False)
    assert "no anchor outside the log was checked" in unseen.stdout
    result = run("audit", "verify", "--anchor", anchor)
    assert result.exit_code == 1
    assert "anchor.jsonl:1 saw 4 records where 2 are left: the end was deleted" in result.stdout

    failed(run("audit", "verify", "--anchor", tmp_path / "no"), 2, "cannot be read")
    failed(run("audit", "verify", "--anchor", anchor, "--public-key", anchor), 2, "no public key")
    anchor.write_bytes(anchor.read_bytes().replace(b'"size":4', b'"size":2'))
    failed(run("audit", "verify", "--anchor", anchor), 1, f"{anchor}:1: not signed by this key")


def test_an_anchor_can_be_required(state_dir: Path, tmp_path: Path) -> None:
    """Nothing that lies in the log's own directory counts, and every worker must have been seen."""
    anchor, config = tmp_path / "anchor.jsonl", tmp_path / "nearward.yaml"
    write(state_dir / "audit", anchor)
    required = ("audit", "verify", "--require-anchor")
    assert run(*required, "--anchor", anchor).exit_code == 0

    beside = run(*required, "--anchor", state_dir / "audit" / "0.checkpoint")
    assert (beside.exit_code, "NOT ANCHORED" in beside.stdout) == (1, True)
    config.write_text(
        f"audit: {{anchors: [{{file: {tmp_path / 'gone'}}}, {{url: 'https://a.example/'}}, "
        f"{{redis: 'redis://a.example', stream: s}}]}}\n"
    )
    elsewhere = run(*required, "--config", config)
    assert elsewhere.exit_code == 1
    for found in (elsewhere, run("audit", "verify", "--config", config, "--anchor", anchor)):
        assert (found.exit_code, f"NO ANCHOR  {tmp_path / 'gone'}: " in found.stdout) == (1, True)
    assert "not checked: audit.anchors.1 (url); get what it keeps" in elsewhere.stdout
    assert "not checked: audit.anchors.2 (redis)" in elsewhere.stdout

    fill(state_dir / "audit")  # now there is a worker 1
    partly = run(*required, "--anchor", anchor)
    assert (partly.exit_code, "no anchor saw worker 1" in partly.stdout) == (1, True)
    assert "whole" not in partly.stdout


async def test_what_was_dropped_is_added_up(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outcomes for which there was no room."""
    monkeypatch.setattr("gateway.records.audit._BUFFER_RECORDS", 0)
    log = AuditLog(state_dir / "audit", clock=time.time)
    for _ in range(7):
        log.outcome({"event": "refused", "id": "r"})
    log.close()

    assert "dropped while the log could not be written: 7 " in run("audit", "verify").stdout


def test_a_log_without_records_is_not_whole(state_dir: Path, tmp_path: Path) -> None:
    """A key and no segment: somebody removed them all."""
    write(state_dir / "audit", tmp_path / "anchor.jsonl")
    for path in (state_dir / "audit").glob("*.jsonl"):
        path.unlink()
    (state_dir / "audit" / "0.checkpoint").unlink()
    result = run("audit", "verify")

    assert (result.exit_code, "NOT WHOLE" in result.stdout) == (1, True)


def test_a_segment_of_another_worker_is_found(state_dir: Path, tmp_path: Path) -> None:
    """A log copied under another worker's name counts for nobody."""
    write(state_dir / "audit", tmp_path / "anchor.jsonl")
    (path,) = (state_dir / "audit").glob("*.jsonl")
    (state_dir / "audit" / f"1{path.name[1:]}").write_bytes(path.read_bytes())
    result = run("audit", "verify")

    assert (result.exit_code, "this segment is worker 0's" in result.stdout) == (1, True)


def test_audit_that_cannot_be_read(state_dir: Path) -> None:
    """A key that is a directory is one line."""
    (state_dir / "audit" / "key").mkdir(parents=True)

    failed(run("audit", "verify"), 2, "cannot be read")


def fill(directory: Path) -> None:
    """Two workers with three requests each, a minute apart, of two tenants and two classes."""

    async def run() -> None:
        for worker in (0, 1):
            clock = FakeClock(1000.0 + worker)
            log = AuditLog(directory, clock=clock, worker=worker, stall_s=10)
            for number in range(3):
                clock.now += 60
                name = f"w{worker}r{number}"
                intent = {
                    "t": clock.now,
                    "event": "intent",
                    "id": name,
                    "tenant": f"t{number % 2}",
                    "class": ("phi", "public", "pii")[number],
                    "detected": "public",
                    "facts": {"default_class": "internal"},
                    "to": "c1",
                    "tier": "cloud",
                    "region": "us-east-1",
                    "rules": ["a/b", "c/d"],
                }
                await log.intent(intent, sync=False)
                log.outcome({"t": clock.now, "event": "outcome", "id": name, "to": "c1"})
            log.close()

    asyncio.run(run())


def shown(*arguments: object) -> list[tuple[str, str]]:
    """(event, id) of what `show` prints."""
    result = run("audit", "show", *arguments)
    assert result.exit_code == 0, result.output
    found = map(json.loads, result.stdout.splitlines())
    return [(e["event"], e.get("id", "")) for e in found]


def test_show_merges_the_workers_by_time(state_dir: Path) -> None:
    """All workers' records in one order, the newest last; --last bounds them."""
    fill(state_dir / "audit")
    every = shown()

    assert len(every) == 16
    assert [name for event, name in every if event == "intent"] == [
        f"w{worker}r{number}" for number in range(3) for worker in (0, 1)
    ]
    assert shown("--last", 2) == every[-2:]


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        (["--class", "phi"], ["w0r0", "w1r0"]),
        (["--tenant", "t1"], ["w0r1", "w1r1"]),
        (["--destination", "c1", "--id", "w1r2"], ["w1r2"]),
        (["--since", "1970-01-01T00:18:41", "--until", "1970-01-01T00:19:40"], ["w1r1", "w0r2"]),
        (["--until", "1970-01-01T00:17:41+00:00"], ["w0r0", "w1r0"]),
        (["--since", "1970-01-02"], []),
        (["--class", "secret"], []),
    ],
)
def test_show_filters(state_dir: Path, filters: list[str], ids: list[str]) -> None:
    """A request is chosen by its intent, and its outcome comes with it."""
    fill(state_dir / "audit")

    for event in ("intent", "outcome"):
        assert [name for found, name in shown(*filters) if found == event] == ids
        assert shown(*filters, "--event", event) == [(event, name) for name in ids]


def test_show_for_people(state_dir: Path) -> None:
    """One line for each record with what matters first."""
    fill(state_dir / "audit")
    lines = run("audit", "show", "--text", "--id", "w0r0").stdout.splitlines()

    assert lines[0].startswith("1970-01-01T00:17:40.000Z  0/2  intent      phi  -> c1  id=w0r0")
    assert "rules=a/b,c/d" in lines[0]
    assert len(lines) == 2


def test_filters_that_make_no_sense(state_dir: Path) -> None:
    """An unknown class or a moment that is none is one line."""
    fill(state_dir / "audit")

    failed(run("audit", "show", "--class", "phy"), 2, "--class: phy: one of public")
    failed(run("audit", "show", "--since", "yesterday"), 2, "--since: yesterday")
    failed(run("audit", "show", "--since", "2026"), 2, "--since: 2026: neither")


def test_export_of_records(state_dir: Path, tmp_path: Path) -> None:
    """JSON lines and CSV hold the same records."""
    fill(state_dir / "audit")
    lines, table = tmp_path / "r.jsonl", tmp_path / "r.csv"
    result = run("audit", "export", "--out", lines, "--class", "phi")
    assert result.stdout == f"4 records in {lines}\n"
    assert run("audit", "export", "-o", table, "--format", "csv", "--class", "phi").exit_code == 0

    records = [json.loads(line) for line in lines.read_bytes().splitlines()]
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [(r["event"], r["id"]) for r in rows] == [(r["event"], r["id"]) for r in records]
    assert (rows[0]["worker"], rows[0]["rules"], rows[0]["status"]) == ("0", "a/b;c/d", "")
    failed(run("audit", "export", "--out", tmp_path / "no" / "x"), 2, "not written")
    printed = run("audit", "export", "--class", "phi")
    assert printed.stdout_bytes == lines.read_bytes()


BUNDLE = ["--format", "bundle", "--since", "0", "--until", "1970-01-02", "--class", "phi"]


def test_export_of_a_bundle_and_its_check(state_dir: Path, tmp_path: Path) -> None:
    """The answer is said when it is made and when it is checked, away from the log."""
    fill(state_dir / "audit")
    out, key = tmp_path / "evidence.zip", tmp_path / "signing.pub"
    made = run("audit", "export", "--out", out, *BUNDLE, "--region", "eu")
    assert made.exit_code == 0, made.output
    assert "YES, or it may have" in made.stdout
    shutil.copy(state_dir / "audit" / "signing.pub", key)
    shutil.rmtree(state_dir)

    checked = run("audit", "verify", "--bundle", out, "--public-key", key)
    assert checked.exit_code == 0
    said, here = checked.stdout.split("checked here:\n")
    assert said == "".join(made.stdout.splitlines(keepends=True)[:-1])
    assert "2 requests of class phi to c1 (us-east-1)" in said
    assert "by its maker's word, at that time:\n  no anchor outside the log was checked" in said
    assert here.startswith("  no anchor outside the log was checked")
    required = run("audit", "verify", "--bundle", out, "--public-key", key, "--require-anchor")
    assert (required.exit_code, "NOT ANCHORED" in required.stdout) == (1, True)

    failed(run("audit", "verify", "--bundle", out), 2, "--public-key")
    failed(run("audit", "verify", "--bundle", key / "x", "--public-key", key), 2, "cannot be read")
    out.write_bytes(out.read_bytes()[:-30])
    result = run("audit", "verify", "--bundle", out, "--public-key", key)
    assert (result.exit_code, result.stdout) == (1, f"NOT WHOLE  {out}: not a whole bundle\n")


def test_bundles_that_cannot_be_made(state_dir: Path, tmp_path: Path) -> None:
    """Without a question, with a filter that would hide something, or over a broken log."""
    out = tmp_path / "evidence.zip"
    failed(run("audit", "export", "-o", out, *BUNDLE), 2, "no audit log here yet")
    fill(state_dir / "audit")
    failed(run("audit", "export", "-o", out, *BUNDLE, "--tenant", "t1"), 2, "leave these filters")
    failed(run("audit", "export", "-o", out, *BUNDLE[:2]), 2, "needs --since")
    backwards = ("--since", "2026-11-02", "--until", "2026-11-01", "--class", "phi")
    failed(run("audit", "export", "-o", out, *BUNDLE[:2], *backwards), 2, "--since is after")
    failed(run("audit", "export", *BUNDLE), 2, "needs --out")
    failed(run("audit", "export", "-o", tmp_path / "no" / "x", *BUNDLE), 2)

    path = state_dir / "audit" / "0-00000001.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"phi"', b'"pii"'))
    failed(run("audit", "export", "-o", out, *BUNDLE), 1, "0-00000001.jsonl: the mac")
    assert not out.exists()
    assert [p.name for p in tmp_path.glob(".evidence*")] == []


def test_no_bundle_over_a_log_that_its_anchors_contradict(state_dir: Path, tmp_path: Path) -> None:
    """The anchor files of the config are asked, also when nobody names them."""
    anchor, out, config = (tmp_path / n for n in ("anchor.jsonl", "evidence.zip", "nearward.yaml"))
    config.write_text(f"audit: {{anchors: [{{file: {anchor}}}]}}\n")
    write(state_dir / "audit", anchor)
    (path,) = (state_dir / "audit").glob("*.jsonl")
    whole = path.read_bytes()
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[:3]))

    failed(run("audit", "export", "-o", out, *BUNDLE, "--config", config), 1, "the end was deleted")
    assert not out.exists()
    path.write_bytes(whole)
    made = run("audit", "export", "-o", out, *BUNDLE, "--config", config)
    key = state_dir / "audit" / "signing.pub"
    checked = ("audit", "verify", "--bundle", out, "--public-key", key, "--anchor", anchor)
    result = run(*checked, "--require-anchor")
    assert "  anchor outside the log: anchor.jsonl (worker 0 up to record 4)\n" in made.stdout
    assert f"  anchor outside the log: {anchor} (worker 0 up to record 4)\n" in result.stdout
    assert result.exit_code == 0
    now = [*BUNDLE[:4], "--until", f"{time.time()}", *BUNDLE[6:]]  # nobody looked since
    assert run("audit", "export", "-o", out, *now, "--config", config).exit_code == 0
    for more, code in (([], 0), (["--require-anchor"], 1)):
        since = run(*checked, *more)
        assert since.exit_code == code
        assert "NOT ANCHORED  no anchor saw the log of worker 0 behind" in since.stdout

    out.unlink()
    anchor.write_text('{"forged": true}\n')
    failed(run("audit", "export", "-o", out, *BUNDLE, "--config", config), 2, "not a checkpoint")


def test_show_without_a_log(state_dir: Path) -> None:
    """No log is one line, not a traceback."""
    failed(run("audit", "show"), 2, "cannot be read")
