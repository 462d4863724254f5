# SPDX-License-Identifier: Apache-2.0
"""`nearward bench privacy`: speed and weight of the detector, and its quality on data."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from gateway.signals.evaluation.labelled import Row, rows_of
from gateway.signals.evaluation.quality import Quality, measure_quality
from gateway.signals.evaluation.scoring import Share
from gateway.signals.evaluation.speed import measure_speed
from gateway.signals.privacy import Detector

_SEEN_SHARE = 12  # one in so many rows lends its text to the speed measurement

_WEIGHED = """
import json, time
import resource
began = time.perf_counter()
from gateway.signals.privacy import Detector
imported = time.perf_counter()
detector = Detector()
detector.scan("Jane Roe has asthma")
ready = time.perf_counter()
# Not the largest ever, in which the process that started this one counts as well.
pages = int(open("/proc/self/statm").read().split()[1])
rss = pages * resource.getpagesize() / 2**20
print(json.dumps({"import_s": imported - began, "ready_s": ready - began, "rss_mb": rss}))
"""


def measure(data: Path | None, say: Callable[[str], None], *, all_rows: bool) -> dict[str, object]:
    """Says tables and returns the figures. `all_rows`: also those that training may have seen."""
    detector = Detector()
    figures: dict[str, object] = {"artefact_sha256": detector.artefact_sha256}
    rows = list(rows_of(data)) if data is not None else []
    prompts = [row.text for row in rows[::_SEEN_SHARE]]
    speed = measure_speed(detector, prompts) | measure_weight()
    for name, value in speed.items():
        say(f"{name:<28} {value:>10}")
    figures |= speed
    if rows:
        chosen = [row for row in rows if all_rows or row.is_held_back]
        figures |= _quality(chosen, detector, say)
    return figures


def _quality(rows: list[Row], detector: Detector, say: Callable[[str], None]) -> dict[str, object]:
    quality = measure_quality(rows, detector)
    for title, shares in quality.tables():
        say(f"\n{title:<46} {'rows':>6}  share  95% interval (Wilson)")
        for name, share in sorted(shares.items()):
            low, high = share.interval()
            say(f"  {name:<44} {share.rows:>6}  {share.value:.3f}  {low:.3f}-{high:.3f}")
    say("")
    return {"rows": len(rows)} | _summary(quality)


def _summary(quality: Quality) -> dict[str, object]:
    named: dict[str, Share] = {
        "document_recall": quality.recall["clinical: all"],
        "span_recall": quality.spans["all"],
        "span_recall_clinical": quality.spans["clinical: all"],
        "precision": quality.precision["all"],
        "single_identifier_recall": quality.single["all"],
        "disguised_recall": quality.disguised["all"],
        "false_positives_hard": quality.false_positives["hard: all"],
        "false_positives_everyday": quality.false_positives["everyday: all"],
    }
    return {
        **{name: round(share.value, 4) for name, share in named.items()},
        "intervals": {n: [round(x, 4) for x in share.interval()] for n, share in named.items()},
        "span_recall_by_kind": _rounded(quality.spans),
        "disguised_recall_by_spelling": _rounded(quality.disguised),
        "false_positives_by_source": _rounded(quality.false_positives),
    }


def _rounded(shares: dict[str, Share]) -> dict[str, float]:
    return {name: round(share.value, 4) for name, share in sorted(shares.items())}


def measure_weight() -> dict[str, float]:
    """Seconds to import and to be ready, and megabytes, of a process with the detector alone."""
    command = [sys.executable, "-c", _WEIGHED]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    weighed: dict[str, float] = json.loads(done.stdout)
    return {name: round(value, 3) for name, value in weighed.items()}
