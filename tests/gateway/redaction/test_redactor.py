# SPDX-License-Identifier: Apache-2.0
"""What the copy holds, and everything for which there is none."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import Any, cast

import orjson
import pytest

from gateway.redaction import redactor
from gateway.redaction.copy import Redacted, Redaction, Unredactable
from gateway.redaction.notice import with_notice
from gateway.redaction.redactor import Redactor
from gateway.redaction.short_codes import hides_text
from gateway.signals.privacy import Detector, Kind, Mode, Span, Verdict
from gateway.signals.privacy.model import packaged
from policies import DataClass
from policies.model import IDENTIFIERS
from tests.gateway.fakes import chat_body, chat_request

DETECTOR = Detector()
PHI = "The patient Jane Hollander, MRN 48213377, has diabetes."


def is_common(word: str) -> bool:
    return word.encode("ascii", "replace") in packaged().lexicon.common


class Says:
    """A scanner with a script: verdicts or exceptions, one for each scan."""

    def __init__(self, *script: Any) -> None:
        self._script = list(script)

    def scan(self, text: str, mode: Mode = "auto") -> Any:
        answer = self._script.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer(text) if callable(answer) else answer


def found(*spans: Span, reasons: tuple[str, ...] = ("identifier",)) -> Verdict:
    return Verdict(DataClass.PHI if spans else DataClass.PUBLIC, spans, False, reasons)


NOTHING = Verdict(DataClass.PUBLIC, (), False, ())


async def redact(
    text: str = "Hello",
    scanner: Any = DETECTOR,
    kinds: frozenset[str] = IDENTIFIERS,
    must_find: bool = False,
    **body: Any,
) -> Redaction:
    request = chat_request(text, **body)
    return await Redactor(scanner, is_common).redact(request, kinds, must_find=must_find)


async def copy_of(text: str = "Hello", **more: Any) -> Redacted:
    done = await redact(text, **more)
    assert isinstance(done, Redacted), done
    return done


async def why(text: str = "Hello", scanner: Any = DETECTOR, **more: Any) -> str:
    done = await redact(text, scanner, **more)
    assert isinstance(done, Unredactable), done
    return done.code


@pytest.fixture
def fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The random letters are always the same."""
    monkeypatch.setattr(redactor, "draw_nonce", lambda _: "KXQTJW")


@pytest.mark.usefixtures("fixed")
async def test_identifiers_are_replaced_and_counted() -> None:
    """Found ones, other places of them, and the map back; the request itself is not changed."""
    body = chat_body(f"{PHI} Ask hollander, and JANE  HOLLANDER.")
    before = json.dumps(body)
    done = await copy_of(**body, text=body["messages"][0]["content"])

    system, user = done.body["messages"]
    assert user["content"] == (
        "The patient [NAME_1_KXQTJW], MRN [MRN_1_KXQTJW], has diabetes. "
        "Ask [NAME_2_KXQTJW], and [NAME_1_KXQTJW]."
    )
    assert system["role"] == "system"
    assert "[NAME_1_KXQTJW]" in system["content"]
    assert done.counts == {"NAME": 3, "MRN": 1}
    assert done.total == 4
    assert done.originals == {
        "NAME_1_KXQTJW": "Jane Hollander",
        "MRN_1_KXQTJW": "48213377",
        "NAME_2_KXQTJW": "hollander",
    }
    assert json.dumps(body) == before
    assert "Hollander" not in repr(done)


@pytest.mark.usefixtures("fixed")
async def test_every_place_of_a_request_is_redacted() -> None:
    """Turns, tool calls and results, definitions, names, user, metadata, stop, unknown fields."""
    call = {"who": "Jane Hollander", "q": '"48213377"'}
    body: dict[str, Any] = {
        "messages": [
            {"role": "developer", "content": [{"type": "text", "text": PHI}]},
            {"role": "user", "name": "Hollander", "content": "Look her up."},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "f", "arguments": json.dumps(call)},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": '["hollander is here"]'},
        ],
        "tools": [
            {"type": "function", "function": {"name": "f", "description": "for Jane Hollander"}}
        ],
        "user": "jane.hollander@example.org",
        "metadata": {"note": "48213377"},
        "stop": ["Hollander"],
        "x_new": {"deep": ["Hollander"]},
    }
    done = await copy_of(**body)

    sent = orjson.dumps(done.body).decode()
    assert "ollander" not in sent
    assert "48213377" not in sent
    arguments = done.body["messages"][2]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(arguments) == {"who": "[NAME_1_KXQTJW]", "q": '"[MRN_1_KXQTJW]"'}
    assert json.loads(done.body["messages"][3]["content"]) == ["[NAME_2_KXQTJW] is here"]
    assert done.body["messages"][1]["name"] == "[NAME_2_KXQTJW]"
    assert done.body["metadata"] == {"note": "[MRN_1_KXQTJW]"}
    assert len(done.body["messages"]) == 4


