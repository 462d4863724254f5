# SPDX-License-Identifier: Apache-2.0
"""The order of attempts: the table of the module's docstring, and never beyond what is allowed."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import (
    DeviceOff,
    GatewayError,
    LocalUnavailable,
    NotFound,
    PolicyBlocked,
    error_headers,
)
from gateway.routing.plan import Plan, Planner, Route
from gateway.signals.capability import UNKNOWN, Snapshot
from gateway.signals.reading import Signals
from policies import (
    Baa,
    DataClass,
    Decision,
    Destination,
    Facts,
    Findings,
    Obligation,
    PackSource,
    Retention,
    Tier,
    builtin_pack,
    decide,
    load_policy,
)
from tests.gateway.fakes import TODAY, away, open_policy
from tests.gateway.judging import READY, signals_of

ALL = frozenset(Obligation)
ROUTES = [
    Route("device", Tier.DEVICE, {"small": "small"}),
    Route("dear", Tier.CLOUD, {"big": "up-big", "mid": "up-mid"}, "us", 9.0, ALL),
    Route("cheap", Tier.CLOUD, {"mid": "up-mid-2"}, "eu", 1.0, ALL),
    Route("near", Tier.ONPREM, {"mid": "up-mid-3"}, "", 20.0, ALL),
]
PLACES = [
    Destination(name="device", tier=Tier.DEVICE),
    away("dear"),
    away("cheap"),
    away("near", Tier.ONPREM),
]


def planner(
    routes: list[Route] | None = None, aliases: dict[str, str] | None = None, strong: float = 0.3
) -> Planner:
    return Planner(routes or ROUTES, aliases=aliases or {}, strong_fraction=strong)


def decision(
    data_class: DataClass = DataClass.PUBLIC,
    places: list[Destination] | None = None,
    max_tier: Tier | None = None,
    packs: tuple[PackSource, ...] = (builtin_pack("open"),),
) -> Decision:
    facts = Facts(request_id="r", tenant="t", role="user", today=TODAY, max_tier=max_tier)
    return decide(facts, Findings(data_class), load_policy(packs, places or PLACES))


def names(plan: Plan) -> list[str]:
    return [a.destination for a in plan.attempts]


def test_auto_and_easy_begins_on_the_device() -> None:
    """Easy: the device, then on-premises, then the cheaper cloud, then the dearer."""
    plan = planner().plan("auto", decision(), signals_of())

    assert names(plan) == ["device", "near", "cheap", "dear"]
    assert plan.why == "device_can_answer"


@pytest.mark.parametrize(
    ("complexity", "device", "tokens", "why"),
    [
        (0.71, READY, 10, "hard_prompt"),
        (1.0, READY, 10, "hard_prompt"),
        (0.0, READY, 2048, "too_long_for_device"),
        (0.0, READY, 1985, "too_long_for_device"),
    ],
)
def test_auto_and_hard_or_long_begins_away(
    complexity: float, device: Snapshot, tokens: int, why: str
) -> None:
    """Hard or too long: away first, the device last."""
    signals = signals_of(complexity=complexity, device=device, prompt_tokens=tokens)
    plan = planner().plan("auto", decision(), signals)

    assert (names(plan), plan.why) == (["near", "cheap", "dear", "device"], why)


@pytest.mark.parametrize(("complexity", "tokens"), [(0.69, 10), (0.0, 1984)])
def test_bounds_of_easy(complexity: float, tokens: int) -> None:
    """Just under the bounds the device still begins."""
    signals = signals_of(complexity=complexity, prompt_tokens=tokens)

    assert names(planner().plan("auto", decision(), signals))[0] == "device"


def test_a_device_that_is_not_ready_is_left_out() -> None:
    """Without a device the clouds answer alone, for auto and for a named model."""
    signals = signals_of(device=UNKNOWN)

    plan = planner().plan("auto", decision(), signals)
    assert (names(plan), plan.why) == (["near", "cheap", "dear"], "device_not_ready")
    assert names(planner().plan("big", decision(), signals)) == ["dear"]


def test_local_is_the_device_alone() -> None:
    """local/<name> goes nowhere else, whatever the prompt."""
    plan = planner().plan("local/small", decision(), signals_of(complexity=1.0))

    assert (names(plan), plan.why) == (["device"], "asked_for_local")


def test_cloud_is_only_those_that_serve_the_name() -> None:
    """cloud/<name> and the upstream's own name for it; no device behind."""
    plan = planner().plan("cloud/mid", decision(), signals_of())

    assert [(a.destination, a.model) for a in plan.attempts] == [
        ("near", "up-mid-3"),
        ("cheap", "up-mid-2"),
        ("dear", "up-mid"),
    ]
    assert plan.attempts[2].region == "us"
    assert plan.why == "asked_for_cloud"


