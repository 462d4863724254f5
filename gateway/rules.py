# SPDX-License-Identifier: Apache-2.0
"""From settings to the rules in force: the policy, and the planner over the same destinations."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.backends.litellm_cloud import LiteLLMCloud
from gateway.backends.openai_wire import OpenAIWire, split_base_url
from gateway.config_file import ConfigError
from gateway.errors import NotFound
from gateway.policy_settings import BaaSettings, RetentionSettings, is_file_name
from gateway.routing.plan import Planner, Route
from gateway.settings import DestinationSettings, Settings
from gateway.simulating import InForce
from gateway.state.keys import KeyFile
from policies import (
    Baa,
    DataClass,
    Destination,
    Obligation,
    PackSource,
    Policy,
    PolicyError,
    Retention,
    Tier,
    builtin_pack,
    load_policy,
)
from policies.features import texts_named
from policies.load import load_packs, refuse_widening
from policies.stated import opened_by_word
from policies.words import unmatched, wanted_instead

DEVICE = "device"
_HONOURED_HERE = frozenset(
    {
        Obligation.MINIMUM_NECESSARY,  # minimum.py, before any attempt away from the device
        Obligation.RECORD,
        # No answer is kept, so none is shared with anybody: whoever adds a cache takes these out.
        *(Obligation.NO_CACHE, Obligation.CACHE_SCOPE),
        # The operational log never speaks of a single request (records/logs.py).
        Obligation.LOG_LEVEL,
    }
)


@dataclass(frozen=True, slots=True)
class Rules:
    """A policy, and the planner over the same destinations.

    `named` holds the purposes and regions that rules name: only these are written down. `tenants`
    has the rules of those who have packs of their own, `notes` what looks like a slip, `widening`
    the packs that the operator lets give more in an emergency.
    """

    policy: Policy
    planner: Planner
    named: frozenset[str] = frozenset()
    tenants: Mapping[str, Rules] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    widening: frozenset[str] = frozenset()

    def of(self, tenant: str) -> Rules:
        """The rules for one tenant."""
        return self.tenants.get(tenant, self)

    @property
    def in_force(self) -> InForce:
        """All packs and destinations."""
        tenants = {name: own.policy.packs for name, own in self.tenants.items()}
        return InForce(self.policy.packs, tenants, self.policy.destinations, self.widening)

    @property
    def hashes(self) -> frozenset[str]:
        """Of all policies in force."""
        return frozenset([self.policy.hash, *(r.policy.hash for r in self.tenants.values())])


def make_rules(settings: Settings) -> Rules:
    """Policies and planner over the same destinations; raises ConfigError."""
    policy = make_policy(settings)
    planner, policies = make_planner(settings), make_tenants(settings, policy)
    every = [policy, *policies.values()]
    _check_acknowledged(settings, {pack.name for p in every for pack in p.packs})
    return Rules(
        policy,
        planner,
        texts_named(policy.packs),
        {name: Rules(p, planner, texts_named(p.packs)) for name, p in policies.items()},
        (*_notes(every, known_tenants(settings)), *_rights(settings)),
        frozenset(settings.policy.break_glass_widens),
    )


def make_policy(settings: Settings) -> Policy:
    """The configured packs over the configured destinations; raises ConfigError."""
    given = settings.policy
    sources = [_pack(settings, name, "packs", i) for i, name in enumerate(given.packs)]
    sources += [_pack_file(settings, path, "files", i) for i, path in enumerate(given.files)]
    there = [_destination(settings, number) for number in range(len(settings.destinations))]
    with _located(settings):
        policy = load_policy(sources, [_device(), *there])
        refuse_widening(policy.packs, frozenset(given.break_glass_widens))
    return policy


def make_tenants(settings: Settings, base: Policy) -> dict[str, Policy]:
    """For each tenant with packs of its own the policy of those and of `base`.

    A pack more can only tighten, so no tenant has more than `base` gives. Raises ConfigError.
    """
    return {tenant: _tenant(settings, tenant, base) for tenant in settings.policy.tenants}


def known_tenants(settings: Settings) -> frozenset[str]:
    """The tenants of all keys; that of the keys which nearward makes itself is `default`."""
    stored = KeyFile(settings.state_dir).read()
    return frozenset({"default", *(k.tenant for k in settings.keys), *(k.tenant for k in stored)})


def _tenant(settings: Settings, tenant: str, base: Policy) -> Policy:
    place = ("tenants", tenant)
    if tenant not in known_tenants(settings):
        # A slip here would leave the tenant that is meant without its packs.
        raise ConfigError(
            f"{settings.where('policy', *place)}: policy.tenants: no key is of the tenant {tenant}"
        )
    if not base.packs:
        # Nothing leaves without a pack: with one of its own a tenant would get more than that.
        raise ConfigError(
            f"{settings.where('policy', *place)}: policy.tenants: there is no pack for everybody"
        )
    known = {pack.name for pack in base.packs}
    sources = [
        _pack_file(settings, Path(name), *place, i)
        if is_file_name(Path(name))
        else _pack(settings, name, *place, i)
        for i, name in enumerate(settings.policy.tenants[tenant])
        if name not in settings.policy.packs
    ]
    with _located(settings):
        packs = load_packs(sources, base.destinations)
        refuse_widening(packs, frozenset(settings.policy.break_glass_widens))
    if double := known.intersection(pack.name for pack in packs):
        raise ConfigError(
            f"{settings.where('policy', *place)}: policy.tenants.{tenant}: there is a pack named "
            f"{min(double)} for all tenants"
        )
    return Policy.of([*base.packs, *packs], base.destinations)


@contextmanager
def _located(settings: Settings) -> Iterator[None]:
    """A fault of a policy as one of the config: in the pack's file, or at the section's line."""
    try:
        yield
    except PolicyError as error:
        if error.file in map(str, settings.policy.all_files):
            raise ConfigError(str(error)) from None
        section = "destinations" if error.file == "destinations" else "policy"
        raise ConfigError(f"{settings.where(section)}: {error.message}") from None


def _check_acknowledged(settings: Settings, packs: set[str]) -> None:
    for number, name in enumerate(settings.policy.break_glass_widens):
        if name not in packs:
            where = settings.where("policy", "break_glass_widens", number)
            raise ConfigError(f"{where}: policy.break_glass_widens: no pack is named {name}")


def _notes(every: Sequence[Policy], tenants: frozenset[str]) -> Iterator[str]:
    """What may be a slip: unknown values, callers' words, ways in clear, old agreements."""
    if not every[0].packs:
        yield "no pack is configured, so nothing may leave the device"
    seen = {pack.name: pack for policy in every for pack in policy.packs}
    yield from dict.fromkeys(unmatched(seen.values(), every[0].destinations, tenants))
    yield from opened_by_word(seen.values())
    today = datetime.datetime.now(datetime.UTC).date()
    for there in every[0].destinations:
        if there.baa is not None and there.baa.expires < today:
            yield f"the BAA of {there.name} expired on {there.baa.expires}: it counts for nothing"
        if there.tier is not Tier.DEVICE and not there.is_encrypted:
            yield f"what is sent to {there.name} travels over a network without encryption"
        elif there.tier is Tier.CLOUD and there.origin.startswith("http://"):
            yield f"{there.name} is a cloud behind this machine: nothing is known of the way on"


