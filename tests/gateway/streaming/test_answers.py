# SPDX-License-Identifier: Apache-2.0
"""Every text of an answer is restored, whole or growing, and nothing but texts is touched."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from gateway.streaming.answers import MOST_TEXTS, AnswerTexts, TooManyTexts
from tests.gateway.streaming.placeholder_texts import NONCE, ORIGINALS, cut, drawn

NAME, MRN, ODD = f"NAME_1_{NONCE}", f"MRN_1_{NONCE}", f"NAME_12_{NONCE}"


def answer(message: dict[str, Any], **choice: Any) -> dict[str, Any]:
    """A whole answer with one choice."""
    whole = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return {"id": "x", "model": NAME, "choices": [whole | choice], "usage": {"total_tokens": 1}}


def test_all_texts_of_a_message_are_restored() -> None:
    """Content, refusal, thoughts, parts, arguments, names and fields that nobody knows."""
    arguments = json.dumps({"who": f"[{ODD}]"})
    call = {"id": f"c_{NAME}", "type": "function"}
    message = {
        "content": f"Dear [{NAME}]",
        "refusal": f"not [{MRN}]",
        "reasoning_content": f"he is [{NAME}]",
        "x_parts": [{"type": "text", "text": f"[{NAME}]"}, f"[{MRN}]"],
        "tool_calls": [{**call, "function": {"name": f"f_{MRN}", "arguments": arguments}}],
    }
    got = answer(message)
    AnswerTexts(ORIGINALS).restore(got)

    restored = got["choices"][0]["message"]
    assert restored["content"] == "Dear Jane Roe"
    assert restored["refusal"] == "not 48213377"
    assert restored["reasoning_content"] == "he is Jane Roe"
    assert restored["x_parts"] == [{"type": "text", "text": "Jane Roe"}, "48213377"]
    call = restored["tool_calls"][0]
    assert json.loads(call["function"]["arguments"]) == {"who": ORIGINALS[ODD]}
    assert (call["id"], call["function"]["name"]) == ("c_Jane Roe", "f_48213377")
    assert got["model"] == NAME


def test_content_by_a_schema_stays_json() -> None:
    """When the request asked for JSON, a value with quotes in it does not break the answer."""
    content = json.dumps({"who": f"[{ODD}]"})
    for says_json in (True, False):
        got = answer({"content": content, "reasoning": f"[{ODD}]"})
        AnswerTexts(ORIGINALS, says_json=says_json).restore(got)
        assert got["choices"][0]["message"]["reasoning"] == ORIGINALS[ODD]
        said = got["choices"][0]["message"]["content"]
        if says_json:
            assert json.loads(said) == {"who": ORIGINALS[ODD]}
        else:
            assert said == '{"who": "O"Hara\\"}'


def test_logprobs_are_dropped() -> None:
    """They spell the text as it was before."""
    got = answer({"content": "x"}, logprobs={"content": [{"token": "[NAME"}]})
    AnswerTexts(ORIGINALS).restore(got)
    assert got["choices"][0]["logprobs"] is None


def event(delta: dict[str, Any], index: int = 0, finish: str | None = None) -> dict[str, Any]:
    """An event with one choice."""
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return {"id": "x", "object": "chat.completion.chunk", "choices": [choice]}


def read(texts: AnswerTexts, events: list[dict[str, Any]]) -> dict[tuple[Any, ...], str]:
    """What a client puts together: each growing text by choice and place."""
    out: list[dict[str, Any]] = []
    for each in events:
        out += [*texts.feed(each), each]
    out += texts.flush(events[-1])
    grown: dict[tuple[Any, ...], str] = {}
    for each in out:
        for choice in each["choices"]:
            for key, value in choice["delta"].items():
                if key != "tool_calls":
                    place = (choice["index"], key)
                    grown[place] = grown.get(place, "") + value
                    continue
                for call in value:
                    of_call = (choice["index"], "call", call["index"])
                    grown[of_call] = grown.get(of_call, "") + call["function"]["arguments"]
    return grown


def call_delta(index: int, arguments: str) -> dict[str, Any]:
    """A piece of a tool call."""
    return {"tool_calls": [{"index": index, "function": {"arguments": arguments}}]}


def test_texts_that_grow_side_by_side_do_not_mix() -> None:
    """Two choices, two tool calls and a content, a character at a time, in turn."""
    sources = {
        (0, "content"): f"Dear [{NAME}], [{NAME}",
        (1, "content"): f"[{MRN}] and [NA",
        (0, "call", 0): json.dumps({"who": f"[{ODD}]"}),
        (0, "call", 1): json.dumps({"id": f"[{MRN}]"}),
    }
    rng = random.Random(5)
    events = []
    pieces = {place: cut(text, rng) for place, text in sources.items()}
    while any(pieces.values()):
        place = rng.choice([p for p, left in pieces.items() if left])
        piece = pieces[place].pop(0)
        delta = {"content": piece} if place[1] == "content" else call_delta(int(place[2]), piece)
        events.append(event(delta, int(place[0])))
    events += [event({}, 0, "stop"), event({}, 1, "stop")]

    grown = read(AnswerTexts(ORIGINALS), events)

    assert grown[0, "content"] == "Dear Jane Roe, Jane Roe"
    assert grown[1, "content"] == "48213377 and [NA"
    assert json.loads(grown[0, "call", 0]) == {"who": ORIGINALS[ODD]}
    assert json.loads(grown[0, "call", 1]) == {"id": "48213377"}


@pytest.mark.parametrize("ends", ["with its own event", "with text", "not at all"])
def test_what_is_held_comes_before_the_end(ends: str) -> None:
    """Whether the last event has text in it or not, and when there is none."""
    rng = random.Random(9)
    for _ in range(50):
        text, expected = drawn(rng, 4)
        events = [event({"content": piece}) for piece in cut(text, rng)]
        if ends == "with text":
            events[-1]["choices"][0]["finish_reason"] = "stop"
        elif ends == "with its own event":
            events.append(event({}, 0, "stop"))
        texts = AnswerTexts(ORIGINALS)
        assert read(texts, events)[0, "content"] == expected
        assert texts.flush(None) == []


def test_the_end_of_a_choice_comes_last() -> None:
    """Events with what was held come before the event that ends the choice, and look like it."""
    texts = AnswerTexts(ORIGINALS)
    texts.feed(event({"content": f"[{NAME}"}))
    texts.feed(event(call_delta(3, f'{{"a": "[{MRN}')))
    last = event({}, 0, "length")

    first, second = texts.feed(last)

    assert last["choices"][0] == {"index": 0, "delta": {}, "finish_reason": "length"}
    assert first["object"] == second["object"] == "chat.completion.chunk"
    assert first["choices"][0]["delta"] == {"content": "Jane Roe"}
    assert second["choices"][0]["delta"] == call_delta(3, "48213377")
    assert first["choices"][0]["finish_reason"] is None


def test_names_come_whole() -> None:
    """A function's name is not held back: clients read it in the event that begins the call."""
    function = {"name": f"f_{MRN}", "arguments": ""}
    one = event({"tool_calls": [{"index": 0, "id": f"c_{MRN}", "function": function}]})
    texts = AnswerTexts(ORIGINALS)
    texts.feed(one)
    (call,) = one["choices"][0]["delta"]["tool_calls"]
    assert (call["id"], call["function"]["name"]) == ("c_48213377", "f_48213377")
    assert texts.flush(one) == []


def test_completions_are_restored_too() -> None:
    """The older API has its text in the choice itself."""
    texts = AnswerTexts(ORIGINALS)
    one = {"choices": [{"index": 0, "text": f"[{NAME}", "finish_reason": None}]}
    assert texts.feed(one) == []
    assert texts.flush(one) == [
        {"choices": [{"index": 0, "text": "Jane Roe", "finish_reason": None}]}
    ]


def test_more_texts_than_anyone_asks_for_are_refused() -> None:
    """An upstream cannot fill the memory with texts that never end."""
    texts = AnswerTexts(ORIGINALS)
    with pytest.raises(TooManyTexts):
        for number in range(MOST_TEXTS + 1):
            texts.feed(event(call_delta(number, "[")))


@pytest.mark.parametrize("odd", [{}, {"choices": None}, {"choices": ["x"]}, {"error": {}}])
def test_what_has_no_choices_is_left_alone(odd: dict[str, Any]) -> None:
    """Usage events and errors pass."""
    before = json.dumps(odd)
    texts = AnswerTexts(ORIGINALS)
    texts.restore(odd)
    assert texts.feed(odd) == []
    assert json.dumps(odd) == before
