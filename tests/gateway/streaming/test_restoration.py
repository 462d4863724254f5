# SPDX-License-Identifier: Apache-2.0
"""Values come back in one pass, however a text is cut, and only where they were asked for."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.streaming.restoration import Restoration, TextStream
from tests.gateway.streaming.placeholder_texts import (
    MIXED,
    NONCE,
    ORIGINALS,
    PLAIN,
    cut,
    drawn,
    forms,
)

CHUNKINGS = 3_000
NIGHTLY_CHUNKINGS = 100_000
ALL = Restoration(ORIGINALS)
NAME = f"NAME_1_{NONCE}"


def streamed(pieces: list[str], restoration: Restoration = ALL, *, in_json: bool = False) -> str:
    stream = TextStream(restoration, in_json=in_json)
    return "".join([*map(stream.feed, pieces), stream.flush()])


def wrong_in(chunkings: int, seed: int, originals: dict[str, str]) -> list[tuple[str, list[str]]]:
    rng = random.Random(seed)
    restoration = Restoration(originals)
    wrong = []
    for _ in range(chunkings):
        text, expected = drawn(rng, rng.randint(1, 6), originals)
        pieces = cut(text, rng)
        if streamed(pieces, restoration) != expected:
            wrong.append((text, pieces))
    return wrong


@pytest.mark.parametrize("originals", [ORIGINALS, MIXED])
def test_random_chunkings_come_out_right(originals: dict[str, str]) -> None:
    """No matter how a text with placeholders is cut, each value is where it belongs."""
    seed = random.getrandbits(32)
    assert wrong_in(CHUNKINGS // 2, seed, originals) == [], f"seed {seed}"


@pytest.mark.nightly
@pytest.mark.parametrize("originals", [ORIGINALS, MIXED])
def test_a_hundred_thousand_chunkings_come_out_right(originals: dict[str, str]) -> None:
    """The same, a hundred thousand times: wrong in 0."""
    assert wrong_in(NIGHTLY_CHUNKINGS, 1, originals) == []


pieces_of_text = st.lists(
    st.sampled_from(
        [*PLAIN, *(form for core in MIXED for form in forms(core)), " ", "//", "<a", "-"]
    )
    | st.text(max_size=4),
    max_size=12,
)


@given(pieces_of_text, st.randoms(use_true_random=False), st.booleans())
def test_how_a_text_is_cut_changes_nothing(
    said: list[str], rng: random.Random, in_json: bool
) -> None:
    """Also where pieces run into each other, in addresses and in JSON."""
    text = "".join(said)
    for restoration in (ALL, Restoration(MIXED)):
        whole = restoration.whole(text, in_json=in_json)
        assert streamed(cut(text, rng), restoration, in_json=in_json) == whole


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200), st.randoms())
def test_text_without_placeholders_passes_unchanged(text: str, rng: random.Random) -> None:
    """Nothing is lost, doubled or moved."""
    assert streamed(cut(text, rng)) == text


@pytest.mark.parametrize("form", forms(NAME))
def test_each_tolerated_form_is_understood(form: str) -> None:
    """Any case between brackets, capitals with a bracket lost, underscores escaped."""
    assert ALL.whole(f"Dear {form}, hello") == "Dear Jane Roe, hello"


@pytest.mark.parametrize(
    "text",
    [
        f"[NAME_2_{NONCE}]",
        f"[GEO_1_{NONCE}]",
        "[NAME_1_ZZZZZZ]",
        "[NAME_1]",
        f"name_1_{NONCE.lower()}",
        f"[NAME_01_{NONCE}]",
        f"[NAME 1 {NONCE}]",
        f"[NAME_1_{NONCE[:-1]}]",
    ],
)
def test_what_was_not_given_stays(text: str) -> None:
    """A model that prints placeholders of its own invention gets nothing for them."""
    assert ALL.whole(f"Dear {text}, hello") == f"Dear {text}, hello"


def test_values_are_not_searched_again() -> None:
    """A value that looks like a placeholder comes out as it is, also at the edge of a piece."""
    core = f"ID_1_{NONCE}"
    for pieces in ([f"[{core}]"], ["[", core, "]"], [f"[{core}", "]"], [core]):
        assert streamed(pieces) == "[NAME_1_KXQTJW]"


def test_values_do_not_make_placeholders_with_what_follows() -> None:
    """A value that ends like the beginning of a placeholder is no beginning."""
    tricky = Restoration({NAME: "[MRN_1", f"MRN_1_{NONCE}": "48213377"})
    assert streamed([f"[{NAME}]", f"_{NONCE}]"], tricky) == f"[MRN_1_{NONCE}]"


def test_only_a_possible_beginning_is_held_back() -> None:
    """Text goes out at once, but for the letters that a placeholder may begin with."""
    stream = TextStream(ALL)
    assert stream.feed("Hello, the patient ") == "Hello, the patient "
    assert stream.feed("is [NAME_1_") == "is "
    assert stream.feed("2") == "[NAME_1_2"  # no placeholder: it is given out again
    assert stream.feed("array[0] of N") == "array[0] of "
    assert stream.feed("ot") == "Not"
    assert not stream.is_holding
    assert stream.feed(f"[{NAME}") == ""
    assert stream.feed("] and") == "Jane Roe and"


def test_no_more_is_held_than_the_longest_placeholder() -> None:
    """Memory is bounded whatever a model says."""
    stream = TextStream(ALL)
    rng = random.Random(3)
    said = given_out = 0
    for _ in range(20_000):
        piece = rng.choice(["[", "NAME", "_1_", "N", "[[[[", "\\_", NONCE[:3]])
        said += len(piece)
        given_out += len(stream.feed(piece))
        assert said - given_out <= ALL.longest


@pytest.mark.parametrize("core", ORIGINALS)
def test_values_in_json_are_escaped(core: str) -> None:
    """What comes out of JSON source is JSON again, with the value in it."""
    source = json.dumps({"to": f"[{core}]", "list": [f"a [{core}] b"]})
    value = ORIGINALS[core]
    for pieces in ([source], list(source)):
        out = streamed(pieces, in_json=True)
        assert json.loads(out) == {"to": value, "list": [f"a {value} b"]}


def test_without_originals_nothing_is_held() -> None:
    """An empty map restores nothing and holds nothing back."""
    stream = TextStream(Restoration({}))
    assert stream.feed("[NAME_1_") == "[NAME_1_"
