# SPDX-License-Identifier: Apache-2.0
"""Grammars: what they allow, what is refused, and 2,000 that were made to break the builder."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from typing import Any

import pytest

from local_engine import structured
from local_engine.engine import Constraint, Vocabulary
from local_engine.errors import (
    EngineBusyError,
    EngineUnavailableError,
    InvalidSchemaError,
    LocalEngineError,
)
from local_engine.schema import bounded, json_rule
from local_engine.structured import Grammar, GrammarBuilder, GrammarConstraint
from local_engine.tools import Tool, ToolUse, grammar_of
from tests.local_engine.fakes import BYTES
from tests.local_engine.hostile_schemas import BY_HAND, garbled, mutated

END = 256
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


class Bytes:
    """An engine whose tokens are bytes."""

    def vocabulary(self) -> Vocabulary:
        return BYTES

    def tokenize(self, text: str) -> list[int]:
        return list(text.encode())


def a_grammar(schema: object) -> Grammar:
    """The grammar of JSON that `schema` accepts."""
    return Grammar(f"start: {json_rule(bounded(schema, 'schema'))}", "schema")


async def a_constraint(schema: object) -> Constraint:
    """Built for one answer."""
    [made] = await GrammarBuilder(Bytes()).build(a_grammar(schema))
    return made


def allows(constraint: Constraint, token: int) -> bool:
    """Whether its bit is set."""
    mask = constraint.allowed()
    assert mask is not None
    return bool(mask[token // 8] >> (token % 8) & 1)


def follows(constraint: Constraint, text: str) -> bool:
    """Whether the whole text is allowed, token by token, in mask and in fact."""
    for token in text.encode():
        may = allows(constraint, token)
        assert constraint.accept(token) is may
        if not may:
            return False
    return True


async def test_an_answer_follows_the_schema_and_can_end_with_it_only() -> None:
    """Byte by byte; then nothing but an end."""
    constraint = await a_constraint(PERSON)

    assert not allows(constraint, END)
    assert follows(constraint, '{"name": "Adé \\n", "age": 36}')
    assert constraint.is_complete
    assert allows(constraint, END)
    assert not allows(constraint, ord(" "))
    assert not allows(constraint, 257)


@pytest.mark.parametrize(
    "text",
    ["[", '{"age"', '{"name": 5', '{"name": "a", "age": 1.', '{"name": "a", "age": 1, "more"'],
)
async def test_what_the_schema_forbids_is_not_allowed(text: str) -> None:
    """And trying changes nothing: what was right before still is."""
    constraint = await a_constraint(PERSON)
    assert follows(constraint, text[:-1]) is follows(await a_constraint(PERSON), text[:-1])
    fresh = await a_constraint(PERSON)
    assert not follows(fresh, text)


async def test_a_refused_token_changes_nothing() -> None:
    """Also one that does not exist."""
    constraint = await a_constraint(PERSON)
    assert follows(constraint, '{"')
    for token in (ord("x"), 257, -1, 10**9):
        assert not constraint.accept(token)
    assert follows(constraint, 'name": "a", "age": 1}')


async def test_drafted_tokens_can_be_taken_back() -> None:
    """As if they had never been there; none is none."""
    constraint = await a_constraint(PERSON)
    assert follows(constraint, '{"name": "a"}') is False
    constraint = await a_constraint(PERSON)
    assert follows(constraint, '{"name": "a", "age": 12}')
    assert constraint.is_complete
    assert constraint.accept(END)
    constraint.rollback(0)
    constraint.rollback(1)
    assert constraint.is_complete
    assert constraint.accept(END)
    constraint.rollback(4)
    assert not constraint.is_complete
    assert not constraint.accept(END)
    assert follows(constraint, "7}")


async def test_blanks_are_bounded() -> None:
    """A model that may write blanks without end will."""
    constraint = await a_constraint(PERSON)
    assert follows(constraint, '{\n    "name": "a"')
    assert not follows(constraint, " " * 3)


async def test_constraints_of_one_grammar_are_independent() -> None:
    """One for each choice."""
    first, second = await GrammarBuilder(Bytes()).build(a_grammar(PERSON), copies=2)
    assert follows(first, '{"name": "a"')
    assert follows(second, '{"name": "b", "age": 1}')


@pytest.mark.parametrize(("schema", "reason"), BY_HAND.values(), ids=BY_HAND.keys())
async def test_a_hostile_schema_is_taken_or_refused_with_its_reason(
    schema: object, reason: str
) -> None:
    """400 invalid_json_schema; no word of the caller's stands in the message."""
    if not reason:
        assert (await a_constraint(schema)).allowed()
        return
    with pytest.raises(InvalidSchemaError) as caught:
        await a_constraint(schema)

    assert (caught.value.status, caught.value.code) == (400, "invalid_json_schema")
    assert reason in caught.value.message
    assert len(caught.value.message) < 200
    assert caught.value.param == "schema"


