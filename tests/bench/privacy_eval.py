# SPDX-License-Identifier: Apache-2.0
"""Measures the privacy detector on labelled prompts and prints one JSON line of figures last.

    python -m tests.bench.privacy_eval DIRECTORY [--mode auto|phi|ident] [--show N]

DIRECTORY holds JSONL files with `id, text, spans: [[start, end, label, value]], phi, src`.
Document recall: a prompt with identifiers is flagged. Span recall: half of a gold span's characters
are covered. False positive: a prompt without identifiers gets class pii or above.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from gateway.signals.privacy import Detector, Mode, Verdict
from policies import DataClass

# Labels that are no Safe Harbor identifiers.
SKIPPED = frozenset(
    "ORGANIZATION ORG TITLE PREFIX NRP AGE SYSTEM EVENT MISC BANK DATE_TIME GPE LOCATION".split()
)
Row = dict[str, Any]


def rows_of(directory: Path) -> Iterator[tuple[str, Row]]:
    """File stem and row, for every JSONL file."""
    for path in sorted(directory.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield path.stem, json.loads(line)


def is_flagged(verdict: Verdict) -> bool:
    """Whether the class would keep the prompt at home."""
    return verdict.data_class.rank >= DataClass.PII.rank


def covered(verdict: Verdict, start: int, end: int) -> bool:
    """Whether half of the gold characters lie in spans."""
    hit = sum(max(0, min(end, s.end) - max(start, s.start)) for s in verdict.spans)
    return hit * 2 >= end - start


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--mode", choices=get_args(Mode), default="auto")
    parser.add_argument("--show", type=int, default=0, help="print this many faults per source")
    options = parser.parse_args()
    detector = Detector()
    documents: defaultdict[str, Counter[str]] = defaultdict(Counter)
    kinds: defaultdict[str, Counter[str]] = defaultdict(Counter)
    shown: Counter[str] = Counter()
    times_us: list[float] = []
    for stem, row in rows_of(options.directory):
        began = time.perf_counter()
        verdict = detector.scan(row["text"], options.mode)
        times_us.append((time.perf_counter() - began) * 1e6)
        gold = [span for span in row["spans"] if span[2] not in SKIPPED]
        is_positive = row.get("phi", bool(gold))
        if not is_positive and row["spans"]:
            continue  # only labels that are out of scope: neither positive nor clean
        source = f"{stem}/{row['src']}/{'pos' if is_positive else 'neg'}"
        documents[source]["rows"] += 1
        documents[source]["flagged"] += is_flagged(verdict)
        for start, end, label, _ in gold:
            kinds[f"{stem}/{label}"]["rows"] += 1
            kinds[f"{stem}/{label}"]["covered"] += covered(verdict, start, end)
        if is_flagged(verdict) != is_positive and shown[source] < options.show:
            shown[source] += 1
            what = [(s.kind.value, row["text"][s.start : s.end]) for s in verdict.spans]
            print(source, verdict.data_class, what, repr(row["text"][:200]))
    report(options.mode, documents, kinds, times_us)


def report(
    mode: str,
    documents: defaultdict[str, Counter[str]],
    kinds: defaultdict[str, Counter[str]],
    times_us: list[float],
) -> None:
    """The tables, then one JSON line."""
    out = sys.stdout.write
    for name, counts in sorted(documents.items()):
        out(f"{name:45} {counts['rows']:5} flagged {counts['flagged'] / counts['rows']:.4f}\n")
    for name, counts in sorted(kinds.items()):
        out(f"{name:55} {counts['rows']:5} recall {counts['covered'] / counts['rows']:.3f}\n")
    ordered = sorted(times_us)
    figures = {
        "mode": mode,
        "flagged": {k: round(v["flagged"] / v["rows"], 4) for k, v in sorted(documents.items())},
        "p50_us": round(ordered[len(ordered) // 2], 1),
        "p99_us": round(ordered[int(len(ordered) * 0.99)], 1),
    }
    out(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
