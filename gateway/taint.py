# SPDX-License-Identifier: Apache-2.0
"""What a session adds to what is known of its next request.

Rules
-----
1. What a request was found or declared to be, its session has carried for as long as it lives: it
   is the floor of every later request (Facts.default_class).
2. A request whose detector failed leaves a *doubt*. It may have held anything, and what is said
   after it may repeat that in other words, when the client has long left the message itself out.
   So a later request that is found clean does not end the doubt: every later one counts as not
   judged (`session_not_judged` among its errors), which makes it UNKNOWN.
3. A doubt is what a failed detector leaves, and no more: what else is known of the session keeps
   its class, and emergency access may look past the doubt as past the failure itself.
4. A declared UNKNOWN, tokens that nobody can read, and a store that cannot tell are no doubts: they
   fall under rule 1.
5. A doubt ends with the session, or when a person who looked into it says so (Sessions.forget),
   with another key than those that used the session while it lasted, the failed request included.

A doubt is kept under a name that no caller can send, in the same store, so that whatever holds for
a session's class (sharing, restarts, faults of the store) holds for its doubts.
"""

from __future__ import annotations

import dataclasses

from gateway.signals.reading import Signals
from gateway.state.sessions import Sessions
from policies import DataClass, Facts
from policies.engine import known_class

NOT_JUDGED = "session_not_judged"


def doubt_of(session: str) -> str:
    """Where the doubt about a session is kept: a caller's name for one is printable."""
    return f"{session}\0not judged"


def doubtful_use(session: str, key: str) -> str:
    """Where it is kept that a key used the session in doubt (rule 5)."""
    return f"{doubt_of(session)}\0{key}"


async def in_session(  # noqa: PLR0917  what the session is of, and what of the request
    sessions: Sessions,
    session: str,
    key: str,
    facts: Facts,
    signals: Signals,
    decided: DataClass,
) -> tuple[Facts, Signals]:
    """Facts and signals with what the session adds; `decided` is the class without it.

    `key` is the id of the caller's. What the request is itself is remembered. Raises as
    `Sessions.raise_to` does.
    """
    findings, tenant = signals.findings, facts.tenant
    has_failed = bool(findings.errors)
    own = known_class(facts, findings) if has_failed else decided
    carried = await _carried(sessions, tenant, session, own)
    if carried.rank > own.rank or own is DataClass.UNKNOWN:
        floor = DataClass.join(facts.default_class, carried)
        facts = dataclasses.replace(facts, default_class=floor)
    fresh = DataClass.UNKNOWN if has_failed else DataClass.PUBLIC
    doubt = await sessions.raise_to(tenant, doubt_of(session), fresh)
    # Where the class itself is unknown (the store cannot tell), a doubt adds nothing.
    is_known = DataClass.UNKNOWN not in (carried, own)
    is_doubted = not has_failed and is_known and doubt is not DataClass.PUBLIC
    if has_failed or is_doubted:
        await sessions.raise_to(tenant, doubtful_use(session, key), DataClass.UNKNOWN)
    if is_doubted:
        doubted = dataclasses.replace(findings, errors=(NOT_JUDGED,))
        signals = signals._replace(findings=doubted)
    return facts, signals


async def _carried(sessions: Sessions, tenant: str, session: str, own: DataClass) -> DataClass:
    """The highest class of the session; a request of unknown class leaves out its own.

    Its own would hide what the session did carry, and rules look at that apart.
    """
    if own is not DataClass.UNKNOWN:
        return await sessions.raise_to(tenant, session, own)
    carried = await sessions.raise_to(tenant, session, DataClass.PUBLIC)
    await sessions.raise_to(tenant, session, own)
    return carried
