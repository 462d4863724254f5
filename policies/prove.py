# SPDX-License-Identifier: Apache-2.0
"""Proves the theorems of a pack in two independent ways: by trying every case, and by logic.

A theorem holds when no way contradicts it and at least one has proved it. The second way needs
z3 (the extra `prove`); without it the first stands alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from policies.domain import Domain
from policies.exhaustive import TooManyRequestsError, try_all
from policies.pack import Pack
from policies.rules import fields_of
from policies.theorems import (
    DEVICE_ANSWERS,
    RELATIONS,
    UNKNOWN_STAYS,
    Counterexample,
    conditions_of,
    in_words,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What each way found: True proved, False refuted, None could not tell."""

    theorem: str
    says: str
    by_trying: bool | None
    by_logic: bool | None
    counterexample: Counterexample | None = None

    @property
    def holds(self) -> bool:
        """Whether it is proved."""
        ways = (self.by_trying, self.by_logic)
        return True in ways and False not in ways


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All theorems of one pack. `points` counts the cases tried, 0 when they were too many."""

    pack: Pack
    points: int
    has_solver: bool
    proofs: tuple[Proof, ...]

    @property
    def holds(self) -> bool:
        """Whether every theorem is proved."""
        return all(proof.holds for proof in self.proofs)

    def in_words(self) -> Iterator[str]:
        """The report, line by line."""
        tried = f"{self.points:,} cases tried" if self.points else "too many cases to try"
        solver = "z3" if self.has_solver else "no z3 (install nearward[prove]), trying alone"
        yield f"{self.pack.name}: {tried}; {solver}"
        for proof in self.proofs:
            word = "proved" if proof.holds else "FAILED"
            ways = f"by trying: {_word(proof.by_trying)}, by z3: {_word(proof.by_logic)}"
            yield f"  {word}  {proof.theorem}: {proof.says} [{ways}]"
            if proof.counterexample is not None:
                yield from (
                    f"          {line}" for line in in_words(proof.counterexample, self.pack)
                )
        if "data_class" in fields_of(theorem.when for theorem in self.pack.theorems):
            yield (
                "  The data class is the one that rules see: a caller whom the operator gave the "
                "right may have lowered it, from pii at most. The known class is the highest that "
                "was stated or found."
            )


def has_solver() -> bool:
    """Whether z3 is installed."""
    return find_spec("z3") is not None


def prove(pack: Pack, *, with_solver: bool | None = None) -> Report:
    """Tries to prove every theorem that `pack` states, and those that hold of every pack.

    `with_solver` None means: when it is installed.
    """
    theorems = (UNKNOWN_STAYS, *pack.theorems)
    conditions = conditions_of(pack)
    points, tried = 0, dict[str, Counterexample]()
    try:
        trial = try_all(pack, theorems, Domain.of(conditions))
        points, tried = trial.points, trial.found
    except TooManyRequestsError:
        points = 0
    uses_solver = has_solver() if with_solver is None else with_solver
    solved = dict(_by_logic(pack)) if uses_solver else {}
    names = {theorem.id: theorem.says for theorem in theorems} | RELATIONS
    proofs = []
    for name, says in names.items():
        by_logic, refuted = solved.get(name, (None, None))
        proofs.append(
            Proof(
                theorem=name,
                says=says,
                by_trying=name not in tried if points else None,
                by_logic=by_logic,
                counterexample=tried.get(name) or refuted,
            )
        )
    return Report(pack=pack, points=points, has_solver=uses_solver, proofs=tuple(proofs))


def _by_logic(pack: Pack) -> Iterator[tuple[str, tuple[bool | None, Counterexample | None]]]:
    from policies.symbolic import Formulas, Undecided

    formulas = Formulas(pack, conditions_of(pack))
    for theorem in (UNKNOWN_STAYS, *pack.theorems):
        try:
            found = formulas.refute(theorem)
        except Undecided:
            continue
        yield theorem.id, (found is None, found)
    for name in RELATIONS.keys() - {DEVICE_ANSWERS}:
        try:
            found = formulas.refute_relation(name)
        except Undecided:
            continue
        yield name, (found is None, found)


def _word(answer: bool | None) -> str:
    return {True: "yes", False: "NO", None: "left open"}[answer]
