# SPDX-License-Identifier: Apache-2.0
"""Cases for invariant I1: one request each, with what protects it and what goes wrong meanwhile.

What may leave is said here by hand, from what was put into a case and nothing else: not by the
detector, the packs or the planner.
"""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from tests.doubles.cloud import HANG, Act, Ending
from tests.doubles.house import CLOUD_MODEL

US, BAA = "cloud-us", "cloud-baa"  # without and with a business associate agreement


class Level(IntEnum):
    """How protected a case is at least."""

    CLEAN = 0
    PHI = 1  # may go where an agreement covers it
    NOWHERE = 2  # may not leave at all


IDENTIFIERS = {
    "SSN 536-22-8145": Level.PHI,
    "MRN: 48213377": Level.PHI,
    "call me at (415) 555-2671": Level.PHI,
    "write to jane.roe@example.org": Level.PHI,
    "Member ID: XQJ449812207": Level.PHI,
    "DOB 03/14/1961": Level.PHI,
    "card 4111 1111 1111 1111": Level.NOWHERE,
}
HEALTH = "The patient has type 2 diabetes and takes metformin. "
DECLARED = {"pii": Level.PHI, "phi": Level.PHI, "part2": Level.NOWHERE, "secret": Level.NOWHERE}
PICTURE = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"  # says nothing to a detector


def _text(value: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": value}]}


def _tool_call(value: str) -> dict[str, Any]:
    arguments = json.dumps({"query": value})
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    return {
        "messages": [
            {"role": "user", "content": "Go on."},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "done"},
        ]
    }


CARRIERS: dict[str, Callable[[str], dict[str, Any]]] = {
    "content": _text,
    "system": lambda v: {
        "messages": [{"role": "system", "content": v}, {"role": "user", "content": "Go on."}]
    },
    "part": lambda v: {"messages": [{"role": "user", "content": [{"type": "text", "text": v}]}]},
    "earlier turn": lambda v: {
        "messages": [
            {"role": "user", "content": v},
            {"role": "assistant", "content": "Yes."},
            {"role": "user", "content": "Go on."},
        ]
    },
    "tool arguments": _tool_call,
    "tool result": lambda v: {
        "messages": [
            {"role": "user", "content": "Go on."},
            {"role": "tool", "tool_call_id": "c1", "content": json.dumps([[v]])},
        ]
    },
    "tool definition": lambda v: {
        **_text("Go on."),
        "tools": [{"type": "function", "function": {"name": "f", "description": v}}],
    },
    "metadata": lambda v: {**_text("Go on."), "metadata": {"note": v}},
    "user": lambda v: {**_text("Go on."), "user": v},
    "unknown field": lambda v: {**_text("Go on."), "x_note": {"deep": [v]}},
    "key": lambda v: {**_text("Go on."), "x_note": {v: 1}},
    "name": lambda v: {"messages": [{"role": "user", "name": v, "content": "Go on."}]},
    "stop": lambda v: {**_text("Go on."), "stop": [v]},
}


def _input(carrier: str, value: str) -> dict[str, Any]:
    """An embeddings request with the text in the input, or where a carrier puts it beside one."""
    beside = {k: v for k, v in CARRIERS[carrier](value).items() if k != "messages"}
    if any(value in json.dumps(v) for v in beside.values()):
        return {"input": ["Go on."], **beside}
    return {"input": ["Go on.", value] if carrier == "part" else value}


