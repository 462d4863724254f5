# SPDX-License-Identifier: Apache-2.0
"""A parsed document as a tree that remembers its lines, and the questions that one asks it.

Every wrong answer is a PolicyError with the file, the line and what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn, TypeVar

from policies.errors import PolicyError

_COUNT = re.compile("[0-9]{1,9}")
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Node:
    """Where a part of the document stands; `line` counts from 1."""

    file: str
    line: int

    def fail(self, message: str) -> NoReturn:
        """Raises the PolicyError for this place."""
        raise PolicyError(self.file, self.line, message)


@dataclass(frozen=True, slots=True)
class Scalar(Node):
    """A single value; only unquoted `true` and `false` are flags, all else is text."""

    text: str
    is_quoted: bool = True


@dataclass(frozen=True, slots=True)
class Items(Node):
    """A list."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Table(Node):
    """A mapping from text; the loader has refused duplicate keys."""

    entries: Mapping[str, Node]
    key_lines: Mapping[str, int]

    def fail_at(self, key: str, message: str) -> NoReturn:
        """Raises the PolicyError for the line of one key."""
        raise PolicyError(self.file, self.key_lines[key], message)

    def allow_only(self, keys: Iterable[str], what: str) -> None:
        """Refuses every key that is not one of `keys`."""
        known = sorted(keys)
        for key in self.entries:
            if key not in known:
                expected = ", ".join(known)
                self.fail_at(
                    key, f"unknown key {shown(key)} in {what}, expected one of: {expected}"
                )

    def need(self, key: str, what: str) -> Node:
        """The value of a key that must be there."""
        if key not in self.entries:
            self.fail(f"{what} has no {key!r}")
        return self.entries[key]

    def need_text(self, key: str, what: str) -> str:
        """The text of a key that must be there and not be empty."""
        node = self.need(key, what)
        text = as_text(node)
        return text or node.fail(f"{what} has an empty {key!r}")


def from_data(data: object, file: str, line: int) -> Node:
    """JSON data as a document that stands on one line; numbers are text, as in YAML."""
    if isinstance(data, dict):
        entries = {str(key): from_data(value, file, line) for key, value in data.items()}
        return Table(file, line, entries, dict.fromkeys(entries, line))
    if isinstance(data, list):
        return Items(file, line, tuple(from_data(item, file, line) for item in data))
    if isinstance(data, str):
        return Scalar(file, line, data)
    return Scalar(file, line, "" if data is None else str(data).lower(), is_quoted=False)


def shown(text: str) -> str:
    """A name from the document, short enough for a message."""
    return repr(text if len(text) <= 40 else text[:40] + "...")


def as_table(node: Node, what: str) -> Table:
    """The node as a mapping."""
    return node if isinstance(node, Table) else node.fail(f"expected a mapping for {what}")


def as_items(node: Node, what: str) -> tuple[Node, ...]:
    """The node as a list that is not empty."""
    if isinstance(node, Items) and node.items:
        return node.items
    return node.fail(f"expected a list of at least one {what}")


def as_text(node: Node) -> str:
    """The node as text."""
    if isinstance(node, Scalar) and (node.is_quoted or node.text not in _NOT_TEXT):
        return node.text
    return node.fail("expected text; quote it if it is meant to be text")


def as_flag(node: Node) -> bool:
    """The node as `true` or `false`."""
    if isinstance(node, Scalar) and not node.is_quoted and node.text in _FLAGS:
        return node.text == "true"
    return node.fail("expected true or false")


def as_count(node: Node, most: int) -> int:
    """The node as a whole number from 1 to `most`."""
    if isinstance(node, Scalar) and not node.is_quoted and _COUNT.fullmatch(node.text):
        count = int(node.text)
        if 1 <= count <= most:
            return count
    return node.fail(f"expected a whole number from 1 to {most}")


def as_member(node: Node, kind: type[E], what: str) -> E:
    """The node as a member of a closed set."""
    text = as_text(node)
    try:
        return kind(text)
    except ValueError:
        node.fail(f"unknown {what} {shown(text)}, expected one of: {', '.join(kind)}")


def each_text(node: Node, what: str) -> list[Node]:
    """One scalar, or a list of them, as a list."""
    return [node] if isinstance(node, Scalar) else list(as_items(node, what))


_FLAGS = frozenset({"true", "false"})
_NOT_TEXT = _FLAGS | {"", "~", "null"}
