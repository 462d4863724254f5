# SPDX-License-Identifier: Apache-2.0
"""Prompts written by hand: with somebody's data in every way one types it, and with nobody's.

The bounds are what was reached, less a little; they are there to be raised, not the truth about
prompts that nobody has seen: rules were made with a look at what these miss.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.signals.privacy import Detector
from policies import DataClass

HERE = Path(__file__).parent
DETECTOR = Detector()
_LEAST_COVERED = 0.6


def rows(name: str) -> Iterator[dict[str, Any]]:
    """One prompt each."""
    return map(json.loads, (HERE / name).read_text(encoding="utf-8").splitlines())


def is_covered(text: str, part: str, covered: set[int]) -> bool:
    """Whether most letters and digits of an identifier are in spans, wherever it stands."""
    start = text.find(part)
    while start >= 0:
        telling = [at for at in range(start, start + len(part)) if text[at].isalnum()]
        if sum(at in covered for at in telling) >= _LEAST_COVERED * len(telling):
            return True
        start = text.find(part, start + 1)
    return False


def test_somebody_stays_on_the_device() -> None:
    """By documents, and by the identifiers in them."""
    public: list[str] = []
    found = parts = prompts = 0
    for row in rows("written_prompts.jsonl"):
        text, verdict = row["text"], DETECTOR.scan(row["text"])
        covered = {at for span in verdict.spans for at in range(span.start, span.end)}
        prompts += 1
        parts += len(row["spans"])
        found += sum(is_covered(text, part, covered) for part in row["spans"])
        if verdict.data_class is DataClass.PUBLIC:
            public.append(text)

    assert prompts == 650
    assert len(public) <= 0.025 * prompts, public
    assert found >= 0.87 * parts, (found, parts)


def test_nobody_may_leave() -> None:
    """Clinical texts about nobody, which are hard to tell, and everyday prompts in English."""
    flagged = {"hard": 0, "everyday": 0}
    for row in rows("written_negatives.jsonl"):
        if row["lang"] == "en" and DETECTOR.scan(row["text"]).data_class is not DataClass.PUBLIC:
            flagged[row["kind"]] += 1

    assert flagged["hard"] <= 0.19 * 250
    assert flagged["everyday"] <= 0.05 * 230
