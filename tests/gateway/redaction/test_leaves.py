# SPDX-License-Identifier: Apache-2.0
"""The walk over a request reads what the border reads, and can write it anew."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.redaction.leaves import MOST_DEPTH, Leaf, Unwalkable, leaves, with_texts
from gateway.texts import strings
from tests.gateway.fakes import chat_body

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"), max_size=8)
    | st.sampled_from(["user", "text", "auto"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "role", "mrn", "x_y", "id", "tools"]), inner)
    ),
    max_leaves=12,
)


def read(body: dict[str, Any]) -> list[str]:
    """What the border reads of it."""
    return strings({k: v for k, v in body.items() if k != "model"})


def without_json_inside(body: object) -> bool:
    """Whether no string opens like JSON: those are read from within."""
    return not any(text.lstrip()[:1] in ("{", "[") for text in strings(body))


@given(st.dictionaries(st.sampled_from(["messages", "user", "x_a", "model"]), JSON))
def test_every_string_that_the_border_reads_is_a_leaf(body: dict[str, Any]) -> None:
    """Whatever stands where: nothing can hide from the one walk and be seen by the other."""
    if without_json_inside(body):
        found = leaves(body)  # with a label more in lists of lists
        assert set(read(body)) <= {text for x in found for text in (x.text, x.label + x.text)}


@given(st.dictionaries(st.sampled_from(["messages", "user", "x_a", "model"]), JSON))
def test_with_its_own_texts_a_request_is_the_same(body: dict[str, Any]) -> None:
    """And the given one is not changed."""
    before = json.dumps(body)
    assert with_texts(body, [leaf.text for leaf in leaves(body)]) == body
    assert json.dumps(body) == before


def test_labels_and_forms() -> None:
    """Names and ids have a grammar, keys and numbers stand, and the model's name is no leaf."""
    body = chat_body(
        "hi",
        user="u-1",
        tools=[{"type": "function", "function": {"name": "f", "description": "d"}}],
        metadata={"mrn": "48213377"},
        x_list=["a", 7, True, None, {"nn": 12345}],
        seed=99,
    )
    body["messages"][0]["name"] = "ada"
    body["messages"].append(
        {"role": "tool", "tool_call_id": "c1", "content": "done", "x": {"name": "g"}}
    )

    assert leaves(body) == [
        Leaf("hi"),
        Leaf("ada"),
        Leaf("c1", form="token"),
        Leaf("done"),
        Leaf("x", form="key"),
        Leaf("g"),
        Leaf("u-1", form="subject"),
        Leaf("f", form="token"),
        Leaf("d"),
        Leaf("mrn", form="key"),
        Leaf("48213377", "mrn: "),
        Leaf("x_list", form="key"),
        Leaf("a", "x list: "),
        Leaf("7", "x list: ", "number"),
        Leaf("nn", form="key"),
        Leaf("12345", "nn: ", "number"),
    ]


def test_json_in_a_string_is_opened_and_closed_again() -> None:
    """Its texts are read without their escapes, and what is put in is escaped."""
    source = json.dumps({"who": "J\u00fcrgen", "mrn": ["1", 48213377]})
    body = chat_body(source)
    found = leaves(body)
    assert found == [
        Leaf("who"),
        Leaf("Jürgen", "who: "),
        Leaf("mrn"),
        Leaf("1", "mrn: "),
        Leaf("48213377", "mrn: "),
    ]
    assert with_texts(body, [leaf.text for leaf in found])["messages"][0]["content"] == source
    texts = ["a", '"\\', "b", "c", "48213377"]
    changed = json.loads(with_texts(body, texts)["messages"][0]["content"])
    assert changed == {"a": '"\\', "b": ["c", 48213377]}
    texts[-1] = "[MRN_1_KXQTJW]"
    changed = json.loads(with_texts(body, texts)["messages"][0]["content"])
    assert changed["b"] == ["c", "[MRN_1_KXQTJW]"]


def test_two_keys_may_not_become_one() -> None:
    """What stood under one of them would be lost."""
    body = chat_body('{"Jane Roe": "a", "JANE ROE": "b"}')
    with pytest.raises(Unwalkable):
        with_texts(body, ["x", "a", "x", "b"])


def test_half_a_character_is_written_as_an_escape() -> None:
    """JSON inside a string may hold what no UTF-8 can."""
    body = chat_body('["\\ud800", "a"]')
    changed = with_texts(body, ["\ud800", "b"])["messages"][0]["content"]
    assert changed == '["\\ud800", "b"]'


@pytest.mark.parametrize("text", ["[not json", "[1] and more", "{}x", "17", '"a"', "[" * 100_000])
def test_what_is_no_json_is_a_text(text: str) -> None:
    """Or too deep to be one."""
    try:
        assert leaves(chat_body(text)) == [Leaf(text)]
    except Unwalkable:
        assert len(text) > MOST_DEPTH


def test_depth_is_bounded() -> None:
    """JSON in strings in JSON in strings counts as well."""
    text: Any = "x"
    for _ in range(MOST_DEPTH):
        text = [text]
    with pytest.raises(Unwalkable):
        leaves(chat_body(json.dumps(text)))