def test_named_has_the_device_behind() -> None:
    """<name> is tried where it is served and falls back to the device."""
    plan = planner().plan("big", decision(), signals_of())

    assert (names(plan), plan.why) == (["dear", "device"], "asked_for_model")


def test_forbidden_cloud_is_blocked_and_named_model_stays_near() -> None:
    """When policy forbids all clouds, cloud/<name> is refused and <name> is answered near."""
    secret = decision(DataClass.SECRET)
    with pytest.raises(PolicyBlocked) as caught:
        planner().plan("cloud/big", secret, signals_of())
    assert secret.primary_reason in caught.value.message

    for model in ("big", "auto"):
        plan = planner().plan(model, secret, signals_of(complexity=1.0))
        assert (names(plan), plan.why) == (["device"], "only_the_device_is_allowed")


@pytest.mark.parametrize("model", ["auto", "big", "local/small"])
def test_only_the_device_and_it_is_not_ready(model: str) -> None:
    """Nothing leaves because the device is down: 503, and when to come back."""
    with pytest.raises(LocalUnavailable) as caught:
        planner().plan(model, decision(DataClass.SECRET), signals_of(device=UNKNOWN))

    assert caught.value.retry_after_s


@pytest.mark.parametrize(
    "model",
    [
        "",
        "gpt-9",
        "local/",
        "local/big",
        "cloud/",
        "cloud/small",
        "cloud/auto",
        "AUTO",
        "small",
        "x/y",
    ],
)
def test_unknown_models(model: str) -> None:
    """A name that nobody serves is a 404 that does not repeat it."""
    with pytest.raises(NotFound) as caught:
        planner().plan(model, decision(), signals_of())

    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    assert len(model) < 5 or model not in caught.value.message.replace("'auto'", "")


def test_aliases() -> None:
    """An alias stands for its target, and may hide a model of the same name."""
    many = planner(aliases={"gpt-4o": "auto", "fast": "local/small", "big": "mid"})

    assert names(many.plan("gpt-4o", decision(), signals_of()))[0] == "device"
    assert many.plan("fast", decision(), signals_of()).why == "asked_for_local"
    assert names(many.plan("big", decision(), signals_of())) == ["near", "cheap", "dear", "device"]


@pytest.mark.parametrize("aliases", [{"a": "nothing"}, {"a": "b", "b": "auto"}, {"a": "a"}])
def test_aliases_that_lead_nowhere(aliases: dict[str, str]) -> None:
    """An alias of nothing, of another alias or of itself is no model."""
    with pytest.raises(NotFound):
        planner(aliases=aliases).read_model("a")


@pytest.mark.parametrize("model", ["auto", "local/small"])
def test_a_device_that_is_switched_off(model: str) -> None:
    """The refusal says that it is off, and does not advise to wait for it."""
    off = Planner(ROUTES, aliases={}, strong_fraction=0.3, device_is_on=False)
    with pytest.raises(DeviceOff, match="switched off") as caught:
        off.plan(model, decision(DataClass.SECRET), signals_of(device=UNKNOWN))

    assert caught.value.code == "local_unavailable"
    assert error_headers(caught.value) == []


def test_models_lists_what_may_be_named() -> None:
    """Every listed id can be asked for."""
    listed = planner(aliases={"gpt-4o": "auto"}).models()

    ids = [i for i, _ in listed]
    assert ids == ["auto", "gpt-4o", "local/small", "cloud/mid", "cloud/big", "mid", "big"]
    for model in ids[2:]:
        planner().read_model(model)


