# SPDX-License-Identifier: Apache-2.0
"""The walk over all text of a request."""

from __future__ import annotations

from typing import TypeGuard

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.texts import API_VALUES, API_WORDS, holds_media_url, strings, walk

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
# A key that is a value of the API, such as "null", says nothing of anybody and is not read alone.
OWN_KEYS = st.text().filter(lambda key: key not in API_VALUES)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(OWN_KEYS | st.sampled_from(sorted(API_WORDS)), inner, max_size=4)
    ),
    max_leaves=20,
)


def every_string(value: object) -> list[str]:
    """A second, naive walk: strings anywhere and keys that are no API words."""
    if isinstance(value, str):
        return [] if value in API_VALUES else [value]
    if isinstance(value, list):
        return [s for child in value for s in every_string(child)]
    if isinstance(value, dict):
        return [s for key, child in value.items() for s in every_labelled(key, child)]
    return [digits(value)] if is_number(value) and abs(value) >= 10_000 else []


def every_labelled(key: str, child: object) -> list[str]:
    """What stands in one field."""
    if key in API_WORDS:
        return every_string(child)
    if isinstance(child, dict):
        return [key, *every_string(child)]
    if isinstance(child, list):
        plain = [isinstance(item, str) or is_number(item) for item in child]
        items = zip(child, plain, strict=True)
        return [key, *(s for item, p in items for s in every_string({key: item} if p else item))]
    if isinstance(child, str) or is_number(child):
        words = child if isinstance(child, str) else digits(child)
        return [f"{key.replace('_', ' ')}: {words}"]
    return [key]


def is_number(value: object) -> TypeGuard[float]:
    """A number that is not true or false."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def digits(number: float) -> str:
    """A number as a person would write it."""
    return str(number) if number % 1 else f"{int(number)}"


@given(JSON)
def test_every_string_is_found_in_order(value: object) -> None:
    """Whatever the nesting, each string, key with its value, and long number comes, in order."""
    assert (strings(value)) == every_string(value)


@given(st.sampled_from(sorted(API_VALUES)))
def test_values_of_the_api_are_nobodys_text(value: str) -> None:
    """A role or a type alone is skipped; in a text, or as a made-up field's value, it is read."""
    assert strings({"role": value, "content": f"a {value}"}) == [f"a {value}"]
    assert strings({"note": value}) == [f"note: {value}"]


@given(st.sampled_from(sorted(API_WORDS - API_VALUES)))
def test_api_words_are_left_out_as_keys_only(word: str) -> None:
    """A word of the API is skipped as a key and read as a value."""
    assert (strings({word: word})) == [word]


def test_numbers_that_may_identify() -> None:
    """Five digits and more are read, of either sign; true is no number."""
    assert (strings([9999, 10_000, -123_456_789, 123456789.0, True, None, 0.5])) == [
        "10000",
        "-123456789",
        "123456789",
    ]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({"mrn": "4821"}, ["mrn: 4821"]),
        ({"patient_age": 93}, ["patient age: 93"]),
        ({"score": 0.5}, ["score: 0.5"]),
        ({"phone": 4155552671.0}, ["phone: 4155552671"]),
        ({"is_new": True, "gone": None}, ["is_new", "gone"]),
        ({"mrn": ["4821", 7, None]}, ["mrn", "mrn: 4821", "mrn: 7"]),
        ({"max_tokens": 93}, []),
    ],
)
def test_a_made_up_key_stands_before_its_value(value: object, read: list[str]) -> None:
    """A key gives its value a meaning, so that a detector sees both together."""
    assert (strings(value)) == read


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("see data:image/png;base64,AAAA", True),
        ("DATA:Audio/wav,x", True),
        ("url: data:application/pdf;base64,AA", True),
        ("my data: image/video notes", False),
        ("data:text/plain,hello", False),
        ("", False),
    ],
)
def test_media_urls(text: str, holds: bool) -> None:
    """A data: URL of an image, a sound or a file is seen wherever it stands in the text."""
    assert holds_media_url(text) is holds


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({"image": "R0lG"}, True),
        ([{"x": [{"input_audio": {"data": "x"}}]}], True),
        ({"audio": {"id": "a"}}, True),
        ({"image": None, "file": "", "images": []}, False),
        ({"picture": "x", "text": "image"}, False),
    ],
)
def test_media_are_told_by_their_names(value: object, named: bool) -> None:
    """A field that is called as media are, anywhere and not empty, counts as one."""
    assert walk(value)[1] is named


def test_depth_does_not_matter() -> None:
    """A tree deeper than Python's stack is walked."""
    value: object = "bottom"
    for _ in range(5000):
        value = [value]

    assert (strings(value)) == ["bottom"]
