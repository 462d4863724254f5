# SPDX-License-Identifier: Apache-2.0
"""Remembers what the parts of long texts hold, so that a conversation's earlier turns are not
scanned again.

A request is read as one text: its strings in order, one after the other. A conversation that goes
on has the same beginning, whatever API it came by, so the parts are cut from the beginning.

Rules
1. A part ends at the first line end after `PART_CHARS`, or if that is far, at the first space;
   cuts depend on nothing behind them.
2. Each part is scanned with `MARGIN_CHARS` on both sides, up to a space: what stands across two
   messages is seen as it stands, and names have their neighbours.
3. The last part is never remembered: it is what changes. Texts of one part cost nothing more.
4. Kept are kinds, offsets and reason codes, under a keyed hash of the part with its margins; the
   key is drawn when the process starts. No text is kept, and nothing is stored.
5. The class is made of all parts together: a health context in one turn counts for all.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterator

from gateway.signals.privacy.detector import MAX_CHARS, Detector
from gateway.signals.privacy.outline import Outline, conclude
from gateway.signals.privacy.verdict import Mode, Span, Verdict

PART_CHARS, _LINE_CHARS = 2_048, 1_024
# Together shorter than the run of characters that counts as unreadable (`normalise`), or the end
# of a margin could make one of a longer run that reads well.
MARGIN_CHARS, _SPACE_REACH_CHARS = 192, 60
# What an entry takes in memory: itself with its key, and each span.
_ENTRY_BYTES, _SPAN_BYTES = 700, 120


class RememberingDetector:
    """A detector with a bounded memory; may be shared by threads.

    Its verdict has the class, kinds and reasons of `Detector.scan`; spans may be cut where parts
    meet, so whoever replaces text asks the detector itself.
    """

    def __init__(
        self, detector: Detector, *, most_entries: int = 8_192, most_bytes: int = 8 << 20
    ) -> None:
        self._detector = detector
        self._most_entries, self._most_bytes = most_entries, most_bytes
        # A block of SHA-256, so that each part's hash begins from a prepared state.
        self._keyed = hashlib.sha256(secrets.token_bytes(64))
        self._known: OrderedDict[bytes, Outline] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self.version = detector.version

    def scan(self, text: str, mode: Mode = "auto") -> Verdict:
        """See `Detector.scan`; never raises."""
        if len(text) <= PART_CHARS or len(text) > MAX_CHARS:
            return self._detector.scan(text, mode)
        parts = list(_parts(text))
        outlines: list[Outline] = []
        spans: list[Span] = []
        for number, (start, end) in enumerate(parts):
            first, last = _with_margins(text, start, end)
            is_last = number == len(parts) - 1
            outline = self._outline(text[first:last], is_remembered=not is_last)
            outlines.append(outline)
            if outline.spans:
                spans += [Span(s.start + first, s.end + first, s.kind) for s in outline.spans]
        return conclude(outlines, _joined(spans), text, mode)

    def _outline(self, part: str, *, is_remembered: bool) -> Outline:
        if not is_remembered:
            return self._detector.outline(part)
        keyed = self._keyed.copy()
        keyed.update(part.encode("utf-8", "surrogatepass"))
        name = keyed.digest()
        with self._lock:
            known = self._known.get(name)
            if known is not None:
                self._known.move_to_end(name)
                return known
        outline = self._detector.outline(part)
        if not any(reason.startswith("stage_error") for reason in outline.reasons):
            self._keep(name, outline)
        return outline

    def _keep(self, name: bytes, outline: Outline) -> None:
        with self._lock:
            if name not in self._known:
                self._known[name] = outline
                self._bytes += _size(outline)
            while self._known and (
                len(self._known) > self._most_entries or self._bytes > self._most_bytes
            ):
                self._bytes -= _size(self._known.popitem(last=False)[1])


def _size(outline: Outline) -> int:
    return _ENTRY_BYTES + _SPAN_BYTES * len(outline.spans)


def _parts(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    while len(text) - start > PART_CHARS:
        least = start + PART_CHARS
        end = text.find("\n", least, least + _LINE_CHARS) + 1 or text.find(" ", least) + 1
        if not end:
            break
        yield start, end
        start = end
    if start < len(text):
        yield start, len(text)


def _with_margins(text: str, start: int, end: int) -> tuple[int, int]:
    """Margins end at a space, if one is near, so that no word or number is cut."""
    first, last = 0, end + MARGIN_CHARS
    if start:  # then at least a whole part stands before it
        first = start - MARGIN_CHARS
        first = text.rfind(" ", first - _SPACE_REACH_CHARS, first) + 1 or first
    if last >= len(text):
        return first, len(text)
    space = text.find(" ", last, last + _SPACE_REACH_CHARS)
    return first, space if space >= 0 else last


def _joined(spans: list[Span]) -> tuple[Span, ...]:
    """In order; what two parts saw is one."""
    spans.sort(key=lambda span: (span.start, -span.end))
    kept: list[Span] = []
    for span in spans:
        last = kept[-1] if kept else None
        if last is None or span.start >= last.end:
            kept.append(span)
        elif span.end > last.end and span.kind is last.kind:
            kept[-1] = Span(last.start, span.end, last.kind)
        elif span.end > last.end:
            kept.append(span)
    return tuple(kept)
