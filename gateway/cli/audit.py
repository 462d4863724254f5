# SPDX-License-Identifier: Apache-2.0
"""`nearward audit`: check the log, read it, hand it on."""

from __future__ import annotations

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


RequireOption = Annotated[
    bool,
    typer.Option(
        "--require-anchor", help="Exit 1 unless an anchor outside the log saw each worker."
    ),
]


@app.command()
def verify(
    config: ConfigOption = None,
    anchor: AnchorOption = None,
    public_key: PublicKeyOption = None,
    bundle: BundleOption = None,
    is_anchor_required: RequireOption = False,
) -> None:
    """Check every record; exit 1 and name the first bad one of each segment, if any.

    Also whether anything is missing that a checkpoint has seen: the one
    beside the log, the anchor files of the config, those given with --anchor.
    A missing end shows against an anchor outside the log only, so it says
    which were checked, and up to which record each of them saw the log. With
    --bundle and --public-key an evidence bundle, on any machine.
    """
    from gateway.cli.audit_verify import check_bundle, check_log

    given = anchor or []
    if bundle is not None:
        check_bundle(bundle, public_key, given, is_anchor_required=is_anchor_required)
        return
    settings = read_settings(config)
    directory = _directory(settings)
    check_log(
        directory,
        given,
        settings.audit,
        public_key or directory / "signing.pub",
        is_anchor_required=is_anchor_required,
    )


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
        write_bundle(directory, out, question, settings.audit)
        return
    chosen = selection_of(
        since=since,
        until=until,
        data_class=data_class,
        destination=destination,
        tenant=tenant,
    )
    write_records(directory, out, chosen, as_csv=kind == "csv")


def _directory(settings: Settings) -> Path:
    return settings.state_dir / "audit"
