# SPDX-License-Identifier: Apache-2.0
"""Values that nothing will ever have: refused where the set is closed, noted where it is open."""

from dataclasses import replace

import pytest

from policies import PackSource, PolicyError, builtin_pack
from policies.load import load_packs, load_policy
from policies.words import unmatched, wanted_instead
from tests.policies.malformed import GOOD
from tests.policies.samples import CLOUD, DEVICE

PLACE = replace(
    CLOUD,
    provider="p",
    account="a",
    region="eu-west-1",
    jurisdiction="DE",
    models=frozenset({"m1", "m2"}),
    features=frozenset({"web"}),
)


def with_condition(text: str) -> PackSource:
    """GOOD with another condition in the rule on line 11."""
    return PackSource("f.yaml", GOOD.replace("tier: [onprem, cloud]", text).encode())


@pytest.mark.parametrize(
    "text",
    [
        *("role: auditor", "endpoint: embeddings", "jurisdiction: [DE, EU, EEA]"),
        *("subject_region: [GB, EU]", "purpose: legal_proceeding", "purpose: prüfung_2"),
        *('purpose: ""', 'role: ""', 'subject_region: ""', "tenant: Anyone", "region: Anywhere"),
    ],
)
def test_what_can_be_is_taken(text: str) -> None:
    """The empty text is what was not stated; open fields take any."""
    assert load_packs([with_condition(text)], [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("role: adminn", "unknown role 'adminn', expected one of: user, admin, auditor"),
        ("endpoint: [chat, chats]", "unknown endpoint 'chats', expected one of: chat, "),
        ("jurisdiction: eu", "unknown jurisdiction 'eu', expected a country's ISO 3166 code"),
        ("jurisdiction: UK", "unknown jurisdiction 'UK'"),
        ("subject_region: US-CA", "expected a country's ISO 3166 code in capitals, such as DE or"),
        ("subject_region: EEA", "without a subdivision"),
        ("purpose: Legal-Proceeding", "expected lower-case words joined by '_'"),
        ("purpose: legal proceeding", "expected lower-case words joined by '_'"),
        ("purpose: Übung", "expected lower-case words joined by '_'"),
        ("purpose: legal_", "expected lower-case words joined by '_'"),
    ],
)
def test_a_slip_is_refused_with_its_line(text: str, message: str) -> None:
    """Such a rule would load, and never hold: a forbid would be none."""
    with pytest.raises(PolicyError) as caught:
        load_packs([with_condition(text)], [])

    assert (caught.value.file, caught.value.line) == ("f.yaml", 15)
    assert message in caught.value.message


def test_fields_without_words_of_their_own() -> None:
    """Whatever they hold is not looked at here."""
    assert wanted_instead("region", "nowhere") == ""


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        ("provider: p", []),
        ("models: [m1, m3]", ["models 'm3', which no destination has"]),
        ("features: web", []),
        ("account: b", ["account 'b', which no destination has"]),
        ("region: [eu-west-1, eu-wset-1]", ["region 'eu-wset-1', which no destination has"]),
        ("tenant: [acme, amce]", ["tenant 'amce', which no key has"]),
        ('provider: ""', []),
        ("jurisdiction: FR", []),
    ],
)
def test_what_nothing_has_is_noted(text: str, noted: list[str]) -> None:
    """With the file and the line of the rule."""
    policy = load_policy([with_condition(text)], [DEVICE, PLACE])
    found = list(unmatched(policy.packs, policy.destinations, frozenset({"acme"})))

    assert found == [f"f.yaml:11: rule 'owe' names the {what}" for what in noted]


def test_the_packs_that_come_along_have_nothing_to_note() -> None:
    """They name no provider and no tenant."""
    packs = load_packs([builtin_pack(n) for n in ("hipaa", "gdpr", "part2", "finance")], [])

    assert list(unmatched(packs, [DEVICE], frozenset())) == []
