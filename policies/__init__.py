# SPDX-License-Identifier: Apache-2.0
"""The pure core of nearward: where a request may go, and why. See design.md."""

from policies.cases import CaseResult, run_cases
from policies.decision import Cleared, Decision, Reason, ReasonCode, Verdict
from policies.engine import decide
from policies.errors import PolicyError
from policies.load import PackSource, builtin_pack, load_policy
from policies.model import (
    Baa,
    DataClass,
    Destination,
    Facts,
    Findings,
    Obligation,
    Retention,
    Tier,
)
from policies.policy import Policy
from policies.terms import Terms

# fmt: off
__all__ = [
    "Baa", "CaseResult", "Cleared", "DataClass", "Decision", "Destination", "Facts", "Findings",
    "Obligation", "PackSource", "Policy", "PolicyError", "Reason", "ReasonCode", "Retention",
    "Terms", "Tier", "Verdict", "builtin_pack", "decide", "load_policy", "run_cases",
]
