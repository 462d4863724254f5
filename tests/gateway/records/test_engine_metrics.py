# SPDX-License-Identifier: Apache-2.0
"""Reports of engines as metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from gateway.records.engine_metrics import EngineMetrics


def test_reports_become_gauges() -> None:
    """Per model; what is not reported, or is no number, is left out."""
    registry = CollectorRegistry()
    metrics = EngineMetrics(registry)

    def value(name: str, model: str = "m") -> float | None:
        return registry.get_sample_value(f"nearward_engine_{name}", {"model": model})

    report = {"pid": 1, "decode_tps": 50, "queued": 3, "kv_used": 7, "first_token_s": None}
    metrics.update({"m": report | {"rss_bytes": "x"}, "n": {}})
    assert value("decode_tokens_per_second") == 50
    assert value("token_seconds") == 0.02
    assert (value("queued"), value("kv_cells_used"), value("restarts")) == (3, 7, 0)
    assert value("first_token_seconds") is value("resident_bytes") is None
    assert value("queued", "n") is None

    metrics.update({"m": report | {"steps": 10, "rows": 20}})
    assert value("batch_tokens") == 2
    metrics.update({"m": report | {"steps": 20, "rows": 100}})
    assert value("batch_tokens") == 8
    metrics.update({"m": report | {"pid": 2, "steps": 2, "rows": 2}})
    assert (value("batch_tokens"), value("restarts")) == (1, 1)
    metrics.update({"m": report | {"pid": 2, "steps": 2, "rows": 2}})
    assert (value("batch_tokens"), value("restarts")) == (1, 1)
