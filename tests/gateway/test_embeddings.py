# SPDX-License-Identifier: Apache-2.0
"""POST /v1/embeddings: the border, where it may go, and that it is judged like a chat request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.errors import BadRequest
from gateway.needs import EMBEDDINGS, needs_of, uses_of
from gateway.wire_embeddings import parse_embeddings
from tests.doubles.asgi import Answer, call
from tests.doubles.house import AUTH, CLOUD_MODEL, House, house

TEXT = "A clean sentence."
PHI = "Patient John Miller, MRN: 48213377, has asthma."
LOCAL = "smollm2-135m-instruct-q4_1"
AGREEMENT = {"id": "B-1", "expires": "2099-01-01"}


async def embed(here: House, value: Any = TEXT, model: str = CLOUD_MODEL, **more: Any) -> Answer:
    """One request."""
    headers = {**AUTH, **more.pop("headers", {})}
    body = json.dumps({"model": model, "input": value, **more}).encode()
    return await call(here.app, "/v1/embeddings", body, headers)


def a_request(**body: Any) -> Any:
    """Parsed at the border."""
    return parse_embeddings({"model": "m", "input": TEXT, **body}, 10)


def test_every_string_is_read() -> None:
    """Inputs, and whatever stands beside them; the model's name is none of it."""
    request = a_request(input=["one", "two"], user="three", x={"four": "five"})
    assert {"one", "two", "three", "x", "four: five"} <= set(request.text.split("\n"))
    assert (request.endpoint, request.has_tokens, request.stream) == ("embeddings", False, False)


@pytest.mark.parametrize("value", [[1, 2], [[1], [2]], ["a", [1]]])
def test_token_ids_are_known_to_be_unreadable(value: list[object]) -> None:
    """Alone, in lists, or among texts."""
    assert a_request(input=value).has_tokens


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": [[]]}, "input"),
        ({"input": 5}, "input"),
        ({"input": {"a": "b"}}, "input"),
        ({"input": ["a"] * 2049}, "input"),
        ({"model": ""}, "model"),
        ({"dimensions": 0}, "dimensions"),
        ({"encoding_format": "int8"}, "encoding_format"),
        ({"api_base": "x"}, "api_base"),
        ({"metadata": {"api_key": "x"}}, "metadata.api_key"),
    ],
)
def test_what_is_wrong_is_refused_by_name(changes: dict[str, Any], param: str) -> None:
    """Steering fields too."""
    with pytest.raises(BadRequest) as caught:
        a_request(**changes)
    assert (caught.value.param or "").startswith(param.partition(".")[0])
    assert TEXT not in caught.value.message


def test_its_needs_and_uses_are_its_own() -> None:
    """A field nobody knows is a use, as for chat."""
    body = {"model": "m", "input": "x", "user": "u", "dimensions": 5}
    assert needs_of(body) == EMBEDDINGS
    assert uses_of(body) == frozenset()
    assert uses_of({**body, "truncate": True}) == {"other"}


@pytest.mark.parametrize("model", ["auto", f"local/{LOCAL}", "alias"])
async def test_the_device_answers_by_itself(model: str) -> None:
    """And nobody stands in for it, whatever the routing would like."""
    aliases, routing = {"alias": "auto"}, {"strong_fraction": 1.0}
    async with house(aliases=aliases, routing=routing) as here:
        answer = await embed(here, PHI, model)
        assert (answer.status, answer.headers["x-nearward-route"]) == (200, "local")
        assert answer.json()["data"][0]["object"] == "embedding"
        assert answer.headers["x-nearward-data-class"] == "phi"
        [request] = here.engine.requests
        assert request.target == "/v1/embeddings"
        assert json.loads(request.body) == {"model": LOCAL, "input": PHI}
        assert here.sink.sent_bytes == 0


@pytest.mark.parametrize("model", [CLOUD_MODEL, f"cloud/{CLOUD_MODEL}"])
async def test_a_named_model_is_asked_where_it_is_served(model: str) -> None:
    """By its upstream name, with nothing stored and no label of ours."""
    async with house() as here:
        answer = await embed(here, TEXT, model, dimensions=3, metadata={"nearward_purpose": "x"})
        assert (answer.status, answer.headers["x-nearward-route"]) == (200, "cloud")
        [received] = here.cloud.requests
        assert received.raw.target == "/v1/embeddings"
        assert received.json == {"model": "upstream-model", "input": TEXT, "dimensions": 3}


@pytest.mark.parametrize("value", [PHI, [TEXT, PHI], [1, 2, 3], [TEXT, [1]]])
async def test_what_may_not_leave_is_refused_and_not_made_up_for(value: object) -> None:
    """403: vectors of the device's own model would be of another space."""
    async with house() as here:
        answer = await embed(here, value)
        assert (answer.status, answer.json()["error"]["code"]) == (403, "policy_blocked")
        assert here.sink.sent_bytes == 0
        assert here.engine.requests == []


@pytest.mark.parametrize(("scope", "leaves"), [(["chat"], False), (["embeddings"], True)])
async def test_an_agreement_covers_the_endpoints_it_names(scope: list[str], leaves: bool) -> None:
    """One about chat says nothing of embeddings."""
    async with house({"cloud-us": {"baa": {**AGREEMENT, "scope": scope}}}) as here:
        answer = await embed(here, PHI)
        assert (answer.status == 200) is leaves
        assert (here.sink.sent_bytes > 0) is leaves


async def test_token_ids_stay_also_in_an_emergency() -> None:
    """Break-glass looks past a detector that failed, not past what nobody can read."""
    key = {"id": "ward", "hash": f"sha256:{_digest('k' * 20)}", "may_break_glass": True}
    agreement = {"baa": {**AGREEMENT, "scope": ["*"]}}
    async with house({"cloud-us": agreement}, keys=[key]) as here:
        glass = {"authorization": f"Bearer {'k' * 20}", "x-nearward-break-glass": "emergency here"}
        answer = await embed(here, [1, 2], headers=glass)
        assert answer.status == 403
        assert here.sink.sent_bytes == 0


def _digest(secret: str) -> str:
    from gateway.state.keys import digest_of

    return digest_of(secret)


async def test_a_destination_without_embeddings_is_not_asked() -> None:
    """What litellm translates is chat."""
    other = {"kind": "anthropic", "base_url": "https://api.example.com"}
    async with house({"cloud-us": other}) as here:
        answer = await embed(here)
        assert (answer.status, answer.json()["error"]["code"]) == (403, "policy_blocked")


async def test_a_dry_run_explains_and_sends_nothing() -> None:
    """As for chat."""
    async with house() as here:
        answer = await embed(here, headers={"x-nearward-dry-run": "true"})
        assert answer.json()["plan"][0]["destination"] == "cloud-us"
        assert answer.json()["signals"]["device"]["is_ready"]
        assert here.sink.sent_bytes == 0


async def test_both_records_are_written() -> None:
    """Intent and outcome, with the endpoint among the facts and the tokens that were read."""
    async with house() as here:
        decision = (await embed(here)).headers["x-nearward-decision-id"]
        here.application.audit.close()
        lines = "".join(
            path.read_text() for path in sorted((here.state_dir / "audit").glob("*.jsonl"))
        ).splitlines()
    entries = [entry for entry in map(json.loads, lines) if entry.get("id") == decision]
    assert [entry["event"] for entry in entries] == ["intent", "outcome"]
    assert entries[1]["tokens_in"] == 1
    assert TEXT not in "".join(lines)
