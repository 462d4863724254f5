# SPDX-License-Identifier: Apache-2.0
"""Proofs: what they find, how they say it, and what they do without z3 or with too much to try."""

import sys
from typing import Any

import pytest
import z3

from policies import Decision, Facts, Findings, Policy, decide, exhaustive, symbolic
from policies.domain import Domain
from policies.pack import Pack, Theorem
from policies.prove import Proof, Report, has_solver, prove
from policies.rules import All, Any_, Condition, Effect, In, Not, Rule
from policies.theorems import conditions_of
from tests.policies.strategies import rule

LOW = In("data_class", frozenset({"public", "internal"}))
UNKNOWN = In("data_class", frozenset({"unknown"}))
KNOWN = Not(UNKNOWN)
CLOUD = In("tier", frozenset({"cloud"}))
GLASS = In("break_glass", frozenset({True}))
BAA = In("baa", frozenset({True}))
BUILT_IN = {"unknown-stays", "device-answers", "monotone", "break-glass"}


def pack(*rules: Rule, never: Condition | None = None) -> Pack:
    """A pack with these rules and a theorem called `mine`."""
    theorems = (Theorem(id="mine", says="Mine.", when=never),) if never else ()
    return Pack(name="p", rules=rules, theorems=theorems)


def permit(when: Condition) -> Rule:
    """A permit."""
    return rule(Effect.PERMIT, when, "let")


def refuted(report: Report) -> tuple[set[str], set[str]]:
    """The theorems that each way refutes."""
    by_trying = {proof.theorem for proof in report.proofs if proof.by_trying is False}
    return by_trying, {proof.theorem for proof in report.proofs if proof.by_logic is False}


@pytest.mark.parametrize(
    ("tested", "expected"),
    [
        (pack(), set()),
        (pack(permit(KNOWN)), set()),
        (pack(permit(All(()))), set()),
        (pack(permit(UNKNOWN)), {"monotone"}),
        (pack(permit(In("has_media", frozenset({True})))), {"monotone"}),
        (pack(permit(All((KNOWN, In("kinds", frozenset({"SSN"})))))), {"monotone"}),
        (pack(permit(All((KNOWN, In("declared_class", frozenset({"phi"})))))), {"monotone"}),
        (pack(permit(All((KNOWN, In("errors", frozenset({False})))))), set()),
        (pack(permit(All((LOW, GLASS)))), {"break-glass"}),
        (pack(permit(All((LOW, GLASS, BAA)))), set()),
        (pack(permit(All((UNKNOWN, GLASS, BAA)))), {"monotone"}),
        (pack(permit(LOW), rule(Effect.BLOCK, GLASS, "halt")), set()),
        (pack(permit(LOW), rule(Effect.QUEUE, In("role", frozenset({"a"})), "wait")), set()),
        (pack(permit(LOW), never=CLOUD), {"mine"}),
        (pack(permit(All((LOW, Not(CLOUD)))), never=CLOUD), set()),
        (pack(permit(LOW), rule(Effect.APPROVE, CLOUD, "ask"), never=CLOUD), set()),
        (pack(permit(LOW), rule(Effect.OBLIGE, CLOUD, "owe"), never=CLOUD), {"mine"}),
    ],
)
def test_both_ways_refute_the_same(tested: Pack, expected: set[str]) -> None:
    """Trying and z3 agree on each theorem; a theorem that is refuted has a counterexample."""
    report = prove(tested)

    assert refuted(report) == (expected, expected)
    assert {p.theorem for p in report.proofs if p.counterexample} == expected
    assert report.holds is not bool(expected)
    assert {p.theorem for p in report.proofs} - {"mine"} == BUILT_IN


def test_that_unknown_stays_rests_on_the_axiom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the engine's own rule, a pack that permits everything lets out the unknown."""
    none = Pack(name="engine", rules=())
    for module in ("policy", "symbolic", "settle"):
        monkeypatch.setattr(f"policies.{module}.AXIOMS", none)

    assert refuted(prove(pack(permit(All(()))))) == ({"unknown-stays"}, {"unknown-stays"})


