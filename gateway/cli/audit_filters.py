# SPDX-License-Identifier: Apache-2.0
"""Which records `nearward audit show` and `export` are asked for, and one as a line of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.terminal import fail

if TYPE_CHECKING:
    from gateway.records.evidence import Question
    from gateway.records.selection import Selection

SinceOption = Annotated[
    str, typer.Option("--since", help="From here on: a date, a time (UTC if unsaid), or seconds.")
]
UntilOption = Annotated[str, typer.Option("--until", help="Up to here, in the same forms.")]
ClassOption = Annotated[str, typer.Option("--class", help="Only this data class.")]
DestinationOption = Annotated[str, typer.Option("--destination", help="Only this destination.")]
TenantOption = Annotated[str, typer.Option("--tenant", help="Only this tenant.")]
IdOption = Annotated[str, typer.Option("--id", help="Only records of this decision id.")]
EventOption = Annotated[str, typer.Option("--event", help="Only intent, outcome, refused ...")]
RegionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--region", help='Bundle: where data may be, "eu" holding "eu-west-1"; repeatable.'
    ),
]


def selection_of(*, since: str, until: str, data_class: str, **fields: str) -> Selection:
    """The filters as one value; ends the command for one that makes no sense."""
    from gateway.records.selection import Selection

    return Selection(
        since=seconds(since, "--since", 0.0),
        until=seconds(until, "--until", float("inf")),
        data_class=known_class(data_class),
        **fields,
    )


def question_of(since: str, until: str, data_class: str, regions: list[str]) -> Question:
    """What a bundle is to answer; ends the command when something is missing."""
    from gateway.records.evidence import Question
    from policies import DataClass

    if not (since and until and data_class):
        fail("a bundle needs --since, --until and --class")
    begin, end = seconds(since, "--since", 0.0), seconds(until, "--until", 0.0)
    if begin > end:
        fail("--since is after --until")
    return Question(begin, end, DataClass(known_class(data_class)), tuple(regions))


def seconds(text: str, option: str, default: float) -> float:
    """A moment as seconds since 1970; ends the command for anything else."""
    from gateway.records.selection import moment

    try:
        return moment(text) if text else default
    except (ValueError, OverflowError):
        fail(f"{option}: {text}: neither a date, a time nor a number of seconds")


def known_class(name: str) -> str:
    """A data class that there is, or ""; ends the command for another."""
    from policies import DataClass

    known = [c.value for c in DataClass]
    if name and name not in known:
        fail(f"--class: {name}: one of {', '.join(known)}")
    return name


def text_of(worker: int, entry: dict[str, Any]) -> str:
    """One record for people: when, what, class, where to, and the rest by name."""
    from gateway.records.selection import written

    shown = [
        written(entry.get("t", 0.0)),
        f"{worker}/{entry.get('seq', '?')}",
        f"{entry.get('event', '?'):<10}",
    ]
    if "class" in entry:
        shown.append(str(entry["class"]))
    if "to" in entry:
        shown.append(f"-> {entry['to']}")
    rest = {k: v for k, v in entry.items() if k not in _SHOWN and v not in ("", [], None)}
    shown += [f"{name}={_plain(value)}" for name, value in rest.items()]
    return "  ".join(shown)


_SHOWN = frozenset({"t", "seq", "event", "class", "to", "mac", "sig", "tree", "heads"})


def _plain(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
