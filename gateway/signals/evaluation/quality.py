# SPDX-License-Identifier: Apache-2.0
"""How well the detector does on labelled prompts that training never saw.

- `flagged`: class pii or above, in mode auto. Recall on clinical prompts with identifiers, false
  positives on prompts without, by source.
- `spans`: half of a labelled identifier's characters are covered, by kind.
- `precision`: found spans that touch a labelled one, in prompts that hold identifiers.
- `single`: one identifier of a clinical prompt stays, the others are blanked: is it still flagged?
- `disguised`: the same in mode ident, with that identifier spelt otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from gateway.signals.evaluation import disguises
from gateway.signals.evaluation.labelled import Gold, Row
from gateway.signals.evaluation.scoring import Share, alone, covered, is_flagged, is_right
from gateway.signals.privacy import Detector, Kind

_CLINICAL = ("scq_dev", "synth_train")
# Clinical prompts without identifiers and passages of medicine; the others are everyday prompts.
_HARD = ("scq_dev", "neg_dev/medquad")
_SPELT_OUT = frozenset({Kind.SSN, Kind.PHONE})

Shares = defaultdict[str, Share]


def _shares() -> Shares:
    return defaultdict(Share)


@dataclass(slots=True)
class Quality:
    """Shares by name; `all` and the like sum up."""

    recall: Shares = field(default_factory=_shares)
    false_positives: Shares = field(default_factory=_shares)
    spans: Shares = field(default_factory=_shares)
    precision: Shares = field(default_factory=_shares)
    single: Shares = field(default_factory=_shares)
    disguised: Shares = field(default_factory=_shares)

    def tables(self) -> Iterator[tuple[str, Shares]]:
        """Each table with its title."""
        yield "recall of prompts, mode auto", self.recall
        yield "false positives, mode auto", self.false_positives
        yield "recall of spans", self.spans
        yield "precision of spans", self.precision
        yield "one identifier alone, mode auto", self.single
        yield "one identifier alone and disguised, mode ident", self.disguised


def measure_quality(rows: Iterable[Row], detector: Detector) -> Quality:
    """Scans every row; those with labels out of scope only are left out."""
    quality = Quality()
    for row in rows:
        if row.is_positive is None:
            continue
        if row.is_positive:
            _count_positive(quality, row, detector)
        else:
            _count_negative(quality, row, detector)
    return quality


def _count_negative(quality: Quality, row: Row, detector: Detector) -> None:
    flagged = is_flagged(detector.scan(row.text))
    kind = "hard" if row.source.startswith(_HARD) else "everyday"
    for name in (f"{kind}: {row.source}", f"{kind}: all"):
        quality.false_positives[name].add(flagged)


def _count_positive(quality: Quality, row: Row, detector: Detector) -> None:
    verdict = detector.scan(row.text)
    is_clinical = row.source.startswith(_CLINICAL)
    flagged = is_flagged(verdict)
    for name in (row.source, "clinical: all" if is_clinical else "everyday: all"):
        quality.recall[name].add(flagged)
    for span in verdict.spans:
        for name in (row.source, "all"):
            quality.precision[name].add(is_right(span, row))
    for gold in row.identifiers:
        is_covered = covered(verdict, gold.start, gold.end)
        for name in (str(gold.kind), "clinical: all" if is_clinical else "everyday: all", "all"):
            quality.spans[name].add(is_covered)
        if is_clinical:
            _count_single(quality, row, gold, detector)


def _count_single(quality: Quality, row: Row, gold: Gold, detector: Detector) -> None:
    text = alone(row, gold)
    flagged = is_flagged(detector.scan(text))
    for name in (str(gold.kind), "all"):
        quality.single[name].add(flagged)
    value = row.text[gold.start : gold.end]
    if text.count(value) != 1:
        return
    spellings = dict(disguises.ANY_TEXT) if gold.kind is Kind.NAME else {}
    spellings |= disguises.NUMBERS if gold.kind in _SPELT_OUT else {}
    for name, disguise in spellings.items():
        flagged = is_flagged(detector.scan(text.replace(value, disguise(value)), "ident"))
        for table in (name, "all"):
            quality.disguised[table].add(flagged)
