# SPDX-License-Identifier: Apache-2.0
"""What the device can do now: the engine's last health report, read in well under 5 us.

A poller refreshes the snapshot; requests only read it. Unknown counts as incapable, and neither
widens what policy allows: capability only orders what is allowed already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One health report. Rates are tokens per second, None until measured."""

    is_ready: bool = False
    model: str = ""
    engine: str = ""
    context_tokens: int = 0
    slots: int = 0
    busy: int = 0
    queued: int = 0
    prefill_tps: float | None = None
    decode_tps: float | None = None
    rss_bytes: int = 0
    features: frozenset[str] = frozenset()
    """What of `gateway.needs` the engine serves."""

    loaded: frozenset[str] = frozenset()
    can_load: frozenset[str] = frozenset()
    """Of several models, which are in memory, and which a request may wait for."""

    def has(self, model: str) -> bool:
        """Whether this model answers now."""
        return model in self.loaded or (self.is_ready and self.model == model)

    def serves(self, needs: frozenset[str]) -> bool:
        """Whether it can do all that a request needs."""
        return needs <= self.features

    def fits(self, prompt_tokens: int) -> bool:
        """Whether a prompt of this size, with some room to answer, fits the context."""
        return self.is_ready and prompt_tokens + _ANSWER_TOKENS <= self.context_tokens


_ANSWER_TOKENS = 64
UNKNOWN = Snapshot()


class Capability:
    """Holds the newest snapshot; one older than `stale_s` reads as UNKNOWN."""

    def __init__(self, *, clock: Callable[[], float], stale_s: float = 5.0) -> None:
        self._clock = clock
        self._stale_s = stale_s
        self._snapshot = UNKNOWN
        self._taken_at = float("-inf")

    def read(self) -> Snapshot:
        """The device as last seen."""
        if self._clock() - self._taken_at > self._stale_s:
            return UNKNOWN
        return self._snapshot

    def update(self, snapshot: Snapshot) -> None:
        """A new health report arrived."""
        self._snapshot = snapshot
        self._taken_at = self._clock()


def snapshot_of(report: dict[str, object]) -> Snapshot:
    """A Snapshot from the engine's /health body; anything unexpected reads as UNKNOWN."""

    def integer(name: str) -> int:
        value = report.get(name)
        return value if isinstance(value, int) else 0

    def rate(name: str) -> float | None:
        value = report.get(name)
        return float(value) if isinstance(value, int | float) else None

    def texts(name: str) -> list[str]:
        value = report.get(name)
        return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []

    return Snapshot(
        is_ready=report.get("status") == "ready",
        model=str(report.get("model", "")),
        engine=str(report.get("engine", "")),
        context_tokens=integer("n_ctx"),
        slots=integer("slots"),
        busy=integer("busy"),
        queued=integer("queued"),
        prefill_tps=rate("prefill_tps"),
        decode_tps=rate("decode_tps"),
        rss_bytes=integer("rss_bytes"),
        features=frozenset(texts("features")),
    )
