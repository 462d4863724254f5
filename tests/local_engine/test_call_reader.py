# SPDX-License-Identifier: Apache-2.0
"""An answer's text taken apart, wherever it is cut into pieces."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_engine.call_reader import CallArguments, CallReader, CallStart, Part, new_call_id


def a_call(name: str, arguments: str) -> str:
    """As the grammar has it."""
    return f'<tool_call>\n{{"name": "{name}", "arguments": {arguments}}}\n</tool_call>'


def read(text: str, cuts: list[int]) -> tuple[CallReader, list[Part]]:
    """Feed the text in pieces."""
    ids = (f"id{number}" for number in itertools.count())
    reader = CallReader(lambda: next(ids))
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    parts: list[Part] = []
    for start, end in itertools.pairwise(edges):
        parts += reader.feed(text[start:end])
    return reader, parts + reader.end()


def joined(parts: list[Part]) -> tuple[str, list[tuple[str, str, str]]]:
    """The text, and id, name and arguments of each call."""
    calls: list[tuple[str, str, str]] = []
    for part in parts:
        if isinstance(part, CallStart):
            assert part.index == len(calls)
            calls.append((part.call_id, part.name, ""))
        elif isinstance(part, CallArguments):
            call_id, name, arguments = calls[part.index]
            calls[part.index] = (call_id, name, arguments + part.text)
    return "".join(part for part in parts if isinstance(part, str)), calls


@given(
    st.text(max_size=30),
    st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.lists(st.none())),
    st.lists(st.integers(0, 500), max_size=40),
)
def test_any_cut_gives_the_same_text_and_calls(
    text: str, arguments: dict[str, object], cuts: list[int]
) -> None:
    """Arguments with braces, quotes and backslashes come out as they went in."""
    written = json.dumps(arguments)
    answer = f"{text}\n{a_call('f', written)}\n{a_call('g-2', '{}')}"
    reader, parts = read(answer, cuts)

    said, calls = joined(parts)
    assert said == (text.rstrip() if text.strip() else "")
    assert calls == [("id0", "f", written), ("id1", "g-2", "{}")]
    assert (reader.calls, reader.is_in_call) == (2, False)


@given(st.text(alphabet="<tol_ca> \nx", max_size=40), st.lists(st.integers(0, 60), max_size=20))
def test_text_without_a_call_comes_out_whole(text: str, cuts: list[int]) -> None:
    """Whatever looked like the beginning of a tag."""
    text = text.replace("<tool_call>", "")
    _, parts = read(text, cuts)
    assert joined(parts) == (text, [])


def test_text_is_held_back_no_longer_than_needed() -> None:
    """It flows while nothing looks like a tag, without the blanks before one."""
    reader = CallReader()
    assert reader.feed("Well, ") == ["Well,"]
    assert reader.feed("see <to") == [" see"]
    assert reader.feed("y") == [" <toy"]


def test_the_name_comes_first_and_arguments_in_pieces() -> None:
    """As soon as they are there."""
    reader = CallReader(lambda: "id")
    assert reader.feed('<tool_call>\n{"name": "f", "argu') == []
    assert reader.feed('ments": {"a"') == [CallStart(0, "id", "f"), CallArguments(0, '{"a"')]
    assert reader.feed(': "}\\"') == [CallArguments(0, ': "}\\"')]
    assert reader.feed('"}}\n</tool') == [CallArguments(0, '"}')]
    assert reader.is_in_call
    assert reader.feed("_call>") == []
    assert not reader.is_in_call


@pytest.mark.parametrize(
    "cut",
    ["<tool_call>", '<tool_call>\n{"name": "f', '<tool_call>\n{"name": "f", "arguments": {"a'],
)
def test_a_call_that_is_cut_short_is_not_complete(cut: str) -> None:
    """What there is of it came out; the rest is no text."""
    reader, parts = read(cut, [])
    assert reader.calls == 0
    assert joined(parts)[0] == ""
    assert reader.is_in_call


def test_ids_are_new_each_time() -> None:
    """And look like OpenAI's."""
    first, second = new_call_id(), new_call_id()
    assert first != second
    assert first.startswith("call_")
