# SPDX-License-Identifier: Apache-2.0
"""Permits that a caller's own words open."""

import pytest

from policies import PackSource, builtin_pack
from policies.load import load_packs
from policies.stated import opened_by_word
from tests.policies.malformed import GOOD


@pytest.mark.parametrize(
    ("when", "fields"),
    [
        ("{purpose: research}", ["purpose"]),
        ("{declared_class: [public]}", ["declared_class"]),
        ("{purpose: research, subject_region: DE}", ["purpose", "subject_region"]),
        ("{purpose: research, data_class: {at_most: secret}, baa: true}", ["purpose"]),
        ("{any: [{data_class: {at_most: pii}}, {all: [{purpose: research}]}]}", ["purpose"]),
        ("{not: {not: {purpose: research}}}", ["purpose"]),
        ("{purpose: research, data_class: {at_most: phi}}", []),
        ("{purpose: research, known_class: {at_most: phi}}", []),
        ("{declared_class: public, known_class: {at_most: internal}}", []),
        ('{purpose: ["", research]}', []),  # nothing need be said
        ("{not: {purpose: marketing}}", []),
        ("{role: admin}", []),
    ],
)
def test_a_permit_that_takes_a_word_for_it_is_noted(when: str, fields: list[str]) -> None:
    """With file and line; not where what was found bounds it, or where nothing need be said."""
    data = GOOD.replace("{data_class: {at_most: internal}}", when).encode()
    packs = load_packs([PackSource("f.yaml", data)], [])

    assert [note.split(";")[0] for note in opened_by_word(packs)] == [
        f"f.yaml:5: permit rule 'let' takes the caller's {field} at its word, whatever was found"
        for field in fields
    ]


def test_only_permits_are_looked_at() -> None:
    """A forbid that needs a word gives less for it, and the packs that come along are bounded."""
    data = GOOD.replace("- tier: [onprem, cloud]", "- purpose: research")
    names = ("finance", "gdpr", "hipaa", "hipaa-strict", "open", "part2", "redact")
    sources = [PackSource("f.yaml", data.encode()), *map(builtin_pack, names)]

    assert list(opened_by_word(load_packs(sources, []))) == []
