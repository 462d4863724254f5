# SPDX-License-Identifier: Apache-2.0
"""Requests that a person has to approve before they may leave, and what was said about them.

Rules
-----
1. A request is known by the keyed hash of all that decides about it: who asks, the whole body, the
   class, what was declared, the policy. Whatever changes is another request. No word of it is kept.
2. One that needs approval is written down as a file `<id>.json`, which all workers of a host see,
   for as long as an approval would last. At most `capacity` of them wait at a time.
3. Who answers writes `<id>.verdict`, which appears whole and once: the first answer stands, until
   it expires. Nobody answers for a request of their own.
4. What cannot be read, or is anything else than a whole and current `approved`, is no approval.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from gateway.errors import BadRequest, Conflict, Forbidden, NotFound
from gateway.state.files import place
from gateway.state.secret import Secret

State = Literal["pending", "approved", "refused", "not_asked"]
_ID = re.compile("[0-9a-f]{32}")
_ID_CHARS = 32


@dataclass(frozen=True, slots=True)
class Approval:
    """Where a request stands; `id` is its keyed hash."""

    id: str
    state: State = "not_asked"

    @property
    def is_granted(self) -> bool:
        """Whether it may leave as far as approval goes."""
        return self.state == "approved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What whoever answers gets to see; `until` and `asked` are seconds since 1970."""

    id: str
    tenant: str
    asker: str
    data_class: str
    kinds: list[str]
    purpose: str
    rules: list[str]
    body_bytes: int
    policy: str
    asked: float
    until: float


class Approvals:
    """The files of one directory. Methods block on the disk: call them in a thread."""

    def __init__(
        self,
        directory: Path,
        *,
        secret: Secret,
        clock: Callable[[], float],
        ttl_s: float,
        capacity: int = 1000,
    ) -> None:
        """`clock` is the wall clock; the directory is made when it is first needed."""
        self._directory = directory
        self._secret = secret
        self._clock = clock
        self._ttl_s = ttl_s
        self._capacity = capacity

    def id_of(self, *parts: str) -> str:
        """The id of a request that is made of these parts."""
        return self._secret.code("approval", *parts)[:_ID_CHARS]

    def asker_of(self, tenant: str, key: str) -> str:
        """The code under which a key asks and answers."""
        return self._secret.code("approver", tenant, key)

    def look(self, approval_id: str) -> Approval:
        """Where a request stands; writes nothing."""
        verdict = self._read(f"{approval_id}.verdict")
        if verdict is not None:
            said = verdict.get("verdict")
            return Approval(approval_id, "approved" if said == "approved" else "refused")
        is_asked = self._read(f"{approval_id}.json") is not None
        return Approval(approval_id, "pending" if is_asked else "not_asked")

    def ask(self, approval_id: str, shown: Mapping[str, Any]) -> Approval:
        """Write down that a request waits; it stays `not_asked` when too many do, or on a fault.

        `shown` has the fields of Asked but id and times.
        """
        here = self.look(approval_id)
        if here.state != "not_asked":
            return here
        now = self._clock()
        with contextlib.suppress(OSError):
            self._sweep()
            if len(list(self._directory.glob("*.json"))) < self._capacity:
                asked = Asked(id=approval_id, asked=now, until=now + self._ttl_s, **shown)
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                place(self._directory / f"{approval_id}.json", orjson.dumps(asdict(asked)))
        return self.look(approval_id)

    def waiting(self) -> list[Asked]:
        """What waits for an answer, the oldest first."""
        names = (path.name for path in self._directory.glob("*.json"))
        found = [self._asked(name.removesuffix(".json")) for name in names]
        waits = (a for a in found if a is not None and self.look(a.id).state == "pending")
        return sorted(waits, key=lambda a: a.asked)

    def find(self, approval_id: str, answerer: str) -> Asked:
        """The request that `answerer` may answer about.

        Raises NotFound, Conflict when there is an answer, Forbidden to those who asked.
        """
        asked = self._asked(approval_id) if _ID.fullmatch(approval_id) else None
        if asked is None:
            raise NotFound("no request of this id waits for approval", code="approval_not_found")
        if asked.asker == answerer:
            raise Forbidden("nobody approves a request of their own", code="own_request")
        if self.look(approval_id).state != "pending":
            raise Conflict("this request has its answer already", code="already_answered")
        return asked

    def answer(self, asked: Asked, answerer: str, verdict: str) -> float:
        """Let the request through, or not, until the returned time.

        Raises Conflict when somebody else was first, OSError when it cannot be written.
        """
        if verdict not in ("approved", "refused"):
            raise BadRequest("a verdict is one of: approved, refused", param="verdict")
        until = self._clock() + self._ttl_s
        said = {"verdict": verdict, "by": answerer, "until": until}
        place(self._directory / f"{asked.id}.verdict", orjson.dumps(said))
        if self._read(f"{asked.id}.verdict") != said:
            raise Conflict("this request has its answer already", code="already_answered")
        return until

    def _asked(self, approval_id: str) -> Asked | None:
        entry = self._read(f"{approval_id}.json")
        try:
            return None if entry is None else Asked(**entry)
        except TypeError:
            return None

    def _read(self, name: str) -> dict[str, Any] | None:
        """What a file says, unless its time is over; a faulty file says nothing."""
        try:
            entry = orjson.loads((self._directory / name).read_bytes())
        except (OSError, ValueError):
            return None
        until = entry.get("until") if isinstance(entry, dict) else None
        is_current = isinstance(until, float) and self._clock() < until
        return entry if is_current else None

    def _sweep(self) -> None:
        """Remove what is over, so that it can be asked anew."""
        for path in (*self._directory.glob("*.json"), *self._directory.glob("*.verdict")):
            if self._read(path.name) is None:
                path.unlink(missing_ok=True)
