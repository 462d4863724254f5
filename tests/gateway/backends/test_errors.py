# SPDX-License-Identifier: Apache-2.0
"""The tree of backend errors says the same in its drawing and in its classes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.backends import errors
from gateway.backends.errors import BackendError, ResponseTooLarge, ResponseTruncated


def all_below(root: type[BackendError]) -> Iterator[type[BackendError]]:
    for child in root.__subclasses__():
        yield child
        yield from all_below(child)


def test_the_drawing_is_true() -> None:
    """Each class stands in the drawing with its status, its code and whether bytes left."""
    drawn = {
        match[1]: (int(match[2]), match[3], match[4])
        for match in re.finditer(
            r"\+-- (\w+) +(\d{3}) +(?:(yes|no) +)?(\w+)", errors.__doc__ or "", re.ASCII
        )
    }
    classes = [c for c in all_below(BackendError) if c.__module__ == errors.__name__]

    assert {c.__name__ for c in classes} == set(drawn)
    for c in classes:
        status, left, code = drawn[c.__name__]
        assert (c.status, c.code) == (status, code)
        assert left is None or c.may_have_left is (left == "yes")


def test_retryable_until_the_head_is_seen() -> None:
    """Before a response head another attempt is sound; afterwards only the caller can tell."""
    assert ResponseTruncated("x").retryable
    assert not ResponseTruncated("x", head_seen=True).retryable
    assert not ResponseTooLarge("x").retryable
