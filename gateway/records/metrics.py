# SPDX-License-Identifier: Apache-2.0
"""Prometheus metrics. Labels are closed sets from config or enums, never text of a caller.

Counts are kept in plain dictionaries and handed to the library when somebody looks: a bound
counter costs seven calls and a lock each time, on every request.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from gateway.records.engine_metrics import EngineMetrics

_LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_OVERHEAD_S = (50e-6, 100e-6, 200e-6, 400e-6, 800e-6, 1.6e-3, 3.2e-3, 10e-3, 50e-3, 250e-3)


class Tally:
    """A counter whose increments are handed on in bulk. Used on one event loop."""

    __slots__ = ("_counter", "_counts")

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._counts: dict[tuple[str, ...], float] = {}

    def add(self, labels: tuple[str, ...], amount: float = 1) -> None:
        """Count `amount` under the label values, given in the order of the label names."""
        self._counts[labels] = self._counts.get(labels, 0) + amount

    def flush(self) -> None:
        """Hand on what was counted."""
        counts, self._counts = self._counts, {}
        for labels, amount in counts.items():
            (self._counter.labels(*labels) if labels else self._counter).inc(amount)


class SharedTally(Tally):
    """The same for every thread: long texts are scanned apart from the event loop."""

    __slots__ = ("_lock",)

    def __init__(self, counter: Counter) -> None:
        super().__init__(counter)
        self._lock = threading.Lock()

    def add(self, labels: tuple[str, ...], amount: float = 1) -> None:
        """See `Tally`."""
        with self._lock:
            super().add(labels, amount)

    def flush(self) -> None:
        """See `Tally`."""
        with self._lock:
            super().flush()


class _Histogram(Histogram):
    """One that takes many observations at once."""

    def add(self, counts: Sequence[int], total: float) -> None:
        """`counts` has the observations in each bucket, `total` is the sum of all."""
        self._sum.inc(total)
        for bucket, count in zip(self._buckets, counts, strict=True):
            bucket.inc(count)


class Spread:
    """A histogram whose observations are handed on in bulk. Used on one event loop."""

    __slots__ = ("_bounds", "_counts", "_histogram", "_total")

    def __init__(self, histogram: _Histogram, bounds: Sequence[float]) -> None:
        """`bounds` are the upper ends of the histogram's buckets, without the last, which has none.

        A histogram with labels is given with their values."""
        self._histogram = histogram
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def flush(self) -> None:
        """Hand on what was counted."""
        counts, total = self._counts, self._total
        self._counts, self._total = [0] * len(counts), 0.0
        self._histogram.add(counts, total)


class Metrics:
    """All instruments of one gateway process."""

    def __init__(self, *, multiprocess_dir: str | None = None) -> None:
        self._multiprocess_dir = multiprocess_dir
        self.registry = CollectorRegistry()
        self.in_flight = 0
        self._tallies: list[Tally | Spread] = []
        self.request = self._counter(
            "requests",
            "Requests answered, by where they went, data class, reason and HTTP status.",
            ["route", "data_class", "reason", "status"],
        )
        self.attempt = self._counter(
            "attempts", "Attempts by destination and how each ended.", ["destination", "outcome"]
        )
        self.tokens = self._counter(
            "tokens", "Tokens as counted by who answered.", ["route", "direction"]
        )
        self.rejected = self._counter("rejected", "Requests answered with an error.", ["code"])
        self.seconds = self._by_route(
            "request_seconds", "From the request's arrival to the end of its answer."
        )
        overhead = _Histogram(
            "nearward_overhead_seconds",
            "What nearward itself spent before the first attempt.",
            buckets=_OVERHEAD_S,
            registry=self.registry,
        )
        self.overhead = self._spread(overhead, _OVERHEAD_S)
        self._in_flight = self._gauge("in_flight", "Requests being answered.", "livesum")
        self.audit_healthy = self._gauge(
            "audit_healthy", "1 while the audit log can be written.", "livemin"
        )
        self.audit_dropped = self._counter("audit_dropped", "Records that found no room.", [])
        self.anchors_failing = self._gauge(
            "audit_anchors_failing", "Anchors that refused the last checkpoint.", "livemax"
        )
        self.engine_ready = self._gauge("engine_ready", "1 while the model answers.", "livemin")
        self.engines = EngineMetrics(self.registry)
        self.policy_reloads = self._counter(
            "policy_reloads", "Attempts to put new rules in force, by outcome.", ["outcome"]
        )
        self.break_glass = self._counter("break_glass", "Claims of an emergency.", ["outcome"])
        self.privacy_finds = self._counter(
            "privacy_finds", "What is found, by kind and mode.", ["kind", "mode"], SharedTally
        )
        self.redactions = self._counter("redactions", "Identifiers removed, by kind.", ["kind"])
        self.unredactable = self._counter("unredactable", "Kept near, by why.", ["reason"])
        self.session_store = self._counter(
            "session_store", "Questions to the shared store of sessions, by outcome.", ["outcome"]
        )
        self.policy_reload_failed = self._gauge(
            "policy_reload_failed", "1 while the rules last read could not be used.", "livemax"
        )
        self._policy = self._gauge(
            "policy_info", "Processes in which the policy of this hash rules.", "livesum", "hash"
        )
        self._policies: frozenset[str] = frozenset()
        self.breaker_open = self._gauge(
            "breaker_open", "1 while a failing destination is left alone.", "livemax", "destination"
        )

    def _counter(
        self, name: str, text: str, labels: list[str], make: Callable[[Counter], Tally] = Tally
    ) -> Tally:
        counter = Counter(f"nearward_{name}", text, labels, registry=self.registry)
        tally = make(counter)
        self._tallies.append(tally)
        return tally

    def _spread(self, histogram: _Histogram, bounds: Sequence[float]) -> Spread:
        spread = Spread(histogram, bounds)
        self._tallies.append(spread)
        return spread

    def _by_route(self, name: str, text: str) -> Callable[[str], Spread]:
        histogram = _Histogram(
            f"nearward_{name}", text, ["route"], buckets=_LATENCY_S, registry=self.registry
        )
        return cache(lambda route: self._spread(histogram.labels(route), _LATENCY_S))

    def _gauge(
        self, name: str, text: str, mode: Literal["livesum", "livemin", "livemax"], *labels: str
    ) -> Gauge:
        return Gauge(
            f"nearward_{name}", text, labels, registry=self.registry, multiprocess_mode=mode
        )

    def policy_in_force(self, hashes: frozenset[str]) -> None:
        """Show which policies this process decides by: one for all, and those of tenants."""
        for gone in self._policies - hashes:
            self._policy.labels(gone).set(0)
        for policy_hash in hashes:
            self._policy.labels(policy_hash).set(1)
        self._policies = hashes

    def flush(self) -> None:
        """Hand on what was counted; with several workers this must happen now and then."""
        self._in_flight.set(self.in_flight)
        for tally in self._tallies:
            tally.flush()

    def render(self) -> bytes:
        """The text exposition format."""
        self.flush()
        if self._multiprocess_dir is None:
            return generate_latest(self.registry)
        merged = CollectorRegistry()
        MultiProcessCollector(merged, path=self._multiprocess_dir)  # type: ignore[no-untyped-call]
        return generate_latest(merged)
