# SPDX-License-Identifier: Apache-2.0
"""Orders attempts inside the set that policy allowed. Pure: no clock, no I/O, no logging.

    model asked for      attempts, in order
    auto                 something that the device does not serve (tools, media ...): clouds;
                         hard prompt, or one too long for the device: clouds, then the device;
                         otherwise the device, then clouds
    local/<name>         the device
    cloud/<name>         clouds that serve <name>; if policy forbids all of them: PolicyBlocked
    <name>               the same, but the device stands in when policy forbids them all

Every attempt is in `decision.allowed`; a destination whose backend cannot honour an obligation is
left out, unless the obligation is met already, whoever answers. Fallback is the rest of the plan,
so fallback is a subset of plan, plan of allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from gateway.errors import DeviceOff, LocalUnavailable, NotFound, PolicyBlocked
from gateway.signals.reading import Signals
from policies import Decision, Obligation, Tier

# What can be honoured by whom an input is sent to, with the input as it is.
_EMBEDDING_DUTIES = frozenset({Obligation.NO_STORE, Obligation.NO_CACHE, Obligation.RECORD})
Intent = Literal["auto", "local", "cloud", "named"]
_REDACT = frozenset({Obligation.REDACT})
_NONE = frozenset[Obligation]()


@dataclass(frozen=True, slots=True)
class Route:
    """A destination as routing sees it. `models` maps what clients ask for to upstream names."""

    name: str
    tier: Tier
    models: Mapping[str, str]
    region: str = ""
    output_cost: float = 0.0
    honours: frozenset[Obligation] = frozenset()
    embeds: bool = False
    """Whether its API has embeddings."""


class Attempt(NamedTuple):
    """One destination and the model to ask there."""

    destination: str
    model: str
    tier: Tier
    region: str


class Plan(NamedTuple):
    """Attempts in order, and why the first one is first."""

    attempts: tuple[Attempt, ...]
    why: str


class Planner:
    """Turns a decision and the signals into a Plan."""

    def __init__(
        self,
        routes: Sequence[Route],
        *,
        aliases: Mapping[str, str],
        strong_fraction: float,
        device_is_on: bool = True,
    ) -> None:
        self._device = next(r for r in routes if r.tier is Tier.DEVICE)
        self._away = sorted(
            (r for r in routes if r.tier is not Tier.DEVICE),
            key=lambda r: (r.tier is Tier.CLOUD, r.output_cost),
        )
        self._device_is_on = device_is_on
        self._aliases = aliases
        # Scores are quantiles of everyday prompts, so this sends about that share to the strong.
        self._hard_from = 1.0 - strong_fraction
        self._named = frozenset(m for r in self._away for m in r.models)
        self._offers = {
            name: [(r, _attempt(r, name)) for r in self._away if r.models and _serves(r, name)]
            for name in ("", *self._named)
        }

    def models(self) -> list[tuple[str, str]]:
        """(id, owner) of everything a client may name."""
        known = [("auto", "nearward"), *((alias, "nearward") for alias in self._aliases)]
        known += [(f"local/{m}", self._device.name) for m in self._device.models]
        known += [(f"cloud/{m}", r.name) for r in self._away for m in r.models]
        known += [(m, r.name) for r in self._away for m in r.models]
        return list(dict(known).items())

    def read_model(self, model: str) -> tuple[Intent, str]:
        """What the caller means by `model`; raises NotFound for one that nobody serves."""
        return self._meaning(self._aliases.get(model, model))

    def _meaning(self, model: str) -> tuple[Intent, str]:
        if model == "auto":
            return "auto", ""
        if model in self._named:
            return "named", model
        kind, slash, name = model.partition("/")
        if slash and kind == "local" and name in self._device.models:
            return "local", name
        if slash and kind == "cloud" and name in self._named:
            return "cloud", name
        raise NotFound(
            "no such model; GET /v1/models lists what this gateway serves",
            code="model_not_found",
            param="model",
        )

    def plan(
        self,
        model: str,
        decision: Decision,
        signals: Signals,
        met: frozenset[Obligation] = _NONE,
    ) -> Plan:
        """The attempts for a request; raises when there is none that may and can answer.

        `met` are obligations that no backend has to honour any more.
        """
        intent, name = self.read_model(model)
        if intent == "local":
            return Plan(self._near(decision, signals, name), "asked_for_local")
        keeps = _keeps_tools_here(decision, signals)
        away = () if keeps else self._far(decision, name, met)
        if intent == "cloud":
            if not away:
                raise PolicyBlocked(
                    f"policy allows no destination that serves this model for this request "
                    f"({self._refusal(decision, name, met)}); ask for the model 'auto' to be "
                    "answered where policy allows"
                )
            return Plan(away, "asked_for_cloud")
        if not away:
            return Plan(self._near(decision, signals), self._refusal(decision, name, met))
        return self._order(intent, away, signals)

    def plan_embeddings(self, model: str, decision: Decision, signals: Signals) -> Plan:
        """The same for embeddings: one place only, for vectors of two models cannot be compared.

        `auto` and `local/<name>` are the device's, and nobody stands in for it; nor does it for a
        model that was named. What would have to be taken out of an input is not sent at all.
        """
        intent, name = self.read_model(model)
        if intent in ("auto", "local"):
            why = "asked_for_local" if intent == "local" else "device_can_answer"
            return Plan(self._near(decision, signals), why)
        embedding = {r.name for r in self._away if r.embeds}
        away = tuple(a for a in self._far(decision, name, _NONE) if a.destination in embedding)
        if not away or not decision.obligations <= _EMBEDDING_DUTIES:
            raise PolicyBlocked(
                "no destination that policy allows for this request has embeddings of this model "
                f"({self._refusal(decision, name, _NONE)}); the model 'auto' is the device's own"
            )
        # Two destinations may serve one name by different models.
        return Plan(away[:1], "asked_for_cloud" if intent == "cloud" else "asked_for_model")

    def _order(self, intent: Intent, away: tuple[Attempt, ...], signals: Signals) -> Plan:
        device = signals.device
        if not device.is_ready:
            return Plan(away, "asked_for_model" if intent == "named" else "device_not_ready")
        if not device.serves(signals.needs):
            return Plan(away, "asked_for_model" if intent == "named" else "device_cannot_serve")
        near = (_attempt(self._device, ""),)
        if intent == "named":
            return Plan(away + near, "asked_for_model")
        if not device.fits(signals.prompt_tokens):
            return Plan(away + near, "too_long_for_device")
        if signals.complexity() >= self._hard_from:
            return Plan(away + near, "hard_prompt")
        return Plan(near + away, "device_can_answer")

    def _near(self, decision: Decision, signals: Signals, name: str = "") -> tuple[Attempt, ...]:
        """The device; of several models the one named, else the first."""
        if self._device.name not in decision.allowed:
            raise PolicyBlocked("policy allows no destination at all for this request")
        if not self._device_is_on:
            raise DeviceOff(
                "only the device may answer this request and it is switched off (device.enabled)"
            )
        model = name or next(iter(self._device.models))
        if not signals.device.is_ready and model not in signals.device.can_load:
            raise LocalUnavailable(
                "only the device may answer this request and its model is not ready yet",
                retry_after_s=2,
            )
        return (_attempt(self._device, name),)

    def _far(
        self, decision: Decision, name: str, met: frozenset[Obligation]
    ) -> tuple[Attempt, ...]:
        cleared, owed = decision.cleared, decision.obligations - met
        offers = self._offers[name]
        return tuple([a for r, a in offers if r.name in cleared and owed <= r.honours])

    def _refusal(self, decision: Decision, name: str, met: frozenset[Obligation]) -> str:
        """The code of what keeps a request from those who were asked for."""
        asked = [route for route, _ in self._offers[name]]
        owed = [decision.obligations - met - r.honours for r in asked if r.name in decision.cleared]
        if _REDACT in owed:
            return "not_redactable"
        if owed:
            return "obligation_not_honoured"
        names = {"", *(r.name for r in asked)}
        stopping = (reason.code for reason in decision.reasons if reason.destination in names)
        return str(next(stopping, decision.primary_reason))


def _serves(route: Route, name: str) -> bool:
    """Whether it has this model; "" is any."""
    return not name or name in route.models


def _attempt(route: Route, name: str) -> Attempt:
    return Attempt(
        route.name, route.models[name or next(iter(route.models))], route.tier, route.region
    )


def _keeps_tools_here(decision: Decision, signals: Signals) -> bool:
    """Whether a request with tools has to stay: to send it without would change what was asked."""
    return Obligation.NO_TOOLS in decision.obligations and signals.wants_tools
