# SPDX-License-Identifier: Apache-2.0
"""Measures the artefact that training wrote and says it in one page, with intervals.

Held-back rows only, and prompts that are made apart from the training's
(`tests/gateway/signals/privacy/unseen.py`). No times: they belong to `tests/bench/privacy_eval.py`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from gateway.signals.evaluation.labelled import rows_of
from gateway.signals.evaluation.scoring import Share, is_flagged
from gateway.signals.privacy import Detector, Mode
from tests.bench.privacy_eval import Tally, measure
from tests.gateway.signals.privacy import unseen, unseen_negatives

_ROUNDS = 40
_HEAD = "| {:<44} | {:>6} | {:>6} | {:>13} |\n"


def report(data: Path, seed: int) -> str:
    """Markdown: the same for the same artefact, data and seed."""
    detector, draw = Detector(), random.Random(seed)
    rows = [row for row in rows_of(data / "privacy/dev") if row.is_held_back]
    parts = [
        "# The privacy detector, measured by `make train-privacy`\n\n",
        f"Seed {seed}, artefact sha256 {detector.artefact_sha256}. Intervals are Wilson's, 95%.\n",
    ]
    modes: tuple[Mode, ...] = ("auto", "ident")
    for mode in modes:
        tally = measure(iter(rows), detector, mode, 0)
        parts += _section(f"Held-back rows, mode {mode}: flagged", _held(tally, "flagged"))
        if mode == "auto":
            parts += _section("Span recall by label", _held(tally, "spans"))
            parts += _section("Precision of spans", _held(tally, "precision"))
            parts += _section("One identifier left, flagged", _held(tally, "single"))
    for mode in modes:
        parts += _section(f"Unseen prompts, mode {mode}: flagged", _unseen(detector, mode, draw))
    parts += _section("Disguised identifiers, mode ident: flagged", _disguised(detector, draw))
    return "".join(parts)


def _section(title: str, shares: Iterator[tuple[str, Share]]) -> list[str]:
    lines = [f"\n## {title}\n\n", _HEAD.format("", "rows", "share", "interval")]
    lines.append("|---|---|---|---|\n")
    for name, share in shares:
        low, high = share.interval()
        lines.append(_HEAD.format(name, share.rows, f"{share.value:.3f}", f"{low:.3f}-{high:.3f}"))
    return lines


def _held(tally: Tally, table: str) -> Iterator[tuple[str, Share]]:
    for name, pair in sorted(getattr(tally, table).items()):
        if pair[True].rows:
            yield name, pair[True]


def _unseen(detector: Detector, mode: Mode, draw: random.Random) -> Iterator[tuple[str, Share]]:
    groups = {"en": (unseen.ENGLISH, unseen.PEOPLE)} | {
        language: (templates, unseen.SPEAKERS[language])
        for language, templates in unseen.LANGUAGES.items()
    }
    for language, (templates, people) in groups.items():
        share = Share()
        for template in templates * _ROUNDS:
            text, _ = unseen.fill(template, draw, people)
            share.add(is_flagged(detector.scan(text, mode)))
        yield language, share
    nameless = {
        "hard negatives": unseen.HARD_NEGATIVES,
        "nameless, clinical": unseen_negatives.CLINICAL,
        "nameless, everyday": unseen_negatives.EVERYDAY,
    }
    for name, texts in nameless.items():
        share = Share()
        for text in texts:
            share.add(is_flagged(detector.scan(text, mode)))
        yield f"{name} (false positives)", share


def _disguised(detector: Detector, draw: random.Random) -> Iterator[tuple[str, Share]]:
    templates = [template for template in unseen.ENGLISH if "{N}" in template]
    for name, disguise in unseen.DISGUISES.items():
        share = Share()
        for template in templates * (_ROUNDS // 4):
            text, value = unseen.fill(template, draw)
            share.add(is_flagged(detector.scan(text.replace(value, disguise(value)), "ident")))
        yield f"name: {name}", share
    for name, disguise in unseen.NUMBER_DISGUISES.items():
        share = Share()
        for _ in range(_ROUNDS):
            text = f"for the claim use {disguise(unseen.number(draw))} as we said"
            share.add(is_flagged(detector.scan(text, "ident")))
        yield f"number: {name}", share
