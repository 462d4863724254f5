# SPDX-License-Identifier: Apache-2.0
"""Agreements are read narrowly, and retention in steps."""

from dataclasses import replace

import pytest

from policies import Baa, Retention
from policies.residency import RETENTIONS, retention_step
from tests.policies.samples import BAA, CLOUD, TODAY

NONE: frozenset[str] = frozenset()
TOOLS = frozenset({"tools"})


@pytest.mark.parametrize(
    ("baa", "models", "features", "uses", "expected"),
    [
        (BAA, {"m"}, {"web"}, TOOLS, True),
        (replace(BAA, models=frozenset({"m"})), {"m"}, set(), NONE, True),
        (replace(BAA, models=frozenset({"m"})), {"m", "n"}, set(), NONE, False),
        (replace(BAA, models=frozenset({"m"})), set(), set(), NONE, False),
        (replace(BAA, features=frozenset({"tools"})), set(), set(), TOOLS, True),
        (replace(BAA, features=frozenset({"media"})), set(), set(), TOOLS, False),
        (replace(BAA, features=frozenset({"tools"})), set(), {"web"}, TOOLS, False),
        (replace(BAA, features=NONE), set(), set(), NONE, True),
    ],
)
def test_an_agreement_covers_all_that_is_used_or_nothing(
    baa: Baa, models: set[str], features: set[str], uses: frozenset[str], expected: bool
) -> None:
    """A model, a feature of the destination or of the request outside of it ends the cover."""
    there = replace(CLOUD, baa=baa, models=frozenset(models), features=frozenset(features))

    assert there.is_covered("chat", TODAY, uses) is expected
    assert not there.is_covered("embeddings", TODAY, uses)
    assert not there.is_covered("chat", TODAY.replace(year=2027), uses)
    assert not replace(there, baa=None).is_covered("chat", TODAY, uses)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (0, "days_7"),
        (7, "days_7"),
        (8, "days_30"),
        (30, "days_30"),
        (90, "days_90"),
        (91, "longer"),
    ],
)
def test_retention_in_steps(days: int, expected: str) -> None:
    """A step holds all durations up to its own; only a promise of zero is zero."""
    assert retention_step(Retention(zero_data=False, days=days)) == expected
    assert expected in RETENTIONS


def test_retention_without_a_promise_is_the_longest() -> None:
    """Nothing stated, nothing assumed; zero retention is zero whatever the days say."""
    assert retention_step(None) == "longer"
    assert retention_step(Retention(zero_data=True, days=30)) == "zero"


def test_encryption_is_read_from_the_origin() -> None:
    """Only https counts."""
    assert CLOUD.is_encrypted
    assert not replace(CLOUD, origin="http://cloud.invalid:80").is_encrypted
    assert not replace(CLOUD, origin="").is_encrypted


@pytest.mark.parametrize(
    ("origin", "is_so"),
    [
        *(("http://127.0.0.1:80", True), ("http://127.9.8.7:80", True), ("http://[::1]:80", True)),
        *(("http://localhost:80", True), ("http://localhost.evil.example:80", False)),
        *(("http://127.0.0.1.evil.example:80", False), ("http://128.0.0.1:80", False)),
        *(("http://10.0.0.1:80", False), ("http://[::2]:80", False), ("ftp://127.0.0.1:1", False)),
    ],
)
def test_what_never_leaves_the_machine_needs_no_encryption(origin: str, is_so: bool) -> None:
    """Loopback addresses, and nothing that only looks like one."""
    assert replace(CLOUD, origin=origin).is_encrypted is is_so
