# SPDX-License-Identifier: Apache-2.0
"""`nearward bench privacy`: what it counts, and that its last line is JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli.privacy_bench import measure_weight
from gateway.signals.evaluation import speed
from tests.gateway.cli.conftest import run

ROWS = (
    {"id": "a", "text": "Jane Zorvanek has asthma; SSN 536-22-8145", "phi": True,
     "spans": [[0, 13, "NAME", ""], [30, 41, "SSN", ""]], "src": "scq"},
    {"id": "b", "text": "Which statin is best?", "phi": False, "spans": [], "src": "scq"},
    {"id": "c", "text": "call 415-555-0100 about her asthma", "phi": False, "spans": [],
     "src": "gsm8k"},
    {"id": "d", "text": "Sir Arthur", "spans": [[0, 3, "TITLE", ""]], "src": "other"},
)  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "scq_dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return tmp_path


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "SIZES_CHARS", (200,))
    monkeypatch.setattr(speed, "_TEXTS", 5)
    monkeypatch.setattr(speed, "_ADVERSARIAL_CHARS", 2_000)
    weight = {"import_s": 0.1, "ready_s": 0.2, "rss_mb": 60.0}
    monkeypatch.setattr("gateway.cli.privacy_bench.measure_weight", lambda: weight)


def test_quality_is_counted_from_labels(data: Path) -> None:
    """One prompt with two identifiers, one clean, one falsely flagged, one out of scope."""
    result = run("bench", "privacy", "--data", data, "--all", "--json")
    (line,) = result.stdout.splitlines()
    figures = json.loads(line)

    assert figures["rows"] == 4
    assert figures["document_recall"] == figures["span_recall"] == 1.0
    assert figures["single_identifier_recall"] == 1.0
    assert figures["span_recall_by_kind"]["SSN"] == 1.0
    assert figures["false_positives_by_source"]["hard: scq_dev/scq"] == 0.0
    assert figures["false_positives_hard"] == 0.5  # the whole file counts as clinical
    assert figures["disguised_recall_by_spelling"]["zero width"] == 1.0
    assert 0 < figures["intervals"]["document_recall"][0] < 1


def test_held_back_rows_alone_unless_all_are_asked_for(data: Path) -> None:
    """One of the four is, by the hash of its id."""
    lines = run("bench", "privacy", "--data", data).stdout.splitlines()

    assert json.loads(lines[-1])["rows"] == 1
    assert any(line.startswith("recall of spans") for line in lines)


def test_without_data_speed_alone() -> None:
    """No labels, no claims."""
    lines = run("bench", "privacy").stdout.splitlines()
    figures = json.loads(lines[-1])

    assert figures["p50_us_0.2kb"] > 0
    assert figures["rss_mb"] == 60.0
    assert "span_recall" not in figures
    assert any(line.startswith("no_candidate_us") for line in lines)


def test_a_folder_without_prompts_is_an_error(tmp_path: Path) -> None:
    """Rather than figures of nothing."""
    result = run("bench", "privacy", "--data", tmp_path)

    assert result.exit_code == 2
    assert "no .jsonl" in result.stderr


def test_weight_is_that_of_a_process_of_its_own() -> None:
    """Not of this one, which holds the tests as well."""
    weight = measure_weight()

    assert 0 < weight["import_s"] < weight["ready_s"]
    assert 20 < weight["rss_mb"] < 200
