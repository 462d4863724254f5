# SPDX-License-Identifier: Apache-2.0
"""What holds under every policy, whatever its packs say: the engine's own rules.

A pack that an operator writes may forget that a detector can fail: invariant I3 must not hang on
that.
"""

from __future__ import annotations

from policies.decision import ReasonCode
from policies.pack import Pack
from policies.rules import All, Effect, In, Not, Rule

_YES = frozenset({True})

UNKNOWN_STAYS = Rule(
    id="unknown-stays",
    effect=Effect.FORBID,
    when=All(
        (
            In("data_class", frozenset({"unknown"})),
            Not(All((In("break_glass", _YES), In("baa", _YES)))),
        )
    ),
    reason=ReasonCode.UNKNOWN_STAYS_ON_DEVICE,
    description=(
        "What could not be classified may hold anything, so it stays on the device. In an "
        "emergency it may go where an agreement covers it, if the packs let it."
    ),
    citation="nearward's design, invariant I3: any error leaves at most the device.",
)

AXIOMS = Pack(name="engine", rules=(UNKNOWN_STAYS,))
"""Forbids only: it permits nothing, and no pack may have its name."""
