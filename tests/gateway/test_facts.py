# SPDX-License-Identifier: Apache-2.0
"""Headers and metadata to wishes and facts: the stricter counts, the unknown is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.facts import Wishes, make_facts, read_wishes
from gateway.identity import Principal
from policies import DataClass, Findings, Tier, decide
from tests.gateway.fakes import TODAY, chat_request, open_policy

CLASSES = st.sampled_from(DataClass)
TIERS = (Tier.DEVICE, Tier.ONPREM, Tier.CLOUD)


def header(label: str, value: str) -> dict[bytes, bytes]:
    return {b"x-nearward-" + label.encode(): value.encode()}


def test_nothing_sent_is_nothing_wished() -> None:
    """Other headers and metadata make no wish."""
    assert read_wishes({b"accept": b"x"}, {"chat": "7"}) == Wishes()


@given(CLASSES, CLASSES)
def test_stricter_class_of_the_twins_counts(one: DataClass, other: DataClass) -> None:
    """Of header and metadata the more sensitive class is taken, whichever says it."""
    wishes = read_wishes(header("data-class", one), {"nearward_data_class": other})

    assert wishes.data_class is DataClass.join(one, other)


@pytest.mark.parametrize("one", TIERS)
@pytest.mark.parametrize("other", TIERS)
def test_nearer_tier_of_the_twins_counts(one: Tier, other: Tier) -> None:
    """Of header and metadata the nearer tier is taken, whichever says it."""
    wishes = read_wishes(header("max-tier", one), {"nearward_max_tier": other})

    assert wishes.max_tier is min(one, other, key=TIERS.index)


@pytest.mark.parametrize(("a", "b"), [("true", "false"), ("0", "1"), ("TRUE", "0")])
def test_either_twin_makes_a_dry_run(a: str, b: str) -> None:
    """A dry run asked for in one place is a dry run."""
    assert read_wishes(header("dry-run", a), {"nearward_dry_run": b}).is_dry_run


def test_all_wishes_are_read_from_headers() -> None:
    """Each header has its field."""
    headers = {
        **header("data-class", " PHI "),
        **header("purpose", "treatment"),
        **header("subject-region", "EU"),
        **header("max-tier", "onprem"),
        **header("dry-run", "false"),
        **header("session", "s-1"),
        **header("latency-budget-ms", "1500"),
    }

    assert read_wishes(headers, {}) == Wishes(
        DataClass.PHI, "treatment", "EU", Tier.ONPREM, False, "s-1", 1.5
    )


def test_all_wishes_are_read_from_metadata() -> None:
    """The metadata twins say the same."""
    metadata = {
        "nearward_data_class": "secret",
        "nearward_purpose": "research",
        "nearward_subject_region": "US",
        "nearward_max_tier": "device",
        "nearward_dry_run": "1",
        "nearward_session": "s-2",
        "nearward_latency_budget_ms": "600000",
    }

    assert read_wishes({}, metadata) == Wishes(
        DataClass.SECRET, "research", "US", Tier.DEVICE, True, "s-2", 600.0
    )


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("data-class", "phii"),
        ("data-class", ""),
        ("data-class", "phi,public"),
        ("max-tier", "moon"),
        ("max-tier", ""),
        ("dry-run", "yes"),
        ("dry-run", ""),
        ("latency-budget-ms", "0"),
        ("latency-budget-ms", "600001"),
        ("latency-budget-ms", "-1"),
        ("latency-budget-ms", "1.5"),
        ("latency-budget-ms", "9" * 65),
        ("purpose", "x" * 65),
        ("session", ""),
        ("purpose", ""),
        ("subject-region", ""),
        ("latency-budget-ms", ""),
        ("session", "x" * 65),
        ("session", "a\x00b"),
        ("subject-region", "a\x1bb"),
        ("break-glass", "true"),
        ("data-clas", "phi"),
        ("route", "cloud"),
        ("", "x"),
    ],
)
def test_bad_values_are_refused_in_both_places(label: str, value: str) -> None:
    """A value that is not understood is refused, never ignored, and never quoted."""
    twin = {"nearward_" + label.replace("-", "_"): value}
    places: list[tuple[dict[bytes, bytes], dict[str, str]]] = [
        (header(label, value), {}),
        ({}, twin),
    ]
    for headers, metadata in places:
        with pytest.raises(BadRequest) as caught:
            read_wishes(headers, metadata)
        assert len(value) < 5 or value not in caught.value.message


@pytest.mark.parametrize("label", ["purpose", "subject-region", "session", "latency-budget-ms"])
def test_twins_without_an_order_must_agree(label: str) -> None:
    """Where neither is stricter, two different values are refused and equal ones accepted."""
    key = "nearward_" + label.replace("-", "_")
    one, other = ("DE", "FR") if label == "subject-region" else ("7", "8")
    read_wishes(header(label, one), {key: one})

    with pytest.raises(BadRequest):
        read_wishes(header(label, one), {key: other})


def test_facts_carry_what_was_known() -> None:
    """Principal, request and wishes all arrive in the facts."""
    principal = Principal("ada", "acme", "admin", frozenset({DataClass.PII}))
    request = chat_request(
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
                ],
            }
        ],
        tools=[{"type": "function", "function": {"name": "f"}}],
    )
    wishes = Wishes(DataClass.PII, "treatment", "EU", Tier.ONPREM)

    facts = make_facts("r1", principal, request, wishes, floor=DataClass.PHI, today=TODAY)

    assert (facts.request_id, facts.tenant, facts.role) == ("r1", "acme", "admin")
    assert (facts.declared_class, facts.default_class) == (DataClass.PII, DataClass.PHI)
    assert facts.may_relax == {DataClass.PII}
    assert (facts.purpose, facts.subject_region) == ("treatment", "EU")
    assert (facts.max_tier, facts.today) == (Tier.ONPREM, TODAY)
    assert facts.has_media
    assert facts.has_tools


@given(CLASSES, CLASSES, CLASSES, st.sampled_from(["open", "hipaa"]))
def test_declaring_never_lowers(
    declared: DataClass, floor: DataClass, detected: DataClass, pack: str
) -> None:
    """A declared class never lowers the class, and never opens a destination (I2, B6)."""
    policy = open_policy("c1", pack=pack)
    principal = Principal("ada", "acme", "user")
    with_class, without = (
        decide(
            make_facts("r", principal, chat_request(), w, floor=floor, today=TODAY),
            Findings(detected),
            policy,
        )
        for w in (read_wishes(header("data-class", declared), {}), Wishes())
    )

    assert with_class.data_class.rank >= without.data_class.rank
    assert set(with_class.allowed) <= set(without.allowed)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [("gb", "GB"), ("UK", "GB"), ("GB-ENG", "GB"), (" de ", "DE"), ("us-ca", "US"), ("EU", "EU")],
)
def test_regions_in_any_spelling(sent: str, meant: str) -> None:
    """A code in small letters, or of a part of a country, does not slip past a rule."""
    assert read_wishes(header("subject-region", sent), {}).subject_region == meant


@pytest.mark.parametrize("sent", ["CHE", "Germany", "1", "D E"])
def test_what_is_no_region_is_refused(sent: str) -> None:
    """A caller who misspells it must hear of it."""
    with pytest.raises(BadRequest) as caught:
        read_wishes(header("subject-region", sent), {})

    assert caught.value.param == "x-nearward-subject-region"


@pytest.mark.parametrize("sent", ["Legal_Proceeding", "legal-proceeding", "legal  proceeding"])
def test_purposes_in_any_spelling(sent: str) -> None:
    """A rule about legal proceedings is met by each of them."""
    assert read_wishes(header("purpose", sent), {}).purpose == "legal_proceeding"


def test_a_session_is_one_by_header_and_metadata() -> None:
    """Headers are read as UTF-8: else a name with an accent would be two sessions."""
    name = "visit\u00e9"
    by_header = read_wishes({b"x-nearward-session": name.encode()}, {}).session
    assert by_header == read_wishes({}, {"nearward_session": name}).session == name
    with pytest.raises(BadRequest):
        read_wishes({b"x-nearward-session": b"\xff"}, {})


ASKED = chat_request()


@pytest.mark.parametrize(
    ("key", "said", "expected"),
    [
        ("no", None, False),
        ("always", None, True),
        ("header", None, False),
        ("header", "true", True),
        ("header", "false", False),
    ],
)
def test_more_than_one_factor(key: str, said: str | None, expected: bool) -> None:
    """The key's record says so, or lets a proxy say so; where nobody does, it is not so."""
    wishes = read_wishes(header("mfa", said) if said else {}, {})
    who = Principal("ada", "acme", "user", mfa=key)
    facts = make_facts("r", who, ASKED, wishes, floor=DataClass.INTERNAL, today=TODAY)

    assert facts.mfa is expected


@pytest.mark.parametrize("key", ["no", "always"])
def test_a_caller_cannot_vouch_for_itself(key: str) -> None:
    """The header is refused from a key that may not say it, and never read from the body."""
    wishes = read_wishes(header("mfa", "true"), {})
    who = Principal("ada", "acme", "user", mfa=key)
    with pytest.raises(BadRequest, match="this key may not say x-nearward-mfa"):
        make_facts("r", who, ASKED, wishes, floor=DataClass.INTERNAL, today=TODAY)
    with pytest.raises(BadRequest, match="x-nearward-mfa is a header only"):
        read_wishes({}, {"nearward_mfa": "true"})
    with pytest.raises(BadRequest, match="x-nearward-mfa must be true or false"):
        read_wishes(header("mfa", "yes"), {})
