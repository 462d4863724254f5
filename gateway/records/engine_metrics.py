# SPDX-License-Identifier: Apache-2.0
"""What the on-device engines report of themselves, as metrics named `nearward_engine_*`.

All are gauges, also the sums: they are the engine's own and begin anew when it restarts, which
`rate()` understands. With several workers each one reports the same figures, so one is shown, not
their sum. Fields that an engine does not report are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

# Field of the report -> metric and text.
_FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "first_token_s": ("first_token_seconds", "Moving mean of the time to the first token."),
    "decode_tps": ("decode_tokens_per_second", "Moving mean of one answer's speed."),
    "prefill_tps": ("prefill_tokens_per_second", "Moving mean of the speed on prompts."),
    "slots": ("slots", "Requests that can be answered at a time."),
    "busy": ("busy", "Requests being answered."),
    "queued": ("queued", "Requests waiting in line."),
    "wait_s": ("wait_seconds", "Estimated wait of a request that came now."),
    "n_ctx": ("context_tokens", "Tokens that one request may have."),
    "kv_cells": ("kv_cells", "Cells of the KV cache."),
    "kv_used": ("kv_cells_used", "Cells in use."),
    "kv_kept": ("kv_cells_kept", "Cells in use that only wait for a request with their prefix."),
    "prompt_tokens": ("prompt_tokens", "Tokens of prompts since its start."),
    "cached_tokens": ("prompt_tokens_cached", "Of these, found in the cache."),
    "completion_tokens": ("completion_tokens", "Tokens of answers since its start."),
    "drafted_tokens": ("drafted_tokens", "Tokens drafted since its start."),
    "accepted_tokens": ("accepted_tokens", "Of these, accepted."),
    "rss_bytes": ("resident_bytes", "Memory of its process, with the mapped model."),
    "private_bytes": ("private_bytes", "Memory of its process alone."),
    "memory_estimate_bytes": ("estimated_bytes", "Memory as worked out before loading."),
    "loads": ("loads", "Times that it was loaded since the pool started."),
}


class EngineMetrics:
    """One gateway process's view of the engines."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._gauges = {
            field: _gauge(name, text, registry) for field, (name, text) in _FIELDS.items()
        }
        self._token_s = _gauge(
            "token_seconds", "Moving mean of the time between two tokens.", registry
        )
        self._batch = _gauge(
            "batch_tokens", "Mean tokens of a decode since the last look.", registry
        )
        self._restarts = _gauge("restarts", "New processes of a model that had one.", registry)
        self._pids: dict[str, int] = {}
        self._began: dict[str, int] = {}
        self._work: dict[str, tuple[int, int]] = {}

    def update(self, reports: Mapping[str, Mapping[str, object]]) -> None:
        """Take in the last report of each model."""
        for model, report in reports.items():
            for field, gauge in self._gauges.items():
                value = _number(report.get(field))
                if value is not None:
                    gauge.labels(model).set(value)
            speed = _number(report.get("decode_tps"))
            if speed:
                self._token_s.labels(model).set(1 / speed)
            self._look_at_process(model, report.get("pid"))
            self._look_at_work(model, report)

    def _look_at_process(self, model: str, pid: object) -> None:
        """Another process than last time: it was restarted, or unloaded and loaded again."""
        if not isinstance(pid, int) or pid == self._pids.get(model):
            return
        self._began[model] = self._began.get(model, -1) + 1
        self._pids[model] = pid
        self._work.pop(model, None)
        self._restarts.labels(model).set(self._began[model])

    def _look_at_work(self, model: str, report: Mapping[str, object]) -> None:
        steps, rows = report.get("steps"), report.get("rows")
        if not isinstance(steps, int) or not isinstance(rows, int):
            return
        steps_before, rows_before = self._work.get(model, (0, 0))
        self._work[model] = (steps, rows)
        if steps > steps_before:
            self._batch.labels(model).set((rows - rows_before) / (steps - steps_before))


def _gauge(name: str, text: str, registry: CollectorRegistry) -> Gauge:
    return Gauge(
        f"nearward_engine_{name}", text, ["model"], registry=registry, multiprocess_mode="livemax"
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