FIELDS_OF_PLACES = [
    In("name", frozenset({"a"})),
    In("provider", frozenset({"a"})),
    In("account", frozenset({"a"})),
    In("region", frozenset({"a", "b"})),
    In("jurisdiction", frozenset({"a"})),
    In("models", frozenset({"a"})),
    In("features", frozenset({"a"})),
    In("agreements", frozenset({"scc"})),
    In("zero_data", frozenset({True})),
    In("retention", frozenset({"zero", "days_30"})),
    In("trains_on_data", frozenset({False})),
    In("encrypted", frozenset({True})),
    In("encrypted", frozenset({False})),
    BAA,
    In("tier", frozenset({"onprem"})),
]
FIELDS_OF_REQUESTS = [
    In("endpoint", frozenset({"chat"})),
    In("purpose", frozenset({"a"})),
    In("role", frozenset({"a"})),
    In("tenant", frozenset({"a"})),
    In("subject_region", frozenset({"a"})),
    In("has_tools", frozenset({True})),
    In("break_glass", frozenset({False})),
    In("may_relax", frozenset({False})),
    In("known_class", frozenset({"public"})),
    In("declared_class", frozenset({"none"})),
    Not(In("declared_class", frozenset({"none"}))),
    Not(In("kinds", frozenset({"SSN"}))),
]


@pytest.mark.parametrize("when", [*FIELDS_OF_PLACES, *FIELDS_OF_REQUESTS], ids=str)
@pytest.mark.parametrize("is_kept", [True, False])
def test_every_field_in_both_ways(when: Condition, is_kept: bool) -> None:
    """A theorem on a field holds when the permit asks for it, and else fails for a real case."""
    tested = pack(permit(All((LOW, when) if is_kept else (LOW,))), never=Not(when))
    report = prove(tested, with_solver=True)

    assert refuted(report) == ((set(), set()) if is_kept else ({"mine"}, {"mine"}))
    solver = symbolic.Formulas(tested, [LOW, when]).refute(tested.theorems[0])
    assert (solver is None) is is_kept
    for found in (solver, next(p for p in report.proofs if p.theorem == "mine").counterexample):
        if found is not None:
            there = Policy.of([tested], [found.destination])
            decision = decide(found.request.facts, found.request.findings, there)
            assert found.destination.name in decision.cleared


def test_a_counterexample_reads_as_a_story() -> None:
    """The request, what rules see of it, and the rule that let it go."""
    lines = list(prove(pack(permit(LOW), never=CLOUD), with_solver=False).in_words())

    assert lines[0].startswith("p: ")
    assert lines[0].endswith(" cases tried; no z3 (install nearward[prove]), trying alone")
    at = lines.index("  FAILED  mine: Mine. [by trying: NO, by z3: left open]")
    assert lines[at + 1 :][:3] == [
        "          request   detected public; declared nothing; default public; kinds none",
        "          rules see baa true, break_glass false, data_class public, tier cloud",
        "          let by    p/let",
    ]


def test_a_counterexample_of_two_requests_shows_both() -> None:
    """The one that stays comes first."""
    media = In("has_media", frozenset({True}))
    report = prove(pack(permit(All((KNOWN, media)))))
    text = "\n".join(report.in_words())

    assert "stays     detected public; declared nothing; default public; kinds none\n" in text
    assert (
        "request   detected public; declared nothing; default public; kinds none; media\n" in text
    )


def test_the_story_names_what_was_stopped_and_any_other_text() -> None:
    """A case that the engine does not let go would mean that the two ways disagree: it says so."""
    tested = pack(permit(All((LOW, In("tenant", frozenset({"a"}))))))
    report = prove(pack(permit(LOW), never=In("tenant", frozenset({"a"}))))
    found = next(p.counterexample for p in report.proofs if p.counterexample)
    other = prove(pack(permit(LOW), never=Not(In("tenant", frozenset({"a", ""})))))
    proof = Proof(theorem="t", says="S.", by_trying=None, by_logic=False, counterexample=found)
    blocked = Report(
        pack=pack(rule(Effect.FORBID, CLOUD, "stop")), points=0, has_solver=True, proofs=(proof,)
    )

    assert "tenant a" in "\n".join(report.in_words())
    assert "tenant (any other)" in "\n".join(other.in_words())
    assert "stopped by p/stop, p/otherwise" in "\n".join(blocked.in_words())
    assert tested.rules