@pytest.mark.usefixtures("fixed")
async def test_keys_and_numbers_in_json_inside_a_string_are_text() -> None:
    """As in what a tool answered: a table by name, a number that is one."""
    answered = json.dumps({"Jane Hollander": {"mrn": 48213377, "visits": 3}})
    tool = {"role": "tool", "tool_call_id": "c1", "content": answered}
    done = await copy_of(messages=[*chat_body(PHI)["messages"], tool])
    assert json.loads(done.body["messages"][2]["content"]) == {
        "[NAME_1_KXQTJW]": {"mrn": "[MRN_1_KXQTJW]", "visits": 3}
    }


@pytest.mark.usefixtures("fixed")
async def test_who_is_asking_is_removed_whatever_it_looks_like() -> None:
    """A stable name of a user's is an identifier, be it a hash; it is no find, though."""
    done = await copy_of(PHI, user="u-8f14e45f", safety_identifier="x9")
    assert (done.body["user"], done.body["safety_identifier"]) == (
        "[ID_1_KXQTJW]",
        "[ID_2_KXQTJW]",
    )
    assert await why("Hello.", user="u-8f14e45f", must_find=True) == "nothing_found"
    other = await copy_of(PHI, user="u-8f14e45f", kinds=frozenset({"MRN"}))
    assert other.body["user"] == "u-8f14e45f"


@pytest.mark.usefixtures("fixed")
async def test_names_with_a_grammar_get_placeholders_without_brackets() -> None:
    """A function's name and a call's id take letters, digits and underscores only."""
    tool = {"type": "function", "function": {"name": "find-Hollander", "parameters": {}}}
    done = await copy_of(PHI, tools=[tool])
    assert done.body["tools"][0]["function"]["name"] == "find-NAME_2_KXQTJW"


async def test_letters_are_new_for_each_request_and_not_in_it() -> None:
    """A caller's own placeholders stay what they are."""
    first, second = await copy_of(PHI), await copy_of(PHI)
    assert first.originals.keys().isdisjoint(second.originals)
    core = next(iter(first.originals))
    again = await copy_of(f"{PHI} See [{core}].")
    assert core not in again.originals
    assert again.body["messages"][1]["content"].endswith(f"See [{core}].")


async def test_without_finds_the_copy_is_the_request() -> None:
    """Nothing was removed, so no model is told anything; unless the caller says there is some."""
    done = await copy_of("What is the dose of metformin?")
    assert (done.body["messages"], done.total) == (
        [{"role": "user", "content": "What is the dose of metformin?"}],
        0,
    )
    assert await why("What is the dose of metformin?", must_find=True) == "nothing_found"
    assert isinstance(await redact(PHI, must_find=True), Redacted)


async def test_only_what_is_owed_is_replaced() -> None:
    """A rule may name kinds; the others may stand."""
    done = await copy_of(PHI, kinds=frozenset({"MRN"}))
    assert "Jane Hollander" in done.body["messages"][1]["content"]
    assert done.counts == {"MRN": 1}


async def test_words_about_health_are_replaced_when_a_rule_names_them() -> None:
    """And only then: they are what a prompt is about."""
    done = await copy_of(PHI, kinds=frozenset({"HEALTH"}))
    assert "diabetes" not in done.body["messages"][1]["content"]
    assert done.counts.keys() == {"HEALTH"}
    assert "diabetes" in (await copy_of(PHI)).body["messages"][1]["content"]


@pytest.mark.parametrize(
    ("expected", "body"),
    [
        ("media", {"x": {"image": "R0lGOD"}}),
        ("key", {"metadata": {"jane.hollander@example.org": "x"}}),
        ("key", {"x": {"Hollander": "x"}}),
        ("number", {"x": {"ssn": 536228145}}),
        ("number", {"x": {"n": 48213377}}),
        ("unreadable", {"x": "患者は糖尿病です。薬を飲んでいます。" * 4}),
        ("unreadable", {"x": base64.b64encode(b"536-22-8145").decode()}),
        ("unreadable", {"x": json.dumps("[" * 600)[1:-1] + "]" * 600}),
        ("still_found", {"x": "xHollanderx"}),
    ],
)
async def test_what_cannot_be_redacted_stays(expected: str, body: dict[str, Any]) -> None:
    """With a code that says why."""
    assert await why(PHI, **body) == expected


async def test_an_identifier_over_two_messages_is_not_redactable() -> None:
    """It cannot be put back into one place."""
    body = [{"role": "user", "content": text} for text in ("Her name is Jane", "Hollander.")]
    split = found(Span(12, 26, Kind.NAME))
    assert await why(scanner=Says(split), messages=body) == "split"


