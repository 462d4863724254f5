# SPDX-License-Identifier: Apache-2.0
"""Bytes to Policy: bounded YAML, strictly checked, hashed.

The YAML is read from the parser's events, so that lines are known and nothing is built that was
not checked: no anchors, aliases, tags or second document, at most MAX_BYTES and MAX_DEPTH.
Anything else than a policy is a PolicyError.

`builtin_pack` reads a file of this package. It is the one exception to "policies do no I/O".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import NoReturn

import yaml

from policies.axioms import AXIOMS
from policies.errors import PolicyError
from policies.model import Destination, Tier
from policies.monotone import widens_in_emergency
from policies.nodes import Items, Node, Scalar, Table, shown
from policies.pack import Pack
from policies.parse import parse_pack
from policies.policy import Policy
from policies.rules import atoms

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
_DESTINATIONS = "destinations"
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9._-]+):[0-9]{1,5}")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is ten times faster


@dataclass(frozen=True, slots=True)
class PackSource:
    """A pack as it was read: `name` is what errors call the file."""

    name: str
    data: bytes


def builtin_pack(name: str) -> PackSource:
    """One of the packs that come with nearward; PolicyError when there is none of that name."""
    there = {
        entry.name.removesuffix(".yaml"): entry
        for entry in resources.files("policies").joinpath("packs").iterdir()
        if entry.name.endswith(".yaml")
    }
    if name not in there:
        known = ", ".join(sorted(there))
        raise PolicyError(shown(name), 0, f"no such built-in pack, expected one of: {known}")
    return PackSource(f"{name}.yaml", there[name].read_bytes())


def load_policy(packs: Sequence[PackSource], destinations: Sequence[Destination]) -> Policy:
    """The policy of these packs for these destinations. Raises PolicyError."""
    parsed = load_packs(packs, destinations)
    _check_destinations(destinations)
    return Policy.of(parsed, destinations)


def load_packs(
    sources: Sequence[PackSource], destinations: Sequence[Destination]
) -> tuple[Pack, ...]:
    """The packs, checked; names of destinations against `destinations`. Raises PolicyError."""
    parsed: list[Pack] = []
    for source in sources:
        pack = parse_pack(_read(source))
        if any(pack.name == other.name for other in (AXIOMS, *parsed)):
            raise PolicyError(source.name, 1, f"there are two packs named {shown(pack.name)}")
        _check_names(source.name, pack, destinations)
        parsed.append(pack)
    return tuple(parsed)


def refuse_widening(packs: Sequence[Pack], acknowledged: frozenset[str]) -> None:
    """Refuses a rule that gives more in an emergency where no BAA covers the destination.

    Packs in `acknowledged` may have one. Raises PolicyError.
    """
    for pack in packs:
        if pack.name in acknowledged:
            continue
        for rule in pack.rules:
            if widens_in_emergency(rule):
                raise PolicyError(
                    pack.file,
                    rule.line,
                    f"{rule.effect} rule {rule.id!r} gives more in an emergency where no BAA "
                    "covers the destination, expected {break_glass: true, baa: true}, or the "
                    "pack's name in policy.break_glass_widens",
                )


def _check_names(file: str, pack: Pack, destinations: Sequence[Destination]) -> None:
    """Refuses a name that no destination has; without any destinations there is nothing to miss."""
    known = frozenset(there.name for there in destinations)
    said = [(f"rule {r.id!r}", r.line, r.when) for r in pack.rules]
    said += [(f"theorem {t.id!r}", t.line, t.when) for t in pack.theorems]
    for what, line, condition in said:
        named = (atom.values for atom in atoms(condition) if atom.field == "name")
        for name in sorted(map(str, frozenset().union(*named) - known)):
            if known:
                raise PolicyError(
                    file,
                    line,
                    f"{what} names the destination {shown(name)}, which is not configured, "
                    f"expected one of: {', '.join(sorted(known))}",
                )


def _check_destinations(destinations: Sequence[Destination]) -> None:
    seen: set[str] = set()
    for there in destinations:
        if there.name in seen or not there.name:
            problem = "the name is empty or used twice"
        elif there.tier is Tier.DEVICE and there.origin:
            problem = "the device has no origin; a server elsewhere is onprem or cloud"
        elif there.origin and not _ORIGIN.fullmatch(there.origin):
            problem = "expected an origin such as https://host:443, in lower case, with its port"
        else:
            seen.add(there.name)
            continue
        raise PolicyError(_DESTINATIONS, 0, f"destination {shown(there.name)}: {problem}")


def _read(source: PackSource) -> Node:
    if len(source.data) > MAX_BYTES:
        raise PolicyError(source.name, 0, f"expected at most {MAX_BYTES} bytes")
    try:
        text = source.data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = source.data.count(b"\n", 0, error.start) + 1
        raise PolicyError(source.name, line, "expected UTF-8") from None
    try:
        return _document(source.name, yaml.parse(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise PolicyError(source.name, line, f"not YAML: {error.problem}") from None
    except yaml.YAMLError:
        raise PolicyError(source.name, 0, "not YAML: a character that is not allowed") from None


def _document(file: str, events: Iterator[yaml.Event]) -> Node:
    documents: list[Node] = []
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            if documents:
                _fail(file, event, "expected a single document")
            documents.append(_node(file, next(events), events, 1))
    if not documents:
        raise PolicyError(file, 1, "the file is empty, expected a pack")
    return documents[0]


def _node(file: str, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
    """The node that starts with `event`; takes the rest of it from `events`."""
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        _fail(file, event, "anchors and aliases are not allowed")
    if getattr(event, "tag", None):
        _fail(file, event, "tags are not allowed")
    if depth > MAX_DEPTH:
        _fail(file, event, f"expected at most {MAX_DEPTH} levels")
    line = _line(event)
    if isinstance(event, yaml.ScalarEvent):
        return Scalar(file, line, event.value, bool(event.style))
    if isinstance(event, yaml.SequenceStartEvent):
        items = []
        while not isinstance(inner := next(events), yaml.SequenceEndEvent):
            items.append(_node(file, inner, events, depth + 1))
        return Items(file, line, tuple(items))
    return _table(file, line, events, depth)


def _table(file: str, line: int, events: Iterator[yaml.Event], depth: int) -> Table:
    entries: dict[str, Node] = {}
    lines: dict[str, int] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = _node(file, event, events, depth + 1)
        if not isinstance(key, Scalar):
            key.fail("expected text as a key")
        if key.text in entries:
            key.fail(f"duplicate key {shown(key.text)}, first on line {lines[key.text]}")
        lines[key.text] = key.line
        entries[key.text] = _node(file, next(events), events, depth + 1)
    return Table(file, line, entries, lines)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def _fail(file: str, event: yaml.Event, message: str) -> NoReturn:
    raise PolicyError(file, _line(event), message)
