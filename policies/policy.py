# SPDX-License-Identifier: Apache-2.0
"""A policy: packs and the destinations that they speak of, compiled and named by a hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from policies.axioms import AXIOMS
from policies.model import Baa, Destination
from policies.pack import Pack
from policies.plan import Plan, make_plan
from policies.rules import Rule, as_data
from policies.terms import Terms


@dataclass(frozen=True, slots=True)
class Policy:
    """All that `decide` depends on besides the request.

    `hash` is "sha256:" and 64 hex digits over the packs and destinations. Comments,
    descriptions, citations and examples do not enter it.
    """

    packs: tuple[Pack, ...]
    destinations: tuple[Destination, ...]
    hash: str
    plan: Plan = field(repr=False, compare=False)

    @classmethod
    def of(cls, packs: Iterable[Pack], destinations: Iterable[Destination]) -> Policy:
        """Compiles the policy. Checks nothing: that is `load_policy`'s part."""
        packs, destinations = tuple(packs), tuple(destinations)
        return cls(
            packs,
            destinations,
            _hash(packs, destinations),
            make_plan((AXIOMS, *packs), destinations),
        )


def _hash(packs: tuple[Pack, ...], destinations: tuple[Destination, ...]) -> str:
    data = {
        "packs": [_pack_data(pack) for pack in packs],
        "destinations": [_destination_data(destination) for destination in destinations],
    }
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _pack_data(pack: Pack) -> object:
    rules = [_rule_data(rule) for rule in pack.rules]
    return {"name": pack.name, "otherwise": pack.otherwise, "rules": rules}


def _rule_data(rule: Rule) -> object:
    return {
        "id": rule.id,
        "effect": rule.effect,
        "when": as_data(rule.when),
        "reason": rule.reason,
        "obligations": sorted(rule.obligations),
        "terms": _terms_data(rule.terms),
    }


def _terms_data(terms: Terms) -> object:
    return [
        sorted(terms.redact),
        sorted(terms.drop),
        terms.keep_turns,
        terms.cache_scope,
        terms.log_level,
    ]


def _destination_data(destination: Destination) -> object:
    baa, retention = destination.baa, destination.retention
    return {
        "name": destination.name,
        "tier": destination.tier,
        "region": destination.region,
        "jurisdiction": destination.jurisdiction,
        "baa": baa and _baa_data(baa),
        "retention": retention and [retention.zero_data, retention.days],
        "trains_on_data": destination.trains_on_data,
        "origin": destination.origin,
        "provider": destination.provider,
        "account": destination.account,
        "models": sorted(destination.models),
        "features": sorted(destination.features),
        "agreements": sorted(destination.agreements),
    }


def _baa_data(baa: Baa) -> object:
    reach = [sorted(names) for names in (baa.scope, baa.models, baa.features)]
    return [baa.id, baa.expires.isoformat(), *reach]
