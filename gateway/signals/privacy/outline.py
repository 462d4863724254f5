# SPDX-License-Identifier: Apache-2.0
"""What one text holds, without the text, and the class that follows from one or several of them.

The class is the highest that a finding asks for; faults outrank all but secrets. A health context
in one text counts for the identifiers of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.signals.privacy.found import Found
from gateway.signals.privacy.language import reads_as_english
from gateway.signals.privacy.scripts import UNREAD_SCRIPT
from gateway.signals.privacy.verdict import Kind, Mode, Span, Verdict
from policies import DataClass

_NO_PERSON = frozenset({Kind.SECRET, Kind.CARD})


@dataclass(frozen=True, slots=True)
class Outline:
    """Findings by kind; `is_strong`: one of them points to a person by itself."""

    spans: tuple[Span, ...] = ()
    kinds: frozenset[Kind] = frozenset()
    is_strong: bool = False
    has_health: bool = False
    reasons: tuple[str, ...] = ()  # faults only


NOTHING = Outline()


def outline_of(
    found: Iterable[Found], spans: tuple[Span, ...], has_health: bool, reasons: Sequence[str]
) -> Outline:
    """The outline of one text's findings."""
    kinds, is_strong = set[Kind](), False
    for each in found:
        kinds.add(each.kind)
        is_strong |= each.is_strong and each.kind not in _NO_PERSON
    return Outline(spans, frozenset(kinds), is_strong, has_health, tuple(reasons))


def span_of(found: Found) -> Span:
    """Where a finding stands in the text it was found in."""
    return Span(found.start, found.end, found.kind)


def conclude(
    outlines: Iterable[Outline], spans: tuple[Span, ...], text: str, mode: Mode
) -> Verdict:
    """The verdict on all outlines together; `text` tells the language where that matters."""
    kinds, reasons = set[Kind](), list[str]()
    is_strong = has_health = False
    for outline in outlines:
        kinds |= outline.kinds
        reasons += [each for each in outline.reasons if each not in reasons]
        is_strong |= outline.is_strong
        has_health |= outline.has_health
    classes = [_of_faults(reasons)]
    if Kind.SECRET in kinds:
        classes.append(DataClass.SECRET)
        reasons.append("secret")
    if Kind.CARD in kinds:
        classes.append(DataClass.PCI)
        reasons.append("card")
    if kinds - _NO_PERSON:
        data_class, reason = _personal(is_strong, has_health, mode, text)
        classes.append(data_class)
        reasons.append(reason)
    highest = max(classes, key=lambda each: each.rank)
    return Verdict(highest, spans, has_health, tuple(reasons))


def _of_faults(reasons: list[str]) -> DataClass:
    if any(reason != UNREAD_SCRIPT for reason in reasons):
        return DataClass.UNKNOWN
    return (
        DataClass.PHI if reasons else DataClass.PUBLIC
    )  # what may stand there counts as if it did


def _personal(is_strong: bool, has_health: bool, mode: Mode, text: str) -> tuple[DataClass, str]:
    if has_health:
        return DataClass.PHI, "identifier_with_health"
    if mode == "ident":
        return DataClass.PHI, "identifier"
    if not reads_as_english(text):
        return DataClass.PHI, "identifier_not_english"
    if is_strong:
        return DataClass.PII, "identifier"
    return DataClass.PUBLIC, "weak_identifier"
