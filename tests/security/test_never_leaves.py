# SPDX-License-Identifier: Apache-2.0
"""Invariant I1: what policy does not allow to leave never reaches the cloud's socket, not a byte.

Every case plants a canary beside an identifier (or a declaration, or a broken detector), sends
the request, and searches everything that went towards the cloud for it, in many encodings. Clean
requests with a canary must be found there: a sink that sees nothing proves nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import bootstrap, judgement
from policies import DataClass, Decision, Facts, Findings, Policy, decide
from tests.doubles.asgi import Answer, call
from tests.doubles.canary import Canary
from tests.doubles.house import AUTH, CLOUD_MODEL, House, house

EXAMPLES = int(os.environ.get("NEARWARD_EXAMPLES", "60"))

IDENTIFIERS = [
    "SSN 536-22-8145",
    "MRN: 48213377",
    "call me at (415) 555-2671",
    "write to jane.roe@example.org",
    "Member ID: XQJ449812207",
    "card 4111 1111 1111 1111",
    "DOB 03/14/1961",
]
HEALTH = "The patient has type 2 diabetes and takes metformin. "


def _text(value: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": value}]}


def _tool_result(value: str) -> dict[str, Any]:
    arguments = json.dumps({"query": value})
    call_ = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    return {
        "messages": [
            {"role": "user", "content": "Go on."},
            {"role": "assistant", "content": None, "tool_calls": [call_]},
            {"role": "tool", "tool_call_id": "c1", "content": "done"},
        ]
    }


CARRIERS: dict[str, Callable[[str], dict[str, Any]]] = {
    "content": _text,
    "system": lambda v: {
        "messages": [{"role": "system", "content": v}, {"role": "user", "content": "Go on."}]
    },
    "part": lambda v: {"messages": [{"role": "user", "content": [{"type": "text", "text": v}]}]},
    "earlier turn": lambda v: {
        "messages": [
            {"role": "user", "content": v},
            {"role": "assistant", "content": "Yes."},
            {"role": "user", "content": "Go on."},
        ]
    },
    "tool arguments": _tool_result,
    "tool definition": lambda v: {
        **_text("Go on."),
        "tools": [{"type": "function", "function": {"name": "f", "description": v}}],
    },
    "metadata": lambda v: {**_text("Go on."), "metadata": {"note": v}},
    "user": lambda v: {**_text("Go on."), "user": v},
    "unknown field": lambda v: {**_text("Go on."), "x_note": {"deep": [v]}},
    "key": lambda v: {**_text("Go on."), "x_note": {v: 1}},
    "name": lambda v: {"messages": [{"role": "user", "name": v, "content": "Go on."}]},
    "stop": lambda v: {**_text("Go on."), "stop": [v]},
}

carriers = st.sampled_from(sorted(CARRIERS))
identifiers = st.sampled_from(IDENTIFIERS)
models = st.sampled_from(["auto", CLOUD_MODEL, f"cloud/{CLOUD_MODEL}", "alias"])
extra_headers = st.sampled_from(
    [
        {},
        {"x-nearward-max-tier": "cloud"},
        {"x-nearward-data-class": "public"},
        {"x-nearward-session": "s-1"},
        {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
    ]
)


async def ask(
    here: House,
    carrier: str,
    text: str,
    model: str,
    *,
    stream: bool = False,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Send one chat request with `text` in the place named by `carrier`."""
    body = {"model": model, "stream": stream, **CARRIERS[carrier](text)}
    return await call(
        here.app, "/v1/chat/completions", json.dumps(body).encode(), {**AUTH, **(headers or {})}
    )


async def _check_phi_stays(examples: int) -> None:
    async with house(aliases={"alias": "auto"}, routing={"strong_fraction": 1.0}) as here:

        async def case(
            carrier: str, identifier: str, model: str, stream: bool, headers: dict[str, str]
        ) -> None:
            canary = Canary.new()
            before = here.sink.sent_bytes
            text = f"{HEALTH}{identifier}. Reference word: {canary.token}"
            answer = await ask(here, carrier, text, model, stream=stream, headers=headers)
            assert here.sink.finds(canary) == []
            assert here.sink.sent_bytes == before
            assert answer.headers["x-nearward-route"] in ("local", "blocked")

        await _run_cases(case, examples)


