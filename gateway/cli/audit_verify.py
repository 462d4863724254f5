# SPDX-License-Identifier: Apache-2.0
"""`nearward audit verify`: a log or an evidence bundle, and what its check rests on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from gateway.cli.audit_export import said
from gateway.cli.terminal import fail, say
from gateway.records.bundle import verify_bundle
from gateway.records.custody import read_public_key
from gateway.records.verification import (
    Checked,
    Kept,
    Report,
    read_anchor,
    verify_known,
)
from gateway.records.witnesses import Witness, testimony

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from gateway.settings import AuditSettings


def check_log(
    directory: Path,
    given: Sequence[Path],
    settings: AuditSettings,
    public_key: Path,
    *,
    is_anchor_required: bool,
) -> None:
    """Print what is wrong with a log and what could be; ends the command with 1 for a fault.

    `given` are files of anchored checkpoints besides those of the settings.
    """
    checked = _checked(directory, given, settings, public_key)
    report = checked.report
    if not report.segments:
        say(f"NOT WHOLE  {directory}: there is a key for a log, and no record")
        raise typer.Exit(1)
    _say_report(directory, report)
    if report.faults:
        raise typer.Exit(1)
    found = "whole" if checked.is_anchored else "unchanged as far as it goes"
    say(f"{found}: {report.records} records in {report.segments} segments")
    for line in testimony(checked.witnesses, checked.workers):
        say(line)
    for name in settings.anchors_elsewhere:
        say(f"not checked: {name}; get what it keeps and give that with --anchor")
    _say_fragments(checked.fragments)
    for path in checked.missing:
        say(f"NO ANCHOR  {path}: it is configured, written with each checkpoint, and not there")
    if checked.missing:
        raise typer.Exit(1)
    if is_anchor_required and not checked.is_anchored:
        _unanchored()


def check_bundle(
    bundle: Path, public_key: Path | None, anchors: Sequence[Path], *, is_anchor_required: bool
) -> None:
    """Print what a bundle says and what that rests on; ends the command with 1 for a fault."""
    if public_key is None:
        fail("--bundle needs --public-key: the signing.pub of the log, got by another way")
    key = _public_key(public_key)
    asked = {path: _kept(path, key) for path in anchors}
    known = Kept.joined(asked.values())
    try:
        verdict = verify_bundle(bundle, key, known.heads, known.newest, known.seen_at)
    except OSError as error:
        fail(f"{bundle}: cannot be read ({error.strerror})")
    except ValueError as error:
        say(f"NOT WHOLE  {bundle}: {error}")
        raise typer.Exit(1) from None
    say(said(verdict))
    say("checked here:")
    witnesses = [
        Witness.of(str(path), (head for head, _ in kept.heads if head in verdict.compared))
        for path, kept in asked.items()
    ]
    workers = [head.worker for head in verdict.checkpoint.heads]
    for line in testimony(witnesses, workers):
        say(f"  {line}")
    _say_fragments(known.fragments)
    if verdict.unanchored and (anchors or is_anchor_required):
        those = ", ".join(map(str, verdict.unanchored))
        say(f"NOT ANCHORED  no anchor saw the log of worker {those} behind the period")
    if verdict.unanchored and is_anchor_required:
        raise typer.Exit(1)


def _checked(
    directory: Path, given: Sequence[Path], settings: AuditSettings, public_key: Path
) -> Checked:
    for path in (*given, *(path for path in settings.anchor_files if path.exists())):
        _kept(path, _public_key(public_key))  # a file that is no anchor has a line of its own
    try:
        return verify_known(
            directory,
            [*given, *settings.anchor_files],
            public_key=public_key,
            processes=os.cpu_count() or 1,
        )
    except FileNotFoundError:
        fail(f"{directory}: no audit log here yet")
    except OSError as error:
        fail(f"{directory}: cannot be read ({error.strerror})")
    except ValueError as error:
        fail(f"{directory}: {error}", 1)


def _say_report(directory: Path, report: Report) -> None:
    for fault in report.faults:
        at = f"{directory / fault.segment}:{fault.line}" if fault.line else fault.segment
        say(f"NOT WHOLE  {at}: {fault.problem}")
    if report.lost or report.waiting:
        say(f"intents without an outcome: {report.lost} lost, {report.waiting} still open")
    if report.dropped:
        say(f"dropped while the log could not be written: {report.dropped} outcomes or refusals")


def _unanchored() -> NoReturn:
    say("NOT ANCHORED  no anchor outside the log saw all of its workers")
    raise typer.Exit(1)


def _say_fragments(fragments: Sequence[str]) -> None:
    for where in fragments:
        say(f"passed over: {where}, a checkpoint that was cut off while it was written")


def _kept(path: Path, key: Ed25519PublicKey) -> Kept:
    try:
        return read_anchor(path, key)
    except OSError as error:
        fail(f"{path}: cannot be read ({error.strerror})")
    except ValueError as error:
        fail(f"{path.parent / str(error)}", 1)


def _public_key(path: Path) -> Ed25519PublicKey:
    try:
        return read_public_key(path)
    except (OSError, ValueError) as error:
        fail(f"{path}: no public key ({error})")