@pytest.mark.parametrize(
    ("expected", "script"),
    [
        ("detector_failed", [RuntimeError("x")]),
        ("detector_failed", [None]),
        ("detector_failed", [NOTHING, MemoryError()]),
        ("unreadable", [Verdict(DataClass.UNKNOWN, (), False, ("too_long",))]),
        ("unreadable", [found(reasons=("opaque_run",))]),
        ("unreadable", [NOTHING, found(reasons=("unread_script",))]),
        ("still_found", [NOTHING, found(Span(0, 3, Kind.NAME))]),
        ("still_found", [found(Span(0, 5, Kind.NAME)), found(Span(0, 9, Kind.NAME))]),
        ("failed", [found(cast(Span, None))]),  # a fault of ours
    ],
)
async def test_doubt_keeps_it_on_the_device(expected: str, script: list[Any]) -> None:
    """A detector that fails, first or again; a find beside a placeholder or over it; our faults."""
    assert await why("Hello Jane", Says(*script)) == expected


@pytest.mark.usefixtures("fixed")
async def test_a_find_inside_a_placeholder_counts_for_nothing() -> None:
    """It is ours, and nothing is in it."""

    def inside(text: str) -> Verdict:
        at = text.rindex("NAME_1")
        return found(Span(at, at + 4, Kind.NAME))

    done = await copy_of("Hello Jane", scanner=Says(found(Span(6, 10, Kind.NAME)), inside))
    assert done.originals == {"NAME_1_KXQTJW": "Jane"}


@pytest.mark.usefixtures("fixed")
async def test_what_only_looks_like_a_placeholder_is_none() -> None:
    """Within a session a caller may have seen the letters: a name before them is a name."""

    def second(text: str) -> Verdict:
        at = text.index("ROE_1_KXQTJW")
        return found(Span(at, at + 3, Kind.NAME))

    script = Says(found(Span(6, 10, Kind.NAME)), second)
    assert await why("Hello Jane ROE_1_KXQTJW", script) == "still_found"


@pytest.mark.usefixtures("fixed")
async def test_finds_that_overlap_are_one_and_lose_their_blanks() -> None:
    """As a detector may report them; one of nothing but blanks is none."""
    spans = found(Span(0, 8, Kind.NAME), Span(6, 13, Kind.GEO), Span(13, 14, Kind.NAME))
    done = await copy_of("Hello Jane Roe you", scanner=Says(spans, NOTHING))
    # "Hello Ja" and "Jane Ro" overlap in "Ja".
    assert done.body["messages"][1]["content"] == "[NAME_1_KXQTJW][NAME_2_KXQTJW] you"
    done = await copy_of(
        "Hi   you", scanner=Says(found(Span(0, 4, Kind.NAME), Span(4, 5, Kind.GEO)), NOTHING)
    )
    assert done.body["messages"][1]["content"] == "[NAME_1_KXQTJW]   you"


async def test_a_long_request_is_read_beside_the_loop() -> None:
    """And refused when that takes too long."""
    threads: list[str] = []

    def note(_: str) -> Verdict:
        threads.append(threading.current_thread().name)
        return NOTHING

    await copy_of("x " * 20_000, scanner=Says(note, note))
    assert threading.main_thread().name not in threads


async def test_a_slow_detector_keeps_it_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is bounded; nobody waits for a verdict that may never come."""
    monkeypatch.setattr(redactor, "_LONGEST_S", 0.01)

    def slow(_: str) -> Verdict:
        time.sleep(0.1)
        return NOTHING

    assert await why("x " * 20_000, Says(slow, slow)) == "detector_failed"


@pytest.mark.parametrize(
    ("form", "says_json"),
    [(None, False), ({"type": "text"}, False), ({"type": "json_object"}, True)],
)
async def test_a_request_for_json_is_known(form: Any, says_json: bool) -> None:
    """What is put into the answer must then be escaped."""
    done = await copy_of(PHI, response_format=form)
    assert done.says_json is says_json


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ({"role": "user", "content": "a"}, None),
        ({"role": "system", "content": "a"}, "a\n\n"),
        ({"role": "developer", "content": None}, ""),
    ],
)
def test_the_line_goes_where_every_template_takes_it(
    first: dict[str, Any], expected: str | None
) -> None:
    """Into the first system message if there is one, before the others if not."""
    messages = with_notice({"messages": [first]}, "[NAME_1_KXQTJW]")["messages"]
    assert "[NAME_1_KXQTJW]" in messages[0]["content"]
    if expected is None:
        assert (messages[0]["role"], messages[1]) == ("system", first)
    else:
        assert len(messages) == 1
        assert messages[0]["content"].startswith(f"{expected}Words such as")


@pytest.mark.parametrize(
    ("text", "hides"),
    [
        ("U21pdGgsIEo=", True),
        ("see NTM2MjI4MTQ1 now", True),
        ("an extraordinary characteristic", False),
        ("variable=", False),
        ("abcdefghi", False),  # of a length that no base64 has
        ("deadbeef1234", False),
    ],
)
def test_short_codes(text: str, hides: bool) -> None:
    """Padded base64 of readable text, or of a number."""
    assert hides_text(text) is hides