async def _run_cases(case: Callable[..., Any], examples: int) -> None:
    """Let hypothesis choose the cases, and run each on this loop."""
    drawn: list[tuple[Any, ...]] = []

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.tuples(carriers, identifiers, models, st.booleans(), extra_headers))
    def draw(values: tuple[Any, ...]) -> None:
        drawn.append(values)

    draw()
    for values in drawn:
        try:
            await case(*values)
        except AssertionError as error:
            error.add_note(f"case: {values[:4]}")
            raise


async def test_a_request_with_an_identifier_never_leaves() -> None:
    """PHI in any field, asked for in any way, puts no byte on the cloud's socket."""
    await _check_phi_stays(EXAMPLES)


async def test_clean_requests_do_leave_and_are_seen() -> None:
    """The control: a clean request reaches the cloud from every field, and the sink sees it."""
    async with house(routing={"strong_fraction": 1.0}) as here:
        for carrier in sorted(set(CARRIERS) - {"user", "name"}):
            canary = Canary.new()
            answer = await ask(here, carrier, f"the word {canary.token}", "auto")
            assert answer.headers["x-nearward-route"] == "cloud", carrier
            assert here.sink.finds(canary), carrier


@pytest.mark.parametrize("declared", ["pii", "phi", "part2", "secret", "unknown"])
async def test_what_is_declared_protected_never_leaves(declared: str) -> None:
    """A declaration alone keeps a clean text at home, by header and by metadata."""
    async with house(routing={"strong_fraction": 1.0}) as here:
        for headers, metadata in (
            ({"x-nearward-data-class": declared}, {}),
            ({}, {"nearward_data_class": declared}),
        ):
            body = {"model": "auto", **_text("A clean text."), "metadata": metadata}
            answer = await call(
                here.app, "/v1/chat/completions", json.dumps(body).encode(), {**AUTH, **headers}
            )
            assert answer.headers["x-nearward-data-class"] == declared
            assert answer.headers["x-nearward-route"] == "local"
            assert here.sink.sent_bytes == 0


@pytest.mark.parametrize("broken", ["raises", "gives nonsense"])
async def test_a_broken_detector_keeps_everything_at_home(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the detector fails, the class is unknown and nothing leaves."""

    class Broken:
        version = "broken"

        def scan(self, text: str) -> Any:
            if broken == "raises":
                raise RuntimeError(text)
            return None

    monkeypatch.setattr(bootstrap, "Detector", Broken)
    async with house(routing={"strong_fraction": 1.0}) as here:
        for model in ("auto", CLOUD_MODEL, f"cloud/{CLOUD_MODEL}"):
            answer = await ask(here, "content", "A clean text.", model)
            assert answer.headers["x-nearward-data-class"] == "unknown"
            assert here.sink.sent_bytes == 0


async def test_a_session_that_carried_phi_stays_at_home() -> None:
    """After one PHI turn, a clean turn of the same session does not leave; another one does."""
    async with house(routing={"strong_fraction": 1.0}) as here:
        tainted, fresh = {"x-nearward-session": "a"}, {"x-nearward-session": "b"}
        await ask(here, "content", HEALTH + IDENTIFIERS[0], "auto", headers=tainted)
        await ask(here, "content", "A clean text.", "auto", headers=tainted)
        assert here.sink.sent_bytes == 0
        await ask(here, "content", "A clean text.", "auto", headers=fresh)
        assert here.sink.sent_bytes > 0


async def test_the_harness_sees_a_gateway_that_does_not_decide(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the real decision the property above fails: it is not true by accident."""

    def decide_nothing(facts: Facts, findings: Findings, policy: Policy) -> Decision:
        return decide(facts, Findings(data_class=DataClass.PUBLIC, kinds=frozenset()), policy)

    monkeypatch.setattr(judgement, "decide", decide_nothing)
    with pytest.raises(AssertionError):
        await _check_phi_stays(10)


async def test_a_session_that_would_not_be_shared_is_refused() -> None:
    """Several processes without a store in common do not see each other's sessions: a clear 400."""
    async with house(routing={"strong_fraction": 1.0}, server={"workers": 2}) as here:
        answer = await ask(
            here, "content", "A clean text.", "auto", headers={"x-nearward-session": "a"}
        )
        assert (answer.status, answer.json()["error"]["code"]) == (400, "unsupported_header")
        assert here.sink.sent_bytes == 0