def test_too_much_to_try_is_left_to_the_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without either nothing is proved."""
    monkeypatch.setattr(exhaustive, "MOST_REQUESTS", 10)
    alone, both = prove(pack(permit(LOW)), with_solver=False), prove(pack(permit(LOW)))

    assert (alone.points, alone.holds) == (0, False)
    assert "too many cases to try" in next(alone.in_words())
    assert {p.theorem for p in both.proofs if not p.holds} == {"device-answers"}


def test_a_solver_that_gives_up_has_said_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then trying stands alone."""

    def give_up(*_: object) -> None:
        raise symbolic.Undecided

    monkeypatch.setattr(symbolic.Formulas, "_solve", give_up)
    report = prove(pack(permit(LOW), never=Not(LOW)))

    assert report.holds
    assert {proof.by_logic for proof in report.proofs} == {None}


def test_a_solver_that_runs_out_of_time_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown is neither a proof nor a counterexample."""
    monkeypatch.setattr(z3.Solver, "check", lambda _: z3.unknown)
    tested = pack(permit(LOW), never=Not(LOW))

    with pytest.raises(symbolic.Undecided):
        symbolic.Formulas(tested, [LOW]).refute(tested.theorems[0])


def test_has_solver_looks_for_z3(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it cannot be found there is none."""
    assert has_solver()
    monkeypatch.setitem(sys.modules, "z3", None)
    assert not has_solver()


@pytest.mark.parametrize(
    ("by_trying", "by_logic", "expected"),
    [
        (True, True, True),
        (True, None, True),
        (None, True, True),
        (None, None, False),
        (True, False, False),
        (False, True, False),
        (False, None, False),
    ],
)
def test_a_theorem_needs_a_proof_and_no_refutation(
    by_trying: bool | None, by_logic: bool | None, expected: bool
) -> None:
    """Two ways that disagree are a failure."""
    proof = Proof(theorem="t", says="S.", by_trying=by_trying, by_logic=by_logic)

    assert proof.holds is expected


def test_a_device_that_may_not_answer_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that closed the device without a block would be caught."""

    def closed(_: Facts, findings: Findings, policy: Policy) -> Decision:
        nothing: Any = None  # garbage for facts leaves nobody, not even the device
        return decide(nothing, findings, policy)

    monkeypatch.setattr(exhaustive, "decide", closed)
    report = prove(pack(permit(LOW), rule(Effect.BLOCK, GLASS, "halt")), with_solver=False)

    assert refuted(report)[0] == {"device-answers"}


def test_an_empty_condition_is_never_true() -> None:
    """A theorem that forbids nothing holds of everything."""
    assert prove(pack(permit(LOW), never=Any_(()))).holds


@pytest.mark.parametrize(
    ("when", "requests", "places"),
    [
        # Classes fall into what LOW holds, what else can be relaxed, the rest, and unknown; one
        # kind or none. The axiom reads emergency access and agreements: two flags more, and six
        # places.
        (LOW, 2 * 4 * 5 * 4 * 2 * 2 * 4, 6),
        (In("kinds", frozenset({"SSN"})), 2 * 3 * 4 * 3 * 2 * 2 * 2 * 4, 6),
        (All((LOW, CLOUD)), 2 * 4 * 5 * 4 * 2 * 2 * 4, 12),
        (All((LOW, BAA)), 2 * 4 * 5 * 4 * 2 * 2 * 4, 6),
        (All((LOW, GLASS)), 2 * 4 * 5 * 4 * 2 * 2 * 4, 6),
        (All((LOW, In("zero_data", frozenset({True})))), 2 * 4 * 5 * 4 * 2 * 2 * 4, 12),
        (All((LOW, In("agreements", frozenset({"scc", "bcr"})))), 2 * 4 * 5 * 4 * 2 * 2 * 4, 12),
    ],
)
def test_the_domain_has_what_conditions_tell_apart_and_no_more(
    when: Condition, requests: int, places: int
) -> None:
    """Values that no condition tells apart are one."""
    domain = Domain.of(conditions_of(pack(permit(when))))

    assert (domain.request_count, domain.size) == (requests, requests * places)
    assert len(list(domain.requests())) == requests
    assert [len(some) - 1 for some in domain.places] == [places]


@pytest.mark.parametrize(
    ("kept", "expected"),
    [({"days_7", "days_30", "days_90", "longer"}, set()), ({"zero"}, {"mine"})],
)
def test_who_keeps_nothing_has_a_retention_of_zero(kept: set[str], expected: set[str]) -> None:
    """Two fields of one property: both ways of proving know it."""
    tested = pack(
        permit(All((LOW, In("zero_data", frozenset({True}))))),
        never=In("retention", frozenset(kept)),
    )

    assert refuted(prove(tested)) == (expected, expected)
