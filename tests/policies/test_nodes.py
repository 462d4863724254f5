# SPDX-License-Identifier: Apache-2.0
"""Questions to a document: the answer, or an error at the right line."""

import pytest

from policies import PolicyError, Tier
from policies.nodes import Items, Scalar, Table, as_flag, as_member, as_text, each_text, shown

PLAIN = Scalar("f", 3, "true", is_quoted=False)
QUOTED = Scalar("f", 4, "true")
TABLE = Table("f", 1, {"a": PLAIN}, {"a": 2})


def test_only_unquoted_flags_are_flags() -> None:
    """Quoted, it is text."""
    assert as_flag(PLAIN) is True
    assert as_text(QUOTED) == "true"
    with pytest.raises(PolicyError, match="f:3: expected text"):
        as_text(PLAIN)
    with pytest.raises(PolicyError, match="f:4: expected true or false"):
        as_flag(QUOTED)


def test_one_value_may_stand_for_a_list_of_one() -> None:
    """A scalar and a list with it are the same."""
    assert each_text(QUOTED, "value") == each_text(Items("f", 4, (QUOTED,)), "value")


def test_members_of_closed_sets() -> None:
    """The value is converted, or the error lists what there is."""
    assert as_member(Scalar("f", 1, "cloud"), Tier, "tier") is Tier.CLOUD
    with pytest.raises(PolicyError, match="expected one of: device, onprem, cloud"):
        as_member(Scalar("f", 1, "x"), Tier, "tier")


def test_keys_fail_at_their_own_line() -> None:
    """The line of a key, not that of its value or its table."""
    with pytest.raises(PolicyError, match="f:2: unknown key 'a' in it, expected one of: b, c"):
        TABLE.allow_only(("c", "b"), "it")


def test_long_names_are_cut() -> None:
    """A message never repeats a megabyte."""
    assert (len(shown("x" * 1000)), shown("a")) == (45, "'a'")
