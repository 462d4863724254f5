# SPDX-License-Identifier: Apache-2.0
"""Proof by logic: the same tree of conditions as formulas for z3, the negated theorem to refute.

Nothing is shared with the engine but the conditions: how a class comes about and how rules
combine are written here a second time, as formulas over whole numbers and truth values.

    class       0 .. 10 by rank; -1 is "declared nothing"
    text        a number for each text that a condition names, one more for any other
    set         a truth value for each member that a condition names

Importing this module needs z3 (the extra `prove`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import z3

from policies.axioms import AXIOMS
from policies.domain import DEVICE, TODAY, Request, make_place
from policies.model import Baa, DataClass, Destination, Facts, Findings, Tier
from policies.pack import Claim, Pack, Theorem
from policies.rules import FIELDS, All, Condition, Effect, In, Not, Value, atoms, attribute, is_in
from policies.space import OTHER
from policies.theorems import BREAK_GLASS, MONOTONE, Counterexample, owing

TIMEOUT_MS = 10_000
_CLASSES = tuple(DataClass)
_UNKNOWN, _PHI, _PII = DataClass.UNKNOWN.rank, DataClass.PHI.rank, DataClass.PII.rank
_STATED = ("detected", "default", "declared")
_DERIVED = frozenset({"data_class", "known_class", "declared_class", "zero_data"})


class Undecided(Exception):
    """z3 found neither a proof nor a counterexample in time."""


class Formulas:
    """The formulas of one pack. Destination fields are shared, request fields are per `side`."""

    def __init__(self, pack: Pack, conditions: Sequence[Condition]) -> None:
        self._pack, self._conditions = pack, conditions
        named: dict[str, set[Value]] = {}
        for atom in (atom for c in conditions for atom in atoms(c)):
            named.setdefault(atom.field, set()).update(atom.values)
        self._named = {name: sorted(values, key=str) for name, values in named.items()}

    def refute(self, theorem: Theorem) -> Counterexample | None:
        """A request and destination that contradict the theorem; None proves it.

        Raises Undecided.
        """
        match theorem.claim:
            case Claim.NEVER:
                return self._find(theorem, self._allows("a"), self._lacks(theorem))
            case Claim.OPENS:
                return self._find(theorem, z3.Not(self._allows("a")))
            case Claim.BLOCKS:
                near = OnDevice(self._pack, self._conditions)
                return near._find(theorem, near._allows("a"))
        near = OnDevice(self._pack, self._conditions)
        return self._find(theorem, self._allows("a"), self._lacks(theorem)) or near._find(
            theorem, near._allows("a"), near._lacks(theorem)
        )

    def _find(self, theorem: Theorem, *claims: Any) -> Counterexample | None:
        """A request and destination for which the theorem's condition and all of `claims` hold."""
        model = self._solve([*self._rules_of("a"), self._truth(theorem.when, "a"), *claims])
        return model and Counterexample(self._request(model, "a"), self._place(model))

    def _lacks(self, theorem: Theorem) -> Any:
        """That something of what is owed is not owed at this destination, or that nothing is."""
        owed = [
            z3.Or(*(self._truth(rule.when, "a") for rule in rules))
            for rules in owing(self._pack, theorem)
        ]
        return z3.Not(z3.And(*owed)) if owed else z3.BoolVal(True)

    def refute_relation(self, name: str) -> Counterexample | None:
        """The same for MONOTONE and BREAK_GLASS, which compare two requests."""
        relation = {MONOTONE: self._rises, BREAK_GLASS: self._breaks_glass}[name]
        model = self._solve(
            [
                *self._rules_of("a"),
                *self._rules_of("b"),
                *relation(),
                z3.Not(self._allows("a")),
                self._allows("b"),
            ]
        )
        if model is None:
            return None
        before, after = self._request(model, "a"), self._request(model, "b")
        return Counterexample(after, self._place(model), before)

    def _solve(self, formulas: Sequence[Any]) -> Any:
        solver = z3.Solver()
        solver.set("timeout", TIMEOUT_MS)
        solver.add(*formulas)
        answer = solver.check()
        if answer == z3.unknown:
            raise Undecided
        return solver.model() if answer == z3.sat else None

    # What is true of every request and destination.

    def _rules_of(self, side: str) -> Iterator[Any]:
        yield z3.Implies(self._flags(side)[2], self._flag("may_relax", side))
        highest = len(_CLASSES) - 1
        for name in _STATED:
            lowest = -1 if name == "declared" else 0
            yield z3.And(z3.Int(f"{side}.{name}") >= lowest, z3.Int(f"{side}.{name}") <= highest)
        for name in self._named:
            if name not in _DERIVED and self._is_number(name):
                number = self._number(name, side)
                yield z3.And(number >= 0, number < len(self._values(name)))
        tiers = self._values("tier")
        yield self._number("tier", side) != tiers.index(Tier.DEVICE)
        if DEVICE.name in self._named.get("name", ()):  # no other place can have its name
            yield self._number("name", side) != self._values("name").index(DEVICE.name)

    # How a class comes about.

    def _class(self, side: str) -> Any:
        detected, default, declared = (z3.Int(f"{side}.{name}") for name in _STATED)
        errors, media, relaxes = self._flags(side)
        floor = _highest(default, detected, z3.If(media, _PHI, 0))
        may_lower = z3.And(relaxes, floor <= _PII)
        stands = z3.And(declared >= 0, z3.Or(declared >= floor, may_lower))
        return z3.If(errors, _UNKNOWN, z3.If(stands, declared, floor))

    def _known(self, side: str) -> Any:
        detected, default, declared = (z3.Int(f"{side}.{name}") for name in _STATED)
        errors, media, _ = self._flags(side)
        found = z3.If(z3.And(errors, detected == _UNKNOWN), 0, detected)
        return _highest(default, found, declared, z3.If(media, _PHI, 0))

    def _flags(self, side: str) -> tuple[Any, Any, Any]:
        return (
            z3.Bool(f"{side}.errors"),
            z3.Bool(f"{side}.has_media"),
            z3.Bool(f"{side}.relaxes"),
        )

    # How rules combine.

    def _allows(self, side: str) -> Any:
        permits = [self._truth(r.when, side) for r in self._pack.rules if r.effect is Effect.PERMIT]
        stops = [
            self._truth(r.when, side)
            for r in (*AXIOMS.rules, *self._pack.rules)
            if r.effect not in (Effect.PERMIT, Effect.OBLIGE)
        ]
        return z3.And(z3.Or(*permits), z3.Not(z3.Or(*stops)))

    def _truth(self, condition: Condition, side: str) -> Any:
        match condition:
            case In(field, values):
                return self._atom(field, values, side)
            case Not(part):
                return z3.Not(self._truth(part, side))
            case All(parts):
                return z3.And(*(self._truth(part, side) for part in parts))
            case _:
                return z3.Or(*(self._truth(part, side) for part in condition.parts))

    def _atom(self, field: str, values: frozenset[Value], side: str) -> Any:
        wanted = sorted(values, key=str)
        if FIELDS[field].is_set:
            return z3.Or(*(self._member(field, str(value), side) for value in wanted))
        if FIELDS[field].domain == (False, True) and field != "zero_data":
            flag = self._flag(field, side)
            return z3.Or(*(flag if value else z3.Not(flag) for value in wanted))
        number, known = self._number(field, side), self._values(field)
        if field == "zero_data":
            keeps_nothing = number == 0
            return z3.Or(*(keeps_nothing if value else z3.Not(keeps_nothing) for value in wanted))
        return z3.Or(*(number == known.index(value) for value in wanted))

    # The variables.

    def _owner(self, field: str, side: str) -> str:
        return "place" if FIELDS[field].is_of_destination else side

    def _member(self, field: str, member: str, side: str) -> Any:
        return z3.Bool(f"{self._owner(field, side)}.{field}.{member}")

    def _flag(self, field: str, side: str) -> Any:
        return z3.Bool(f"{self._owner(field, side)}.{field}")

    def _is_number(self, field: str) -> bool:
        return not FIELDS[field].is_set and FIELDS[field].domain != (False, True)

    def _number(self, field: str, side: str) -> Any:
        if field == "declared_class":
            return z3.Int(f"{side}.declared") + 1
        if field == "known_class":
            return self._known(side)
        if field == "data_class":
            return self._class(side)
        name = "retention" if field == "zero_data" else field
        return z3.Int(f"{self._owner(name, side)}.{name}")

    def _values(self, field: str) -> Sequence[Value]:
        domain = FIELDS["retention" if field == "zero_data" else field].domain
        return domain or (*self._named.get(field, ()), OTHER)

    # Two requests: what a step to a more sensitive one changes, and what emergency access does.

    def _rises(self) -> Iterator[Any]:
        detected, default, declared = (
            (z3.Int(f"a.{name}"), z3.Int(f"b.{name}")) for name in _STATED
        )
        yield z3.And(detected[0] <= detected[1], default[0] <= default[1])
        yield z3.And(declared[0] <= declared[1], (declared[0] < 0) == (declared[1] < 0))
        for before, after in zip(self._flags("a")[:2], self._flags("b")[:2], strict=True):
            yield z3.Implies(before, after)
        for kind in self._named.get("kinds", ()):
            yield z3.Implies(
                self._member("kinds", str(kind), "a"), self._member("kinds", str(kind), "b")
            )
        # In an emergency it is no step that a failed detector says less: see design.md.
        hidden = [z3.And(self._flags(s)[0], z3.Int(f"{s}.detected") == _UNKNOWN) for s in "ab"]
        yield z3.Or(z3.Not(self._flag("break_glass", "b")), z3.Not(hidden[1]), hidden[0])
        yield from self._alike(but=frozenset({"kinds", "errors", "has_media"}))

    def _breaks_glass(self) -> Iterator[Any]:
        yield z3.And(z3.Not(self._flag("break_glass", "a")), self._flag("break_glass", "b"))
        yield z3.Not(self._flag("baa", "a"))
        for name in _STATED:
            yield z3.Int(f"a.{name}") == z3.Int(f"b.{name}")
        for before, after in zip(self._flags("a")[:2], self._flags("b")[:2], strict=True):
            yield before == after
        for kind in self._named.get("kinds", ()):
            yield self._member("kinds", str(kind), "a") == self._member("kinds", str(kind), "b")
        yield from self._alike(but=frozenset({"kinds", "errors", "has_media", "break_glass"}))

    def _alike(self, *, but: frozenset[str]) -> Iterator[Any]:
        """Callers who may not relax, and nothing else different."""
        yield z3.Not(z3.Or(self._flag("may_relax", "a"), self._flag("may_relax", "b")))
        for field in self._named:
            if field in but or field in _DERIVED or FIELDS[field].is_of_destination:
                continue
            if self._is_number(field):
                yield self._number(field, "a") == self._number(field, "b")
            else:
                yield self._flag(field, "a") == self._flag(field, "b")

    # From a model back to a request and a destination.

    def _request(self, model: Any, side: str) -> Request:
        def number(name: str) -> int:
            return int(model.eval(z3.Int(f"{side}.{name}"), model_completion=True).as_long())

        def flag(name: str) -> bool:
            return _is_true(model, f"{side}.{name}")

        declared = number("declared")
        kinds = [str(kind) for kind in self._named.get("kinds", ()) if flag(f"kinds.{kind}")]
        findings = Findings(
            _CLASSES[number("detected")],
            frozenset(kinds),
            ("failed",) if flag("errors") else (),
        )
        texts: dict[str, Any] = {
            name: self._values(name)[number(name)]
            for name in ("endpoint", "purpose", "role", "tenant", "subject_region")
            if name in self._named
        }
        facts = Facts(
            request_id="proof",
            today=TODAY,
            declared_class=None if declared < 0 else _CLASSES[declared],
            default_class=_CLASSES[number("default")],
            may_relax=_relaxed(flag("relaxes"), flag("may_relax")),
            has_media=flag("has_media"),
            has_tools=flag("has_tools"),
            break_glass=flag("break_glass"),
            mfa=flag("mfa"),
            approved=flag("approved"),
            **{"tenant": "", "role": "", **texts},
        )
        return Request(facts, findings)

    def _place(self, model: Any) -> Destination:
        def value(field: str) -> Value | frozenset[str] | Baa | None:
            if FIELDS[field].is_set:
                members = (str(member) for member in self._named[field])
                return frozenset(m for m in members if _is_true(model, f"place.{field}.{m}"))
            if self._is_number(field):
                number = model.eval(z3.Int(f"place.{field}"), model_completion=True)
                return self._values(field)[int(number.as_long())]
            return _is_true(model, f"place.{field}")

        fields = [n for n in self._named if FIELDS[n].is_of_destination and n != "name"]
        values: dict[str, Any] = {n: value(n) for n in fields if n != "zero_data"}
        values |= {"tier": value("tier"), "retention": value("retention")}
        has_baa = values.pop("baa", False)
        covers = Baa(id="covers", expires=TODAY, scope=frozenset({"*"}))
        values["baa"] = covers if has_baa else None
        name = str(value("name")) if "name" in self._named else "place"
        return make_place(values, name)


class OnDevice(Formulas):
    """The same where the answer comes from the device, whose attributes are known."""

    def _allows(self, side: str) -> Any:
        blocks = [r.when for r in self._pack.rules if r.effect is Effect.BLOCK]
        return z3.Not(z3.Or(*(self._truth(when, side) for when in blocks)))

    def _atom(self, field: str, values: frozenset[Value], side: str) -> Any:
        if not FIELDS[field].is_of_destination:
            return super()._atom(field, values, side)
        own = False if field == "baa" else attribute(DEVICE, field)
        return z3.BoolVal(is_in(own, values))

    def _place(self, model: Any) -> Destination:
        return DEVICE


def _relaxed(every: bool, some: bool) -> frozenset[DataClass]:
    """What the caller may relax: everything, something to which it makes no difference, nothing."""
    return frozenset(DataClass) if every else frozenset({DataClass.PUBLIC} if some else ())


def _is_true(model: Any, name: str) -> bool:
    return bool(z3.is_true(model.eval(z3.Bool(name))))


def _highest(first: Any, *others: Any) -> Any:
    highest = first
    for other in others:
        highest = z3.If(other > highest, other, highest)
    return highest
