# SPDX-License-Identifier: Apache-2.0
"""What operators and auditors ask of a running gateway. Roles are the operator's, not a tenant's.

    GET  /v1/destinations          admin, auditor   what policy knows of each destination
    GET  /v1/decisions/{id}        admin, auditor   the audit records of one request
    GET  /v1/audit/verify          admin, auditor   the whole log against itself and its anchors
    POST /v1/policy/simulate       admin, auditor   a candidate pack over recorded requests
    GET  /v1/approvals             admin, auditor   the requests that wait for approval
    POST /v1/approvals/{id}        admin            {"verdict": "approved" | "refused"}
    POST /v1/sessions/judged       admin            {"tenant", "session"}: ends a doubt (taint.py)

Whatever reads a log or hashes runs aside (aside.py), one call of a kind at a time.
"""

from __future__ import annotations

import asyncio
import datetime
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request

from gateway.aside import Aside, WorkFailed
from gateway.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    GatewayError,
    NotFound,
    Unavailable,
)
from gateway.facts import session_named
from gateway.identity import Identity, Principal
from gateway.limits import Json, Limits, parse_object, read_body, read_headers
from gateway.records.journal import Journal
from gateway.records.selection import moment, records_of
from gateway.records.verification import Checked, verify_known
from gateway.records.witnesses import limits
from gateway.rules import Rules
from gateway.simulating import simulate_log
from gateway.state.approvals import Approvals
from gateway.state.sessions import Sessions
from gateway.taint import doubt_of, doubtful_use
from policies import Destination, PackSource, PolicyError

_ID = re.compile("[0-9a-f]{32}")
_MOST_RECORDS = 200_000
_MOST_FAULTS = 100
_DAY_S = 86_400.0
_CANDIDATE = "candidate"


class Admin:
    """The handlers, and what they read."""

    def __init__(
        self,
        *,
        identity: Identity,
        limits: Limits,
        rules: Callable[[], Rules],
        audit_directory: Path,
        anchor_files: Sequence[Path],
        approvals: Approvals,
        journal: Journal,
        sessions: Sessions,
    ) -> None:
        self._sessions = sessions
        self._identity = identity
        self._limits = limits
        self._rules = rules
        self._audit_directory = audit_directory
        self._anchor_files = list(anchor_files)
        self._approvals = approvals
        self._journal = journal
        self._answering = asyncio.Lock()
        self._verifying, self._finding, self._simulating = Aside(), Aside(), Aside()

    async def destinations(self, request: Request) -> dict[str, Any]:
        """All of them, the device included; no key and no path."""
        self._admit(request, "admin", "auditor")
        today = datetime.datetime.now(datetime.UTC).date()
        policy = self._rules().policy
        data = [_described(there, today) for there in policy.destinations]
        return {"object": "list", "policy": policy.hash, "data": data}

    async def decision(self, request: Request, decision_id: str) -> dict[str, Any]:
        """What is on record about one request."""
        self._admit(request, "admin", "auditor")
        if not _ID.fullmatch(decision_id):
            raise NotFound("a decision id is 32 hexadecimal digits", code="decision_not_found")
        records = await self._read(self._finding, records_of, self._audit_directory, decision_id)
        if not records:
            raise NotFound("no record of this decision", code="decision_not_found")
        return {"object": "decision", "id": decision_id, "records": records}

    async def verify(self, request: Request) -> dict[str, Any]:
        """Whether the log is whole, and what is wrong where it is not."""
        self._admit(request, "admin", "auditor")
        checked: Checked = await self._read(
            self._verifying, verify_known, self._audit_directory, self._anchor_files
        )
        report = checked.report
        return {
            "object": "audit.verification",
            "is_whole": not report.faults,
            "records": report.records,
            "segments": report.segments,
            "anchored_heads": checked.heads,
            "is_anchored": checked.is_anchored,
            "anchors_missing": checked.missing,
            "anchor_fragments": checked.fragments,
            "anchors": [witness.to_json() for witness in checked.witnesses],
            "limits": limits(checked.witnesses, checked.workers),
            "intents_lost": report.lost,
            "intents_open": report.waiting,
            "records_dropped": report.dropped,
            "faults": [asdict(fault) for fault in report.faults[:_MOST_FAULTS]],
        }

    async def simulate(self, request: Request) -> dict[str, Any]:
        """What would have been decided under `candidate`, a pack or several as YAML text."""
        self._admit(request, "admin", "auditor")
        body = await self._body(request)
        sources, since = _sources(body), _since(body)
        in_force = self._rules().in_force
        given = in_force, sources, self._audit_directory, since, _MOST_RECORDS
        found = await self._read(self._simulating, simulate_log, *given)
        return {"object": "policy.simulation", "since": since, **found}

    async def approvals(self, request: Request) -> dict[str, Any]:
        """What waits for approval, the oldest first."""
        self._admit(request, "admin", "auditor")
        waiting = await asyncio.to_thread(self._approvals.waiting)
        return {"object": "list", "data": [_without_asker(asdict(asked)) for asked in waiting]}

    async def answer(self, request: Request, approval_id: str) -> dict[str, Any]:
        """Approve or refuse one; on record before it takes effect, and `void` if it does not."""
        who = self._admit(request, "admin")
        verdict = (await self._body(request)).get("verdict")
        if verdict not in ("approved", "refused"):
            raise BadRequest("verdict must be approved or refused", param="verdict")
        answerer = self._approvals.asker_of(who.tenant, who.id)
        by = ("key", who.id)
        async with self._answering:
            asked = await asyncio.to_thread(self._approvals.find, approval_id, answerer)
            await self._journal.approval(asked, by, verdict)
            try:
                until = await asyncio.to_thread(self._approvals.answer, asked, answerer, verdict)
            except (OSError, Conflict) as error:
                await self._journal.approval(asked, by, "void")
                if isinstance(error, Conflict):  # another worker's administrator was first
                    raise
                raise Unavailable("the answer could not be written down") from None
        return {"object": "approval", "id": asked.id, "verdict": verdict, "until": until}

    async def judged(self, request: Request) -> dict[str, Any]:
        """A person looked at what a detector had failed on: end the doubt about its session.

        What the session is known to have carried stays. Where there is a doubt to end, that is on
        record first, and `void` if nothing came of it.
        """
        who = self._admit(request, "admin")
        tenant, session = self._session(await self._body(request))
        async with self._answering:
            await self._check_doubt(tenant, session, who)
            await self._journal.doubt_lifted(tenant, session, who.id, "lifted")
            try:
                await self._end_doubt(tenant, session)
            except GatewayError:
                await self._journal.doubt_lifted(tenant, session, who.id, "void")
                raise
        return {"object": "session", "tenant": tenant, "was_in_doubt": True}

    async def _check_doubt(self, tenant: str, session: str, who: Principal) -> None:
        if not await self._sessions.holds(tenant, doubt_of(session)):
            raise NotFound("there is no doubt about this session", code="doubt_not_found")
        if await self._sessions.holds(tenant, doubtful_use(session, who.id)):
            raise Forbidden("nobody vouches for a session of their own", code="own_session")

    async def _end_doubt(self, tenant: str, session: str) -> None:
        try:
            is_ended = await self._sessions.forget(tenant, doubt_of(session))
        except OSError:
            raise Unavailable("the session could not be written down as judged") from None
        if not is_ended:  # another answer or its end came first
            raise NotFound("there is no doubt about this session", code="doubt_not_found")

    def _session(self, body: Json) -> tuple[str, str]:
        """The tenant and session of a body; BadRequest unless a request could be of both."""
        tenant, session = body.get("tenant"), body.get("session")
        if not (isinstance(tenant, str) and isinstance(session, str)):
            raise BadRequest("tenant and session must be named", param="session")
        if tenant not in self._identity.tenants:  # what is no tenant's name goes into no record
            raise BadRequest("no key is of this tenant", param="tenant")
        return tenant, session_named(session)

    def _admit(self, request: Request, *roles: str) -> Principal:
        headers = read_headers(request.headers.raw, self._limits)
        principal = self._identity.authenticate(headers)
        if not principal.has_role(*roles):
            raise Forbidden(f"this takes a key with a role among: {', '.join(roles)}")
        return principal

    async def _body(self, request: Request) -> Json:
        headers = read_headers(request.headers.raw, self._limits)
        body = await read_body(request.receive, headers, self._limits)
        return parse_object(body, self._limits)

    @staticmethod
    async def _read(aside: Aside, work: Callable[..., Any], *arguments: object) -> Any:
        """What the work gives; a fault of a pack is the caller's, one of the log is ours."""
        try:
            return await aside.run(work, *arguments)
        except WorkFailed as failure:
            if failure.kind == PolicyError.__name__:
                raise BadRequest(failure.text, code="policy_invalid", param=_CANDIDATE) from None
            raise GatewayError(
                f"the audit log could not be read ({failure.kind})", code="audit_unreadable"
            ) from None


