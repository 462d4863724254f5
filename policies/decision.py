# SPDX-License-Identifier: Apache-2.0
"""What `decide` hands out: a Decision, and one Cleared per destination that it opened.

They are sealed. Only code that holds this module's seal can make one, they cannot be changed,
subclassed, copied or pickled, and so a clearance cannot wander from one request to another.
(That stops mistakes, not an attacker who already runs code in this process.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NoReturn, final

from policies.model import DataClass, Obligation
from policies.terms import NO_TERMS, Terms

_SEAL: Final = object()
_set = object.__setattr__


class ReasonCode(StrEnum):
    """The closed list behind the header `x-nearward-reason`."""

    # Why something may leave.
    CLEAN_MAY_LEAVE = "clean_may_leave"
    BAA_COVERS = "baa_covers"
    PERMITTED = "permitted"
    BREAK_GLASS = "break_glass"
    TRANSFER_ALLOWED = "transfer_allowed"
    # Why it stays: rules.
    PHI_STAYS_ON_DEVICE = "phi_stays_on_device"
    UNKNOWN_STAYS_ON_DEVICE = "unknown_stays_on_device"
    SECRET_STAYS_ON_DEVICE = "secret_stays_on_device"  # noqa: S105  a code, not a password
    STRICTER_LAW_STAYS_ON_DEVICE = "stricter_law_stays_on_device"
    BAA_MISSING = "baa_missing"
    TRAINS_ON_DATA = "trains_on_data"
    REGION_REFUSED = "region_refused"
    RETENTION_TOO_LONG = "retention_too_long"
    NOT_ENCRYPTED = "not_encrypted"
    PURPOSE_REFUSED = "purpose_refused"
    MFA_MISSING = "mfa_missing"
    FORBIDDEN = "forbidden"
    # Why it stays: the engine.
    NO_PERMIT = "no_permit"
    MAX_TIER = "max_tier"
    NO_ORIGIN = "no_origin"
    ONLY_DEVICE = "only_device"
    DETECTOR_ERROR = "detector_error"
    POLICY_ERROR = "policy_error"
    # Why it is not answered, or not yet.
    BLOCKED = "blocked"
    QUEUED = "queued"
    NEEDS_APPROVAL = "needs_approval"
    # Why it is handled with more care.
    HANDLE_WITH_CARE = "handle_with_care"


class Verdict(StrEnum):
    """A decision in one word.

    `queue` and `approve`: it may leave, but not now; until then the device may answer. `block`:
    nobody may answer, not even the device.
    """

    ALLOW = "allow"
    LOCAL_ONLY = "local_only"
    QUEUE = "queue"
    APPROVE = "approve"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule ("pack/rule", "" for the engine) that let or stopped one destination."""

    code: ReasonCode
    rule_id: str
    destination: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The part of a decision that is the same for every request with the same matching rules.

    `leaving` maps the name of each allowed destination other than the device to its origin.
    """

    allowed: tuple[str, ...]
    leaving: Mapping[str, str]
    obligations: frozenset[Obligation]
    reasons: tuple[Reason, ...]
    primary_reason: ReasonCode
    verdict: Verdict = Verdict.LOCAL_ONLY
    terms: Terms = NO_TERMS


class _Sealed:
    """Immutable, final, not to be copied; equal when type and all values are equal."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        if _Sealed not in cls.__bases__:
            raise TypeError("a sealed type cannot be subclassed")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise TypeError(f"{type(self).__name__} cannot be changed")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} cannot be copied or pickled")

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in type(self).__annotations__)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._values() == other._values()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        names = type(self).__annotations__
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__name__}({shown})"


@final
class Cleared(_Sealed):
    """The right of one request to reach one origin. Raises TypeError when built by others."""

    __slots__ = ("destination", "origin", "request_id")
    request_id: str
    destination: str
    origin: str

    def __new__(cls, seal: object, request_id: str, destination: str, origin: str) -> Cleared:
        """Needs the seal of this module."""
        if seal is not _SEAL:
            raise TypeError("only policies.decide can clear a request")
        self = object.__new__(cls)
        _set(self, "request_id", request_id)
        _set(self, "destination", destination)
        _set(self, "origin", origin)
        return self


@final
class Clearances(Mapping[str, Cleared], _Sealed):
    """Destination name to Cleared, for one request; each is minted when it is asked for.

    Most decisions open many destinations and use one: twenty tokens would cost more than the
    decision itself.
    """

    __slots__ = ("_origins", "_request_id")
    _request_id: str
    _origins: Mapping[str, str]

    def __new__(cls, seal: object, request_id: str, origins: Mapping[str, str]) -> Clearances:
        """Needs the seal of this module."""
        if seal is not _SEAL:
            raise TypeError("only policies.decide can clear a request")
        self = object.__new__(cls)
        _set(self, "_request_id", request_id)
        _set(self, "_origins", origins)
        return self

    def __getitem__(self, destination: str) -> Cleared:
        return Cleared(_SEAL, self._request_id, destination, self._origins[destination])

    def __contains__(self, destination: object) -> bool:
        return destination in self._origins

    def __iter__(self) -> Iterator[str]:
        return iter(self._origins)

    def __len__(self) -> int:
        return len(self._origins)


@final
class Decision(_Sealed):
    """Where one request may go, what is owed on the way, and the rules that say so.

    `allowed` holds destination names, the device first; `cleared` one token for each of them
    that is not the device. `obligations` are owed at every one of them, in the measure of
    `terms`. `primary_reason` is the one code for the response header. `errors` names failed
    detectors and rules, by code and type, never with their text.
    """

    __slots__ = (
        "allowed",
        "cleared",
        "data_class",
        "errors",
        "obligations",
        "policy_hash",
        "primary_reason",
        "reasons",
        "request_id",
        "terms",
        "verdict",
    )
    request_id: str
    verdict: Verdict
    data_class: DataClass
    allowed: tuple[str, ...]
    cleared: Mapping[str, Cleared]
    obligations: frozenset[Obligation]
    terms: Terms
    reasons: tuple[Reason, ...]
    primary_reason: ReasonCode
    policy_hash: str
    errors: tuple[str, ...]

    def __new__(
        cls,
        seal: object,
        *,
        request_id: str,
        data_class: DataClass,
        outcome: Outcome,
        policy_hash: str,
        errors: tuple[str, ...],
    ) -> Decision:
        """Needs the seal of this module."""
        if seal is not _SEAL:
            raise TypeError("only policies.decide can make a Decision")
        self = object.__new__(cls)
        _set(self, "request_id", request_id)
        _set(self, "data_class", data_class)
        _set(self, "allowed", outcome.allowed)
        _set(self, "cleared", Clearances(_SEAL, request_id, outcome.leaving))
        _set(self, "obligations", outcome.obligations)
        _set(self, "verdict", outcome.verdict)
        _set(self, "terms", outcome.terms)
        _set(self, "reasons", outcome.reasons)
        _set(self, "primary_reason", outcome.primary_reason)
        _set(self, "policy_hash", policy_hash)
        _set(self, "errors", errors)
        return self
