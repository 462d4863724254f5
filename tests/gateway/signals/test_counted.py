# SPDX-License-Identifier: Apache-2.0
"""What a detector finds is counted by kind and mode, whichever thread scans."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from gateway.records.metrics import Metrics
from gateway.signals.counted import CountedDetector
from gateway.signals.privacy import Detector, RememberingDetector

NAMED = "The patient Jane Hollander, MRN 48213377, has diabetes."


def test_each_find_is_counted_under_its_mode() -> None:
    """And the verdict is the detector's own."""
    counts: list[tuple[str, str]] = []
    detector = Detector()
    counted = CountedDetector(RememberingDetector(detector), counts.append)

    assert counted.scan("How long does rice cook?", "ident") == detector.scan("How long?", "ident")
    assert counts == []
    assert counted.scan(NAMED) == detector.scan(NAMED)
    CountedDetector(detector, counts.append).scan(NAMED, "ident", with_health=True)
    assert Counter(counts) >= Counter(
        [
            ("HEALTH", "ident"),
            ("MRN", "auto"),
            ("MRN", "ident"),
            ("NAME", "auto"),
            ("NAME", "ident"),
        ]
    )
    assert {kind for kind, mode in counts if mode == "auto"} == {"MRN", "NAME"}
    assert counted.version == detector.version


def test_no_count_is_lost_between_threads() -> None:
    """While the metrics are read as well, which hands the counts on."""
    metrics = Metrics()
    add = metrics.privacy_finds.add
    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(lambda: [add(("MRN", "auto")) for _ in range(20_000)])
        for _ in range(50):
            metrics.flush()

    assert 'nearward_privacy_finds_total{kind="MRN",mode="auto"} 80000.0' in (
        metrics.render().decode()
    )
