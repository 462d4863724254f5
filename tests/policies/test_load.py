# SPDX-License-Identifier: Apache-2.0
"""Bytes to policy, and the corpus of bytes that are none."""

from dataclasses import replace
from typing import Any

import pytest

from policies import (
    Destination,
    PackSource,
    PolicyError,
    Tier,
    builtin_pack,
    decide,
    load_policy,
)
from policies.load import MAX_BYTES, load_packs, refuse_widening
from policies.parse import MAX_RULES
from policies.space import Space
from tests.policies.malformed import GOOD, MALFORMED, Malformed
from tests.policies.samples import CLEAN, CLOUD, DEVICE, facts

THEOREM = "theorems:\n  - {id: far, says: s, never: {name: clouds}}\n"


def load_bytes(data: bytes) -> None:
    """Loads one pack called f.yaml."""
    load_policy([PackSource("f.yaml", data)], [])


def failure(data: bytes) -> PolicyError:
    """The error that loading gives."""
    with pytest.raises(PolicyError) as caught:
        load_bytes(data)
    return caught.value


def many_rules(count: int) -> bytes:
    """A pack with a rule for each of many tenants."""
    rule = (
        "  - {id: r%d, effect: %s, when: {tenant: t%d, data_class: {%s: phi}}, "
        "reason: permitted, description: d, citation: c}\n"
    )
    effects = [("permit", "at_most"), ("forbid", "at_least")]
    head = "pack: p\nversion: v\ndescription: d\nrules:\n"
    lines = (rule % (i, effects[i % 2][0], i, effects[i % 2][1]) for i in range(count))
    return (head + "".join(lines)).encode()


@pytest.mark.parametrize("case", MALFORMED, ids=range(len(MALFORMED)))
def test_malformed_pack_names_file_line_and_expectation(case: Malformed) -> None:
    """Each fault is refused at its own line, in words that say what was expected."""
    assert GOOD.count(case.old) >= 1
    error = failure(GOOD.replace(case.old, case.new, 1).encode())

    assert ("f.yaml", case.line) == (error.file, error.line)
    assert case.message in error.message


def test_good_pack_loads_and_decides() -> None:
    """The pack that the corpus spoils is good."""
    policy = load_policy([PackSource("f.yaml", GOOD.encode())], [DEVICE, CLOUD])

    assert decide(facts(), CLEAN, policy).allowed == ("device", "cloud")
    assert [rule.line for rule in policy.packs[0].rules] == [5, 11]


@pytest.mark.parametrize("name", ["nope", "../model", "hipaa.yaml", ""])
def test_unknown_built_in_pack(name: str) -> None:
    """A pack that does not exist is refused with the names of those that do."""
    with pytest.raises(PolicyError, match="no such built-in pack, expected one of: finance, gdpr"):
        builtin_pack(name)


def test_size_is_bounded() -> None:
    """One byte over the limit is refused before anything is parsed."""
    assert "expected at most 1048576 bytes" in failure(b"#" * (MAX_BYTES + 1)).message
    assert "the file is empty" in failure(b"#" * MAX_BYTES).message


def test_encoding_is_utf8() -> None:
    """Other bytes are refused at their line."""
    error = failure(b"pack: demo\nversion: \xff\n")

    assert (error.line, error.message) == (2, "expected UTF-8")


@pytest.mark.parametrize("depth", [1_000, 500_000])
def test_deep_nesting_is_refused_early(depth: int) -> None:
    """Depth ends with an error, not with the end of the stack."""
    assert "levels" in failure(b"a: " + b"[" * depth).message


def test_rules_are_bounded() -> None:
    """A pack has at most 1,024 rules; the first one too many is named."""
    error = failure(many_rules(MAX_RULES + 1))

    assert (error.line, error.message) == (1029, "expected at most 1024 rules in a pack")


def wide_rules(count: int) -> bytes:
    """A pack of rules each of which reads eleven fields, so that all of their cases are 93,000."""
    rule = (
        "  - {id: r%d, effect: forbid, when: {data_class: {at_least: pii}, known_class: "
        "{at_least: confidential}, jurisdiction: DE, tier: [cloud], purpose: p%d, "
        "zero_data: false, role: user, encrypted: true, trains_on_data: false, baa: false, "
        "has_tools: true}, "
        "reason: forbidden, description: d, citation: c}\n"
    )
    head = "pack: p\nversion: v\ndescription: d\nrules:\n"
    return (head + "".join(rule % (i, i) for i in range(count))).encode()


def forked_rules(count: int) -> bytes:
    """A pack of rules with alternatives, of which one alone tells them from each other."""
    rule = (
        "  - {id: r%d, effect: permit, when: {any: [{data_class: {at_most: pii}, role: user}, "
        "{known_class: {at_most: phi}, jurisdiction: DE, purpose: p%d}, "
        "{encrypted: true, zero_data: true, has_tools: false}]}, "
        "reason: permitted, description: d, citation: c}\n"
    )
    head = "pack: p\nversion: v\ndescription: d\nrules:\n"
    return (head + "".join(rule % (i, i) for i in range(count))).encode()


