# SPDX-License-Identifier: Apache-2.0
"""Obligations as packs write them."""

import pytest

from policies import Obligation, PackSource, PolicyError, load_policy
from policies.model import IDENTIFIERS
from policies.rules import Effect, Rule
from policies.terms import NO_TERMS, CacheScope, LogLevel, Terms
from tests.policies.malformed import GOOD

OWED = "    obligations: [no_store, no_cache]\n"
EFFECT = "    effect: oblige\n"


def rule_with(old: str, new: str, *, without: str = "") -> Rule:
    """The second rule of the good pack, changed."""
    text = GOOD.replace(old, new).replace(without, "")
    return load_policy([PackSource("f", text.encode())], []).packs[0].rules[1]


@pytest.mark.parametrize(
    ("text", "obligations", "terms"),
    [
        ("no_store", {Obligation.NO_STORE}, NO_TERMS),
        ("[record, no_tools]", {Obligation.RECORD, Obligation.NO_TOOLS}, NO_TERMS),
        ("redact", {Obligation.REDACT}, Terms(redact=IDENTIFIERS)),
        ("[{redact: [NAME, SSN]}]", {Obligation.REDACT}, Terms(redact=frozenset({"NAME", "SSN"}))),
        (
            "[{minimum_necessary: {keep_turns: 4, drop: [user, metadata]}}]",
            {Obligation.MINIMUM_NECESSARY},
            Terms(keep_turns=4, drop=frozenset({"user", "metadata"})),
        ),
        (
            "{minimum_necessary: {drop: user}}",
            {Obligation.MINIMUM_NECESSARY},
            Terms(drop=frozenset({"user"})),
        ),
        (
            "[{minimum_necessary: {keep_turns: 4}}, {minimum_necessary: {keep_turns: 2}}]",
            {Obligation.MINIMUM_NECESSARY},
            Terms(keep_turns=2),
        ),
        (
            "[{cache_scope: session}, {log_level: codes}]",
            {Obligation.CACHE_SCOPE, Obligation.LOG_LEVEL},
            Terms(cache_scope=CacheScope.SESSION, log_level=LogLevel.CODES),
        ),
    ],
)
def test_obligations(text: str, obligations: set[Obligation], terms: Terms) -> None:
    """Each form gives what is owed and in which measure."""
    rule = rule_with(OWED, f"    obligations: {text}\n")

    assert (rule.obligations, rule.terms) == (frozenset(obligations), terms)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[{no_store: true}]", "no_store takes no value"),
        ("[cache_scope]", "cache_scope needs a value"),
        ("[{redact: [NOM]}]", "unknown kind 'NOM', expected one of: ACCOUNT"),
        ("[{redact: [NAME], no_store: x}]", "expected one obligation"),
        ("[{forget: x}]", "unknown obligation 'forget'"),
        ("[{minimum_necessary: {}}]", "expected keep_turns, drop or both"),
        ("[{minimum_necessary: {turns: 1}}]", "unknown key 'turns' in minimum_necessary"),
        ("[{minimum_necessary: {keep_turns: 0}}]", "expected a whole number from 1 to 10000"),
        ("[{minimum_necessary: {keep_turns: 10001}}]", "expected a whole number from 1 to 10000"),
        ('[{minimum_necessary: {keep_turns: "1"}}]', "expected a whole number"),
        ("[{minimum_necessary: {keep_turns: -1}}]", "expected a whole number"),
        ("[{minimum_necessary: {keep_turns: [1]}}]", "expected a whole number"),
        ("[{minimum_necessary: {drop: [messages]}}]", "unknown part 'messages'"),
        ("[{cache_scope: world}]", "unknown scope 'world', expected one of: tenant, key, session"),
        ("[{log_level: loud}]", "unknown log level 'loud'"),
        ("[]", "expected text"),
    ],
)
def test_what_is_no_obligation(text: str, message: str) -> None:
    """Each fault is named with what was expected, at its line."""
    with pytest.raises(PolicyError, match=message) as caught:
        rule_with(OWED, f"    obligations: {text}\n")
    assert caught.value.line == 17


@pytest.mark.parametrize(
    ("kinds", "expected"), [("", IDENTIFIERS), ("    kinds: [CARD]\n", frozenset({"CARD"}))]
)
def test_redact_as_an_effect(kinds: str, expected: frozenset[str]) -> None:
    """It is an obligation to redact, of all kinds unless it names some."""
    rule = rule_with(EFFECT, "    effect: redact\n" + kinds, without=OWED)

    assert (rule.effect, rule.obligations) == (Effect.OBLIGE, frozenset({Obligation.REDACT}))
    assert rule.terms == Terms(redact=expected)