def _rights(settings: Settings) -> Iterator[str]:
    """Who may overrule what was found: proofs leave out what these keys declare lower."""
    for key in settings.keys:
        if key.may_relax:
            highest = DataClass.join(*key.may_relax)
            yield f"the key {key.id} may declare lower what was found to be {highest}, or below"


def make_planner(settings: Settings) -> Planner:
    """Routes for the device and every destination."""
    own = {model.name: model.name for model in settings.device.all_models()}
    routes = [Route(DEVICE, Tier.DEVICE, own)]
    routes += [
        Route(
            d.name,
            d.tier,
            d.models,
            d.region,
            d.cost.output_per_mtok,
            _honoured(d),
            d.kind == "openai",
        )
        for d in settings.destinations
    ]
    planner = Planner(
        routes,
        aliases=settings.aliases,
        strong_fraction=settings.routing.strong_fraction,
        device_is_on=settings.device.enabled,
    )
    for alias in settings.aliases:
        try:
            planner.read_model(alias)
        except NotFound:
            raise ConfigError(
                f"{settings.where('aliases', alias)}: alias {alias}: "
                f"{settings.aliases[alias]} is no model of this gateway"
            ) from None
    return planner


def _honoured(d: DestinationSettings) -> frozenset[Obligation]:
    """What its backend does, what is done here whoever answers, and no tools where none are."""
    backend = OpenAIWire.honours if d.kind == "openai" else LiteLLMCloud.honours
    return backend | _HONOURED_HERE | (frozenset() if d.features else {Obligation.NO_TOOLS})


def _device() -> Destination:
    return Destination(name=DEVICE, tier=Tier.DEVICE)


def _destination(settings: Settings, number: int) -> Destination:
    d = settings.destinations[number]
    try:
        origin, _ = split_base_url(d.base_url)
    except ValueError as error:
        raise settings.destination_fault(number, "base_url", str(error)) from None
    if expected := wanted_instead("jurisdiction", d.jurisdiction):
        raise settings.destination_fault(number, "jurisdiction", f"expected {expected}")
    return Destination(
        name=d.name,
        tier=d.tier,
        region=d.region,
        jurisdiction=d.jurisdiction,
        baa=_baa(d.baa) if d.baa else None,
        retention=_retention(d.retention) if d.retention else None,
        trains_on_data=d.trains_on_data,
        origin=origin.text,
        provider=d.provider,
        account=d.account,
        models=frozenset(d.models.values()),
        features=frozenset(d.features),
        agreements=frozenset(d.agreements),
    )


def _baa(baa: BaaSettings) -> Baa:
    return Baa(
        id=baa.id,
        expires=baa.expires,
        scope=frozenset(baa.scope),
        models=frozenset(baa.models),
        features=frozenset(baa.features),
    )


def _retention(given: RetentionSettings) -> Retention:
    return Retention(zero_data=given.zero_data, days=0 if given.zero_data else given.days)


def _pack(settings: Settings, name: str, *place: str | int) -> PackSource:
    try:
        return builtin_pack(name)
    except PolicyError as error:
        where = settings.where("policy", *place)
        raise ConfigError(f"{where}: {error.file}: {error.message}") from None


def _pack_file(settings: Settings, path: Path, *place: str | int) -> PackSource:
    try:
        return PackSource(name=str(path), data=path.read_bytes())
    except OSError as error:
        where = settings.where("policy", *place)
        raise ConfigError(f"{where}: {path}: cannot be read ({error.strerror})") from None
