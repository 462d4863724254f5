# SPDX-License-Identifier: Apache-2.0
"""The least of a request that may leave: what stays here stays, and the rest is as it was."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.minimum import least
from policies import Terms
from policies.terms import DROPPABLE
from tests.gateway.fakes import chat_body

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
SYSTEM = {"role": "system", "content": "rules"}
ASK = {"role": "user", "content": "ask", "name": "Ada"}
SAY = {"role": "assistant", "content": "say"}
USE = {"role": "assistant", "content": None, "tool_calls": [CALL]}
SAY_AND_USE = {"role": "assistant", "content": "look", "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c", "content": "r", "name": "f"}
OLD_USE = {"role": "assistant", "content": "", "function_call": {"name": "f", "arguments": "{}"}}
OLD_RESULT = {"role": "function", "name": "f", "content": "r"}


def left(*messages: Any, **terms: Any) -> list[Any]:
    """The messages that are left."""
    body = chat_body(messages=list(messages))
    found = least(body, Terms(**terms))
    assert {k: v for k, v in found.items() if k != "messages"} == {"model": body["model"]}
    assert body["messages"] == list(messages)  # what was judged is not changed
    messages_left = found["messages"]
    assert isinstance(messages_left, list)
    return messages_left


@pytest.mark.parametrize(
    ("turns", "kept"),
    [
        (1, [SYSTEM, ASK, USE, RESULT, SAY]),
        (2, [SYSTEM, ASK, ASK, USE, RESULT, SAY]),
        (3, [SYSTEM, ASK, SAY, ASK, ASK, USE, RESULT, SAY]),
        (9, [SYSTEM, ASK, SAY, ASK, ASK, USE, RESULT, SAY]),
        (None, [SYSTEM, SAY, ASK, SAY, ASK, ASK, USE, RESULT, SAY]),
    ],
)
def test_the_last_turns_stay_whole(turns: int | None, kept: list[Any]) -> None:
    """A turn begins with the user; calls and their results are not torn apart."""
    talk = [SYSTEM, SAY, ASK, SAY, ASK, ASK, USE, RESULT, SAY]

    assert left(*talk, keep_turns=turns) == kept


def test_instructions_stay_wherever_they_stand() -> None:
    """They are no turn; dropped, they are gone."""
    late = {"role": "developer", "content": "late"}

    assert left(ASK, SYSTEM, late, ASK, SAY, keep_turns=1) == [SYSTEM, late, ASK, SAY]
    assert left(ASK, SYSTEM, late, ASK, drop=frozenset({"system"})) == [ASK, ASK]


def test_nothing_may_be_left() -> None:
    """Whoever sends must look."""
    assert left(SYSTEM, drop=frozenset({"system"})) == []
    assert left(SAY, keep_turns=1) == []  # no user spoke: what was said is no turn


def test_tools_are_dropped_with_their_turns() -> None:
    """Definitions, choices, calls and results; what was said beside a call stays."""
    body = chat_body(
        messages=[ASK, USE, RESULT, SAY_AND_USE, OLD_USE, OLD_RESULT, SAY],
        tools=[{"type": "function", "function": {"name": "f"}}],
        tool_choice="auto",
        parallel_tool_calls=True,
        functions=[{"name": "f"}],
        function_call="auto",
        web_search_options={},
        temperature=0.5,
    )
    found = least(body, Terms(drop=frozenset({"tools"})))

    assert found == {
        "model": body["model"],
        "messages": [ASK, {"role": "assistant", "content": "look"}, SAY],
        "temperature": 0.5,
    }


def test_names_users_and_metadata() -> None:
    """Each by itself; a function's name is none of a person's."""
    body = chat_body(
        messages=[ASK, OLD_RESULT, RESULT],
        user="u",
        safety_identifier="s",
        prompt_cache_key="p",
        metadata={"a": "b"},
    )
    anonymous = {"role": "user", "content": "ask"}

    named = least(body, Terms(drop=frozenset({"name"})))["messages"]
    assert named[:2] == [anonymous, OLD_RESULT]
    assert "name" not in named[2]
    assert least(body, Terms(drop=frozenset({"user"}))).keys() == {"model", "messages", "metadata"}
    without = least(body, Terms(drop=frozenset({"metadata"})))
    assert without == {k: v for k, v in body.items() if k != "metadata"}


def test_a_request_without_messages() -> None:
    """Of another endpoint: its fields are dropped all the same."""
    assert least({"input": "x", "user": "u"}, Terms(drop=frozenset({"user"}), keep_turns=1)) == {
        "input": "x"
    }


MESSAGES = st.lists(
    st.sampled_from([SYSTEM, ASK, SAY, USE, SAY_AND_USE, RESULT, OLD_USE, OLD_RESULT]), max_size=8
)
DROPS = st.frozensets(st.sampled_from(sorted(DROPPABLE)))
TURNS = st.none() | st.integers(1, 4)


@given(MESSAGES, DROPS, DROPS, TURNS, TURNS)
def test_stricter_terms_leave_less(
    messages: list[Any],
    one: frozenset[str],
    other: frozenset[str],
    turns: int | None,
    fewer: int | None,
) -> None:
    """What joined terms leave is what either would leave of what the other left."""
    a, b = Terms(drop=one, keep_turns=turns), Terms(drop=other, keep_turns=fewer)
    body = chat_body(messages=messages)
    both = least(body, a.joined(b))["messages"]

    assert both == least(least(body, a), b)["messages"]
    assert len(both) <= len(least(body, a)["messages"])