def test_obligations_that_a_route_cannot_honour_leave_it_out() -> None:
    """A destination whose backend cannot do what is owed is no attempt; the device always can."""
    care = PackSource("care.yaml", _CARE)
    owed = decision(DataClass.PHI, packs=(builtin_pack("open"), care))
    assert owed.obligations == {Obligation.NO_STORE, Obligation.REDACT}
    routes = [
        ROUTES[0],
        Route("dear", Tier.CLOUD, {"m": "m"}, honours=frozenset({Obligation.NO_STORE})),
        Route("cheap", Tier.CLOUD, {"m": "m"}, honours=frozenset()),
        Route("near", Tier.ONPREM, {"m": "m"}, honours=ALL),
    ]

    assert names(planner(routes).plan("auto", owed, signals_of())) == ["device", "near"]
    with pytest.raises(PolicyBlocked):
        planner(routes[:3]).plan("cloud/m", owed, signals_of())


_CARE = b"""pack: care
version: "1"
description: A pack of this test.
otherwise: no_permit
rules:
  - {id: all, effect: permit, when: {}, reason: permitted, description: d, citation: c}
  - id: care
    effect: oblige
    when: {}
    obligations: [no_store, redact]
    reason: handle_with_care
    description: d
    citation: c
tests: [{name: t, findings: {data_class: public}, allow: true}]
"""

PACKS = ["open", "hipaa"]
PLACE = st.builds(
    lambda number, tier, has_origin, baa, zero, trains: Destination(
        name=f"d{number}",
        tier=tier,
        origin=f"https://d{number}.example:443" if has_origin else "",
        baa=Baa(id="b", expires=datetime.date(2027, 1, 1), scope=frozenset({"*"})) if baa else None,
        retention=Retention(zero_data=zero, days=0),
        trains_on_data=trains,
    ),
    st.integers(0, 5),
    st.sampled_from([Tier.ONPREM, Tier.CLOUD]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
SIGNALS = st.builds(
    lambda complexity, ready, tokens: signals_of(
        complexity=complexity, device=READY if ready else UNKNOWN, prompt_tokens=tokens
    ),
    st.floats(0, 1),
    st.booleans(),
    st.integers(0, 5000),
)


@given(
    st.lists(PLACE, max_size=4, unique_by=lambda d: d.name),
    st.sampled_from(PACKS),
    st.tuples(st.sampled_from(DataClass), st.none() | st.sampled_from(Tier)),
    st.tuples(st.sampled_from(["auto", "m", "cloud/m", "local/small", "alias", "no"]), SIGNALS),
    st.frozensets(st.sampled_from(Obligation)),
)
def test_attempts_are_within_what_is_allowed(
    places: list[Destination],
    pack: str,
    classed: tuple[DataClass, Tier | None],
    asked: tuple[str, Signals],
    honours: frozenset[Obligation],
) -> None:
    """Whatever the policy, the class and the prompt: attempts are a subset of allowed (I2)."""
    device = Destination(name="device", tier=Tier.DEVICE)
    made = decision(classed[0], [device, *places], classed[1], (builtin_pack(pack),))
    routes = [ROUTES[0], *(Route(d.name, d.tier, {"m": "m"}, honours=honours) for d in places)]
    try:
        plan = planner(routes, {"alias": "m"}).plan(asked[0], made, asked[1])
    except GatewayError as error:
        assert isinstance(error, NotFound | PolicyBlocked | LocalUnavailable)
        return

    assert plan.attempts
    assert set(names(plan)) <= set(made.allowed)
    assert len(set(names(plan))) == len(plan.attempts)
    for attempt in plan.attempts:
        if attempt.tier is not Tier.DEVICE:
            assert attempt.destination in made.cleared
            assert made.obligations <= honours


def test_the_named_pack_of_the_property_does_open_something() -> None:
    """The property above is not empty: the open pack lets a public request out."""
    facts = Facts(request_id="r", tenant="t", role="user", today=TODAY)

    assert decide(facts, Findings(DataClass.PUBLIC), open_policy("c1")).allowed == ("device", "c1")