def _random_steps(constraint: Constraint, rng: random.Random, steps: int) -> None:
    for _ in range(steps):
        mask = constraint.allowed()
        assert mask is not None
        allowed = [t for t in range(257) if mask[t // 8] >> (t % 8) & 1]
        if constraint.is_complete or not allowed:
            return
        assert constraint.accept(rng.choice(allowed))


async def _try(builder: GrammarBuilder, grammar: Grammar, rng: random.Random) -> str:
    try:
        [constraint] = await builder.build(grammar)
        _random_steps(constraint, rng, 8)
    except LocalEngineError as error:
        assert error.status == 400
        return error.message
    return ""


async def test_mutated_schemas_and_grammars_do_no_harm() -> None:
    """2,000 of them: each builds and can be followed, or is a 400."""
    seed = random.getrandbits(32)
    rng = random.Random(seed)
    builder = GrammarBuilder(Bytes())
    outcomes: list[str] = []
    for _ in range(1500):
        try:
            grammar = a_grammar(mutated(rng))
        except InvalidSchemaError as error:
            outcomes.append(error.message)
            continue
        outcomes.append(await _try(builder, grammar, rng))
    tool = Tool("f", "", {"type": "object", "properties": {"a": {"type": "string"}}})
    texts = [
        grammar_of(ToolUse((tool, tool), must_call=False, most_calls=3)),
        grammar_of(ToolUse((tool,), must_call=True, most_calls=1)),
        a_grammar(PERSON).text,
    ]
    for _ in range(500):
        outcomes.append(await _try(builder, Grammar(garbled(rng.choice(texts), rng), "g"), rng))

    assert len(outcomes) == 2000
    taken = outcomes.count("")
    assert 300 < taken < 1700, f"seed {seed}: the mutations are too mild or too wild"
    assert follows((await builder.build(a_grammar(PERSON)))[0], '{"name": "a", "age": 1}')


async def test_a_bound_reached_in_mid_answer_ends_that_answer_only() -> None:
    """The library stops at our bound for one step; the builder goes on."""
    large = {"type": "object", "properties": {f"p{i}": {} for i in range(3000)}}
    builder = GrammarBuilder(Bytes())
    [constraint] = await builder.build(a_grammar(large))
    with pytest.raises(InvalidSchemaError, match="too large"):
        follows(constraint, '{"p1": 1, "p2"')
    assert await builder.build(a_grammar(PERSON))


class Slow(GrammarBuilder):
    """A builder whose work waits for the test."""

    def __init__(self) -> None:
        super().__init__(Bytes(), deadline_s=0.05)
        self.gate = threading.Event()

    def _build(self, grammar: Grammar) -> GrammarConstraint:
        assert self.gate.wait(10)
        return super()._build(grammar)


async def test_a_schema_that_takes_too_long_is_refused_and_one_that_waits_is_busy() -> None:
    """Two threads build; who waits behind two hard schemas is told to come again."""
    builder = Slow()
    grammar = a_grammar(PERSON)
    hard = [asyncio.create_task(builder.build(grammar)) for _ in range(2)]
    for task in hard:
        with pytest.raises(InvalidSchemaError, match="too long"):
            await task
    with pytest.raises(EngineBusyError):
        await builder.build(grammar)
    builder.gate.set()
    assert await GrammarBuilder(Bytes()).build(grammar)


async def test_an_engine_that_is_not_there_is_no_fault_of_the_schema() -> None:
    """503, as for any other request."""

    class Gone(Bytes):
        def vocabulary(self) -> Vocabulary:
            raise EngineUnavailableError("loading")

    with pytest.raises(EngineUnavailableError):
        await GrammarBuilder(Gone()).build(a_grammar(PERSON))


async def test_whatever_the_library_raises_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A panic in it is no Exception, and must not end a thread unseen."""

    class Panic(BaseException):
        pass

    def panics(*_: Any, **__: Any) -> None:
        raise Panic

    monkeypatch.setattr("llguidance.LLMatcher", panics)
    with pytest.raises(InvalidSchemaError, match="cannot be prepared"):
        await a_constraint(PERSON)


def test_the_library_is_known_to_be_here() -> None:
    """Or all of this would be refused."""
    assert structured.is_installed()


async def test_values_are_what_the_schema_says() -> None:
    """A greedy walk, the smallest token first, gives JSON that has the required keys."""
    constraint = await a_constraint({**PERSON, "properties": {"age": {"enum": [7]}, "name": {}}})
    text = bytearray()
    while not constraint.is_complete and len(text) < 200:
        mask = constraint.allowed()
        assert mask is not None
        token = next(t for t in (*b'"},:7', *range(256)) if mask[t // 8] >> (t % 8) & 1)
        assert constraint.accept(token)
        text.append(token)
    assert json.loads(text)["age"] == 7
