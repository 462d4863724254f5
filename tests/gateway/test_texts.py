# SPDX-License-Identifier: Apache-2.0
"""The walk over all text of a request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.texts import API_WORDS, holds_media_url, names_media, strings

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
            if key in API_WORDS or isinstance(child, dict | list):
                found += [] if key in API_WORDS else [key]
                found += every_string(child)
            elif child is None or child is True or child is False:
                found.append(key)
            else:
                words = child if isinstance(child, str) else digits(child)
                found.append(f"{key.replace('_', ' ')}: {words}")
        return found
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= 10_000:
        return [digits(value)]
    return []


def digits(number: float) -> str:
    """A number as a person would write it."""
    return str(number) if number % 1 else f"{int(number)}"


@given(JSON)
def test_every_string_is_found_in_order(value: object) -> None:
    """Whatever the nesting, each string, key with its value, and long number comes, in order."""
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
        ({"mrn": ["4821"]}, ["mrn", "4821"]),
        ({"max_tokens": 93}, []),
    ],
)
def test_a_made_up_key_stands_before_its_value(value: object, read: list[str]) -> None:
    """A key gives its value a meaning, so that a detector sees both together."""
    assert list(strings(value)) == read


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
    assert names_media(value) is named


def test_depth_does_not_matter() -> None:
    """A tree deeper than Python's stack is walked."""
    value: object = "bottom"
    for _ in range(5000):
        value = [value]

    assert list(strings(value)) == ["bottom"]
