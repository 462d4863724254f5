# SPDX-License-Identifier: Apache-2.0
"""From settings to the rules in force: the policy, and the planner over the same destinations."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.backends.litellm_cloud import LiteLLMCloud
from gateway.backends.openai_wire import OpenAIWire, split_base_url
from gateway.config_file import ConfigError
from gateway.errors import NotFound
from gateway.routing.plan import Planner, Route
from gateway.settings import BaaSettings, Settings
from policies import (
    Baa,
    Destination,
    PackSource,
    Policy,
    PolicyError,
    Retention,
    Tier,
    builtin_pack,
    load_policy,
)
from policies.features import texts_named

DEVICE = "device"


@dataclass(frozen=True, slots=True)
class Rules:
    """A policy, and the planner over the same destinations."""

    policy: Policy
    planner: Planner
    named: frozenset[str] = frozenset()
    """The purposes and regions that rules name: only these are written down."""


def make_rules(settings: Settings) -> Rules:
    """Policy and planner over the same destinations; raises ConfigError."""
    policy = make_policy(settings)
    return Rules(policy, make_planner(settings), texts_named(policy.packs))


def make_policy(settings: Settings) -> Policy:
    """The configured packs over the configured destinations; raises ConfigError."""
    packs = [_pack(settings, number) for number in range(len(settings.policy.packs))]
    packs += [_pack_file(settings, number) for number in range(len(settings.policy.files))]
    there = [_destination(settings, number) for number in range(len(settings.destinations))]
    try:
        return load_policy(packs, [_device(), *there])
    except PolicyError as error:
        if error.file in map(str, settings.policy.files):
            raise ConfigError(str(error)) from None
        section = "destinations" if error.file == "destinations" else "policy"
        raise ConfigError(f"{settings.where(section)}: {error.message}") from None


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
            OpenAIWire.honours if d.kind == "openai" else LiteLLMCloud.honours,
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


def _device() -> Destination:
    return Destination(name=DEVICE, tier=Tier.DEVICE)


def _destination(settings: Settings, number: int) -> Destination:
    d = settings.destinations[number]
    try:
        origin, _ = split_base_url(d.base_url)
    except ValueError as error:
        raise settings.destination_fault(number, "base_url", str(error)) from None
    return Destination(
        name=d.name,
        tier=d.tier,
        region=d.region,
        jurisdiction=d.jurisdiction,
        baa=_baa(d.baa) if d.baa else None,
        retention=Retention(zero_data=d.retention.zero_data, days=d.retention.days)
        if d.retention
        else None,
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


def _pack(settings: Settings, number: int) -> PackSource:
    try:
        return builtin_pack(settings.policy.packs[number])
    except PolicyError as error:
        where = settings.where("policy", "packs", number)
        raise ConfigError(f"{where}: {error.file}: {error.message}") from None


def _pack_file(settings: Settings, number: int) -> PackSource:
    path = settings.policy.files[number]
    try:
        return PackSource(name=str(path), data=path.read_bytes())
    except OSError as error:
        where = settings.where("policy", "files", number)
        raise ConfigError(f"{where}: {path}: cannot be read ({error.strerror})") from None