ACTS = {
    "good": Act(),
    "500": Act(status=500),
    "429": Act(status=429, retry_after_s=1),
    "400": Act(status=400),
    "reset": Act(has_head=False, ending=Ending.RESET),
    "close": Act(has_head=False, ending=Ending.CLOSE),
    "garbage": Act(raw=b"\x16\x03\x01 this is not HTTP\r\n\r\n"),
    "cut": Act(events=1, body_bytes=10, ending=Ending.RESET),
    "silence": HANG,
}
_FAULTS = ["500", "429", "400", "reset", "close", "garbage", "cut"]
_ACTS_DRAWN = ["good"] * 25 + _FAULTS * 2 + ["silence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request and its circumstances."""

    protected_by: str  # identifier, declaration, twin, media, detector, nothing
    identifier: str
    declared: str
    carrier: str
    says_public: bool  # the caller claims that it is harmless
    session: str
    glass: str  # "", right, no right
    endpoint: str  # chat, embeddings, tokens (the same, as ids), dry run, explain, classify
    model: str
    max_tier: str
    streams: bool
    us_act: str
    baa_act: str
    reloads: bool  # the rules change while it is under way
    audit_fails: bool
    leaves_after: int | None  # turns of the loop until the caller leaves

    @property
    def is_doubtful(self) -> bool:
        """Whether only a failed detector holds it."""
        return self.protected_by == "detector" and self.endpoint != "tokens"

    @property
    def level(self) -> Level:
        """What is known of the request by itself."""
        if self.endpoint == "tokens":
            return Level.NOWHERE
        if self.protected_by == "identifier":
            return IDENTIFIERS[self.identifier]
        if self.protected_by in ("declaration", "twin"):
            return DECLARED[self.declared]
        return Level.PHI if self.protected_by == "media" else Level.CLEAN

    @property
    def is_for_device(self) -> bool:
        """Whether `auto` was asked for: nobody's vectors stand in for the device's."""
        return self.model in ("auto", "alias")

    def beside(self, other: Case) -> Case:
        """This case under the circumstances of another one that runs at the same time."""
        protected_by = "identifier" if self.protected_by == "detector" else self.protected_by
        if other.protected_by == "detector":
            protected_by = "detector"
        return dataclasses.replace(
            self,
            protected_by=protected_by,
            us_act=other.us_act,
            baa_act=other.baa_act,
            audit_fails=other.audit_fails,
        )

    def allows(
        self, floor: Level, *, has_agreement: bool, is_doubted: bool = False
    ) -> frozenset[str]:
        """The clouds that may see it; `floor` is what its session has carried.

        `is_doubted` says that a detector failed on an earlier request of the session.
        """
        if is_doubted or self.is_doubtful:
            # Emergency access frees what only a failed detector holds, under an agreement.
            floor = max(floor, Level.PHI if self.glass == "right" else Level.NOWHERE)
        if self.endpoint not in ("chat", "embeddings") or self.audit_fails:
            return frozenset()
        if self.max_tier == "device" or (self.endpoint == "embeddings" and self.is_for_device):
            return frozenset()
        if self.glass == "no right" or max(self.level, floor) is Level.NOWHERE:
            return frozenset()
        if max(self.level, floor) is Level.PHI:  # the agreement is about chat
            return frozenset({BAA} if has_agreement and self.endpoint == "chat" else ())
        return frozenset({US, BAA})

    def body(self, mark: str) -> dict[str, Any]:
        """The chat request, with the mark beside what is protected."""
        text = f"Please keep the word {mark} in mind, and tell me what to do with it."
        if self.protected_by == "identifier":
            text = f"{HEALTH}{self.identifier}. {text}"
        body = {"model": self.model, "stream": self.streams, **CARRIERS[self.carrier](text)}
        if self.endpoint in ("embeddings", "tokens"):
            body = {"model": self.model, **_input(self.carrier, text)}
            if self.endpoint == "tokens":
                body["input"] = [[1, 2, 3], [450, 60]]
                body["user"] = text
        if self.protected_by == "media":
            body["x_extra"] = {"image": PICTURE}
        if self.protected_by == "twin":
            body["metadata"] = {**body.get("metadata", {}), "nearward_data_class": self.declared}
        return body

    def headers(self, reason: str) -> dict[str, str]:
        """What the caller says to nearward; `reason` stands in a claim of an emergency."""
        said = {
            "x-nearward-session": self.session,
            "x-nearward-max-tier": self.max_tier,
            "x-nearward-dry-run": "true" if self.endpoint == "dry run" else "",
            "x-nearward-data-class": "public" if self.says_public else "",
            "x-nearward-break-glass": reason if self.glass else "",
        }
        if self.protected_by == "declaration":
            said["x-nearward-data-class"] = self.declared
        return {k: v for k, v in said.items() if v}


def draw(rng: random.Random, **fixed: Any) -> Case:
    """A case at random, but for what is fixed."""

    def seldom(one_in: int) -> bool:
        return rng.randrange(one_in) == 0

    case = Case(
        protected_by=rng.choice(
            ["nothing"] * 3 + ["identifier"] * 4 + ["declaration", "twin", "media", "detector"]
        ),
        identifier=rng.choice([*IDENTIFIERS]),
        declared=rng.choice([*DECLARED]),
        carrier=rng.choice([*CARRIERS]),
        says_public=seldom(4),
        session=f"s-{rng.randrange(40)}" if seldom(3) else "",
        glass=rng.choice(["right", "no right"]) if seldom(10) else "",
        endpoint=rng.choice(
            ["chat"] * 9 + ["embeddings"] * 3 + ["tokens", "dry run", "explain", "classify"]
        ),
        model=rng.choice(["auto", CLOUD_MODEL, f"cloud/{CLOUD_MODEL}", "alias"]),
        max_tier=rng.choice([""] * 8 + ["cloud", "device"]),
        streams=rng.random() < 0.5,
        us_act=rng.choice(_ACTS_DRAWN),
        baa_act=rng.choice(_ACTS_DRAWN),
        reloads=seldom(8),
        audit_fails=seldom(15),
        leaves_after=rng.randrange(80) if seldom(10) else None,
    )
    return dataclasses.replace(case, **fixed)