@pytest.mark.parametrize(
    ("data", "count", "most"),
    [
        (many_rules(1), 1, 100),
        (many_rules(1000), 1000, 100),
        (wide_rules(100), 100, 10_000),
        (forked_rules(100), 100, 1_000_000),
    ],
)
def test_many_rules_cost_work_in_proportion(
    data: bytes, count: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to a thousand rules, the work on each is bounded, however many there are beside it."""
    points = 0
    along = Space.along

    def counted(space: Space, *given: Any) -> int:
        nonlocal points
        points += space.size
        return along(space, *given)

    monkeypatch.setattr(Space, "along", counted)
    load_bytes(data)

    assert points <= most * count


def test_a_rule_that_cannot_be_checked_is_refused() -> None:
    """Monotonicity is checked by trying every case, so their number is bounded."""
    tenants = ", ".join(f"{{tenant: t{i}}}" for i in range(300))
    data = GOOD.replace("{data_class: {at_most: internal}}", f"{{any: [{tenants}]}}")

    assert "rule 'let' has too many cases to check" in failure(data.encode()).message


def test_no_pack_has_the_name_of_the_axioms() -> None:
    """A reason that names the engine is the engine's."""
    with pytest.raises(PolicyError, match=r"there are two packs named 'engine'"):
        load_policy([PackSource("e.yaml", GOOD.replace("demo", "engine").encode())], [])


def test_two_packs_of_one_name() -> None:
    """Reasons name rules by pack, so packs are told apart by name."""
    with pytest.raises(PolicyError, match=r"g\.yaml:1: there are two packs named 'demo'"):
        load_policy([PackSource(f, GOOD.encode()) for f in ("f.yaml", "g.yaml")], [])


@pytest.mark.parametrize(
    ("there", "message"),
    [
        ([CLOUD, replace(CLOUD, region="r")], "used twice"),
        ([replace(CLOUD, name="")], "is empty"),
        ([replace(DEVICE, origin="http://127.0.0.1:80")], "the device has no origin"),
        ([replace(CLOUD, origin="https://Host:443")], "expected an origin"),
        ([replace(CLOUD, origin="https://host")], "expected an origin"),
        ([replace(CLOUD, origin="https://user@host:443")], "expected an origin"),
        ([replace(CLOUD, origin="https://host:443/v1")], "expected an origin"),
    ],
)
def test_destinations_that_make_no_sense(there: list[Destination], message: str) -> None:
    """A destination that could be mistaken for another is refused, by name."""
    with pytest.raises(PolicyError, match=message) as caught:
        load_policy([], there)
    assert (caught.value.file, caught.value.line) == ("destinations", 0)


@pytest.mark.parametrize("origin", ["", "http://127.0.0.1:8000", "https://[::1]:443"])
def test_destinations_that_do(origin: str) -> None:
    """Host names, addresses and no origin at all are taken."""
    there = Destination(name="x", tier=Tier.ONPREM, origin=origin)

    assert (there,) == load_policy([], [there]).destinations


def test_flags_are_true_and_false_only() -> None:
    """An unquoted no, such as Norway's, is text."""
    data = GOOD.replace("- tier: [onprem, cloud]", "- region: no")

    load_bytes(data.encode())


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("tier: [onprem, cloud]", "name: [cloud, clouds]", 11, "rule 'owe' names the destination"),
        ("tests:\n", THEOREM + "tests:\n", 22, "theorem 'far' names the destination"),
    ],
)
def test_a_destination_that_is_not_configured(old: str, new: str, line: int, what: str) -> None:
    """A rule or theorem about a destination that is not there is refused, where there are any."""
    source = PackSource("f.yaml", GOOD.replace(old, new).encode())
    with pytest.raises(PolicyError, match=f"{what} 'clouds', which is not configured") as caught:
        load_policy([source], [DEVICE, CLOUD])

    assert (caught.value.line, "expected one of: cloud, device" in caught.value.message) == (
        line,
        True,
    )
    load_policy([source], [DEVICE, CLOUD, replace(CLOUD, name="clouds")])
    load_policy([source], [])


EMERGENCY = GOOD.replace(
    "tests:\n",
    """\
  - id: open-all
    effect: permit
    when: {break_glass: true}
    reason: break_glass
    description: opens
    citation: none
tests:
""",
)


def test_a_rule_that_widens_in_an_emergency_is_refused() -> None:
    """With its line; not where the operator has said that this is meant, nor for good packs."""
    packs = load_packs([PackSource("mine.yaml", EMERGENCY.encode())], [])
    names = ("hipaa", "hipaa-strict", "gdpr", "part2", "finance", "open")
    with pytest.raises(PolicyError) as caught:
        refuse_widening(packs, frozenset({"other"}))

    assert (caught.value.file, caught.value.line) == ("mine.yaml", 21)
    assert "permit rule 'open-all' gives more in an emergency" in caught.value.message
    refuse_widening(packs, frozenset({"demo"}))
    refuse_widening(load_packs([builtin_pack(name) for name in names], []), frozenset())