def add_admin(app: FastAPI, admin: Admin) -> None:
    """Put the routes into the application of the cold ones."""
    app.add_api_route("/v1/destinations", admin.destinations)
    app.add_api_route("/v1/decisions/{decision_id}", admin.decision)
    app.add_api_route("/v1/audit/verify", admin.verify)
    app.add_api_route("/v1/policy/simulate", admin.simulate, methods=["POST"])
    app.add_api_route("/v1/approvals", admin.approvals)
    app.add_api_route("/v1/sessions/judged", admin.judged, methods=["POST"])
    app.add_api_route("/v1/approvals/{approval_id}", admin.answer, methods=["POST"])


def _described(there: Destination, today: datetime.date) -> dict[str, Any]:
    baa, kept = there.baa, there.retention
    return {
        "name": there.name,
        "tier": there.tier,
        "origin": there.origin,
        "is_encrypted": there.is_encrypted,
        "provider": there.provider,
        "account": there.account,
        "region": there.region,
        "jurisdiction": there.jurisdiction,
        "models": sorted(there.models),
        "features": sorted(there.features),
        "agreements": sorted(there.agreements),
        "baa": baa
        and {
            "id": baa.id,
            "expires": baa.expires.isoformat(),
            "scope": sorted(baa.scope),
            "models": sorted(baa.models),
            "features": sorted(baa.features),
            "is_in_force": today <= baa.expires and baa.extends_to(there.models, there.features),
        },
        "retention": kept and {"zero_data": kept.zero_data, "days": kept.days},
        "trains_on_data": there.trains_on_data,
    }


def _sources(body: Json) -> list[PackSource]:
    given = body.get(_CANDIDATE)
    texts = given if isinstance(given, list) else [given]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise BadRequest("candidate must be a pack as YAML text, or a list", param=_CANDIDATE)
    return [PackSource(f"candidate-{i}", text.encode()) for i, text in enumerate(texts, start=1)]


def _since(body: Json) -> float:
    """From when on records count: a date, a time, or the last day."""
    given = body.get("since", time.time() - _DAY_S)
    try:
        return moment(str(given))
    except (ValueError, OverflowError):
        raise BadRequest("since must be a date, a time or seconds", param="since") from None


def _without_asker(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if name != "asker"}
