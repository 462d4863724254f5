# SPDX-License-Identifier: Apache-2.0
"""The walk over all text of a request."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.texts import API_WORDS, strings

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.sampled_from(sorted(API_WORDS)), inner, max_size=4)
    ),
    max_leaves=20,
)


def every_string(value: object) -> list[str]:
    """A second, naive walk: strings anywhere and keys that are no API words."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [s for child in value for s in every_string(child)]
    if isinstance(value, dict):
        found = []
        for key, child in value.items():
            found += [] if key in API_WORDS else [key]
            found += every_string(child)
        return found
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= 10_000:
        return [str(value)]
    return []


@given(JSON)
def test_every_string_is_found_in_order(value: object) -> None:
    """Whatever the nesting, each string, made-up key and long number comes once, in order."""
    assert list(strings(value)) == every_string(value)


@given(st.sampled_from(sorted(API_WORDS)))
def test_api_words_are_left_out_as_keys_only(word: str) -> None:
    """A word of the API is skipped as a key and read as a value."""
    assert list(strings({word: word})) == [word]


def test_numbers_that_may_identify() -> None:
    """Five digits and more are read, of either sign; true is no number."""
    assert list(strings([9999, 10_000, -123_456_789, 123456789.0, True, None, 0.5])) == [
        "10000",
        "-123456789",
        "123456789.0",
    ]


def test_depth_does_not_matter() -> None:
    """A tree deeper than Python's stack is walked."""
    value: object = "bottom"
    for _ in range(5000):
        value = [value]

    assert list(strings(value)) == ["bottom"]
