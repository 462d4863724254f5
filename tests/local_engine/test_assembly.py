# SPDX-License-Identifier: Apache-2.0
"""Text leaves only when it is certain."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from local_engine.assembly import TextAssembly


def test_a_character_leaves_only_when_it_is_whole() -> None:
    """The bytes of one emoji come in four pieces and leave as one character."""
    assembly = TextAssembly()
    pieces = [bytes([byte]) for byte in "😀".encode()]

    assert [assembly.feed(piece) for piece in pieces] == ["", "", "", "😀"]


def test_an_unfinished_character_is_dropped_at_the_end() -> None:
    """Half a character never leaves."""
    assembly = TextAssembly()

    assert assembly.feed(b"a\xf0\x9f") + assembly.flush() == "a"


def test_bytes_that_are_no_text_become_the_replacement_character() -> None:
    """An impossible byte does not block what follows."""
    assert TextAssembly().feed(b"a\xffb") == "a�b"


def test_a_stop_string_is_found_across_pieces() -> None:
    """Neither the stop string nor what follows leaves."""
    assembly = TextAssembly(("\n\nUser:",))

    assert [assembly.feed(piece) for piece in (b"Yes.\n", b"\nUs", b"er: no")] == ["Yes.", "", ""]
    assert assembly.has_stopped
    assert assembly.feed(b"more") + assembly.flush() == ""


def test_a_false_beginning_of_a_stop_string_leaves_later() -> None:
    """What only looked like a stop string is not lost."""
    assembly = TextAssembly(("END",))

    assert assembly.feed(b"an E") == "an "
    assert assembly.feed(b"N") == ""
    assert assembly.feed(b"o") == "ENo"
    assert assembly.feed(b"E") == ""
    assert assembly.flush() == "E"


def test_the_earliest_of_several_stop_strings_counts() -> None:
    """Order in the request does not matter."""
    assert TextAssembly(("c", "b")).feed(b"abc") == "a"


@given(
    st.text(alphabet="abé😀", max_size=40),
    st.lists(st.text(alphabet="abé", min_size=1, max_size=4), max_size=3),
    st.lists(st.integers(1, 5), min_size=1, max_size=10),
)
def test_any_cut_into_pieces_gives_the_same_answer(
    text: str, stops: list[str], sizes: list[int]
) -> None:
    """The answer is the text up to the first stop string that any prefix completes."""
    data = text.encode()
    assembly = TextAssembly(tuple(stops))
    out, at, turn = "", 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        out += assembly.feed(data[at : at + size])
        at, turn = at + size, turn + 1
    out += assembly.flush()

    assert text.startswith(out)
    assert not any(stop in out for stop in stops)
    if not any(stop in text for stop in stops):
        assert out == text
    else:
        assert any(text[len(out) :].startswith(stop) for stop in stops)
