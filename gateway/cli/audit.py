# SPDX-License-Identifier: Apache-2.0
"""`nearward audit`: check the log, read it, hand it on."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gateway.cli.audit_filters import (
    ClassOption,
    DestinationOption,
    EventOption,
    IdOption,
    RegionOption,
    SinceOption,
    TenantOption,
    UntilOption,
    question_of,
    selection_of,
    text_of,
)
from gateway.cli.terminal import ConfigOption, fail, read_settings, say, write_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from gateway.records.series import Head
    from gateway.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The tamper-evident record of every decision.")


AnchorOption = Annotated[
    list[Path] | None,
    typer.Option("--anchor", help="A file of anchored checkpoints to check against; repeatable."),
]
PublicKeyOption = Annotated[
    Path | None,
    typer.Option("--public-key", help="Who signs checkpoints. Default: signing.pub in the log."),
]
BundleOption = Annotated[
    Path | None,
    typer.Option("--bundle", help="Check this evidence bundle, offline, and no log."),
]


@app.command()
def verify(
    config: ConfigOption = None,
    anchor: AnchorOption = None,
    public_key: PublicKeyOption = None,
    bundle: BundleOption = None,
) -> None:
    """Check every record; exit 1 and name the first bad one of each segment, if any.

    Also whether anything is missing that a checkpoint has seen: those given with --anchor, or else
    the anchor files of the config and what lies beside the log. With
    --bundle and --public-key an evidence bundle, on any machine.
    """
    from gateway.records.verification import verify_log

    if bundle is not None:
        _verify_bundle(bundle, public_key, anchor or [])
        return
    settings = read_settings(config)
    directory = _directory(settings)
    files = anchor or _known_anchors(settings, directory)
    anchored = _anchored(files, public_key or directory / "signing.pub")
    try:
        report = verify_log(directory, anchored, processes=os.cpu_count() or 1)
    except FileNotFoundError:
        fail(f"{directory}: no audit log here yet")
    except OSError as error:
        fail(f"{directory}: cannot be read ({error.strerror})")
    if not report.segments:
        say(f"NOT WHOLE  {directory}: there is a key for a log, and no record")
        raise typer.Exit(1)
    for fault in report.faults:
        at = f"{directory / fault.segment}:{fault.line}" if fault.line else fault.segment
        say(f"NOT WHOLE  {at}: {fault.problem}")
    if report.lost or report.waiting:
        say(f"intents without an outcome: {report.lost} lost, {report.waiting} still open")
    if report.dropped:
        say(f"dropped while the log could not be written: {report.dropped} outcomes or refusals")
    if report.faults:
        raise typer.Exit(1)
    checked = f"; {len(anchored)} anchored heads" if anchored else ""
    say(f"whole: {report.records} records in {report.segments} segments{checked}")


@app.command()
def show(  # noqa: PLR0913, PLR0917  one parameter for each option
    config: ConfigOption = None,
    since: SinceOption = "",
    until: UntilOption = "",
    data_class: ClassOption = "",
    destination: DestinationOption = "",
    tenant: TenantOption = "",
    request: IdOption = "",
    event: EventOption = "",
    last: Annotated[int, typer.Option(help="At most this many, the newest.", min=1)] = 50,
    as_text: Annotated[bool, typer.Option("--text", help="Lines for people, not JSON.")] = False,
) -> None:
    """Print records, oldest first; outcomes come with the intents that the filters choose."""
    from gateway.records.selection import select

    chosen = selection_of(
        since=since,
        until=until,
        data_class=data_class,
        destination=destination,
        tenant=tenant,
        id=request,
        event=event,
    )
    directory = _directory(read_settings(config))
    try:
        for worker, entry in deque(select(directory, chosen), maxlen=last):
            if as_text:
                say(text_of(worker, entry))
            else:
                write_json({"worker": worker, **entry})
    except (OSError, ValueError) as error:
        fail(f"{directory}: cannot be read ({error}); run: nearward audit verify")


@app.command()
def export(  # noqa: PLR0913, PLR0917  one parameter for each option
    config: ConfigOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file to write. Default: print.")
    ] = None,
    kind: Annotated[
        Literal["jsonl", "csv", "bundle"], typer.Option("--format", help="What to write.")
    ] = "jsonl",
    since: SinceOption = "",
    until: UntilOption = "",
    data_class: ClassOption = "",
    destination: DestinationOption = "",
    tenant: TenantOption = "",
    region: RegionOption = None,
) -> None:
    """Write records: all that the filters choose, or an evidence bundle to a file.

    A bundle answers whether data of --class or above left --region (none: the device) between
    --since and --until, for all destinations and tenants, with what proves it.
    """
    from gateway.cli.audit_export import write_bundle, write_records

    settings = read_settings(config)
    directory = _directory(settings)
    if kind == "bundle":
        if destination or tenant:
            fail("a bundle is about all destinations and tenants: leave these filters out")
        if out is None:
            fail("a bundle needs --out")
        question = question_of(since, until, data_class, region or [])
        write_bundle(directory, out, question, settings.audit.anchor_files)
        return
    chosen = selection_of(
        since=since,
        until=until,
        data_class=data_class,
        destination=destination,
        tenant=tenant,
    )
    write_records(directory, out, chosen, as_csv=kind == "csv")


def _verify_bundle(bundle: Path, public_key: Path | None, anchors: list[Path]) -> None:
    from gateway.cli.audit_export import said
    from gateway.records.bundle import verify_bundle

    if public_key is None:
        fail("--bundle needs --public-key: the signing.pub of the log, got by another way")
    key, anchored = _public_key(public_key), _anchored(anchors, public_key)
    try:
        verdict = verify_bundle(bundle, key, anchored)
    except OSError as error:
        fail(f"{bundle}: cannot be read ({error.strerror})")
    except ValueError as error:
        say(f"NOT WHOLE  {bundle}: {error}")
        raise typer.Exit(1) from None
    say(said(verdict))


def _known_anchors(settings: Settings, directory: Path) -> list[Path]:
    """What the workers published beside the log, and the anchor files of the config."""
    published = sorted(directory.glob("*.checkpoint"))
    return [path for path in (*published, *settings.audit.anchor_files) if path.exists()]


def _anchored(files: list[Path], public_key: Path) -> list[tuple[Head, str]]:
    from gateway.records.verification import anchored_heads

    if not files:
        return []
    key = _public_key(public_key)
    heads = []
    for file in files:
        try:
            heads += anchored_heads(file, key)
        except OSError as error:
            fail(f"{file}: cannot be read ({error.strerror})")
        except ValueError as error:
            fail(f"{file.parent / str(error)}", 1)
    return heads


def _public_key(path: Path) -> Ed25519PublicKey:
    from gateway.records.custody import read_public_key

    try:
        return read_public_key(path)
    except (OSError, ValueError) as error:
        fail(f"{path}: no public key ({error})")


def _directory(settings: Settings) -> Path:
    return settings.state_dir / "audit"
