# SPDX-License-Identifier: Apache-2.0
"""Measures the privacy detector on labelled prompts and prints one JSON line of figures last.

    python -m tests.bench.privacy_eval DIRECTORY [--mode auto|phi|ident] [--show N] [--held-only]

DIRECTORY holds JSONL files with `id, text, spans: [[start, end, label, value]], phi, src`. Every
figure stands twice: for the rows training may see, and for the tenth that is held back.

- flagged: class pii or above; recall on prompts with identifiers, false positives on the others.
- span recall: half of a gold span's characters are covered.
- precision: spans that touch a gold span, in prompts that hold identifiers.
- single: one identifier of a clinical prompt stays, the others are blanked; is it still flagged?
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from gateway.signals.evaluation.labelled import Row, rows_of
from gateway.signals.evaluation.scoring import Share, alone, covered, is_flagged, is_right
from gateway.signals.privacy import Detector, Mode, Verdict

_CLINICAL = ("scq_dev", "synth_train")


Table = defaultdict[str, dict[bool, Share]]


def table() -> Table:
    """Rows by name, with a share for the seen and one for the held-back prompts."""
    return defaultdict(lambda: {False: Share(), True: Share()})


@dataclass(slots=True)
class Tally:
    """All that is counted."""

    flagged: Table = field(default_factory=table)
    spans: Table = field(default_factory=table)
    precision: Table = field(default_factory=table)
    single: Table = field(default_factory=table)
    times_us: list[float] = field(default_factory=list)


def measure(rows: Iterator[Row], detector: Detector, mode: Mode, show: int) -> Tally:
    """Scan every row."""
    tally, shown = Tally(), defaultdict[str, int](int)
    for row in rows:
        began = time.perf_counter()
        verdict = detector.scan(row.text, mode)
        tally.times_us.append((time.perf_counter() - began) * 1e6)
        if row.is_positive is None:
            continue  # only labels that are out of scope: neither positive nor clean
        _count(tally, row, verdict)
        if row.source.startswith(_CLINICAL):
            for gold in row.identifiers:
                flagged = is_flagged(detector.scan(alone(row, gold), mode))
                tally.single[f"{row.source}/{gold.kind}"][row.is_held_back].add(flagged)
                tally.single["all"][row.is_held_back].add(flagged)
        name = f"{row.source}/{'pos' if row.is_positive else 'neg'}"
        if is_flagged(verdict) != row.is_positive and shown[name] < show:
            shown[name] += 1
            what = [(s.kind.value, row.text[s.start : s.end]) for s in verdict.spans]
            print(name, verdict.data_class, what, repr(row.text[:300]))
    return tally


def _count(tally: Tally, row: Row, verdict: Verdict) -> None:
    held = row.is_held_back
    name = f"{row.source}/{'pos' if row.is_positive else 'neg'}"
    tally.flagged[name][held].add(is_flagged(verdict))
    if not row.is_positive:
        return
    for gold in row.identifiers:
        is_covered = covered(verdict, gold.start, gold.end)
        tally.spans[f"{row.source}/{gold.label}"][held].add(is_covered)
        tally.spans[f"{row.source}/all"][held].add(is_covered)
    for span in verdict.spans:
        tally.precision[row.source][held].add(is_right(span, row))


def report(mode: str, tally: Tally) -> None:
    """The tables, then one JSON line with the held-back figures."""
    out = sys.stdout.write
    for title in ("flagged", "spans", "precision", "single"):
        out(f"--- {title}{'':38} seen           held back\n")
        for name, pair in sorted(getattr(tally, title).items()):
            seen, held = pair[False], pair[True]
            low, high = held.interval()
            out(
                f"{name:45} {seen.rows:5} {seen.value:.4f}"
                f"   {held.rows:5} {held.value:.4f} ({low:.3f}-{high:.3f})\n"
            )
    ordered = sorted(tally.times_us)
    figures = {
        "mode": mode,
        **{
            title: {k: round(v[True].value, 4) for k, v in sorted(getattr(tally, title).items())}
            for title in ("flagged", "precision", "single")
        },
        "span_recall": {
            k: round(v[True].value, 4) for k, v in sorted(tally.spans.items()) if k.endswith("/all")
        },
        "p50_us": round(ordered[len(ordered) // 2], 1),
        "p99_us": round(ordered[int(len(ordered) * 0.99)], 1),
    }
    out(json.dumps(figures) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--mode", choices=get_args(Mode), default="auto")
    parser.add_argument("--show", type=int, default=0, help="print this many faults per source")
    parser.add_argument("--held-only", action="store_true", help="scan the held-back rows only")
    options = parser.parse_args()
    rows = rows_of(options.directory)
    if options.held_only:
        rows = (row for row in rows if row.is_held_back)
    report(options.mode, measure(rows, Detector(), options.mode, options.show))


if __name__ == "__main__":
    main()
