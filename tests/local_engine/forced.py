# SPDX-License-Identifier: Apache-2.0
"""Drafts in every step, whether they pay or not: for runs about what is said, not how fast."""

from __future__ import annotations

from local_engine.drafting import Drafting
from local_engine.llamacpp import LlamaCppBackend
from local_engine.served import Served
from local_engine.speculative import Books, CostCurve, PromptLookup


class FlatCurve(CostCurve):
    """Rows cost nothing, whatever is measured."""

    def learn(self, rows: int, seconds: float) -> None:
        """Nothing."""

    def cost(self, rows: int) -> float:
        """As good as the same for all."""
        return 0.01 + rows * 1e-6


class BlindBooks(Books):
    """Never in the red."""

    @property
    def may_draft(self) -> bool:
        """Always."""
        return True

    def may_invest(self, seconds: float) -> bool:
        """Always."""
        return True


class NoCopies(PromptLookup):
    """Nothing ever matches."""

    def match(self) -> int:
        """Never."""
        return -1


class ModelOnly(Drafting):
    """Asks the small model for every draft."""

    def open(self, served: Served) -> None:
        """Without a lookup."""
        super().open(served)
        served.lookup = NoCopies([])


def force_drafts(backend: LlamaCppBackend, *, copies: bool = True) -> None:
    """Let it draft as if that were free, from copies too unless they are left out."""
    kind = Drafting if copies else ModelOnly
    backend._drafting = kind(FlatCurve(), backend._runtime.most_outputs, backend._small)
    backend._drafting._books = BlindBooks()
    if backend._small is not None:
        backend._small.token_s = backend._small.prompt_token_s = 0.0
